//! Each rule of docs/spec/03-channel.md: what keeps it, what breaks it.

use sparky_protocol::{
    Account, Amount, Authorisation, ChainEvent, Hash, Net, Operation, Rejected, RemoveReason,
    Reserve, Side, Signature, Tip, UnsignedAck, Update,
    channel::{MAX_UNACKED, REMEMBERED},
};

use crate::fixture::*;

/// `update` damaged and signed again by its sender.
fn resigned(update: &Update, damage: impl FnOnce(&mut Update)) -> Update {
    let mut damaged = update.clone();
    damage(&mut damaged);
    let digest = damaged.proof.proof.digest(channel().domain());
    damaged.proof.signature = key(Side::A).sign(&digest);
    damaged
}

#[test]
fn a_payment_moves_the_balance_with_one_message() {
    let paid = send(&channel(), Side::A, vec![transfer(20)]);
    let (a, b) = (
        paid.balances(Side::A, &tip()),
        paid.balances(Side::B, &tip()),
    );
    assert_eq!(
        (a.balance, a.available, a.receivable),
        (Amount(80), Amount(80), Amount(70))
    );
    assert_eq!(
        (b.balance, b.available, b.receivable),
        (Amount(70), Amount(70), Amount(80))
    );
}

#[test]
fn both_may_pay_at_once_and_more_than_they_ever_deposited() {
    let mut channel = channel();
    for _ in 0..5 {
        channel = send(&channel, Side::A, vec![transfer(90)]);
        channel = send(&channel, Side::B, vec![transfer(90)]);
    }
    assert_eq!(channel.street(Side::A).transferred(), Amount(450));
    assert_eq!(channel.balances(Side::A, &tip()).balance, Amount(100));
}

#[test]
fn only_the_next_proof_of_a_participant_for_this_channel() {
    let channel = channel();
    let first = update(&channel, Side::A, vec![transfer(20)]);
    let paid = channel.accept(&first, &tip()).expect("the first");

    assert_code(paid.accept(&first, &tip()), "already-held");
    let replayed = resigned(&first, |update| update.proof.proof.transferred = Amount(19));
    assert_code(paid.accept(&replayed, &tip()), "stale-nonce");
    let gap = resigned(&first, |update| update.proof.proof.nonce = 3);
    assert_code(paid.accept(&gap, &tip()), "nonce-gap");
    let foreign = resigned(&first, |update| {
        update.proof.proof.channel_id.0 = Hash([1; 32]);
    });
    assert_code(channel.accept(&foreign, &tip()), "wrong-channel");

    let mut stranger = first.clone();
    let digest = first.proof.proof.digest(channel.domain());
    let nobody = sparky_protocol::SecretKey::from_bytes(&[9; 32]).expect("a key");
    stranger.proof.signature = nobody.sign(&digest);
    assert_code(channel.accept(&stranger, &tip()), "not-participant");
    let mut forged = first.clone();
    forged.proof.signature = key(Side::A).sign(&Hash::ZERO);
    assert_code(channel.accept(&forged, &tip()), "bad-signature");
    forged.proof.signature = Signature::ABSENT;
    assert_code(channel.accept(&forged, &tip()), "not-participant");
}

#[test]
fn the_operations_must_lead_to_the_proof() {
    let channel = channel();
    let good = update(&channel, Side::A, vec![transfer(20)]);
    let more = resigned(&good, |update| update.proof.proof.transferred = Amount(21));
    assert_code(channel.accept(&more, &tip()), "operations-mismatch");
    let root = resigned(&good, |update| {
        update.proof.proof.locks_root = Hash([1; 32]);
    });
    assert_code(channel.accept(&root, &tip()), "operations-mismatch");
    let nothing = resigned(&good, |update| update.operations.clear());
    assert_code(channel.accept(&nothing, &tip()), "no-operations");
    assert_code(
        channel.propose(Side::A, &[transfer(0)], &tip()),
        "nothing-sent",
    );

    let paid = send(&channel, Side::A, vec![transfer(20)]);
    let next = update(&paid, Side::A, vec![transfer(1)]);
    let fell = resigned(&next, |update| update.proof.proof.transferred = Amount(5));
    assert_code(paid.accept(&fell, &tip()), "transferred-fell");
}

