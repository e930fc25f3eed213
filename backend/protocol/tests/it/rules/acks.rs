//! What an ack revokes, and how much is remembered without one.

use sparky_protocol::{
    Operation, Rejected, RemoveReason, Side, UnsignedAck,
    channel::{MAX_UNACKED, REMEMBERED},
};

use crate::fixture::*;

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
