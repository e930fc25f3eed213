//! Coin selection.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use sparky_protocol::Account;

use super::fee::{DUST, FeeRate, INPUT_SIZE, MAX_STANDARD_SIZE, length_size, output_size};
use super::{Coins, Output, Plan, Policy, Utxo, WalletError};
use crate::script::p2pkh;
use crate::tx::{Transaction, TxIn, TxOut};

/// Bytes of a P2PKH script.
const P2PKH_SIZE: usize = 25;

/// Plans a transaction with `outputs` in the given order and change behind them.
///
/// All inputs are P2PKH outputs of `owner`; Qtum takes the owner of the first for the sender of the
/// calls. Takes the smallest single coin that suffices, otherwise the largest ones; the same coins
/// give the same plan.
///
/// # Errors
/// [`WalletError::Insufficient`] with all figures, and the other variants but `WrongKey` and `Sign`.
pub fn plan(
    coins: &[Utxo],
    owner: &Account,
    outputs: &[Output],
    policy: Policy,
) -> Result<Plan, WalletError> {
    let bill = Bill::of(outputs, policy.fee_rate)?;
    // A coin that is listed twice, with whatever values, is one coin.
    let mut seen = BTreeSet::new();
    let mut usable: Vec<&Utxo> = coins
        .iter()
        .filter(|coin| coin.is_usable(owner) && policy.fee_rate.input_fee() < coin.value)
        .filter(|coin| seen.insert(coin.outpoint()))
        .collect();
    usable.sort_by_key(|coin| (Reverse(coin.value), coin.outpoint()));
    let confirmed: Vec<&Utxo> = usable
        .iter()
        .copied()
        .filter(|coin| 0 < coin.confirmations)
        .collect();

    let chosen = match policy.coins {
        Coins::ConfirmedOnly => bill.choose(&confirmed),
        Coins::PreferConfirmed => bill.choose(&confirmed).or_else(|| bill.choose(&usable)),
    };
    let Some(chosen) = chosen else {
        let candidates = if policy.coins == Coins::ConfirmedOnly {
            &confirmed
        } else {
            &usable
        };
        return Err(bill.refusal(candidates, super::balance(coins, owner).immature));
    };
    bill.check_size(chosen.len())?;
    Ok(bill.draw(owner, outputs, &chosen))
}

/// Plans a transaction from confirmed coins of all accounts of one wallet, which signs it later: for the
/// wallet of a node. The change returns to the owner of the first coin, who is the sender of the calls.
///
/// `first` are spent in any case and come first: the coins of a transaction that this one replaces, which
/// a node does not list any more.
///
/// # Errors
/// Those of [`plan`].
pub fn plan_together(
    first: &[Utxo],
    coins: &[Utxo],
    outputs: &[Output],
    fee_rate: FeeRate,
) -> Result<Plan, WalletError> {
    let bill = Bill::of(outputs, fee_rate)?;
    let mut seen: BTreeSet<_> = first.iter().map(Utxo::outpoint).collect();
    let mut usable: Vec<&Utxo> = coins
        .iter()
        .filter(|coin| {
            let owner = coin.script.p2pkh_account();
            owner.is_some_and(|owner| coin.is_usable(&owner))
                && 0 < coin.confirmations
                && fee_rate.input_fee() < coin.value
        })
        .filter(|coin| seen.insert(coin.outpoint()))
        .collect();
    usable.sort_by_key(|coin| (Reverse(coin.value), coin.outpoint()));
    let chosen = if first.is_empty() {
        bill.choose(&usable)
    } else {
        bill.fill(first, &usable)
    };
    let Some(chosen) = chosen else {
        let all: Vec<&Utxo> = first.iter().chain(usable).collect();
        let immature = coins.iter().filter(|coin| coin.is_immature());
        let immature = immature.fold(0_u64, |sum, coin| sum.saturating_add(coin.value));
        return Err(bill.refusal(&all, immature));
    };
    bill.check_size(chosen.len())?;
    let owner = chosen.first().and_then(|coin| coin.script.p2pkh_account());
    let owner = owner.ok_or(WalletError::WrongKey)?;
    Ok(bill.draw(&owner, outputs, &chosen))
}

/// What has to be paid, whatever the coins.
struct Bill {
    amount: u64,
    gas_fee: u64,
    /// `amount + gas_fee`.
    fixed: u64,
    outputs_size: usize,
    outputs_count: usize,
    rate: FeeRate,
}

