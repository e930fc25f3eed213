//! The chain: all known blocks, which of them are active, the mempool, and time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sparky_qtum::digest::sha256d;
use sparky_qtum::script::Script;
use sparky_qtum::tx::{OutPoint, Transaction, TxIn, TxOut};
use sparky_qtum::{BlockHash, Txid};

use crate::assemble::assemble;
use crate::block::{Block, Tx};
use crate::evm::{Bytes32, Evm};
use crate::execute;
use crate::log::{BlockLog, Record};
use crate::mempool::{Mempool, Reject};
use crate::options::Withheld;
use crate::policy;
use crate::roots::RootCache;
use crate::verify;
use crate::view::{Unconnectable, View};

/// Outputs of the premine, and what each holds: 20 million QTUM.
const PREMINE: (usize, u64) = (1_000, 20_000 * 100_000_000);

/// A block of whatever branch.
struct Known {
    block: Arc<Block>,
    height: u32,
    /// What stakers would mix into their lottery: a hash over all block hashes so far.
    modifier: Bytes32,
}

/// The chain with everything that hangs on it.
pub(crate) struct Chain {
    pub view: View,
    pub mempool: Mempool,
    /// The clock, if `setmocktime` stopped it.
    pub mock_time: Option<u32>,
    /// How many coming blocks leave something out, and what.
    pub withhold: (u32, Withheld),
    known: HashMap<BlockHash, Known>,
    /// In order of arrival: of two equally high branches the older is active.
    arrivals: Vec<BlockHash>,
    invalid: BTreeSet<BlockHash>,
    log: Option<BlockLog>,
}

impl Chain {
    /// A chain at height 0. With `premine` its genesis pays that script 20 million QTUM that need not
    /// mature; without, it is qtumd's regtest.
    pub fn new(premine: Option<&Script>) -> Self {
        let roots = RootCache::default().roots(&mut Evm::default(), false);
        let genesis = Arc::new(Block::genesis(roots, premine.map(premine_transaction)));
        let hash = genesis.hash;
        let known = Known {
            block: Arc::clone(&genesis),
            height: 0,
            modifier: [0; 32],
        };
        Self {
            view: View::new(genesis),
            mempool: Mempool::default(),
            mock_time: None,
            withhold: (0, Withheld::default()),
            known: HashMap::from([(hash, known)]),
            arrivals: vec![hash],
            invalid: BTreeSet::new(),
            log: None,
        }
    }

    /// Replays what a log has kept, and keeps what comes from now on in it. Fails at a record that
    /// does not follow from those before it: the log is of another chain or another version.
    pub fn replay(&mut self, log: BlockLog, records: Vec<Record>) -> Result<(), Unconnectable> {
        for record in records {
            match record {
                Record::Block(block) => self.connect(block)?,
                Record::Invalidate(hash) => self.invalidate(&hash)?,
                Record::Reconsider(hash) => self.reconsider(&hash)?,
            }
        }
        self.mempool = Mempool::default();
        self.log = Some(log);
        Ok(())
    }

