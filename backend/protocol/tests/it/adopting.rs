//! What is taken over from a relay or a partner without its operations: everything that the contract
//! takes and the sender can pay, and nothing else.

use sparky_protocol::{
    Amount, Authorisation, BalanceProof, ChainEvent, Channel, CooperativeClose, Lock, MAX_NONCE,
    Meeting, Net, Reserve, Side, Street, Tip, lock,
};

use crate::fixture::{
    OPENED, WINDOW, acked, add, assert_code, at, channel, key, lock, params, preimage, send, tip,
    transfer,
};

/// One proof of `sender`, signed by it whatever it says.
fn street(sender: Side, nonce: u64, transferred: u128, locks: &[Lock]) -> Street {
    let standing = [standing(sender, nonce, transferred, locks)];
    serde_json::from_value(serde_json::json!({ "standing": standing, "ack": null })).expect("one")
}

fn standing(sender: Side, nonce: u64, transferred: u128, locks: &[Lock]) -> serde_json::Value {
    let here = channel();
    let proof = BalanceProof {
        channel_id: here.id(),
        nonce,
        transferred: Amount(transferred),
        locks_root: lock::root(locks),
    };
    let signed = proof.signed(key(sender).sign(&proof.digest(here.domain())));
    serde_json::json!({ "signed": signed, "locks": locks })
}

fn shown(sender: Side, street: Street) -> [Street; 2] {
    let mut both = [Street::default(), Street::default()];
    both[sender.index()] = street;
    both
}

/// The contract keeps 48 bits of a nonce: what is above can never be posted, and an ack of it would
/// revoke all that can.
#[test]
fn a_nonce_that_the_contract_can_not_store_is_refused() {
    let most = street(Side::A, MAX_NONCE, 5, &[]);
    assert!(channel().adopt(&shown(Side::A, most), &tip()).is_ok());
    for nonce in [MAX_NONCE + 1, 1 << 63, u64::MAX] {
        let beyond = shown(Side::A, street(Side::A, nonce, 5, &[]));
        assert_code(channel().adopt(&beyond, &tip()), "too-large");
        assert_code(channel().adopt_own(Side::A, &beyond), "too-large");
    }
}

#[test]
fn a_lock_of_nothing_is_refused() {
    let nothing = lock(&channel(), Side::A, 0, 1);
    let zero = shown(Side::A, street(Side::A, 1, 0, &[nothing]));
    assert_code(channel().adopt(&zero, &tip()), "too-large");
}

/// Proofs with different locks never cover each other: whoever shows more and more of them may not
/// make everybody remember all.
#[test]
fn what_stands_has_a_bound_however_often_more_is_shown() {
    let many = |first: u64| {
        let proofs: Vec<_> = (first..first + 256)
            .map(|nonce| {
                let one = Lock {
                    id: 64 * nonce,
                    amount: Amount(1),
                    expiry: tip().height + 20,
                    payment_hash: preimage(1).payment_hash(),
                };
                standing(Side::A, nonce, 0, &[one])
            })
            .collect();
        let street = serde_json::json!({ "standing": proofs, "ack": null });
        shown(Side::A, serde_json::from_value(street).expect("a street"))
    };
    let full = channel().adopt(&many(1), &tip()).expect("two memories");
    assert_eq!(full.street(Side::A).standing().len(), 256);
    assert_code(full.adopt(&many(257), &tip()), "too-many-unacked");
    // An ack makes room.
    let room = acked(&full, Side::A);
    assert!(
        room.adopt(&many(257), &tip()).is_err(),
        "one is acked, 256 come"
    );
    assert_eq!(room.street(Side::A).standing().len(), 1);
}

/// A deposit that came later raises what must be kept; it does not undo what was paid before.
#[test]
fn the_reserve_undoes_no_payment() {
    let strict = Tip {
        reserve: Reserve {
            bps: 1_000,
            minimum: Amount::ZERO,
        },
        ..tip()
    };
    let paid = send(&channel(), Side::A, vec![transfer(85)]);
    let (channel_id, amount) = (params().id(), Amount(10_000));
    let deposit = ChainEvent::Deposited {
        channel_id,
        to: Side::B,
        amount,
    };
    let lost = channel().with_event(OPENED + 50, &deposit);
    let back = lost.adopt(paid.streets(), &strict).expect("it was paid");
    assert_eq!(back.street(Side::A).transferred(), Amount(85));
    assert_code(
        back.propose(Side::A, &[transfer(1)], &strict),
        "insufficient-channel-balance",
    );
}

fn close_of(channel: &Channel) -> CooperativeClose {
    channel
        .cooperative_close(tip().height + 5, &tip())
        .expect("possible")
}

