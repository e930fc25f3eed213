//! Unspent outputs.

use std::collections::HashMap;

use sparky_qtum::COINBASE_MATURITY;
use sparky_qtum::tx::{OutPoint, TxOut};

use crate::block::Tx;

/// An unspent output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Coin {
    pub output: TxOut,
    /// Height of its block; that of the next block for outputs in the mempool.
    pub height: u32,
    pub coinbase: bool,
}

impl Coin {
    /// Whether a transaction in a block at `height` may spend it. Gas refunds are outputs of the
    /// coinbase, so they wait as long as the reward.
    pub const fn is_mature(&self, height: u32) -> bool {
        !self.coinbase || COINBASE_MATURITY <= height.saturating_sub(self.height)
    }
}

/// All unspent outputs of the active chain.
#[derive(Default)]
pub(crate) struct Coins {
    unspent: HashMap<OutPoint, Coin>,
}

impl Coins {
    pub fn get(&self, outpoint: &OutPoint) -> Option<&Coin> {
        self.unspent.get(outpoint)
    }

    pub fn spend(&mut self, outpoint: &OutPoint) -> Option<Coin> {
        self.unspent.remove(outpoint)
    }

    /// Adds the outputs of a mined transaction, except those that nobody can ever spend.
    pub fn add(&mut self, tx: &Tx, height: u32) {
        let coinbase = tx.is_coinbase();
        for (vout, output) in (0..).zip(&tx.outputs) {
            if output.script.as_bytes().first() != Some(&0x6a) {
                self.unspent.insert(
                    tx.outpoint(vout),
                    Coin {
                        output: output.clone(),
                        height,
                        coinbase,
                    },
                );
            }
        }
    }

    /// Satoshi in all unspent outputs.
    pub fn total(&self) -> u64 {
        self.unspent.values().map(|coin| coin.output.value).sum()
    }

    pub fn len(&self) -> usize {
        self.unspent.len()
    }
}
