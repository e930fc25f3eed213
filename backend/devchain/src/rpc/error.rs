//! Errors as qtumd's RPC numbers them.

use serde_json::{Value, json};

use crate::mempool::Reject;

/// What a method answers when it does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub(crate) struct RpcError {
    pub code: i32,
    pub message: String,
}

impl RpcError {
    pub const MISC: i32 = -1;
    pub const TYPE: i32 = -3;
    pub const WALLET: i32 = -4;
    pub const ADDRESS: i32 = -5;
    pub const FUNDS: i32 = -6;
    pub const PARAMETER: i32 = -8;
    pub const UNLOCK_NEEDED: i32 = -13;
    pub const WRONG_PASSPHRASE: i32 = -14;
    pub const WRONG_ENCRYPTION_STATE: i32 = -15;
    pub const IN_WARMUP: i32 = -28;
    pub const DECODE: i32 = -22;
    pub const WALLET_NOT_FOUND: i32 = -18;
    pub const WALLET_NOT_SPECIFIED: i32 = -19;
    pub const WALLET_LOADED: i32 = -35;
    pub const INVALID_REQUEST: i32 = -32_600;
    pub const METHOD_NOT_FOUND: i32 = -32_601;
    pub const INVALID_PARAMS: i32 = -32_602;
    pub const INTERNAL: i32 = -32_603;
    pub const PARSE: i32 = -32_700;

    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub fn address(message: impl Into<String>) -> Self {
        Self::new(Self::ADDRESS, message)
    }

    pub fn parameter(message: impl Into<String>) -> Self {
        Self::new(Self::PARAMETER, message)
    }

    pub fn wrong_type(message: impl Into<String>) -> Self {
        Self::new(Self::TYPE, message)
    }

    pub fn to_json(&self) -> Value {
        json!({ "code": self.code, "message": self.message })
    }
}

impl From<Reject> for RpcError {
    fn from(reject: Reject) -> Self {
        Self {
            code: reject.code,
            message: reject.message,
        }
    }
}
