//! The state at the tip of a chain of blocks: a fold over the blocks, and nothing else.
//!
//! A reorganisation folds again from the first block. That keeps undo data out of the program, and
//! costs a fraction of a second for some thousand blocks.

use std::collections::HashMap;
use std::sync::Arc;

use sparky_qtum::BlockHash;

use crate::block::{Block, Tx};
use crate::coins::{Coin, Coins};
use crate::evm::{self, Bytes20, Evm};
use crate::execute::{self, Executed};
use crate::index::{Index, Place};
use crate::roots::{RootCache, Roots};

/// A block that does not follow from the state before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unconnectable {
    /// An input spends what is not there.
    #[error("bad-txns-inputs-missingorspent")]
    MissingInput,
    /// The generated transactions or the roots are not what execution gives.
    #[error("incorrect-transactions-or-hashes-block")]
    Differs,
    /// It names another block before it.
    #[error("prev-blk-not-found")]
    WrongParent,
}

/// What blocks have led to.
pub(crate) struct View {
    pub coins: Coins,
    pub index: Index,
    pub evm: Evm,
    pub roots: Roots,
    blocks: Vec<Arc<Block>>,
    heights: HashMap<BlockHash, u32>,
    cache: RootCache,
}

impl View {
    /// The state after the genesis block. Its coinbase can not be spent; what it premines can.
    pub fn new(genesis: Arc<Block>) -> Self {
        let mut evm = Evm::default();
        let mut cache = RootCache::default();
        let roots = cache.roots(&mut evm, false);
        let mut view = Self {
            coins: Coins::default(),
            index: Index::default(),
            evm,
            roots,
            blocks: Vec::new(),
            heights: HashMap::from([(genesis.hash, 0)]),
            cache,
        };
        for (position, tx) in (0..).zip(&genesis.txs).skip(1) {
            view.index.connect(
                tx,
                Place {
                    block: genesis.hash,
                    height: 0,
                    position,
                },
                &[],
            );
            view.coins.add(tx, 0);
        }
        view.blocks.push(genesis);
        view
    }

    pub fn tip(&self) -> &Arc<Block> {
        self.blocks
            .last()
            .expect("invariant: a view begins with its genesis block")
    }

    pub fn height(&self) -> u32 {
        u32::try_from(self.blocks.len() - 1).unwrap_or(u32::MAX)
    }

    pub fn block(&self, height: u32) -> Option<&Arc<Block>> {
        self.blocks.get(usize::try_from(height).ok()?)
    }

    /// The height of a block of this chain.
    pub fn height_of(&self, hash: &BlockHash) -> Option<u32> {
        self.heights.get(hash).copied()
    }

    /// The median time of the last eleven blocks: the next must be later.
    pub fn median_time(&self) -> u32 {
        self.median_time_at(self.height())
    }

    pub fn median_time_at(&self, height: u32) -> u32 {
        let first = height.saturating_sub(10);
        let mut times: Vec<u32> = (first..=height)
            .filter_map(|height| self.block(height))
            .map(|block| block.header.time)
            .collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    /// What contracts see in the next block.
    pub fn environment(&self, time: u32, coinbase: Bytes20) -> evm::Block {
        let hashes = self
            .blocks
            .iter()
            .rev()
            .take(256)
            .map(|block| block.hash.0)
            .collect();
        evm::Block {
            number: self.height() + 1,
            time,
            coinbase,
            hashes,
            ..evm::Block::default()
        }
    }

    /// The transaction and where it is.
    pub fn transaction(&self, txid: &sparky_qtum::Txid) -> Option<(&Arc<Tx>, Place)> {
        let place = self.index.place(txid)?;
        let block = self.block(place.height)?;
        Some((block.txs.get(usize::try_from(place.position).ok()?)?, place))
    }

    /// Runs the contract outputs of a transaction of the next block.
    pub fn execute(&mut self, environment: &evm::Block, tx: &Tx, payer: Bytes20) -> Executed {
        execute::run(&mut self.evm, &mut self.cache, environment, tx, payer)
    }

    /// The roots as they are now, in the middle of a block.
    pub fn current_roots(&mut self) -> Roots {
        self.cache.roots(&mut self.evm, true)
    }

    /// Adds a block on top. Signatures have been checked when its transactions were accepted.
    pub fn connect(&mut self, block: Arc<Block>) -> Result<(), Unconnectable> {
        if block.header.previous != self.tip().hash {
            return Err(Unconnectable::WrongParent);
        }
        let checkpoint = self.evm.checkpoint();
        let height = self.height() + 1;
        let environment = self.environment(block.header.time, block.author());
        let mut gas_used = 0;
        for (position, tx) in (0..).zip(&block.txs) {
            let place = Place {
                block: block.hash,
                height,
                position,
            };
            let spent = self.spend_inputs(tx)?;
            self.index.connect(tx, place, &spent);
            self.coins.add(tx, height);
            if tx.is_coinbase()
                || execute::is_generated(tx)
                || execute::contracts(tx).next().is_none()
            {
                continue;
            }
            let payer = spent
                .first()
                .and_then(|coin| coin.output.script.kind().sender());
            let executed =
                self.execute(&environment, tx, payer.map_or([0; 20], |account| account.0));
            let after = block
                .txs
                .iter()
                .skip(1 + usize::try_from(position).unwrap_or_default());
            if !executed
                .generated
                .iter()
                .map(|tx| tx.id())
                .eq(after.take(executed.generated.len()).map(|tx| tx.id()))
            {
                return Err(Unconnectable::Differs);
            }
            self.index.record(tx, place, &executed.executions, gas_used);
            gas_used += executed.gas_used;
        }
        self.roots = self.current_roots();
        if (self.roots.state, self.roots.utxo) != (block.header.state_root, block.header.utxo_root)
        {
            self.evm.roll_back(checkpoint);
            return Err(Unconnectable::Differs);
        }
        self.evm.settle();
        self.heights.insert(block.hash, height);
        self.blocks.push(block);
        Ok(())
    }

    fn spend_inputs(&mut self, tx: &Tx) -> Result<Vec<Coin>, Unconnectable> {
        if tx.is_coinbase() {
            return Ok(Vec::new());
        }
        let spend = |input: &sparky_qtum::tx::TxIn| self.coins.spend(&input.previous);
        tx.inputs
            .iter()
            .map(spend)
            .collect::<Option<_>>()
            .ok_or(Unconnectable::MissingInput)
    }
}
