//! Laws that hold for every input.

use proptest::prelude::*;
use sparky_protocol::{
    Amount, Channel, ContractCall, Facts, Hash, Lock, Net, Operation, PaymentHash, Preimage, Side,
    Tip, Update,
    settlement::{EVERYTHING, Owed, Payout, SettleInput, settle},
};

use crate::fixture::{acked, add, channel, lock, send, tip, transfer, update};

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![0..200_u128, Just(0), 0..=Amount::MAX.0].prop_map(Amount)
}

fn owed() -> impl Strategy<Value = Owed> {
    (amount(), amount(), amount()).prop_map(|(transferred, floor, unlocked)| Owed {
        transferred,
        floor,
        unlocked,
    })
}

prop_compose! {
    fn input()(
        deposits in [0..300_i128, 0..300_i128],
        withdrawn in 0..300_i128,
        owed in [owed(), owed()],
        by_b in any::<bool>(),
        declared in proptest::option::of(amount()),
        penalty_bps in prop_oneof![Just(0), Just(10_000), Just(EVERYTHING), any::<u16>()],
    ) -> SettleInput {
        let withdrawn = withdrawn.min(deposits[0] + deposits[1]);
        let net = [Net(deposits[0] - withdrawn), Net(deposits[1])];
        SettleInput { net, owed, closer: Side::from_flag(by_b), declared, penalty_bps }
    }
}

/// PROTOCOL §3 once more, as it is printed there.
fn by_the_book(input: &SettleInput) -> [u128; 3] {
    let at = |side: Side| &input.owed[side];
    let declared = |side| {
        input
            .declared
            .filter(|_| side == input.closer)
            .map_or(0, |sum| sum.0)
    };
    let floor = |side| at(side).floor.0.max(declared(side));
    let owes = |side| floor(side).max(at(side).transferred.0 + at(side).unlocked.0);
    let signed = |sum: u128| i128::try_from(sum).expect("below 2^100");
    let total = input.net[0].0 + input.net[1].0;
    let due = input.net[0].0 + signed(owes(Side::B)) - signed(owes(Side::A));
    let mut pay = [due.clamp(0, total), 0];
    pay[1] = total - pay[0];
    let shown = at(input.closer).transferred.0.max(floor(input.closer));
    let hidden = input
        .declared
        .map_or(0, |declared| shown.saturating_sub(declared.0));
    let fine = match input.penalty_bps {
        EVERYTHING if hidden != 0 => i128::MAX,
        bps => signed(hidden * u128::from(bps) / 10_000),
    };
    let penalty = fine.min(pay[input.closer]);
    pay[input.closer] -= penalty;
    pay[input.closer.other()] += penalty;
    [pay[0], pay[1], penalty].map(|sum| u128::try_from(sum).expect("not negative"))
}