#[test]
fn nobody_promises_more_than_it_has() {
    let channel = channel();
    assert_eq!(
        channel.propose(Side::A, &[transfer(101)], &tip()),
        Err(Rejected::InsufficientBalance {
            needed: Amount(101),
            available: Amount(100)
        })
    );
    let paid = send(&channel, Side::A, vec![transfer(100)]);
    assert_code(
        paid.propose(Side::A, &[transfer(1)], &tip()),
        "insufficient-channel-balance",
    );
    assert!(paid.propose(Side::B, &[transfer(150)], &tip()).is_ok());
}

#[test]
fn deposits_count_when_they_are_confirmed() {
    let opened = OPENED + 100;
    let (channel_id, amount) = (params().id(), Amount(7));
    let deposit = ChainEvent::Deposited {
        channel_id,
        to: Side::A,
        amount,
    };
    let channel = channel().with_event(opened, &deposit);
    let tip = |height| Tip {
        confirmations: 10,
        ..at(height)
    };
    let early = channel.balances(Side::A, &tip(opened + 8));
    assert_eq!(
        (early.available, early.pending_deposit),
        (Amount(100), Amount(7))
    );
    let late = channel.balances(Side::A, &tip(opened + 9));
    assert_eq!(
        (late.available, late.pending_deposit),
        (Amount(107), Amount(0))
    );
}

#[test]
fn a_reserve_stays() {
    let tip = Tip {
        reserve: Reserve {
            bps: 1_000,
            minimum: Amount(10),
        },
        ..tip()
    };
    let balances = channel().balances(Side::A, &tip);
    assert_eq!(
        (balances.available, balances.reserve),
        (Amount(85), Amount(15))
    );
    assert_code(
        channel().propose(Side::A, &[transfer(86)], &tip),
        "insufficient-channel-balance",
    );
}

#[test]
fn a_closing_channel_takes_no_payments() {
    let channel = channel();
    let update = update(&channel, Side::A, vec![transfer(20)]);
    let (channel_id, by, deadline) = (params().id(), Side::B, tip().height + WINDOW);
    let closing = channel.with_event(
        tip().height,
        &ChainEvent::Recovered {
            channel_id,
            by,
            deadline,
        },
    );
    assert_code(closing.accept(&update, &tip()), "channel-closing");
    assert_code(
        closing.propose(Side::B, &[transfer(1)], &tip()),
        "channel-closing",
    );
    assert_eq!(closing.balances(Side::A, &tip()).available, Amount::ZERO);
    assert_eq!(closing.balances(Side::A, &tip()).balance, Amount(100));
}

#[test]
fn a_nack_says_which_rule_and_what_is_accepted() {
    let paid = send(&channel(), Side::A, vec![transfer(20)]);
    let next = update(&paid, Side::A, vec![transfer(1)]);
    let gap = resigned(&next, |update| update.proof.proof.nonce = 9);
    let why = paid.accept(&gap, &tip()).expect_err("a gap");
    let nack = paid.nack(Side::A, &gap, &why);
    assert_eq!(
        (nack.refused, nack.newest, nack.code.as_str()),
        (9, 1, "nonce-gap")
    );
    assert_eq!(nack.reason, "nonce 9 does not follow 1");
    assert!(why.is_temporary());
}

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

#[test]
fn acks_are_cumulative_and_only_for_what_stands() {
    let first = send(&channel(), Side::A, vec![transfer(1)]);
    let old = first.ack(Side::A).expect("something to ack");
    let second = send(&first, Side::A, vec![transfer(1)]);
    let agreed = acked(&second, Side::A);
    assert_eq!(agreed.street(Side::A).acked_nonce(), 2);
    assert_eq!(agreed.ack(Side::A), None);

    let signed = |unsigned: UnsignedAck, side| {
        unsigned.signed(key(side).sign(&unsigned.digest(second.domain())))
    };
    assert_code(agreed.accept_ack(&signed(old, Side::B)), "stale-nonce");
    let newest = second.ack(Side::A).expect("something to ack");
    assert_code(agreed.accept_ack(&signed(newest, Side::B)), "already-held");
    assert_code(second.accept_ack(&signed(newest, Side::A)), "bad-signature");
    // The nonce of one proof with the hash of another would revoke what was not acked.
    let mixed = UnsignedAck { nonce: 2, ..old };
    assert_code(second.accept_ack(&signed(mixed, Side::B)), "unknown-proof");
    let future = UnsignedAck { nonce: 3, ..newest };
    assert_code(second.accept_ack(&signed(future, Side::B)), "unknown-proof");
}

