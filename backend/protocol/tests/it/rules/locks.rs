//! How locks join, settle, expire and leave, and what bounds them.

use sparky_protocol::{Amount, Operation, RemoveReason, Side, Tip, Update};

use crate::fixture::*;

#[test]
fn locks_join_settle_and_leave() {
    let channel = channel();
    let lock = lock(&channel, Side::A, 40, 1);
    let locked = send(&channel, Side::A, vec![add(lock)]);
    let balances = locked.balances(Side::A, &tip());
    assert_eq!(
        (balances.available, balances.locked),
        (Amount(60), Amount(40))
    );
    assert_eq!(locked.balances(Side::B, &tip()).balance, Amount(50));

    let wrong = Operation::LockSettle {
        id: lock.id,
        preimage: preimage(2),
    };
    assert_code(locked.propose(Side::A, &[wrong], &tip()), "wrong-preimage");
    let unknown = Operation::LockRemove {
        id: 7,
        reason: RemoveReason::Failed,
    };
    assert_code(locked.propose(Side::A, &[unknown], &tip()), "unknown-lock");

    let settle = Operation::LockSettle {
        id: lock.id,
        preimage: preimage(1),
    };
    let settled = send(&locked, Side::A, vec![settle]);
    assert_eq!(settled.balances(Side::B, &tip()).balance, Amount(90));
    assert_eq!(
        settled.street(Side::A).newest().map(|one| one.locks.len()),
        Some(0)
    );
}

#[test]
fn a_removed_lock_can_cost_its_sender_until_the_removal_is_acked() {
    let channel = channel();
    let lock = lock(&channel, Side::A, 40, 1);
    let locked = send(&channel, Side::A, vec![add(lock)]);
    let remove = Operation::LockRemove {
        id: lock.id,
        reason: RemoveReason::Failed,
    };
    let removed = send(&locked, Side::A, vec![remove]);
    assert!(removed.street(Side::A).is_claimable(lock.id, tip().height));
    assert_eq!(removed.street(Side::A).worst(tip().height), Amount(40));
    assert_eq!(removed.withdrawable(Side::A, &tip()), Amount(60));

    let revoked = acked(&removed, Side::A);
    assert!(!revoked.street(Side::A).is_claimable(lock.id, tip().height));
    assert_eq!(revoked.withdrawable(Side::A, &tip()), Amount(100));
    // Without an ack, time does it.
    assert_eq!(removed.street(Side::A).worst(lock.expiry), Amount::ZERO);
}

#[test]
fn an_expired_lock_leaves_late_and_is_offered_later_still() {
    let channel = channel();
    let lock = lock(&channel, Side::A, 40, 1);
    let locked = send(&channel, Side::A, vec![add(lock)]);
    let remove = vec![Operation::LockRemove {
        id: lock.id,
        reason: RemoveReason::Expired,
    }];
    let tip = |after: u32| Tip {
        confirmations: 3,
        ..at(lock.expiry + after)
    };
    assert_code(
        locked.propose(Side::A, &remove, &tip(5)),
        "lock-not-expired",
    );
    let proof = locked
        .propose(Side::A, &remove, &tip(6))
        .expect("late enough");
    let signature = key(Side::A).sign(&proof.digest(locked.domain()));
    let update = Update {
        operations: remove,
        proof: proof.signed(signature),
    };
    assert_code(locked.accept(&update, &tip(2)), "lock-not-expired");
    assert!(locked.accept(&update, &tip(3)).is_ok());
    // Not removed yet, it still counts: it may have been opened in time.
    assert_eq!(locked.balances(Side::A, &tip(6)).available, Amount(60));
}

#[test]
fn a_lock_that_expired_on_its_way_does_not_stop_what_follows() {
    let channel = channel();
    let lock = lock(&channel, Side::A, 40, 1);
    let late = update(&channel, Side::A, vec![add(lock)]);
    let sent = channel.accept(&late, &tip()).expect("in time");
    let next = update(&sent, Side::A, vec![transfer(1)]);
    let after = at(lock.expiry + 100);
    let received = channel.accept(&late, &after).expect("signed in time");
    assert_eq!(received.street(Side::A).locks(), [lock]);
    assert!(received.accept(&next, &after).is_ok());
    // Its sender would not begin with it now.
    assert_code(
        channel.propose(Side::A, &[add(lock)], &after),
        "lock-expiry-out-of-range",
    );
    // Before its recipient has seen the block that it was signed in, it only waits.
    let early = at(lock.expiry - WINDOW - 1);
    let why = channel.accept(&late, &early).expect_err("too far");
    assert_eq!(why.code(), "lock-expiry-out-of-range");
    assert!(why.is_temporary());
}

#[test]
fn locks_have_bounds() {
    let channel = channel();
    let good = lock(&channel, Side::A, 1, 1);
    let with = |change: fn(&mut sparky_protocol::Lock)| {
        let mut lock = good;
        change(&mut lock);
        channel.propose(Side::A, &[add(lock)], &tip())
    };
    assert!(with(|_| {}).is_ok());
    assert!(with(|lock| lock.expiry = tip().height + WINDOW).is_ok());
    assert_code(
        with(|lock| lock.expiry = tip().height + WINDOW + 1),
        "lock-expiry-out-of-range",
    );
    assert_code(
        with(|lock| lock.expiry = tip().height),
        "lock-expiry-out-of-range",
    );
    assert_code(with(|lock| lock.amount = Amount::ZERO), "nothing-sent");
    assert_code(with(|lock| lock.id -= 1), "lock-id-used");
    assert_code(with(|lock| lock.id += 64), "too-large");

    let mut full = channel.clone();
    for _ in 0..64 {
        let lock = lock(&full, Side::A, 1, 1);
        full = send(&full, Side::A, vec![add(lock)]);
    }
    let lock = lock(&full, Side::A, 1, 1);
    assert_code(
        full.propose(Side::A, &[add(lock)], &tip()),
        "too-many-locks",
    );
}
