//! What a payment moves, and what must cover it.

use sparky_protocol::{Amount, ChainEvent, Rejected, Reserve, Side, Tip};

use crate::fixture::*;

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
