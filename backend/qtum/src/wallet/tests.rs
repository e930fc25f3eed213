use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::network::Network;
use crate::script::{op_return, p2pk, p2pkh};

const QTUM: u64 = SATOSHI_PER_QTUM;

fn alice() -> SecretKey {
    crate::wif::decode(
        "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ",
        Network::Regtest,
    )
    .unwrap()
}

fn owner() -> Account {
    alice().account()
}

fn coin(index: u8, value: u64) -> Utxo {
    Utxo {
        txid: Txid([index; 32]),
        vout: index.into(),
        value,
        script: p2pkh(&owner()),
        height: Some(100),
        confirmations: 10,
        coinbase: false,
        spendable: true,
    }
}

fn pay(value: u64) -> Vec<Output> {
    vec![Output::pay(&Account([9; 20]), value)]
}

fn plan_of(coins: &[Utxo], outputs: &[Output]) -> Result<Plan, WalletError> {
    plan(coins, &owner(), outputs, Policy::default())
}

#[test]
fn the_smallest_coin_that_suffices_pays() {
    let plan = plan_of(
        &[coin(1, 100 * QTUM), coin(2, 30 * QTUM), coin(3, 5 * QTUM)],
        &pay(20 * QTUM),
    )
    .unwrap();
    assert_eq!(plan.coins, [coin(2, 30 * QTUM)]);
    // 10 + 148 + 34 + 34 bytes at 400 satoshi and 5 %.
    assert_eq!(plan.fee, 94_920);
    assert_eq!(plan.change, 10 * QTUM - 94_920);
    assert_eq!((plan.amount, plan.gas_fee), (20 * QTUM, 0));
}

#[test]
fn several_coins_pay_together_largest_first() {
    let plan = plan_of(
        &[coin(1, QTUM), coin(2, 3 * QTUM), coin(3, 2 * QTUM)],
        &pay(4 * QTUM),
    )
    .unwrap();
    assert_eq!(plan.coins, [coin(2, 3 * QTUM), coin(3, 2 * QTUM)]);
}

#[test]
fn the_estimated_size_is_never_below_the_real_one() {
    let gas = Gas {
        limit: 250_000,
        price: GAS_PRICE,
    };
    let outputs = [
        Output::call(&Account([7; 20]), vec![1; 300], QTUM, gas),
        Output::pay(&Account([9; 20]), QTUM),
    ];
    let plan = plan_of(&[coin(1, QTUM), coin(2, 2 * QTUM)], &outputs).unwrap();
    let signed = plan.sign(&alice()).unwrap();
    let bytes = plan.fee - plan.gas_fee;
    assert_eq!(plan.gas_fee, 10_000_000);
    assert!(400 * signed.virtual_size() as u64 <= bytes);
    assert_eq!(
        signed.txid(),
        Transaction::decode(&signed.encode()).unwrap().txid()
    );
    assert_eq!(
        signed.outputs.last().map(|output| output.value),
        Some(plan.change)
    );
    let change = plan.change_coin(signed.txid()).unwrap();
    assert_eq!(
        (change.vout, change.value, change.confirmations),
        (2, plan.change, 0)
    );
}

#[test]
fn change_that_nobody_would_relay_goes_to_the_miner() {
    let fee_with_change = 94_920;
    let exact = 20 * QTUM + fee_with_change;
    let plan = plan_of(&[coin(1, exact + DUST - 1)], &pay(20 * QTUM)).unwrap();
    assert_eq!((plan.change, plan.fee), (0, fee_with_change + DUST - 1));
    assert_eq!(plan.transaction.outputs.len(), 1);
    assert_eq!(plan.change_coin(Txid::default()), None);
    let plan = plan_of(&[coin(1, exact + DUST)], &pay(20 * QTUM)).unwrap();
    assert_eq!((plan.change, plan.fee), (DUST, fee_with_change));
}

#[test]
fn what_can_not_be_spent_is_left_alone() {
    let young = Utxo {
        coinbase: true,
        confirmations: 1_999,
        ..coin(1, 90 * QTUM)
    };
    let spent = Utxo {
        spendable: false,
        ..coin(2, 80 * QTUM)
    };
    let staked = Utxo {
        script: p2pk(&alice().public_key().to_bytes()),
        ..coin(3, 70 * QTUM)
    };
    let foreign = Utxo {
        script: p2pkh(&Account([1; 20])),
        ..coin(4, 60 * QTUM)
    };
    let data = Utxo {
        script: op_return(b"x"),
        ..coin(5, 50 * QTUM)
    };
    let dead = coin(6, 62_160);
    let coins = [young.clone(), spent, staked, foreign, data, dead];
    assert_eq!(
        plan_of(&coins, &pay(QTUM)),
        Err(WalletError::Insufficient {
            need: QTUM + 80_640,
            have: 0,
            immature: 90 * QTUM,
            fee: 80_640
        })
    );
    let ripe = Utxo {
        confirmations: 2_000,
        ..young
    };
    assert_eq!(
        plan_of(std::slice::from_ref(&ripe), &pay(QTUM))
            .unwrap()
            .coins,
        [ripe]
    );
    assert_eq!(
        balance(&coins, &owner()),
        Balance {
            spendable: 62_160,
            immature: 90 * QTUM
        },
        "what is too small to spend still belongs to its owner"
    );
}

