//! What settlement pays.

use serde_json::{Value, json};
use sparky_protocol::{
    Amount, Net, Side,
    settlement::{Owed, Payout, SettleInput, settle},
};

use crate::dice::Dice;

pub fn rows() -> Vec<Value> {
    let mut rows = named_settlements();
    let mut dice = Dice(0x5eed);
    rows.extend((0..240).map(|at| settlement(&format!("random {at}"), &random_input(&mut dice))));
    rows
}

fn settlement(name: &str, input: &SettleInput) -> Value {
    let Payout {
        pay_a,
        pay_b,
        penalty,
    } = settle(input);
    let [a, b] = input.owed;
    json!({
        "name": name,
        "netA": input.net[0],
        "netB": input.net[1],
        "transferredA": a.transferred,
        "floorA": a.floor,
        "unlockedA": a.unlocked,
        "transferredB": b.transferred,
        "floorB": b.floor,
        "unlockedB": b.unlocked,
        "closedByB": input.closer.is_b(),
        "recovered": input.declared.is_none(),
        "declared": input.declared.unwrap_or(Amount::ZERO),
        "penaltyBps": input.penalty_bps,
        "payA": pay_a,
        "payB": pay_b,
        "penalty": penalty,
    })
}

fn named_settlements() -> Vec<Value> {
    let owed = |transferred, floor, unlocked| Owed {
        transferred: Amount(transferred),
        floor: Amount(floor),
        unlocked: Amount(unlocked),
    };
    let input = SettleInput {
        net: [Net(400), Net(0)],
        owed: [owed(500, 200, 0), owed(100, 0, 0)],
        closer: Side::A,
        declared: Some(Amount(200)),
        penalty_bps: 10_000,
    };
    let liar = SettleInput {
        net: [Net(100), Net(0)],
        owed: [owed(50, 20, 0), owed(0, 0, 0)],
        declared: Some(Amount(20)),
        ..input
    };
    let old = SettleInput {
        net: [Net(21), Net(64)],
        owed: [owed(9, 15, 6), owed(26, 0, 0)],
        declared: Some(Amount(15)),
        ..input
    };
    let huge = owed(Amount::MAX.0, Amount::MAX.0, 64 * Amount::MAX.0);
    [
        (
            "the story of 400: the old state is answered, everything is Bob's",
            input,
        ),
        (
            "the same after recover",
            SettleInput {
                declared: None,
                ..input
            },
        ),
        ("she hides 30 and pays for the lie", liar),
        (
            "the penalty takes everything",
            SettleInput {
                penalty_bps: u16::MAX,
                ..liar
            },
        ),
        (
            "no penalty is agreed",
            SettleInput {
                penalty_bps: 0,
                ..liar
            },
        ),
        (
            "recovered: no penalty",
            SettleInput {
                declared: None,
                ..liar
            },
        ),
        ("an old state with locks, Raiden's truncation case", old),
        (
            "a withdrawal made a net negative",
            SettleInput {
                net: [Net(-30), Net(90)],
                ..liar
            },
        ),
        (
            "nothing at all",
            SettleInput {
                net: [Net(0); 2],
                ..liar
            },
        ),
        (
            "all figures at their limits",
            SettleInput {
                net: [Net::MAX; 2],
                owed: [huge, huge],
                closer: Side::B,
                declared: Some(Amount::ZERO),
                penalty_bps: u16::MAX,
            },
        ),
    ]
    .iter()
    .map(|(name, input)| settlement(name, input))
    .collect()
}

fn random_input(dice: &mut Dice) -> SettleInput {
    let scale = [10, 1_000, 100_000_000, Amount::MAX.0][dice.below(4)];
    let net = {
        let deposits = [dice.amount(scale / 2), dice.amount(scale / 2)];
        let out = dice.amount(deposits[0] + deposits[1]);
        let signed = |amount: u128| i128::try_from(amount).expect("below 2^97");
        [
            Net(signed(deposits[0]) - signed(out)),
            Net(signed(deposits[1])),
        ]
    };
    let mut owed = || Owed {
        transferred: Amount(dice.amount(scale)),
        floor: Amount(dice.amount(scale)),
        unlocked: Amount(dice.amount(scale / 4)),
    };
    let owed = [owed(), owed()];
    let closer = Side::from_flag(dice.below(2) == 1);
    let declared = (dice.below(4) != 0).then(|| Amount(dice.amount(owed[closer.index()].floor.0)));
    let penalty_bps = [0, 1, 5_000, 10_000, u16::MAX][dice.below(5)];
    SettleInput {
        net,
        owed,
        closer,
        declared,
        penalty_bps,
    }
}
