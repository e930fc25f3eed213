//! Which transactions go into the next block, and in which order.
//!
//! As Qtum Core's assembler: plain transactions by fee rate with their ancestors, then deployments,
//! then calls; among contracts those with fewer unconfirmed ancestors first, then by gas price, then
//! the smaller. A contract transaction stays out when its gas limit, weight or signature checks would
//! not fit: also because plain transactions have used up the signature checks of the block.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sparky_qtum::Txid;
use sparky_qtum::script::Script;
use sparky_qtum::tx::TxOut;

use crate::block::{self, Block, Header, Tx};
use crate::evm::{self, BLOCK_GAS_LIMIT, REGTEST_BITS};
use crate::execute;
use crate::mempool::{Class, Entry, Mempool};
use crate::options::Withheld;
use crate::policy::{fee_at, sigops};
use crate::view::View;

const MAX_WEIGHT: usize = 2_000_000;
const MAX_SIGOPS: usize = 20_000;
/// Bits that signal no soft fork.
const VERSION: u32 = 0x2000_0000;
/// Regtest has a dummy soft fork that every block votes for in its second and third period.
const DUMMY_BIT: u32 = 1 << 28;
const VOTING_PERIOD: u32 = 144;
const BIG_REWARD: u64 = 20_000 * 100_000_000;
const LAST_BIG_REWARD: u32 = 5_000;
const REWARD: u64 = 100_000_000;
const HALVING: u32 = 4 * 985_500;

/// What a block at `height` creates.
pub(crate) const fn subsidy(height: u32) -> u64 {
    if height <= LAST_BIG_REWARD {
        return BIG_REWARD;
    }
    match REWARD.checked_shr((height - LAST_BIG_REWARD - 1) / HALVING) {
        Some(reward) => reward,
        None => 0,
    }
}

/// The version bits of a block at `height`.
const fn version(height: u32) -> u32 {
    match height / VOTING_PERIOD {
        1 | 2 => VERSION | DUMMY_BIT,
        _ => VERSION,
    }
}

/// Builds and seals the next block, without what is withheld.
pub(crate) fn assemble(
    view: &mut View,
    mempool: &Mempool,
    pays: &Script,
    now: u32,
    withheld: Option<Withheld>,
) -> Block {
    let time = now.max(view.median_time() + 1);
    let author = pays.kind().sender().map_or([0; 20], |account| account.0);
    let environment = view.environment(time, author);
    let checkpoint = view.evm.checkpoint();
    let mut draft = Draft::new(environment);
    draft.fill(view, mempool, withheld);
    let roots = view.current_roots();
    view.evm.roll_back(checkpoint);
    let height = view.height() + 1;
    let refunded: u64 = draft.refunds.iter().map(|output| output.value).sum();
    let reward = TxOut {
        value: subsidy(height) + draft.fees - refunded,
        script: pays.clone(),
    };
    let outputs = [reward].into_iter().chain(draft.refunds).collect();
    let mut txs = vec![Tx::new(block::coinbase(height, outputs, &draft.txs))];
    txs.extend(draft.txs);
    let header = Header {
        version: version(height),
        previous: view.tip().hash,
        merkle_root: [0; 32],
        time,
        bits: REGTEST_BITS,
        nonce: 0,
        state_root: roots.state,
        utxo_root: roots.utxo,
    };
    Block::seal(header, txs)
}

/// A candidate with what it needs that is not yet in the block.
struct Package<'a> {
    entry: &'a Entry,
    ancestors: BTreeSet<Txid>,
    fee: u64,
    size: u64,
}

impl Package<'_> {
    /// Which comes first.
    fn compare(&self, other: &Self) -> Ordering {
        let (a, b) = (self.entry, other.entry);
        a.class.cmp(&b.class).then_with(|| match a.class {
            Class::Plain => other.rate(self).then_with(|| a.tx.id().cmp(&b.tx.id())),
            _ => (
                self.ancestors.len(),
                std::cmp::Reverse(a.gas_price),
                a.vsize(),
                a.tx.id(),
            )
                .cmp(&(
                    other.ancestors.len(),
                    std::cmp::Reverse(b.gas_price),
                    b.vsize(),
                    b.tx.id(),
                )),
        })
    }

    /// Compares fee rates: the lower of its own and that of the whole package counts.
    fn rate(&self, other: &Self) -> Ordering {
        let rate = |package: &Self| {
            let own = (
                u128::from(package.entry.fee),
                u128::from(package.entry.vsize()),
            );
            let all = (u128::from(package.fee), u128::from(package.size));
            if own.0 * all.1 < all.0 * own.1 {
                own
            } else {
                all
            }
        };
        let (a, b) = (rate(self), rate(other));
        (a.0 * b.1).cmp(&(b.0 * a.1))
    }
}

/// A block in the making.
struct Draft {
    environment: evm::Block,
    txs: Vec<Arc<Tx>>,
    refunds: Vec<TxOut>,
    fees: u64,
    gas_used: u64,
    weight: usize,
    sigops: usize,
}

