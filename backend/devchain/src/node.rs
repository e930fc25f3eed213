//! The node behind the RPC: chain, wallets, instant mining, and the bell that rings for new blocks.

use std::path::Path;

use sparky_protocol::{Account, SecretKey};
use sparky_qtum::script::{Script, p2pkh};
use sparky_qtum::tx::Transaction;
use sparky_qtum::{BlockHash, Txid};
use tokio::sync::watch;

use crate::chain::Chain;
use crate::log::BlockLog;
use crate::mempool::Reject;
use crate::options::{Fault, Indexes};
use crate::view::Unconnectable;
use crate::wallet::{self, Wallets};

/// Everything that a request can reach.
pub(crate) struct Node {
    pub chain: Chain,
    pub wallets: Wallets,
    /// Whether a block is mined whenever a transaction arrives.
    pub automine: bool,
    pub indexes: Indexes,
    /// Whether methods that no qtumd has are there.
    pub has_dev: bool,
    /// What goes wrong with the coming requests, and with how many of them.
    pub fault: (Fault, u64),
    /// Headers that the node pretends to have beyond its blocks.
    pub headers_ahead: u32,
    /// Owner of the premine, if there is one; also mines.
    treasury: SecretKey,
    started: std::time::Instant,
    tip: watch::Sender<u32>,
}

impl Node {
    /// Starts a node. `empty` is qtumd's regtest at height 0; otherwise the default wallet is rich
    /// and blocks are mined at once. With `data_dir`, what was mined there before is there again.
    pub fn open(empty: bool, indexes: Indexes, data_dir: Option<&Path>) -> std::io::Result<Self> {
        let treasury = wallet::derived_key("", 0);
        let script = p2pkh(&treasury.account());
        let mut chain = Chain::new((!empty).then_some(&script));
        let mut wallets = Wallets::default();
        if let Some(data_dir) = data_dir {
            std::fs::create_dir_all(data_dir)?;
            let (log, records) = BlockLog::open(&data_dir.join("blocks.log"))?;
            chain.replay(log, records).map_err(|error| {
                let text = format!(
                    "blocks.log is not of this chain ({error}): remove the folder to start anew"
                );
                std::io::Error::new(std::io::ErrorKind::InvalidData, text)
            })?;
            wallets = Wallets::open(&data_dir.join("wallets.json"))?;
        }
        if !empty {
            wallets.ensure_default();
        }
        let tip = watch::Sender::new(chain.view.height());
        let started = std::time::Instant::now();
        Ok(Self {
            chain,
            wallets,
            automine: !empty,
            indexes,
            has_dev: !empty,
            fault: (Fault::None, 0),
            headers_ahead: 0,
            treasury,
            started,
            tip,
        })
    }

    /// Rings whenever the tip changes.
    pub fn subscribe(&self) -> watch::Receiver<u32> {
        self.tip.subscribe()
    }

    pub fn announce(&self) {
        self.tip.send_replace(self.chain.view.height());
    }

    /// What goes wrong with this request.
    pub fn next_fault(&mut self) -> Fault {
        let (fault, left) = self.fault;
        self.fault = match left {
            0 => (Fault::None, 0),
            u64::MAX => (fault, left),
            _ => (fault, left - 1),
        };
        if left == 0 { Fault::None } else { fault }
    }

    pub fn uptime(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// The account of the premine.
    pub fn treasury(&self) -> Account {
        self.treasury.account()
    }

    /// Mines blocks that pay `script`, or the treasury.
    pub fn mine(
        &mut self,
        count: u64,
        script: Option<Script>,
    ) -> Result<Vec<BlockHash>, Unconnectable> {
        let script = script.unwrap_or_else(|| p2pkh(&self.treasury()));
        let mined = (0..count).map(|_| self.chain.mine(&script)).collect();
        self.announce();
        mined
    }

    /// Takes a transaction, and mines it if that is wished.
    pub fn submit(&mut self, tx: Transaction, max_fee: Option<u64>) -> Result<Txid, Reject> {
        let txid = self.chain.submit(tx, max_fee)?;
        if self.automine
            && let Err(error) = self.mine(1, None)
        {
            tracing::error!(%error, "the block did not connect");
        }
        Ok(txid)
    }
}
