//! What every handler can reach.

use std::{
    net::IpAddr,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32},
    },
};

use sparky_protocol::{Account, Domain, Reserve, Tip};
use sparky_qtum::{BlockHash, Network, address, rpc};
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    book::Book,
    chain::mirror::Mirror,
    commit::Committer,
    config::{Chain, TowerLimits},
    crowd::{Crowd, Doors},
    error::{Error, Result},
    fleet::{Fleet, Hint},
    hub::{Hub, Notice},
    limit::Limiter,
    quotas::Bounds,
    sessions::Sessions,
    store::{Appended, Deployment, Epoch, Store},
    watchtower::Purse,
};

/// The relay's parts, shared by all tasks. Cloning it is cloning a pointer.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// See the modules of the same names.
pub(crate) struct Parts {
    pub(crate) chain: Chain,
    pub(crate) public_url: String,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) confirmations: u32,
    pub(crate) quotas: Bounds,
    /// The connections of this process.
    pub(crate) doors: Arc<Doors>,
    /// The WebSockets of each account.
    pub(crate) crowd: Arc<Crowd>,
    /// The node's wallet that pays for the watchtower's transactions.
    pub(crate) tower_wallet: rpc::Client,
    /// What the watchtower may spend, and how soon it offers more.
    pub(crate) tower_limits: TowerLimits,
    /// What the watchtower's wallet holds, as it was last seen.
    pub(crate) purse: watch::Sender<Purse>,
    /// Contracts besides our own that may be called.
    pub(crate) allowed_contracts: Vec<Account>,
    pub(crate) deployment: Deployment,
    /// The block that created the contract: what tells one private chain from the next, on which
    /// contract and channels may get the same names again.
    pub(crate) contract_block: BlockHash,
    pub(crate) domain: Domain,
    /// The finalization periods that the contract accepts, in blocks.
    pub(crate) window_bounds: [u32; 2],
    pub(crate) store: Store,
    /// The present life of the database.
    pub(crate) epoch: Epoch,
    pub(crate) node: rpc::Client,
    /// The same node, asked without patience: how is it now?
    pub(crate) probe: rpc::Client,
    pub(crate) hub: Hub,
    /// The other relays on this database.
    pub(crate) fleet: Fleet,
    /// What this relay knows of the chain while another one follows it.
    pub(crate) mirror: Mirror,
    pub(crate) book: Book,
    pub(crate) committer: Committer,
    pub(crate) sessions: Sessions,
    pub(crate) limits: Limits,
    /// The block that the relay has followed the chain to.
    pub(crate) tip: watch::Sender<Block>,
    /// Ends everything that runs on its own.
    pub(crate) stopping: CancellationToken,
    /// The WebSockets that are open.
    pub(crate) connections: TaskTracker,
    /// Why the node can not be used; empty while it can.
    pub(crate) node_trouble: watch::Sender<Option<String>>,
    /// Off only on a private chain, for those who want to see what happens then.
    pub(crate) tower_on: AtomicBool,
    /// Wakes the watchtower before the next block: something was switched.
    pub(crate) tower_wake: Notify,
    /// The height up to which the watchtower has looked at every closing channel.
    pub(crate) tower_checked: AtomicU32,
}

/// How fast one may ask: by account once signed in, by host before.
pub(crate) struct Limits {
    pub(crate) accounts: Limiter<Account>,
    pub(crate) hosts: Limiter<IpAddr>,
}

/// A block as the relay tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) height: u32,
    pub(crate) hash: BlockHash,
    /// Seconds since 1970.
    pub(crate) time: i64,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The base58 text of an account on this network.
    pub(crate) fn address(&self, account: Account) -> String {
        address::encode(&account, self.network())
    }

    /// An account from its address, or from its forty hexadecimal digits.
    pub(crate) fn parse_account(&self, text: &str) -> Result<Account> {
        address::parse(text, self.network())
            .map_err(|cause| Error::InvalidAddress(cause.to_string()))
    }

    pub(crate) fn network(&self) -> Network {
        self.chain.network()
    }

    /// What every participant must keep in a channel on this chain.
    pub(crate) fn reserve(&self) -> Reserve {
        if self.chain == Chain::Mainnet {
            Reserve::MAINNET
        } else {
            Reserve::NONE
        }
    }

    /// The height that the relay has followed the chain to.
    pub(crate) fn height(&self) -> u32 {
        self.tip.borrow().height
    }

    /// Where the chain stands, for the rules of the protocol.
    pub(crate) fn protocol_tip(&self) -> Tip {
        Tip {
            height: self.height(),
            confirmations: self.confirmations,
            reserve: self.reserve(),
        }
    }

    /// What was signed to be used until a block before this one binds nobody any more, whatever is
    /// reorganised.
    pub(crate) fn oldest_binding_height(&self) -> u32 {
        self.height().saturating_sub(self.confirmations)
    }

    /// Whether an account has a connection, to this relay or to another.
    pub(crate) fn is_online(&self, account: Account) -> bool {
        self.hub.is_online(account) || self.fleet.is_online_elsewhere(account)
    }

    /// Tells connections of what was stored. Only ever called after the commit returned.
    pub(crate) fn tell(&self, appended: Appended) {
        if !appended.is_empty() {
            let events = appended.iter().map(|(account, seq, _)| (*account, *seq));
            self.fleet.hint(Hint::Events(events.collect()));
        }
        for (account, seq, frame) in appended {
            self.hub.deliver(account, &Notice::Event(seq, frame));
        }
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
