//! A keeper that forgets covered proofs decides as one that remembers them, and recalls what an ack
//! asks for.

use proptest::prelude::*;
use sparky_protocol::{
    Ack, Channel, ChannelId, Hash, Operation, RemoveReason, Side, SignedProof, Street, Update,
};

use crate::fixture::*;

/// The ack of any standing proof of `sender`, not only of the newest.
fn ack_of(channel: &Channel, sender: Side, signed: &SignedProof) -> Ack {
    let unsigned = sparky_protocol::UnsignedAck {
        channel_id: channel.id(),
        sender,
        nonce: signed.proof.nonce,
        proof_hash: signed.proof.struct_hash(),
    };
    unsigned.signed(key(sender.other()).sign(&unsigned.digest(channel.domain())))
}

fn nonces(channel: &Channel) -> Vec<u64> {
    let standing = channel.street(Side::A).standing().iter();
    standing.map(|one| one.signed.proof.nonce).collect()
}

#[test]
fn of_plain_payments_the_acked_and_the_newest_stay() {
    let mut channel = acked(&send(&channel(), Side::A, vec![transfer(1)]), Side::A);
    for _ in 0..5 {
        channel = send(&channel, Side::A, vec![transfer(1)]);
    }
    let short = channel.clone().forget_covered(Side::A);
    assert_eq!(nonces(&short), [1, 6]);
    assert_eq!(
        short.balances(Side::A, &tip()),
        channel.balances(Side::A, &tip())
    );
}

#[test]
fn a_proof_whose_locks_were_removed_stays() {
    let lock = lock(&channel(), Side::A, 3, 1);
    let (id, reason) = (lock.id, RemoveReason::Failed);
    let mut channel = send(&channel(), Side::A, vec![add(lock)]);
    channel = send(&channel, Side::A, vec![transfer(1)]);
    channel = send(
        &channel,
        Side::A,
        vec![Operation::LockRemove { id, reason }],
    );
    channel = send(&channel, Side::A, vec![transfer(1)]);
    // The first has the locks of the second, the third is plain.
    assert_eq!(nonces(&channel.forget_covered(Side::A)), [2, 4]);
}

#[test]
fn what_an_ack_asks_for_is_recalled() {
    let mut channel = channel();
    for _ in 0..4 {
        channel = send(&channel, Side::A, vec![transfer(1)]);
    }
    let second = channel.street(Side::A).standing()[1].signed;
    let ack = ack_of(&channel, Side::A, &second);
    let short = channel.clone().forget_covered(Side::A);
    assert_code(short.accept_ack(&ack), "unknown-proof");
    let recalled = short.recall(Side::A, &second).expect("it was sent");
    let agreed = recalled.accept_ack(&ack).expect("the ack fits");
    assert_eq!(
        agreed,
        channel
            .accept_ack(&ack)
            .expect("the ack fits")
            .forget_covered(Side::A)
    );
    assert_eq!(nonces(&agreed), [2, 4]);
}

