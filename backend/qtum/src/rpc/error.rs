//! What can go wrong between us and a node, and what to do about it.

use super::rejection::explain_rejection;

/// Why a question to the node has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// The URL in the configuration is wrong.
    #[error("the node's URL is wrong: {0}")]
    Url(String),
    /// No connection, or it broke.
    #[error("the Qtum node at {url} is not reachable: {cause}")]
    Unreachable {
        /// Without the password.
        url: String,
        /// The error of the network.
        cause: String,
    },
    /// Connected, but no answer in time. The node may still do what was asked.
    #[error("the Qtum node at {url} does not answer in time")]
    Timeout {
        /// Without the password.
        url: String,
    },
    /// HTTP 401.
    #[error("the Qtum node refuses the user name or the password")]
    Unauthorized,
    /// HTTP 403.
    #[error("the Qtum node refuses this address or this method")]
    Forbidden,
    /// Code −28, after all attempts.
    #[error("the Qtum node is still starting: {0}")]
    WarmingUp(String),
    /// HTTP 503, after all attempts.
    #[error("the Qtum node is busy")]
    Busy,
    /// Code −32601: no such method. Asked of a node of another kind or age, or without a wallet.
    #[error("the Qtum node does not know the method {0}")]
    UnknownMethod(String),
    /// The node lacks an index that has to be switched on with a flag.
    #[error("the Qtum node runs without {flag}")]
    MissingIndex {
        /// The flag.
        flag: &'static str,
    },
    /// The node understood and refuses.
    #[error("{method}: {reason} ({code})")]
    Rejected {
        /// What was asked.
        method: String,
        /// qtumd's error code, for example −26.
        code: i64,
        /// qtumd's words, for example `dust`.
        reason: String,
    },
    /// The answer makes no sense.
    #[error("the Qtum node gave a strange answer to {method}: {cause}")]
    Protocol {
        /// What was asked.
        method: String,
        /// What was wrong with the answer.
        cause: String,
    },
}

impl RpcError {
    pub(super) fn from_reply(method: &str, code: i64, reason: String) -> Self {
        const METHOD_NOT_FOUND: i64 = -32601;
        const IN_WARMUP: i64 = -28;
        match code {
            IN_WARMUP => Self::WarmingUp(reason),
            METHOD_NOT_FOUND => Self::UnknownMethod(method.to_owned()),
            _ if reason.contains("Events indexing disabled") => {
                Self::MissingIndex { flag: "-logevents" }
            }
            _ if reason.contains("No information available for address") => {
                Self::MissingIndex { flag: "-addrindex" }
            }
            _ if reason.contains("Use -txindex") => Self::MissingIndex { flag: "-txindex" },
            _ => Self::Rejected {
                method: method.to_owned(),
                code,
                reason,
            },
        }
    }

    /// Stable code for interfaces.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Url(_) | Self::MissingIndex { .. } => "chain-misconfigured",
            Self::Unreachable { .. } | Self::Timeout { .. } => "chain-unreachable",
            Self::Unauthorized | Self::Forbidden => "chain-unauthorized",
            Self::WarmingUp(_) => "chain-warming-up",
            Self::Busy => "chain-busy",
            Self::Rejected { .. } => "tx-rejected",
            Self::UnknownMethod(_) | Self::Protocol { .. } => "chain-protocol",
        }
    }

    /// What a person can do, in one sentence.
    pub fn what_to_do(&self) -> String {
        match self {
            Self::Url(_) => "Write it as http://user:password@host:port.".to_owned(),
            Self::Unreachable { .. } => "Check that the node runs and that host and port are right.".to_owned(),
            Self::Timeout { .. } => "Check the node's load, then try again.".to_owned(),
            Self::Unauthorized => "Compare user and password with rpcuser and rpcpassword of the node.".to_owned(),
            Self::Forbidden => "Allow this machine with -rpcallowip and the method with -rpcwhitelist.".to_owned(),
            Self::WarmingUp(_) => "Wait a moment: the node loads its chain.".to_owned(),
            Self::Busy => "Try again, or raise -rpcworkqueue and -rpcthreads of the node.".to_owned(),
            Self::UnknownMethod(_) => {
                "Use Qtum Core 27.1 or newer with its wallet enabled, or the embedded chain for dev_ methods.".to_owned()
            }
            Self::MissingIndex { flag: "-txindex" } => {
                "Start the node with -txindex; it builds the index by itself.".to_owned()
            }
            Self::MissingIndex { flag } => format!("Start the node with {flag} and once with -reindex."),
            Self::Rejected { code, reason, .. } => explain_rejection(*code, reason),
            Self::Protocol { .. } => "Check that the URL leads to a Qtum node.".to_owned(),
        }
    }

    /// Whether the same question may succeed later without anybody doing anything.
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::WarmingUp(_) | Self::Busy
        )
    }

    /// Whether the node says that what was asked for does not exist (−5, or −8 for a height).
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Rejected { code: -5, .. } => true,
            Self::Rejected {
                code: -8, reason, ..
            } => reason.contains("out of range"),
            _ => false,
        }
    }

    /// Whether a transaction was refused because it is in a block already: as good as sent.
    pub fn is_already_mined(&self) -> bool {
        matches!(self, Self::Rejected { code: -27, .. })
    }

    /// Whether a transaction was refused because a coin of it does not exist or was spent in a block. The same
    /// code stands for a fee above the node's limit.
    pub fn is_missing_or_spent(&self) -> bool {
        matches!(self, Self::Rejected { code: -25, reason, .. } if reason.contains("missing"))
    }
}