#[test]
fn a_sleeping_recipient_costs_little_memory() {
    let mut channel = channel();
    for _ in 0..90 {
        channel = send(&channel, Side::A, vec![transfer(1)]);
    }
    assert_eq!(channel.street(Side::A).standing().len(), REMEMBERED);
    assert_eq!(channel.street(Side::A).nonce(), 90);
    assert_eq!(acked(&channel, Side::A).street(Side::A).standing().len(), 1);
}

#[test]
fn proofs_with_removed_locks_are_never_forgotten() {
    let mut channel = channel();
    for _ in 0..MAX_UNACKED - 1 {
        let lock = lock(&channel, Side::A, 3, 1);
        let (id, reason) = (lock.id, RemoveReason::Failed);
        channel = send(&channel, Side::A, vec![add(lock)]);
        channel = send(
            &channel,
            Side::A,
            vec![Operation::LockRemove { id, reason }],
        );
    }
    let lock = lock(&channel, Side::A, 3, 1);
    let (id, reason) = (lock.id, RemoveReason::Failed);
    let channel = send(&channel, Side::A, vec![add(lock)]);
    let one_more = Operation::LockRemove { id, reason };
    assert_eq!(
        channel.propose(Side::A, std::slice::from_ref(&one_more), &tip()),
        Err(Rejected::TooManyUnacked { most: MAX_UNACKED })
    );
    // Paying goes on, and so does everything once there is an ack.
    send(&channel, Side::A, vec![transfer(1)]);
    send(&acked(&channel, Side::A), Side::A, vec![one_more]);
}

#[test]
fn a_cooperative_close_says_what_the_newest_proofs_say_and_freezes() {
    let channel = send(&channel(), Side::A, vec![transfer(30)]);
    let until = tip().height + 20;
    let close = channel
        .cooperative_close(until, &tip())
        .expect("no locks are open");
    assert_eq!((close.net_to_a, close.sequence), (Net(-30), 0));

    let agreed = Authorisation::CooperativeClose(close);
    let frozen = channel.authorise(agreed, &tip()).expect("it is right");
    assert_code(
        frozen.propose(Side::A, &[transfer(1)], &tip()),
        "channel-frozen",
    );
    assert_code(
        frozen.propose(Side::B, &[transfer(1)], &tip()),
        "channel-frozen",
    );
    assert_eq!(frozen.balances(Side::A, &tip()).available, Amount::ZERO);
    assert_eq!(frozen.authorise(agreed, &tip()), Ok(frozen.clone()));
    assert!(frozen.propose(Side::A, &[transfer(1)], &at(until)).is_err());
    assert!(
        frozen
            .propose(Side::A, &[transfer(1)], &at(until + 1))
            .is_ok()
    );

    let moved = send(&channel, Side::B, vec![transfer(1)]);
    assert_code(moved.authorise(agreed, &tip()), "wrong-split");
    let late = channel.cooperative_close(tip().height, &tip());
    assert_code(late, "valid-until-out-of-range");
    let long = channel.cooperative_close(tip().height + WINDOW + 1, &tip());
    assert_code(long, "valid-until-out-of-range");
    let locked = send(&channel, Side::A, vec![add(lock(&channel, Side::A, 5, 1))]);
    assert_code(locked.cooperative_close(until, &tip()), "locks-open");
}

#[test]
fn a_withdrawal_under_way_cannot_be_spent() {
    let channel = channel();
    let until = tip().height + 20;
    assert_code(
        channel.cooperative_withdraw(Side::A, Amount(101), until, &tip()),
        "insufficient-channel-balance",
    );
    let withdraw = channel
        .cooperative_withdraw(Side::A, Amount(70), until, &tip())
        .expect("it is there");
    let agreed = Authorisation::CooperativeWithdraw(withdraw);
    let bound = channel.authorise(agreed, &tip()).expect("it is right");
    assert_eq!(bound.balances(Side::A, &tip()).available, Amount(30));
    assert_code(bound.cooperative_close(until, &tip()), "channel-frozen");
    assert_eq!(
        bound.balances(Side::A, &at(until + 1)).available,
        Amount(100)
    );

    let (channel_id, from, amount, sequence) = (params().id(), Side::A, Amount(70), 1);
    let mined = ChainEvent::Withdrawn {
        channel_id,
        from,
        amount,
        sequence,
    };
    let after = bound.with_event(tip().height, &mined);
    assert_eq!(after.balances(Side::A, &tip()).available, Amount(30));
    assert_code(after.authorise(agreed, &tip()), "wrong-sequence");
    assert!(after.cooperative_close(until, &tip()).is_ok());
}

