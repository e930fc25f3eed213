//! What can happen to the two, and how often.

use proptest::prelude::*;
use sparky_protocol::Side;

/// What can happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Pay(Side, u128),
    LockAdd(Side, u128, u32),
    LockSettle(Side, usize),
    LockRemove(Side, usize),
    LockExpire(Side, usize),
    Several(Side, u128, u128),
    Ack(Side),
    Deliver(usize),
    Lose(usize),
    Repeat(usize),
    Restart(Side),
    RestoreOld(Side, usize),
    Reconnect(Side),
    Mine(u32),
    Deposit(Side, u128),
    Withdraw(Side, u128),
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    let side = || prop_oneof![Just(Side::A), Just(Side::B)];
    let at = 0_usize..64;
    prop_oneof![
        6 => (side(), 1_u128..60).prop_map(|(side, amount)| Event::Pay(side, amount)),
        3 => (side(), 1_u128..40, 0_u32..30).prop_map(|(s, amount, by)| Event::LockAdd(s, amount, by)),
        2 => (side(), at.clone()).prop_map(|(side, at)| Event::LockSettle(side, at)),
        2 => (side(), at.clone()).prop_map(|(side, at)| Event::LockRemove(side, at)),
        1 => (side(), at.clone()).prop_map(|(side, at)| Event::LockExpire(side, at)),
        1 => (side(), 1_u128..20, 1_u128..20).prop_map(|(s, one, two)| Event::Several(s, one, two)),
        2 => side().prop_map(Event::Ack),
        12 => at.clone().prop_map(Event::Deliver),
        2 => at.clone().prop_map(Event::Lose),
        2 => at.clone().prop_map(Event::Repeat),
        1 => side().prop_map(Event::Restart),
        1 => (side(), at.clone()).prop_map(|(side, at)| Event::RestoreOld(side, at)),
        1 => side().prop_map(Event::Reconnect),
        2 => (1_u32..12).prop_map(Event::Mine),
        1 => (side(), 1_u128..50).prop_map(|(side, amount)| Event::Deposit(side, amount)),
        1 => (side(), 1_u128..50).prop_map(|(side, amount)| Event::Withdraw(side, amount)),
    ]
}