impl Draft {
    const fn new(environment: evm::Block) -> Self {
        // Room for the coinbase.
        let (weight, sigops) = (4_000, 400);
        Self {
            environment,
            txs: Vec::new(),
            refunds: Vec::new(),
            fees: 0,
            gas_used: 0,
            weight,
            sigops,
        }
    }

    fn fill(&mut self, view: &mut View, mempool: &Mempool, withheld: Option<Withheld>) {
        let mut open: BTreeMap<Txid, Package<'_>> = mempool
            .iter()
            .filter(|entry| withheld.is_none_or(|withheld| !withheld.holds(entry.class)))
            .map(|entry| (entry.tx.id(), package(mempool, entry)))
            .collect();
        while let Some(best) = open.values().min_by(|a, b| a.compare(b)) {
            if best.fee < fee_at(mempool.fees.rate, best.size) {
                return;
            }
            let txid = best.entry.tx.id();
            let (size, ancestors) = (best.size, best.ancestors.clone());
            let added = self.add_package(view, mempool, size, &ancestors);
            if !added.contains(&txid) {
                open.remove(&txid);
            }
            for txid in &added {
                let Some(done) = open.remove(txid) else {
                    continue;
                };
                for waiting in open.values_mut() {
                    if waiting.ancestors.remove(txid) {
                        waiting.fee -= done.entry.fee;
                        waiting.size -= done.entry.vsize();
                    }
                }
            }
        }
    }

    /// Adds the members of a package, parents first, until one does not fit.
    fn add_package(
        &mut self,
        view: &mut View,
        mempool: &Mempool,
        size: u64,
        members: &BTreeSet<Txid>,
    ) -> Vec<Txid> {
        let sigops: usize = members
            .iter()
            .filter_map(|txid| mempool.get(txid))
            .map(|e| 4 * sigops(&e.tx))
            .sum();
        let weight =
            usize::try_from(size).map_or(usize::MAX, |size| self.weight.saturating_add(4 * size));
        if MAX_WEIGHT <= weight || MAX_SIGOPS <= self.sigops + sigops {
            return Vec::new();
        }
        let mut order: Vec<_> = members
            .iter()
            .map(|txid| (mempool.ancestors(txid).len(), *txid))
            .collect();
        order.sort_unstable();
        let entries = order.iter().filter_map(|(_, txid)| mempool.get(txid));
        let added = entries.take_while(|entry| match entry.class {
            Class::Plain => {
                self.push(entry, &[]);
                true
            }
            _ => mempool.fees.gas_price <= entry.gas_price && self.add_contract(view, entry),
        });
        added.map(|entry| entry.tx.id()).collect()
    }

    fn add_contract(&mut self, view: &mut View, entry: &Entry) -> bool {
        let mut limits = execute::contracts(&entry.tx).map(|(_, contract)| contract.gas.limit);
        if BLOCK_GAS_LIMIT < entry.gas_limit
            || limits.any(|limit| BLOCK_GAS_LIMIT < self.gas_used + limit)
        {
            return false;
        }
        let payer = entry
            .spent
            .first()
            .and_then(|output| output.script.kind().sender());
        let checkpoint = view.evm.checkpoint();
        let executed = view.execute(
            &self.environment,
            &entry.tx,
            payer.map_or([0; 20], |account| account.0),
        );
        let generated_sigops: usize = executed.generated.iter().map(|tx| sigops(tx)).sum();
        let sigops_after =
            self.sigops + 4 * sigops(&entry.tx) + generated_sigops + executed.refunds.len();
        let generated_weight: usize = executed.generated.iter().map(|tx| tx.weight()).sum();
        let weight_after = self.weight + entry.tx.weight() + generated_weight;
        if BLOCK_GAS_LIMIT < self.gas_used + executed.gas_used
            || MAX_SIGOPS < 4 * sigops_after
            || MAX_WEIGHT < weight_after
        {
            view.evm.roll_back(checkpoint);
            return false;
        }
        self.push(entry, &executed.generated);
        self.gas_used += executed.gas_used;
        self.sigops += executed.refunds.len();
        self.refunds.extend(executed.refunds);
        true
    }

    fn push(&mut self, entry: &Entry, generated: &[Arc<Tx>]) {
        self.fees += entry.fee;
        self.weight += entry.tx.weight();
        self.sigops += 4 * sigops(&entry.tx);
        self.txs.push(Arc::clone(&entry.tx));
        for tx in generated {
            self.weight += tx.weight();
            self.sigops += sigops(tx);
            self.txs.push(Arc::clone(tx));
        }
    }
}

fn package<'a>(mempool: &Mempool, entry: &'a Entry) -> Package<'a> {
    let ancestors = mempool.ancestors(&entry.tx.id());
    let members = || ancestors.iter().filter_map(|txid| mempool.get(txid));
    let (fee, size) = (
        members().map(|entry| entry.fee).sum(),
        members().map(Entry::vsize).sum(),
    );
    Package {
        entry,
        ancestors,
        fee,
        size,
    }
}
