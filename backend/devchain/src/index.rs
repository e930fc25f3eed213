//! What qtumd keeps with `-txindex`, `-addrindex` and `-logevents`: where transactions are, what
//! addresses received and spent, what contracts did.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sparky_qtum::script::{Contract, Kind, Script, Target};
use sparky_qtum::tx::OutPoint;
use sparky_qtum::{BlockHash, Txid};

use crate::block::Tx;
use crate::coins::Coin;
use crate::evm::{Bytes20, Exception, Log};
use crate::execute::Execution;
use crate::roots::Roots;

/// Whose an output is, as the address index files it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A key, or a contract under the address that a key with its hash would have.
    Key(Bytes20),
    /// A script.
    Script(Bytes20),
}

impl Owner {
    /// The owner of an output with this script, if the index files it.
    pub fn of(script: &Script) -> Option<Self> {
        match script.kind() {
            Kind::PubKeyHash(account) | Kind::PubKey(account) => Some(Self::Key(account.0)),
            Kind::ScriptHash(hash) => Some(Self::Script(hash)),
            Kind::Contract(Contract {
                target: Target::Call(contract),
                sender: None,
                ..
            }) => Some(Self::Key(contract.0)),
            _ => None,
        }
    }
}

/// Where a change of an address's balance stands in the chain; the order of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeltaKey {
    pub height: u32,
    pub position: u32,
    pub txid: Txid,
    /// Output index, or input index of a spend.
    pub index: u32,
    pub spending: bool,
}

/// What happened to an output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpentBy {
    pub txid: Txid,
    pub input: u32,
    pub height: u32,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub block: BlockHash,
    pub height: u32,
    pub position: u32,
}

/// What is known of one contract output.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub block: BlockHash,
    pub height: u32,
    pub txid: Txid,
    pub position: u32,
    pub vout: u32,
    pub from: Bytes20,
    pub to: Bytes20,
    pub cumulative_gas: u64,
    pub gas_used: u64,
    pub contract: Bytes20,
    pub exception: Exception,
    pub message: String,
    pub roots: Roots,
    pub logs: Vec<Log>,
}

/// All indexes of the active chain.
#[derive(Default)]
pub(crate) struct Index {
    places: HashMap<Txid, Place>,
    deltas: BTreeMap<Owner, BTreeMap<DeltaKey, i64>>,
    unspent: BTreeMap<Owner, BTreeSet<(u32, OutPoint)>>,
    spent: HashMap<OutPoint, SpentBy>,
    receipts: HashMap<Txid, Vec<Receipt>>,
    logged: BTreeMap<u32, Vec<Txid>>,
}

impl Index {
    pub fn place(&self, txid: &Txid) -> Option<Place> {
        self.places.get(txid).copied()
    }

    pub fn spent_by(&self, outpoint: &OutPoint) -> Option<SpentBy> {
        self.spent.get(outpoint).copied()
    }

    pub fn receipts(&self, txid: &Txid) -> &[Receipt] {
        self.receipts.get(txid).map_or(&[], Vec::as_slice)
    }

    /// Transactions with events, by height and then in the order of the block.
    pub fn logged(&self, heights: std::ops::RangeInclusive<u32>) -> impl Iterator<Item = &Txid> {
        // The map does not take a range that ends before it begins.
        let found = (!heights.is_empty()).then(|| self.logged.range(heights));
        found.into_iter().flatten().flat_map(|(_, txids)| txids)
    }

    /// Every change of the owner's balance in the order of the chain.
    pub fn deltas(&self, owner: &Owner) -> impl Iterator<Item = (&DeltaKey, i64)> + use<'_> {
        self.deltas
            .get(owner)
            .into_iter()
            .flatten()
            .map(|(key, value)| (key, *value))
    }

    /// The owner's unspent outputs by height.
    pub fn unspent(&self, owner: &Owner) -> impl Iterator<Item = &(u32, OutPoint)> + use<'_> {
        self.unspent.get(owner).into_iter().flatten()
    }

    /// Takes in a mined transaction and the coins its inputs spent.
    pub fn connect(&mut self, tx: &Tx, place: Place, spent: &[Coin]) {
        let Place {
            height, position, ..
        } = place;
        let txid = tx.id();
        self.places.insert(txid, place);
        let key = |index, spending| DeltaKey {
            height,
            position,
            txid,
            index,
            spending,
        };
        for ((index, input), coin) in (0..).zip(&tx.inputs).zip(spent) {
            self.spent.insert(
                input.previous,
                SpentBy {
                    txid,
                    input: index,
                    height,
                },
            );
            if let Some(owner) = Owner::of(&coin.output.script) {
                let value = i64::try_from(coin.output.value).unwrap_or(i64::MAX);
                self.deltas
                    .entry(owner)
                    .or_default()
                    .insert(key(index, true), -value);
                if let Some(unspent) = self.unspent.get_mut(&owner) {
                    unspent.remove(&(coin.height, input.previous));
                }
            }
        }
        for (index, output) in (0..).zip(&tx.outputs) {
            if let Some(owner) = Owner::of(&output.script) {
                let value = i64::try_from(output.value).unwrap_or(i64::MAX);
                self.deltas
                    .entry(owner)
                    .or_default()
                    .insert(key(index, false), value);
                self.unspent
                    .entry(owner)
                    .or_default()
                    .insert((height, tx.outpoint(index)));
            }
        }
    }

    /// Takes in what the contract outputs of a mined transaction did.
    pub fn record(&mut self, tx: &Tx, place: Place, executions: &[Execution], gas_before: u64) {
        let mut cumulative_gas = gas_before;
        let receipts: Vec<_> = executions
            .iter()
            .map(|execution| {
                let outcome = &execution.outcome;
                cumulative_gas += outcome.gas_used;
                Receipt {
                    block: place.block,
                    height: place.height,
                    txid: tx.id(),
                    position: place.position,
                    vout: execution.vout,
                    from: execution.sender,
                    to: execution.to,
                    cumulative_gas,
                    gas_used: outcome.gas_used,
                    contract: outcome.contract,
                    exception: outcome.exception,
                    message: revert_message(outcome.exception, &outcome.output),
                    roots: execution.roots,
                    logs: outcome.logs.clone(),
                }
            })
            .collect();
        if receipts.iter().any(|receipt| !receipt.logs.is_empty()) {
            self.logged.entry(place.height).or_default().push(tx.id());
        }
        self.receipts.insert(tx.id(), receipts);
    }
}

/// The text of `Error(string)`, which is all that qtumd decodes.
pub(crate) fn revert_message(exception: Exception, output: &[u8]) -> String {
    let text = || {
        let rest = output.strip_prefix(&[0x08, 0xc3, 0x79, 0xa0])?;
        let word = |bytes: &[u8]| {
            u32::from_be_bytes(bytes.get(28..32)?.try_into().ok()?)
                .try_into()
                .ok()
        };
        let offset: usize = word(rest)?;
        let body = rest.get(offset..)?;
        let length: usize = word(body)?;
        Some(String::from_utf8_lossy(body.get(32..)?.get(..length)?).into_owned())
    };
    if exception == Exception::Revert {
        text().unwrap_or_default()
    } else {
        String::new()
    }
}
