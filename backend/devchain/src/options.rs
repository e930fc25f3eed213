//! What the node was started with, and the faults that it plays for those who must live with them.

use crate::mempool::Class;

/// The indexes of `-txindex`, `-addrindex` and `-logevents`. Without one, the methods that need it
/// answer as qtumd does without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexes {
    /// `-txindex`: mined transactions by their id.
    pub transactions: bool,
    /// `-addrindex`: coins and history by address.
    pub addresses: bool,
    /// `-logevents`: receipts and events.
    pub events: bool,
}

impl Default for Indexes {
    fn default() -> Self {
        Self {
            transactions: true,
            addresses: true,
            events: true,
        }
    }
}

/// What goes wrong with requests, until it is switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The node has just been started: error −28.
    WarmingUp,
    /// The queue of requests is full: HTTP 503.
    Busy,
}

impl Fault {
    /// The fault of that name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "warmup" => Some(Self::WarmingUp),
            "busy" => Some(Self::Busy),
            _ => None,
        }
    }
}

/// Which transactions a miner leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// Deployments and calls, as an attacker who fills blocks can.
    #[default]
    Contracts,
    /// Calls alone.
    Calls,
    /// Deployments alone.
    Creates,
    /// Payments alone.
    Plain,
    /// Everything: empty blocks.
    All,
}

impl Withheld {
    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "contract" => Some(Self::Contracts),
            "call" => Some(Self::Calls),
            "create" => Some(Self::Creates),
            "plain" => Some(Self::Plain),
            "all" => Some(Self::All),
            _ => None,
        }
    }

    pub fn holds(self, class: Class) -> bool {
        match self {
            Self::Contracts => class != Class::Plain,
            Self::Calls => class == Class::Call,
            Self::Creates => class == Class::Create,
            Self::Plain => class == Class::Plain,
            Self::All => true,
        }
    }
}
