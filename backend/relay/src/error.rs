//! One error type for every door. Clients get a stable code and its figures, operators the cause.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use sparky_protocol::Rejected;
use sparky_qtum::rpc::RpcError;

use crate::problems::{self, Problem, Retryable};

/// What handlers return.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a request is refused. The order follows the life of a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    BadRequest(String),
    #[error("{field}: {reason}")]
    InvalidValue { field: &'static str, reason: String },
    #[error("{0}")]
    InvalidAddress(String),
    #[error("{size} bytes are more than {limit}")]
    PayloadTooLarge { size: usize, limit: usize },
    #[error("the request was not there after {seconds} s")]
    TooSlow { seconds: u64 },
    #[error("too many {0}")]
    QuotaExceeded(&'static str),
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("this address does not know that verb")]
    MethodNotAllowed,
    #[error("wait {seconds} s")]
    RateLimited { seconds: u64 },
    #[error("no session was given")]
    NotSignedIn,
    #[error("the session is unknown or has ended")]
    SessionExpired,
    #[error("{0}")]
    LoginRefused(&'static str),
    #[error("pages of {origin} may not sign in at this relay")]
    OriginRefused { origin: String },
    #[error("everybody has the key of this demo account; create your own for {network}")]
    DemoKeyRefused { network: &'static str },
    #[error("channel {number} is between {a} and {b}")]
    NotParticipant { number: u64, a: String, b: String },
    #[error("this relay knows no channel {0}")]
    UnknownChannel(String),
    #[error("another proof with nonce {nonce} is stored")]
    NonceConflict { nonce: u64 },
    #[error("backup {newest} is stored, {got} is not newer")]
    BackupOlder { newest: u64, got: u64 },
    /// A rule of the channel, in the words of the protocol.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    #[error("{0}")]
    ProposalRefused(String),
    #[error("the proposal was withdrawn, answered, or its last block has passed")]
    ProposalEnded,
    #[error("this relay passes calls only to its own contract and to the assets of its channels")]
    ContractNotListed,
    #[error("the node knows no transaction {0}")]
    UnknownTransaction(String),
    /// The node's answer, or its silence.
    #[error("{0}")]
    Chain(#[from] RpcError),
    #[error("{0}")]
    ChainNotReady(String),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// Refused for asking too fast; `wait` is how long until the next request may be made.
    pub(crate) fn too_fast(wait: Duration) -> Self {
        Self::RateLimited {
            seconds: wait.as_secs() + 1,
        }
    }

    /// The row of the table.
    pub(crate) fn problem(&self) -> &'static Problem {
        problems::problem(self.code())
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad-request",
            Self::InvalidValue { .. } => "invalid-value",
            Self::InvalidAddress(_) => "invalid-address",
            Self::PayloadTooLarge { .. } => "payload-too-large",
            Self::TooSlow { .. } => "too-slow",
            Self::QuotaExceeded(_) => "quota-exceeded",
            Self::NotFound(_) => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::RateLimited { .. } => "rate-limited",
            Self::NotSignedIn => "not-signed-in",
            Self::SessionExpired => "session-expired",
            Self::LoginRefused(_) => "login-refused",
            Self::OriginRefused { .. } => "origin-refused",
            Self::DemoKeyRefused { .. } => "demo-key-refused",
            Self::NotParticipant { .. } => "not-participant",
            Self::UnknownChannel(_) => "unknown-channel",
            Self::NonceConflict { .. } => "nonce-conflict",
            Self::BackupOlder { .. } => "backup-older",
            Self::Rejected(rule) => rule.code(),
            Self::ProposalRefused(_) => "proposal-refused",
            Self::ProposalEnded => "proposal-ended",
            Self::ContractNotListed => "contract-not-listed",
            Self::UnknownTransaction(_) => "unknown-transaction",
            Self::Chain(RpcError::Rejected { .. }) => "tx-rejected",
            Self::Chain(_) => "chain-unreachable",
            Self::ChainNotReady(_) => "chain-behind",
            Self::Database(_) | Self::Internal(_) => "internal",
        }
    }

    /// The figures that a text in another language needs.
    fn params(&self) -> Map<String, Value> {
        let params = match self {
            Self::InvalidValue { field, reason } => json!({ "field": field, "reason": reason }),
            Self::PayloadTooLarge { size, limit } => json!({ "size": size, "limit": limit }),
            Self::QuotaExceeded(what) => json!({ "what": what }),
            Self::RateLimited { seconds } | Self::TooSlow { seconds } => json!({ "s": seconds }),
            Self::OriginRefused { origin } => json!({ "origin": origin }),
            Self::NotParticipant { number, a, b } => json!({ "id": number, "a": a, "b": b }),
            Self::UnknownChannel(id) => json!({ "id": id }),
            Self::NonceConflict { nonce } => json!({ "nonce": nonce }),
            Self::BackupOlder { newest, got } => json!({ "newest": newest, "got": got }),
            Self::Rejected(rule) => rule_params(rule),
            Self::Chain(RpcError::Rejected { code, reason, .. }) => {
                json!({ "nodeCode": code, "nodeReason": reason, "reason": sparky_qtum::rpc::explain_rejection(*code, reason) })
            }
            Self::Chain(cause) => json!({ "reason": cause.code() }),
            _ => json!({}),
        };
        match params {
            Value::Object(params) => params,
            _ => Map::new(),
        }
    }

    /// What the problem says: for people, in English.
    fn detail(&self) -> String {
        match self {
            Self::Chain(RpcError::Rejected { code, reason, .. }) => {
                sparky_qtum::rpc::explain_rejection(*code, reason)
            }
            // The cause names a host of ours; it is for the operator.
            Self::Chain(cause) => cause.what_to_do(),
            Self::Internal(_) => {
                "something unexpected happened; it is in the relay's log".to_owned()
            }
            other => other.to_string(),
        }
    }

    /// The problem document of RFC 9457, also the data of an error frame.
    pub(crate) fn document(&self) -> Value {
        self.log();
        let row = self.problem();
        json!({
            "type": format!("/problems/{}", row.code),
            "title": row.title,
            "status": row.status,
            "detail": self.detail(),
            "code": row.code,
            "retryable": row.retryable == Retryable::Yes,
            "fundsAtRisk": false,
            "params": self.params(),
        })
    }

    fn log(&self) {
        match self {
            Self::Database(cause) => tracing::error!(%cause, "database"),
            Self::Internal(cause) => tracing::error!(%cause, "internal"),
            Self::Chain(cause) if !matches!(cause, RpcError::Rejected { .. }) => {
                tracing::warn!(%cause, "chain");
            }
            Self::NonceConflict { nonce } => tracing::warn!(nonce, "two proofs with one nonce"),
            _ => {}
        }
    }
}

/// The figures of the rules that people meet.
fn rule_params(rule: &Rejected) -> Value {
    match rule {
        Rejected::InsufficientBalance { needed, available } => {
            json!({ "maxSat": available, "amountSat": needed })
        }
        Rejected::StaleNonce { newest, got } | Rejected::NonceGap { newest, got } => {
            json!({ "newest": newest, "nonce": got })
        }
        Rejected::AlreadyHeld { nonce } | Rejected::WrongLocks { nonce } => {
            json!({ "nonce": nonce })
        }
        Rejected::ChannelClosing { height } => json!({ "height": height }),
        Rejected::ChannelFrozen { until } => json!({ "until": until }),
        Rejected::TransferredFell { last, got } => json!({ "lastSat": last, "amountSat": got }),
        Rejected::OperationsMismatch { expected, got } => {
            json!({ "expectedSat": expected, "amountSat": got })
        }
        Rejected::LockNotExpired {
            earliest, height, ..
        } => json!({ "earliest": earliest, "height": height }),
        Rejected::WrongSequence { expected, got } => {
            json!({ "expected": expected, "sequence": got })
        }
        Rejected::WrongSplit { expected, got } => json!({ "expectedSat": expected, "netToA": got }),
        Rejected::UnknownProof {
            oldest,
            newest,
            got,
        } => json!({ "oldest": oldest, "newest": newest, "nonce": got }),
        Rejected::ValidUntilOutOfRange {
            height,
            latest,
            got,
        } => {
            json!({ "height": height, "latest": latest, "validUntil": got })
        }
        _ => json!({}),
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let row = self.problem();
        let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"sparky\""),
            );
        }
        if let Self::RateLimited { seconds } = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}
