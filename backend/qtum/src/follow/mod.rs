//! Following the chain block by block, through reorganisations, with the contract's logs.
//!
//! Heights are not names: on Qtum headers up to 2,000 blocks deep can be replaced, so everything here
//! goes by hash. Whoever listens stores the hashes that it has processed and hands them in at the next
//! start; the follower then undoes what has vanished meanwhile and repeats the newest blocks, so that
//! handling a block must be idempotent by its hash.

use std::time::Duration;

use sparky_protocol::{Account, ChainEvent};

use crate::contract::decode_log;
use crate::digest::{BlockHash, Txid};
use crate::rpc::{Client, Receipt, RpcError};

mod walk;

pub use walk::{BlockRef, Move, Next, Walk};

/// Blocks remembered by default: more than Qtum Core lets be replaced (2,000).
pub const MEMORY: usize = 2_100;

/// Blocks repeated at a start by default.
pub const RESCAN: u32 = 100;

/// What happened to the best chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A block was added on top. Right after a start it can be one that was handed out before.
    Connected(Block),
    /// The newest block was taken away: undo what followed from it.
    Disconnected(BlockRef),
    /// A reorganisation deeper than the follower's memory: undo everything above this block.
    Rewound(BlockRef),
}

/// A block of the best chain, with what the contract said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Height and hash.
    pub at: BlockRef,
    /// The block below.
    pub previous: BlockHash,
    /// Seconds since 1970, by its maker's clock: for people, never for rules.
    pub time: u64,
    /// The contract's events, in the order in which they happened.
    pub logs: Vec<Logged>,
}

/// An event and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The transaction that caused it.
    pub txid: Txid,
    /// Position of the transaction in the block.
    pub transaction_index: u32,
    /// The contract output of the transaction.
    pub output_index: u32,
    /// Position among all logs of that output, those of other contracts counted.
    pub log_index: u32,
    /// Who called.
    pub sender: Account,
    /// What happened.
    pub event: ChainEvent,
}

/// Why following stopped. After [`FollowError::Rpc`] it can go on with the same follower.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The node could not be asked.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The block that everything started from is not in the node's chain: it follows another chain,
    /// or was reset.
    #[error("block {} ({}) is not in the node's chain: another chain, or a reset one", .0.height, .0.hash)]
    Lost(BlockRef),
}

impl FollowError {
    /// Stable code for interfaces.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Rpc(error) => error.code(),
            Self::Lost(_) => "chain-replaced",
        }
    }
}

/// Where to start and how often to ask.
#[derive(Clone, Debug)]
pub struct Start {
    /// A block that the caller is sure of, below the first event: that of the deployment, or the one
    /// before.
    pub base: BlockRef,
    /// The blocks above it that were processed already, oldest first, without gaps; the newest
    /// [`MEMORY`] suffice. Empty: everything above the base is handed out.
    pub known: Vec<BlockRef>,
    /// Pause between two looks at the tip.
    pub interval: Duration,
    /// Blocks to remember, usually [`MEMORY`].
    pub memory: usize,
    /// Blocks to repeat, usually [`RESCAN`].
    pub rescan: u32,
}

impl Start {
    /// With the defaults; looks at the tip twice a second.
    pub const fn at(base: BlockRef, known: Vec<BlockRef>) -> Self {
        Self {
            base,
            known,
            interval: Duration::from_millis(500),
            memory: MEMORY,
            rescan: RESCAN,
        }
    }
}

/// Follows the best chain of a node.
#[derive(Debug)]
pub struct Follower {
    client: Client,
    contract: Account,
    walk: Walk,
    interval: Duration,
}

impl Follower {
    /// A follower of `contract`. Nothing is asked yet.
    pub fn new(client: Client, contract: Account, start: Start) -> Self {
        let walk = Walk::new(start.base, start.known, start.memory, start.rescan);
        Self {
            client,
            contract,
            walk,
            interval: start.interval,
        }
    }

    /// The newest block handed out, or the base.
    pub fn position(&self) -> BlockRef {
        self.walk.position()
    }

    /// Waits for the next event. Safe to drop while it waits: nothing is handed out then, so nothing
    /// is lost.
    pub async fn next(&mut self) -> Result<Event, FollowError> {
        loop {
            match self.poll().await? {
                Some(event) => return Ok(event),
                None => tokio::time::sleep(self.interval).await,
            }
        }
    }

    /// The next event, or `None` on the tip.
    pub async fn poll(&mut self) -> Result<Option<Event>, FollowError> {
        loop {
            let position = self.walk.position();
            let here = self.client.get_block_hash(position.height).await?;
            let next = if here == Some(position.hash) {
                self.above(position.height).await?
            } else {
                None
            };
            let link = next.as_ref().map(|(hash, previous, _)| Next {
                hash: *hash,
                previous: *previous,
            });
            match self.walk.decide(here, link) {
                Move::Disconnect(block) => return Ok(Some(Event::Disconnected(block))),
                Move::Rewind(to) => return Ok(Some(Event::Rewound(to))),
                Move::Lost(base) => return Err(FollowError::Lost(base)),
                Move::Wait => return Ok(None),
                Move::Again => {}
                Move::Connect(at) => {
                    let Some(logs) = self.logs(at).await? else {
                        continue;
                    };
                    let (previous, time) =
                        next.map_or((position.hash, 0), |(_, previous, time)| (previous, time));
                    self.walk.advance(at);
                    return Ok(Some(Event::Connected(Block {
                        at,
                        previous,
                        time,
                        logs,
                    })));
                }
            }
        }
    }

    /// Hash, previous hash and time of the best chain's block above `height`.
    async fn above(&self, height: u32) -> Result<Option<(BlockHash, BlockHash, u64)>, RpcError> {
        let Some(height) = height.checked_add(1) else {
            return Ok(None);
        };
        let Some(hash) = self.client.get_block_hash(height).await? else {
            return Ok(None);
        };
        let header = self.client.get_block_header(&hash).await?;
        Ok(header.and_then(|header| Some((hash, header.previous?, header.time))))
    }

    /// The contract's logs in a block; `None` if the block left the best chain while we asked.
    ///
    /// `searchlogs` goes by height, so its answer is for this block only if every receipt says so and
    /// the block is still there afterwards.
    async fn logs(&self, at: BlockRef) -> Result<Option<Vec<Logged>>, RpcError> {
        let receipts = self
            .client
            .search_logs(at.height, at.height, &self.contract)
            .await?;
        let still_there = self.client.get_block_hash(at.height).await? == Some(at.hash);
        if !still_there || receipts.iter().any(|receipt| receipt.block_hash != at.hash) {
            return Ok(None);
        }
        Ok(Some(in_order(&self.contract, &receipts)))
    }
}

/// The events of `contract` in receipts, in the order of transactions, outputs and logs. Receipts hold
/// the logs of other contracts too, and can come in any order.
pub fn in_order(contract: &Account, receipts: &[Receipt]) -> Vec<Logged> {
    let mut logs: Vec<Logged> = Vec::new();
    for receipt in receipts {
        for (log_index, log) in (0..).zip(&receipt.logs) {
            let Some(event) = decode_log(contract, &log.address, &log.topics, &log.data) else {
                continue;
            };
            logs.push(Logged {
                txid: receipt.transaction_hash,
                transaction_index: receipt.transaction_index,
                output_index: receipt.output_index,
                log_index,
                sender: receipt.from,
                event,
            });
        }
    }
    logs.sort_by_key(|log| (log.transaction_index, log.output_index, log.log_index));
    logs.dedup_by_key(|log| (log.transaction_index, log.output_index, log.log_index));
    logs
}