#[test]
fn coins_of_the_mempool_come_last_or_never() {
    let waiting = Utxo {
        height: None,
        confirmations: 0,
        ..coin(1, 50 * QTUM)
    };
    let coins = [waiting.clone(), coin(2, 60 * QTUM), coin(3, QTUM)];
    assert_eq!(
        plan_of(&coins, &pay(40 * QTUM)).unwrap().coins,
        [coin(2, 60 * QTUM)]
    );
    let both = plan_of(&coins, &pay(100 * QTUM)).unwrap().coins;
    assert!(both.contains(&waiting));
    let policy = Policy {
        coins: Coins::ConfirmedOnly,
        ..Policy::default()
    };
    let refused = plan(&coins, &owner(), &pay(100 * QTUM), policy).unwrap_err();
    assert!(matches!(refused, WalletError::Insufficient { have, .. } if have == 61 * QTUM));
    assert_eq!(refused.code(), "insufficient-onchain-balance");
    assert_eq!(
        refused.to_string(),
        "need 100.001428 QTUM including a fee of 0.001428, have 61 (0 still maturing)"
    );
}

#[test]
fn a_coin_that_is_listed_twice_counts_once() {
    let twice = [coin(1, 3 * QTUM), coin(1, 3 * QTUM)];
    assert!(
        matches!(plan_of(&twice, &pay(4 * QTUM)), Err(WalletError::Insufficient { have, .. }) if have == 3 * QTUM)
    );
}

#[test]
fn each_impossible_wish_has_its_own_answer() {
    let rich = [coin(1, 1_000 * QTUM)];
    assert_eq!(plan_of(&rich, &[]), Err(WalletError::Nothing));
    assert_eq!(
        plan_of(&rich, &pay(DUST - 1)),
        Err(WalletError::Dust {
            value: DUST - 1,
            least: DUST
        })
    );
    assert_eq!(plan_of(&rich, &pay(u64::MAX)), Err(WalletError::TooMuch));
    let gas = Gas {
        limit: u64::MAX,
        price: 2,
    };
    assert_eq!(
        plan_of(&rich, &[Output::create(vec![1], gas)]),
        Err(WalletError::TooMuch)
    );
    let many: Vec<Utxo> = (0..700_u32)
        .map(|index| Utxo {
            vout: index,
            ..coin(1, QTUM)
        })
        .collect();
    assert!(matches!(
        plan_of(&many, &pay(699 * QTUM)),
        Err(WalletError::TooLarge {
            most: MAX_STANDARD_SIZE,
            ..
        })
    ));
    let other = crate::wif::decode(
        "cMbgxCJrTYUqgcmiC1berh5DFrtY1KeU4PXZ6NZxgenniF1mXCRk",
        Network::Regtest,
    )
    .unwrap();
    assert_eq!(
        plan_of(&rich, &pay(QTUM)).unwrap().sign(&other),
        Err(WalletError::WrongKey)
    );
}

/// A contract call of value 0 needs no coin but for its fee.
#[test]
fn a_call_without_value_pays_for_its_gas() {
    let gas = Gas {
        limit: 100_000,
        price: 40,
    };
    let plan = plan_of(
        &[coin(1, QTUM)],
        &[Output::call(&Account([7; 20]), vec![1, 2, 3, 4], 0, gas)],
    )
    .unwrap();
    assert_eq!((plan.amount, plan.gas_fee), (0, 4_000_000));
    assert_eq!(plan.fee + plan.change, QTUM);
}

#[test]
fn estimates_are_kept_within_reason() {
    assert_eq!(FeeRate::per_kilobyte(1), FeeRate::MINIMUM);
    assert_eq!(
        FeeRate::per_kilobyte(u64::MAX),
        FeeRate::per_kilobyte(40_000_000)
    );
    assert_eq!(FeeRate::MINIMUM.fee(1_000), 420_000);
    assert_eq!(
        FeeRate::per_kilobyte(u64::MAX).fee(usize::MAX),
        u64::MAX.div_ceil(100_000)
    );
}

#[test]
fn json_is_what_the_relay_sends() {
    let text = r#"{"txid":"0101010101010101010101010101010101010101010101010101010101010101","vout":1,"amountSat":"100000000","script":"76a9","height":100,"confirmations":10,"coinbase":false,"spendable":true}"#;
    let coin: Utxo = serde_json::from_str(text).unwrap();
    assert_eq!((coin.value, coin.vout), (QTUM, 1));
    assert_eq!(serde_json::to_string(&coin).unwrap(), text);
    for wrong in ["-1", "1.5", "", "1e8", "99999999999999999999"] {
        assert!(
            serde_json::from_str::<Utxo>(&text.replace("100000000", wrong)).is_err(),
            "{wrong}"
        );
    }
}