/// A's signature under the old division is out: a promise of B on top would be paid to nobody.
#[test]
fn nothing_is_passed_on_that_contradicts_an_agreed_end() {
    let paid = send(&channel(), Side::B, vec![transfer(10)]);
    let close = close_of(&paid);
    let bound = paid
        .authorise(Authorisation::CooperativeClose(close), &tip())
        .expect("possible");
    let more = send(&paid, Side::B, vec![transfer(5)]);
    assert_code(bound.readmit(more.streets(), &tip()), "channel-frozen");
    // What led to that end fits it, for a relay that has forgotten it.
    let forgot = channel().remember(bound.authorisations(), &tip());
    assert!(forgot.readmit(paid.streets(), &tip()).is_ok());
    assert_code(forgot.readmit(more.streets(), &tip()), "channel-frozen");
    // Once the end can not be executed any more, it counts.
    let later = at(close.valid_until + 1);
    assert!(bound.readmit(more.streets(), &later).is_ok());
}

#[test]
fn nothing_is_passed_on_when_everything_is_over() {
    let more = send(&channel(), Side::B, vec![transfer(5)]);
    let (channel_id, zero) = (params().id(), Amount::ZERO);
    let closed = channel().with_event(
        tip().height,
        &ChainEvent::Closed {
            channel_id,
            by: Side::B,
            declared: zero,
            nonce: 0,
            transferred: zero,
            locks_root: sparky_protocol::Hash::ZERO,
            deadline: tip().height + WINDOW,
        },
    );
    let next = at(tip().height + 1);
    assert!(
        closed.readmit(more.streets(), &next).is_ok(),
        "in a dispute it helps"
    );
    let end = at(tip().height + WINDOW + 1);
    assert_code(closed.readmit(more.streets(), &end), "channel-closing");
    assert!(
        closed.readmit(channel().streets(), &end).is_ok(),
        "nothing new"
    );
    let settled = channel().with_event(
        tip().height,
        &ChainEvent::CooperativelyClosed {
            channel_id,
            pay_a: Amount(100),
            pay_b: Amount(50),
        },
    );
    assert_code(settled.readmit(more.streets(), &next), "channel-closing");
}

/// By these rules nobody signs what binds for longer than one window.
#[test]
fn a_relay_can_not_freeze_a_channel_for_ever() {
    let made_up = |valid_until| {
        Authorisation::CooperativeClose(CooperativeClose {
            channel_id: channel().id(),
            net_to_a: Net(0),
            sequence: 0,
            valid_until,
        })
    };
    let now = tip();
    let forever = channel().remember(&[made_up(u32::MAX)], &now);
    assert_eq!(forever.frozen_until(Side::A, &now), None);
    let long = now.height + WINDOW;
    let bound = channel().remember(&[made_up(long)], &now);
    assert_eq!(bound.frozen_until(Side::A, &now), Some(long));
    let over = channel().remember(&[made_up(now.height - 1)], &now);
    assert_eq!(over.authorisations(), []);
}

/// The partner showed the relay something that is refused here: own words are learned, and the doubt
/// is over, all the same.
#[test]
fn a_refused_promise_keeps_nobody_from_going_on() {
    let relay = send(&channel(), Side::A, vec![transfer(3)]);
    let text = serde_json::to_value(&relay).expect("JSON");
    let mut lie = text;
    let beyond = street(Side::B, 1, 10_000, &[]);
    lie["streets"][1] = serde_json::to_value(beyond).expect("JSON");
    let lie: Channel = serde_json::from_value(lie).expect("a channel");
    let question = key(Side::A).sign(&preimage(1).payment_hash().0);
    let meeting = Meeting {
        side: Side::A,
        unsent: 0,
        restored_at: None,
        question: sparky_protocol::Hash(question.r),
    };
    let lost = channel().in_doubt(meeting.question);
    let met = lost.meet(&lie, &meeting, &tip());
    assert_eq!(
        met.refused.map(|why| why.code()),
        Some("insufficient-channel-balance")
    );
    assert!(met.adopted_own);
    assert_eq!(met.channel.street(Side::B).nonce(), 0);
    let next = met
        .channel
        .propose(Side::A, &[transfer(1)], &tip())
        .expect("certain enough to pay");
    assert_eq!(next.nonce, 2);
    // Somebody else's signature under our words: then nothing is believed.
    let mut forged = serde_json::to_value(&relay).expect("JSON");
    forged["streets"][0]["standing"][0]["signed"]["proof"]["nonce"] = 9.into();
    let forged: Channel = serde_json::from_value(forged).expect("a channel");
    let met = lost.meet(&forged, &meeting, &tip());
    assert_eq!(met.refused.map(|why| why.code()), Some("bad-signature"));
    assert!(met.channel.doubt().is_some());
}

/// Whatever is adopted, with locks and without, is the very thing that both would post.
#[test]
fn what_is_adopted_is_what_was_said() {
    let one = lock(&channel(), Side::A, 7, 1);
    let said = send(&channel(), Side::A, vec![transfer(3), add(one)]);
    let back = channel().adopt(said.streets(), &tip()).expect("honest");
    assert_eq!(back, said);
    assert_eq!(back.adopt(said.streets(), &tip()), Ok(said));
}