#[test]
fn only_what_was_forgotten_is_recalled() {
    let mut channel = channel();
    for _ in 0..4 {
        channel = send(&channel, Side::A, vec![transfer(1)]);
    }
    let all: Vec<SignedProof> = channel
        .street(Side::A)
        .standing()
        .iter()
        .map(|one| one.signed)
        .collect();
    let ack = ack_of(&channel, Side::A, &all[1]);
    let agreed = channel.accept_ack(&ack).expect("the ack fits");
    let short = agreed.forget_covered(Side::A);
    assert!(short.recall(Side::A, &all[2]).is_ok());
    // Revoked, acked, newest: none of them is missing.
    for known in [&all[0], &all[1], &all[3]] {
        assert_code(short.recall(Side::A, known), "unknown-proof");
    }
    let mut forged = all[2];
    forged.signature.r[0] ^= 1;
    assert_code(short.recall(Side::A, &forged), "bad-signature");
    let mut elsewhere = all[2];
    elsewhere.proof.channel_id = ChannelId(Hash([1; 32]));
    assert_code(short.recall(Side::A, &elsewhere), "wrong-channel");
    let mut richer = all[2];
    richer.proof.transferred.0 += 9;
    assert_code(short.recall(Side::A, &richer), "unknown-proof");
    let mut locked = all[2];
    locked.proof.locks_root = Hash([1; 32]);
    assert_code(short.recall(Side::A, &locked), "unknown-proof");
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pay(Side, u128),
    Lock(Side, u128),
    Settle(Side, usize),
    Remove(Side, usize),
    Ack(Side, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let side = || prop_oneof![Just(Side::A), Just(Side::B)];
    prop_oneof![
        6 => (side(), 1_u128..9).prop_map(|(side, amount)| Step::Pay(side, amount)),
        3 => (side(), 1_u128..5).prop_map(|(side, amount)| Step::Lock(side, amount)),
        2 => (side(), 0_usize..8).prop_map(|(side, at)| Step::Settle(side, at)),
        2 => (side(), 0_usize..8).prop_map(|(side, at)| Step::Remove(side, at)),
        1 => (side(), 0_usize..40).prop_map(|(side, at)| Step::Ack(side, at)),
    ]
}

fn operation(channel: &Channel, step: Step) -> Option<(Side, Operation)> {
    let open = |side: Side, at: usize| {
        let locks = channel.street(side).locks();
        locks.get(at % locks.len().max(1)).map(|lock| lock.id)
    };
    Some(match step {
        Step::Pay(side, amount) => (side, transfer(amount)),
        Step::Lock(side, amount) => (side, add(lock(channel, side, amount, 7))),
        Step::Settle(side, at) => {
            let id = open(side, at)?;
            let preimage = preimage(7);
            (side, Operation::LockSettle { id, preimage })
        }
        Step::Remove(side, at) => {
            let id = open(side, at)?;
            let reason = RemoveReason::Failed;
            (side, Operation::LockRemove { id, reason })
        }
        Step::Ack(..) => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whoever_forgets_decides_the_same(steps in proptest::collection::vec(step(), 1..60)) {
        let mut full = channel();
        let mut short = channel();
        for step in steps {
            if let Step::Ack(side, at) = step {
                let standing = full.street(side).standing();
                let Some(one) = standing.get(at % standing.len().max(1)) else { continue };
                let ack = ack_of(&full, side, &one.signed);
                let Ok(next) = full.accept_ack(&ack) else { continue };
                let recalled = short.recall(side, &one.signed).unwrap_or_else(|_| short.clone());
                short = recalled.accept_ack(&ack).expect("recalled").forget_covered(side);
                full = next;
            } else if let Some((side, operation)) = operation(&full, step) {
                let Ok(proof) = full.propose(side, std::slice::from_ref(&operation), &tip()) else {
                    prop_assert!(short.propose(side, &[operation], &tip()).is_err());
                    continue;
                };
                let signature = key(side).sign(&proof.digest(full.domain()));
                let update = Update { operations: vec![operation], proof: proof.signed(signature) };
                full = full.accept(&update, &tip()).expect("proposed");
                short = short.accept(&update, &tip()).expect("the same").forget_covered(side);
            }
            for side in Side::BOTH {
                prop_assert_eq!(full.balances(side, &tip()), short.balances(side, &tip()));
                prop_assert_eq!(full.street(side).acked(), short.street(side).acked());
                prop_assert_eq!(full.street(side).newest(), short.street(side).newest());
                let street = short.street(side);
                prop_assert_eq!(&Street::from_bytes(&street.to_bytes()).expect("its own bytes"), street);
                // Whatever may still be posted can be settled.
                for one in full.street(side).standing() {
                    let root = one.signed.proof.locks_root;
                    prop_assert_eq!(street.locks_of(&root).map(<[_]>::len), Some(one.locks.len()));
                }
            }
            prop_assert_eq!(&full.clone().forget_covered(Side::A).forget_covered(Side::B), &short);
        }
    }
}