proptest! {
    #[test]
    fn settlement_is_by_the_book_and_conserves(input in input()) {
        let Payout { pay_a, pay_b, penalty } = settle(&input);
        prop_assert_eq!([pay_a.0, pay_b.0, penalty.0], by_the_book(&input));
        prop_assert_eq!((pay_a.to_net().plus(pay_b.to_net())).0, input.net[0].0 + input.net[1].0);
    }

    #[test]
    fn who_declares_all_that_was_shown_pays_no_penalty(input in input()) {
        let shown = input.owed[input.closer];
        let honest = shown.transferred.max(shown.floor);
        let input = SettleInput { declared: Some(honest), ..input };
        prop_assert_eq!(settle(&input).penalty, Amount::ZERO);
    }

    /// Posting for the partner never lowers what the partner gets.
    #[test]
    fn showing_more_never_pays_the_recipient_less(input in input(), more in amount()) {
        let sender = input.closer;
        let paid = |input: &SettleInput| {
            let payout = settle(input);
            if sender == Side::A { payout.pay_b } else { payout.pay_a }
        };
        let mut shown = input;
        shown.owed[sender].floor = shown.owed[sender].floor.max(more);
        prop_assert!(paid(&input) <= paid(&shown));
    }

    #[test]
    fn what_is_written_as_json_is_read_as_it_was(
        steps in proptest::collection::vec((any::<bool>(), 1..20_u128, 0..4_u8), 1..12),
    ) {
        let mut channel = channel();
        for (from_b, amount, kind) in steps {
            let sender = Side::from_flag(from_b);
            let operation = match kind {
                0 => transfer(amount),
                1 => add(lock(&channel, sender, amount, 7)),
                2 => match channel.street(sender).locks().first() {
                    Some(lock) => Operation::LockSettle { id: lock.id, preimage: Preimage([7; 32]) },
                    None => continue,
                },
                _ if channel.ack(sender).is_some() => {
                    channel = acked(&channel, sender);
                    continue;
                }
                _ => continue,
            };
            if channel.propose(sender, std::slice::from_ref(&operation), &tip()).is_err() {
                continue;
            }
            let update = update(&channel, sender, vec![operation]);
            let json = serde_json::to_string(&update).expect("JSON");
            prop_assert_eq!(&serde_json::from_str::<Update>(&json).expect("its own"), &update);
            channel = channel.accept(&update, &tip()).expect("proposed");
        }
        let json = serde_json::to_string(&channel).expect("JSON");
        prop_assert_eq!(&serde_json::from_str::<Channel>(&json).expect("its own"), &channel);
        let call = channel.close_call(Side::A, 9);
        let json = serde_json::to_string(&call).expect("JSON");
        prop_assert_eq!(&serde_json::from_str::<ContractCall>(&json).expect("its own"), &call);
    }

    /// Whatever strangers deposit, the memory stays small and the sums stay right.
    #[test]
    fn dust_neither_grows_the_memory_nor_hides_money(
        deposits in proptest::collection::vec((any::<bool>(), 1..9_u128, 0..3_u32), 1..300),
    ) {
        let mut facts = Facts::opened(crate::fixture::params(), Amount(100), 10);
        let (mut height, mut sums) = (10, [100, 0]);
        for (to_b, amount, blocks) in deposits {
            height += blocks;
            let (channel_id, to) = (facts.channel_id, Side::from_flag(to_b));
            let event = sparky_protocol::ChainEvent::Deposited { channel_id, to, amount: Amount(amount) };
            facts.apply(height, &event);
            sums[to] += i128::try_from(amount).expect("small");
        }
        prop_assert!(facts.deposits.len() <= 64);
        let tip = |height, confirmations| Tip { height, confirmations, ..tip() };
        for side in Side::BOTH {
            prop_assert_eq!(facts.net(side).0, sums[side]);
            prop_assert_eq!(facts.confirmed_net(side, &tip(height + 9, 10)).0, sums[side]);
            // Told as one they may count later, but never before their time, and not much later.
            let settled = facts.deposits.iter().filter(|one| one.height + 30 <= height);
            let old: u128 = settled.filter(|one| one.to == side).map(|one| one.amount.0).sum();
            prop_assert!(facts.confirmed_net(side, &tip(height, 10)).to_amount().0 >= old);
        }
    }
}

#[test]
fn words_in_json_are_those_of_the_api() {
    let paid = send(&channel(), Side::A, vec![transfer(20)]);
    let json = serde_json::to_value(update(&paid, Side::A, vec![transfer(5)])).expect("JSON");
    assert_eq!(
        json["operations"][0],
        serde_json::json!({ "type": "transfer", "amount": "5" })
    );
    assert_eq!(json["proof"]["proof"]["nonce"], 2);
    assert_eq!(json["proof"]["proof"]["transferred"], "25");
    assert_eq!(json["proof"]["proof"]["locksRoot"], Hash::ZERO.to_string());
    let lock = Lock {
        id: 64,
        amount: Amount(1),
        expiry: 9,
        payment_hash: PaymentHash::default(),
    };
    let json = serde_json::to_value(add(lock)).expect("JSON");
    assert_eq!(json["type"], "lockAdd");
    assert_eq!(json["onion"], "0x");
    let json = serde_json::to_value(paid.balances(Side::A, &tip())).expect("JSON");
    assert_eq!(json["pendingDeposit"], "0");
    let json = serde_json::to_value(paid.phase(1)).expect("JSON");
    assert_eq!(json, serde_json::json!({ "type": "open" }));
}