impl Bill {
    fn of(outputs: &[Output], rate: FeeRate) -> Result<Self, WalletError> {
        if outputs.is_empty() {
            return Err(WalletError::Nothing);
        }
        let (mut amount, mut gas_fee) = (0_u64, 0_u64);
        for output in outputs {
            let cost = match output.gas {
                Some(gas) => gas.cost().ok_or(WalletError::TooMuch)?,
                None if output.value < DUST => {
                    return Err(WalletError::Dust {
                        value: output.value,
                        least: DUST,
                    });
                }
                None => 0,
            };
            amount = amount
                .checked_add(output.value)
                .ok_or(WalletError::TooMuch)?;
            gas_fee = gas_fee.checked_add(cost).ok_or(WalletError::TooMuch)?;
        }
        // Values are signed 64-bit numbers for Qtum Core; half of that leaves room for fees.
        let fixed = amount
            .checked_add(gas_fee)
            .filter(|sum| *sum < 1 << 62)
            .ok_or(WalletError::TooMuch)?;
        let outputs_size = outputs
            .iter()
            .map(|output| output_size(output.script.0.len()))
            .sum();
        Ok(Self {
            amount,
            gas_fee,
            fixed,
            outputs_size,
            outputs_count: outputs.len(),
            rate,
        })
    }

    /// Version, counts, inputs, outputs, lock time.
    const fn size_without_change(&self, inputs: usize) -> usize {
        4 + length_size(inputs)
            + inputs * INPUT_SIZE
            + length_size(self.outputs_count)
            + self.outputs_size
            + 4
    }

    const fn size_with_change(&self, inputs: usize) -> usize {
        self.size_without_change(inputs)
            + output_size(P2PKH_SIZE)
            + length_size(self.outputs_count + 1)
            - length_size(self.outputs_count)
    }

    /// Satoshi needed if `inputs` coins are spent and no change returns.
    fn need(&self, inputs: usize) -> u64 {
        self.fixed
            .saturating_add(self.rate.fee(self.size_without_change(inputs)))
    }

    /// Coins that suffice, from a list that falls in value.
    fn choose<'a>(&self, falling: &[&'a Utxo]) -> Option<Vec<&'a Utxo>> {
        let alone = falling
            .iter()
            .take_while(|coin| self.need(1) <= coin.value)
            .last();
        if let Some(alone) = alone {
            return Some(vec![alone]);
        }
        let mut sum = 0_u64;
        for (index, coin) in falling.iter().enumerate() {
            sum = sum.saturating_add(coin.value);
            if self.need(index + 1) <= sum {
                return Some(falling[..=index].to_vec());
            }
        }
        None
    }

    /// `first`, and as few more as suffice of a list that falls in value.
    fn fill<'a>(&self, first: &'a [Utxo], falling: &[&'a Utxo]) -> Option<Vec<&'a Utxo>> {
        let mut chosen: Vec<&Utxo> = first.iter().collect();
        let mut rest = falling.iter();
        loop {
            let sum = chosen
                .iter()
                .fold(0_u64, |sum, coin| sum.saturating_add(coin.value));
            if self.need(chosen.len()) <= sum {
                return Some(chosen);
            }
            chosen.push(rest.next()?);
        }
    }

    fn check_size(&self, inputs: usize) -> Result<(), WalletError> {
        let size = self.size_without_change(inputs);
        if MAX_STANDARD_SIZE < size {
            return Err(WalletError::TooLarge {
                size,
                most: MAX_STANDARD_SIZE,
            });
        }
        Ok(())
    }

    fn refusal(&self, candidates: &[&Utxo], immature: u64) -> WalletError {
        let have = candidates
            .iter()
            .fold(0_u64, |sum, coin| sum.saturating_add(coin.value));
        let need = self.need(candidates.len().max(1));
        WalletError::Insufficient {
            need,
            have,
            immature,
            fee: need - self.amount,
        }
    }

    fn draw(&self, owner: &Account, outputs: &[Output], chosen: &[&Utxo]) -> Plan {
        let sum = chosen
            .iter()
            .fold(0_u64, |sum, coin| sum.saturating_add(coin.value));
        let spent = self.fixed + self.rate.fee(self.size_with_change(chosen.len()));
        // Change below the dust limit could not be relayed: the miner gets it.
        let change = sum.saturating_sub(spent);
        let change = if change < DUST { 0 } else { change };
        let mut made: Vec<TxOut> = outputs
            .iter()
            .map(|output| TxOut {
                value: output.value,
                script: output.script.clone(),
            })
            .collect();
        if change != 0 {
            made.push(TxOut {
                value: change,
                script: p2pkh(owner),
            });
        }
        Plan {
            owner: *owner,
            coins: chosen.iter().copied().cloned().collect(),
            transaction: Transaction {
                version: 2,
                inputs: chosen
                    .iter()
                    .map(|coin| TxIn::unsigned(coin.outpoint()))
                    .collect(),
                outputs: made,
                lock_time: 0,
            },
            amount: self.amount,
            fee: sum - self.amount - change,
            gas_fee: self.gas_fee,
            change,
        }
    }
}