fn any_coin() -> impl Strategy<Value = Utxo> {
    (0_u8..30, 0..50 * QTUM, 0_u32..4_000, any::<[bool; 3]>()).prop_map(
        |(index, value, confirmations, [coinbase, spendable, own])| Utxo {
            confirmations,
            coinbase,
            spendable,
            script: p2pkh(&if own { owner() } else { Account([3; 20]) }),
            ..coin(index, value)
        },
    )
}

proptest! {
    /// Whatever the coins: nothing appears, nothing vanishes, nothing immature or foreign is spent, the
    /// fee is enough, and a refusal is true.
    #[test]
    fn a_plan_conserves_value(
        coins in vec(any_coin(), 0..25),
        value in DUST..120 * QTUM,
        call in any::<bool>(),
        limit in 10_000_u64..3_000_000,
    ) {
        let mut outputs = pay(value);
        if call {
            let gas = Gas { limit, price: GAS_PRICE };
            outputs.insert(0, Output::call(&Account([7; 20]), vec![1; 100], value, gas));
        }
        match plan_of(&coins, &outputs) {
            Ok(plan) => {
                let spent: u64 = plan.coins.iter().map(|coin| coin.value).sum();
                let made: u64 = plan.transaction.outputs.iter().map(|output| output.value).sum();
                prop_assert_eq!(spent, made + plan.fee);
                prop_assert_eq!(made, plan.amount + plan.change);
                let outpoints: std::collections::BTreeSet<_> = plan.coins.iter().map(Utxo::outpoint).collect();
                prop_assert_eq!(outpoints.len(), plan.transaction.inputs.len());
                for coin in &plan.coins {
                    prop_assert!(coin.spendable && !coin.is_immature());
                    prop_assert_eq!(coin.script.p2pkh_account(), Some(owner()));
                }
                let size = plan.sign(&alice()).unwrap().virtual_size() as u64;
                prop_assert!(plan.gas_fee + 400 * size <= plan.fee);
                // Never more than rounding, the margin and change too small to exist.
                prop_assert!(plan.fee <= plan.gas_fee + 430 * (size + 40) + DUST);
                prop_assert!(plan.change == 0 || DUST <= plan.change);
            }
            Err(WalletError::Insufficient { need, have, fee, .. }) => {
                prop_assert!(have < need);
                prop_assert!(fee <= need);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn absurd_coins_get_an_answer(values in vec(any::<u64>(), 0..40), wish in any::<u64>()) {
        let coins: Vec<Utxo> =
            (0_u32..).zip(values).map(|(vout, value)| Utxo { vout, ..coin(1, value) }).collect();
        let _ = plan_of(&coins, &pay(wish));
    }
}

fn of(account: u8, index: u8, value: u64) -> Utxo {
    Utxo {
        script: p2pkh(&Account([account; 20])),
        ..coin(index, value)
    }
}

#[test]
fn a_node_pays_with_the_coins_of_all_its_accounts() {
    let coins = [of(1, 1, 2 * QTUM), of(2, 2, 3 * QTUM)];
    let plan = plan_together(&[], &coins, &pay(4 * QTUM), FeeRate::MINIMUM).unwrap();
    assert_eq!(plan.coins, [coins[1].clone(), coins[0].clone()]);
    assert_eq!(plan.owner, Account([2; 20]));
    let change = plan.transaction.outputs.last().unwrap();
    assert_eq!(change.script, p2pkh(&Account([2; 20])));

    // What is not confirmed may never be.
    let waiting = Utxo {
        confirmations: 0,
        ..of(3, 3, 100 * QTUM)
    };
    let short = plan_together(&[], &[waiting], &pay(QTUM), FeeRate::MINIMUM).unwrap_err();
    assert_eq!(short.code(), "insufficient-onchain-balance");
}

#[test]
fn a_replacement_spends_the_same_coin_first() {
    let old = [of(1, 1, QTUM)];
    let more = [of(2, 2, 9 * QTUM), of(3, 3, 8 * QTUM)];
    let alone = plan_together(&old, &more, &pay(QTUM / 2), FeeRate::MINIMUM).unwrap();
    assert_eq!(alone.coins, old);
    let with = plan_together(&old, &more, &pay(2 * QTUM), FeeRate::MINIMUM).unwrap();
    assert_eq!(with.coins, [old[0].clone(), more[0].clone()]);
    assert_eq!(with.owner, Account([1; 20]));
}

#[test]
fn a_replacement_pays_more_for_each_byte_and_in_all() {
    let paid = |fee, size| Paid { fee, size };
    let old = paid(1_000_000, 400);
    assert!(paid(1_004_000, 400).outbids(old));
    assert!(!paid(1_003_999, 400).outbids(old), "its own relaying");
    assert!(!paid(1_100_000, 500).outbids(old), "less for each byte");
    assert!(!old.outbids(old));
}