    /// Seconds since 1970: the mocked clock, or the system's.
    pub fn now(&self) -> u32 {
        let system = || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since
                .ok()
                .and_then(|since| u32::try_from(since.as_secs()).ok())
                .unwrap_or_default()
        };
        self.mock_time.unwrap_or_else(system)
    }

    /// A block of any branch, and its height.
    pub fn block(&self, hash: &BlockHash) -> Option<(&Arc<Block>, u32)> {
        self.known
            .get(hash)
            .map(|known| (&known.block, known.height))
    }

    /// The stake modifier of a block.
    pub fn modifier(&self, hash: &BlockHash) -> Bytes32 {
        self.known.get(hash).map_or([0; 32], |known| known.modifier)
    }

    /// Whether the block is in the active chain.
    pub fn is_active(&self, hash: &BlockHash) -> bool {
        self.view.height_of(hash).is_some()
    }

    /// Mines one block that pays `script`.
    pub fn mine(&mut self, script: &Script) -> Result<BlockHash, Unconnectable> {
        let now = self.now();
        let (blocks, class) = self.withhold;
        let withheld = (0 < blocks).then_some(class);
        let block = assemble(&mut self.view, &self.mempool, script, now, withheld);
        self.withhold = (blocks.saturating_sub(1), class);
        let hash = block.hash;
        if self.invalid.contains(&hash) {
            return Err(Unconnectable::Differs);
        }
        let block = Arc::new(block);
        self.connect(Arc::clone(&block))?;
        self.write(&Record::Block(block));
        Ok(hash)
    }

    fn connect(&mut self, block: Arc<Block>) -> Result<(), Unconnectable> {
        let parent = self
            .known
            .get(&block.header.previous)
            .ok_or(Unconnectable::WrongParent)?;
        let height = parent.height + 1;
        let modifier = sha256d(&[block.hash.0, parent.modifier].concat());
        let hash = block.hash;
        if let Err(error) = self.view.connect(Arc::clone(&block)) {
            // What was done to coins and indexes is only right with the whole block.
            self.view = self.view_of(&block.header.previous)?;
            return Err(error);
        }
        for tx in &block.txs {
            self.mempool.remove_mined(tx);
        }
        self.known.insert(
            hash,
            Known {
                block,
                height,
                modifier,
            },
        );
        self.arrivals.push(hash);
        Ok(())
    }

    /// Takes a transaction into the mempool. Taking it twice is no fault.
    pub fn submit(&mut self, tx: Transaction, max_fee: Option<u64>) -> Result<Txid, Reject> {
        let tx = Tx::new(tx);
        let txid = tx.id();
        let outputs = (0..).zip(&tx.outputs).map(|(vout, _)| tx.outpoint(vout));
        if outputs
            .into_iter()
            .any(|outpoint| self.view.coins.get(&outpoint).is_some())
        {
            return Err(Reject {
                code: -27,
                message: "Transaction already in block chain".to_owned(),
            });
        }
        if self.mempool.get(&txid).is_some() {
            return Ok(txid);
        }
        self.admit(&tx, max_fee)?;
        Ok(txid)
    }

    fn admit(&mut self, tx: &Arc<Tx>, max_fee: Option<u64>) -> Result<(), Reject> {
        let (entry, replaced) = policy::check(&self.view, &self.mempool, tx, self.now())?;
        verify::verify(tx, &entry.spent)?;
        // Contract transactions pay for their gas in the fee: the cap is not for them.
        let is_plain = execute::contracts(tx).next().is_none();
        if is_plain && max_fee.is_some_and(|max| max < entry.fee) {
            let message = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)";
            return Err(Reject {
                code: -25,
                message: message.to_owned(),
            });
        }
        for txid in replaced {
            self.mempool.replace(&txid);
        }
        self.mempool.insert(entry);
        Ok(())
    }

    /// Whether the mempool would take it; its fee and virtual size if so.
    pub fn test_accept(&self, tx: &Transaction) -> Result<(u64, u64), Reject> {
        let tx = Tx::new(tx.clone());
        if self.mempool.get(&tx.id()).is_some() {
            return Err(Reject::policy("txn-already-in-mempool"));
        }
        let (entry, _) = policy::check(&self.view, &self.mempool, &tx, self.now())?;
        verify::verify(&tx, &entry.spent)?;
        Ok((entry.fee, entry.vsize()))
    }

    /// Declares a block invalid: the best branch without it becomes active.
    pub fn invalidate(&mut self, hash: &BlockHash) -> Result<(), Unconnectable> {
        if !self.known.contains_key(hash) {
            return Err(Unconnectable::WrongParent);
        }
        self.invalid.insert(*hash);
        self.write(&Record::Invalidate(*hash));
        self.activate_best()
    }

    /// Takes back [`Chain::invalidate`] for the block, its ancestors and its descendants.
    pub fn reconsider(&mut self, hash: &BlockHash) -> Result<(), Unconnectable> {
        if !self.known.contains_key(hash) {
            return Err(Unconnectable::WrongParent);
        }
        let ancestors = self.branch(hash);
        let mut related: BTreeSet<BlockHash> = ancestors.iter().map(|block| block.hash).collect();
        let mut descendants = BTreeSet::from([*hash]);
        for hash in &self.arrivals {
            let known = self.known.get(hash);
            if known.is_some_and(|known| descendants.contains(&known.block.header.previous)) {
                descendants.insert(*hash);
            }
        }
        related.append(&mut descendants);
        self.invalid.retain(|hash| !related.contains(hash));
        self.write(&Record::Reconsider(*hash));
        self.activate_best()
    }

    /// The blocks from genesis to `hash`.
    fn branch(&self, hash: &BlockHash) -> Vec<Arc<Block>> {
        let mut blocks = Vec::new();
        let mut next = self.known.get(hash);
        while let Some(known) = next {
            blocks.push(Arc::clone(&known.block));
            next = self.known.get(&known.block.header.previous);
        }
        blocks.reverse();
        blocks
    }

    /// The state after the active block at `height`, from the beginning.
    pub fn view_at(&self, height: u32) -> Option<View> {
        let hash = self.view.block(height)?.hash;
        self.view_of(&hash).ok()
    }

    /// The state after the block `hash`, from the beginning.
    fn view_of(&self, hash: &BlockHash) -> Result<View, Unconnectable> {
        let mut blocks = self.branch(hash).into_iter();
        let mut view = View::new(blocks.next().ok_or(Unconnectable::WrongParent)?);
        blocks.try_for_each(|block| view.connect(block))?;
        Ok(view)
    }

    /// Finds the highest block that is not invalid and does not stand on one that is; of equals the
    /// one that came first.
    fn activate_best(&mut self) -> Result<(), Unconnectable> {
        let mut invalid = self.invalid.clone();
        let mut best: Option<(u32, BlockHash)> = None;
        // Parents arrive before their children.
        for hash in &self.arrivals {
            let Some(known) = self.known.get(hash) else {
                continue;
            };
            if invalid.contains(hash) || invalid.contains(&known.block.header.previous) {
                invalid.insert(*hash);
            } else if best.is_none_or(|(height, _)| height < known.height) {
                best = Some((known.height, *hash));
            }
        }
        match best {
            Some((_, best)) if best != self.view.tip().hash => self.switch_to(&best),
            _ => Ok(()),
        }
    }

    /// Makes another branch active and returns what that unmined to the mempool.
    fn switch_to(&mut self, tip: &BlockHash) -> Result<(), Unconnectable> {
        let branch = self.branch(tip);
        let shared = (0..).zip(&branch).take_while(|(height, block)| {
            self.view
                .block(*height)
                .is_some_and(|active| active.hash == block.hash)
        });
        let shared = u32::try_from(shared.count()).unwrap_or_default();
        let unmined: Vec<Arc<Tx>> = (shared..=self.view.height())
            .filter_map(|height| self.view.block(height))
            .flat_map(|block| block.txs.iter().skip(1))
            .filter(|tx| !execute::is_generated(tx))
            .map(Arc::clone)
            .collect();
        self.view = self.view_of(tip)?;
        let waiting = self.mempool.drain();
        let again = unmined
            .into_iter()
            .chain(waiting.into_iter().map(|entry| entry.tx));
        for tx in again {
            if self.view.index.place(&tx.id()).is_none() {
                // What the new branch does not allow any more is dropped.
                let _ = self.admit(&tx, None);
            }
        }
        Ok(())
    }

    fn write(&mut self, record: &Record) {
        if let Some(log) = &mut self.log
            && let Err(error) = log.append(record)
        {
            tracing::error!(%error, "the block log can not be written; blocks from now on will be lost");
        }
    }
}

/// Pays `script` in outputs of the size of a reward. It spends the genesis reward, which does not
/// exist, so that its id is its own.
fn premine_transaction(script: &Script) -> Transaction {
    let (count, value) = PREMINE;
    let previous = OutPoint {
        txid: Txid([0xff; 32]),
        vout: 0,
    };
    let input = TxIn {
        sequence: u32::MAX,
        ..TxIn::unsigned(previous)
    };
    let outputs = vec![
        TxOut {
            value,
            script: script.clone()
        };
        count
    ];
    Transaction {
        version: 2,
        inputs: vec![input],
        outputs,
        lock_time: 0,
    }
}
