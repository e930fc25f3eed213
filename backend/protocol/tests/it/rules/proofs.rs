//! Which proofs are accepted, and what a refusal says.

use sparky_protocol::{Account, Amount, Hash, Side, Signature, Update};

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
fn nobody_else_takes_part() {
    assert_eq!(channel().side_of(&Account([9; 20])), None);
    assert_eq!(channel().side_of(&key(Side::B).account()), Some(Side::B));
}
