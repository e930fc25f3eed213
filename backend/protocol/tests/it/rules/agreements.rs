//! What signing a close or a withdrawal binds, and for how long.

use sparky_protocol::{Amount, Authorisation, ChainEvent, Net, Side};

use crate::fixture::*;

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