#[test]
fn one_s_own_close_stops_one_s_own_payments_only() {
    let authorisation = Authorisation::close(Side::A, tip().height + 10);
    let closing = channel()
        .authorise(authorisation, &tip())
        .expect("it is open");
    assert_code(
        closing.propose(Side::A, &[transfer(1)], &tip()),
        "channel-frozen",
    );
    assert!(closing.propose(Side::B, &[transfer(1)], &tip()).is_ok());
}

#[test]
fn who_lost_its_data_is_shown_its_own_words_and_goes_on() {
    let lost = channel();
    let known = send(&channel(), Side::A, vec![transfer(10)]);
    let known = acked(&send(&known, Side::A, vec![transfer(10)]), Side::A);
    let known = send(&known, Side::B, vec![transfer(5)]);
    let restored = lost
        .adopt(known.streets(), &tip())
        .expect("all of it is signed");
    assert_eq!(restored.streets(), known.streets());
    assert_eq!(
        restored
            .propose(Side::A, &[transfer(1)], &tip())
            .map(|proof| proof.nonce),
        Ok(3)
    );
    assert_eq!(known.adopt(lost.streets(), &tip()), Ok(known.clone()));
}

#[test]
fn a_partner_s_uncovered_promise_does_not_hide_one_s_own_words() {
    let known = send(&channel(), Side::A, vec![transfer(10)]);
    let known = send(&known, Side::B, vec![transfer(50)]);
    // B's deposit is gone, or was never there: what B promised can not be paid.
    let facts = sparky_protocol::Facts::opened(params(), Amount(20), OPENED);
    let lost = channel().with_facts(facts);
    assert_code(
        lost.adopt(known.streets(), &tip()),
        "insufficient-channel-balance",
    );
    let learned = lost
        .adopt_own(Side::A, known.streets())
        .expect("A signed it");
    assert_eq!(learned.street(Side::A), known.street(Side::A));
    assert_eq!(learned.street(Side::B).nonce(), 0);
    let next = learned.propose(Side::A, &[transfer(1)], &tip());
    assert_eq!(next.map(|proof| proof.nonce), Ok(2));
    assert_eq!(
        learned.adopt_own(Side::A, lost.streets()),
        Ok(learned.clone())
    );
}

#[test]
fn what_is_shown_must_be_signed_and_covered() {
    let lost = channel();
    let shown = send(
        &channel(),
        Side::A,
        vec![add(lock(&channel(), Side::A, 10, 1))],
    );
    let damaged = |from: &str, to: &str| -> [sparky_protocol::Street; 2] {
        let json = serde_json::to_string(shown.streets()).expect("JSON");
        assert!(json.contains(from), "{json}");
        serde_json::from_str(&json.replace(from, to)).expect("still JSON")
    };
    assert_code(
        lost.adopt(
            &damaged("\"transferred\":\"0\"", "\"transferred\":\"1\""),
            &tip(),
        ),
        "bad-signature",
    );
    assert_code(
        lost.adopt(&damaged("\"amount\":\"10\"", "\"amount\":\"11\""), &tip()),
        "wrong-locks",
    );

    let mut poor = sparky_protocol::Facts::opened(params(), Amount(5), OPENED);
    poor.apply(
        OPENED,
        &ChainEvent::FloorRaised {
            channel_id: params().id(),
            sender: Side::A,
            floor: Amount(0),
        },
    );
    let poor = lost.with_facts(poor);
    assert_code(
        poor.adopt(shown.streets(), &tip()),
        "insufficient-channel-balance",
    );
}

#[test]
fn nobody_else_takes_part() {
    assert_eq!(channel().side_of(&Account([9; 20])), None);
    assert_eq!(channel().side_of(&key(Side::B).account()), Some(Side::B));
}
