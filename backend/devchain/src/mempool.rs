//! Transactions that wait for a block.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sparky_qtum::Txid;
use sparky_qtum::script::{Gas, Target};
use sparky_qtum::tx::{OutPoint, TxOut};

use crate::block::Tx;
use crate::coins::Coin;
use crate::execute;
use crate::policy::{FEE_RATE, MIN_GAS_PRICE};

/// Why a transaction is not taken, with the numbers and words of qtumd's RPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reject {
    pub code: i32,
    pub message: String,
}

impl Reject {
    /// Refused by consensus or by relay policy.
    pub fn policy(message: impl Into<String>) -> Self {
        Self {
            code: -26,
            message: message.into(),
        }
    }
}

/// What a transaction asks of the EVM. The order is that of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Plain,
    Create,
    Call,
}

/// A waiting transaction.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub tx: Arc<Tx>,
    /// The outputs it spends, in the order of its inputs.
    pub spent: Vec<TxOut>,
    pub fee: u64,
    pub time: u32,
    /// Height of the tip when it arrived.
    pub height: u32,
    pub class: Class,
    /// Lowest gas price among its contract outputs.
    pub gas_price: u64,
    pub gas_limit: u64,
}

impl Entry {
    pub fn new(tx: Arc<Tx>, spent: Vec<TxOut>, time: u32, height: u32) -> Self {
        let inputs: u64 = spent.iter().map(|output| output.value).sum();
        let outputs: u64 = tx.outputs.iter().map(|output| output.value).sum();
        let contracts: Vec<_> = execute::contracts(&tx)
            .map(|(_, contract)| contract)
            .collect();
        let class = match contracts.as_slice() {
            [] => Class::Plain,
            all if all.iter().any(|contract| contract.target == Target::Create) => Class::Create,
            _ => Class::Call,
        };
        let gas: Vec<Gas> = contracts.iter().map(|contract| contract.gas).collect();
        Self {
            spent,
            fee: inputs.saturating_sub(outputs),
            time,
            height,
            class,
            gas_price: gas.iter().map(|gas| gas.price).min().unwrap_or(0),
            gas_limit: gas.iter().map(|gas| gas.limit).sum(),
            tx,
        }
    }

    pub fn vsize(&self) -> u64 {
        self.tx.virtual_size() as u64
    }

    /// Whether a conflicting transaction may take its place.
    pub fn is_replaceable(&self) -> bool {
        self.tx
            .inputs
            .iter()
            .any(|input| input.sequence < 0xffff_fffe)
    }
}

/// What a transaction must offer to be taken and mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fees {
    /// Satoshi for one gas.
    pub gas_price: u64,
    /// Satoshi for a thousand virtual bytes.
    pub rate: u64,
}

impl Default for Fees {
    fn default() -> Self {
        Self {
            gas_price: MIN_GAS_PRICE,
            rate: FEE_RATE,
        }
    }
}

/// All waiting transactions.
#[derive(Default)]
pub(crate) struct Mempool {
    /// Rises when somebody plays a crowded chain; what waits already stays, and waits.
    pub fees: Fees,
    entries: BTreeMap<Txid, Entry>,
    spent_by: HashMap<OutPoint, Txid>,
    /// Replaced transactions: qtumd's mempool address index never forgets them.
    replaced: Vec<Entry>,
}

impl Mempool {
    pub fn get(&self, txid: &Txid) -> Option<&Entry> {
        self.entries.get(txid)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Waiting entries and, as in qtumd's address index, those that were replaced.
    pub fn indexed(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().chain(&self.replaced)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn spender(&self, outpoint: &OutPoint) -> Option<Txid> {
        self.spent_by.get(outpoint).copied()
    }

    /// An output of a waiting transaction, as if it were in the next block.
    pub fn coin(&self, outpoint: &OutPoint, next_height: u32) -> Option<Coin> {
        let output = self
            .entries
            .get(&outpoint.txid)?
            .tx
            .outputs
            .get(usize::try_from(outpoint.vout).ok()?)?;
        Some(Coin {
            output: output.clone(),
            height: next_height,
            coinbase: false,
        })
    }

    pub fn insert(&mut self, entry: Entry) {
        for input in &entry.tx.inputs {
            self.spent_by.insert(input.previous, entry.tx.id());
        }
        self.entries.insert(entry.tx.id(), entry);
    }

    /// Takes out one transaction and leaves what depends on it.
    pub fn remove(&mut self, txid: &Txid) -> Option<Entry> {
        let entry = self.entries.remove(txid)?;
        for input in &entry.tx.inputs {
            self.spent_by.remove(&input.previous);
        }
        Some(entry)
    }

    /// Takes out a transaction and all that depends on it, because another one spends the same.
    pub fn replace(&mut self, txid: &Txid) {
        for txid in self.descendants(txid) {
            let removed = self.remove(&txid);
            self.replaced.extend(removed);
        }
    }

    /// Takes out what can not be mined any more now that `tx` is in a block, and `tx` itself.
    pub fn remove_mined(&mut self, tx: &Tx) {
        self.remove(&tx.id());
        for input in &tx.inputs {
            if let Some(conflict) = self.spender(&input.previous) {
                for txid in self.descendants(&conflict) {
                    self.remove(&txid);
                }
            }
        }
    }

    /// Empties it, in an order in which everything can be submitted again.
    pub fn drain(&mut self) -> Vec<Entry> {
        let mut order: Vec<(usize, Txid)> = self
            .entries
            .keys()
            .map(|txid| (self.ancestors(txid).len(), *txid))
            .collect();
        order.sort_unstable();
        order
            .iter()
            .filter_map(|(_, txid)| self.remove(txid))
            .collect()
    }

    /// The transaction and all unconfirmed ones that it needs.
    pub fn ancestors(&self, txid: &Txid) -> BTreeSet<Txid> {
        let mut found = BTreeSet::new();
        let mut open = vec![*txid];
        while let Some(txid) = open.pop() {
            let Some(entry) = self.entries.get(&txid) else {
                continue;
            };
            if found.insert(txid) {
                open.extend(entry.tx.inputs.iter().map(|input| input.previous.txid));
            }
        }
        found
    }

    /// The transaction and all that need it.
    pub fn descendants(&self, txid: &Txid) -> BTreeSet<Txid> {
        let mut found = BTreeSet::new();
        let mut open = vec![*txid];
        while let Some(txid) = open.pop() {
            let Some(entry) = self.entries.get(&txid) else {
                continue;
            };
            if found.insert(txid) {
                let outputs = (0..)
                    .zip(&entry.tx.outputs)
                    .map(|(vout, _)| entry.tx.outpoint(vout));
                open.extend(outputs.filter_map(|outpoint| self.spender(&outpoint)));
            }
        }
        found
    }
}
