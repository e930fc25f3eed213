//! qtumd's JSON-RPC, typed.
//!
//! Amounts are read from the text of the JSON number, never through a float. Flags of the node that
//! are needed: `-txindex`, `-addrindex`, `-logevents`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

mod address;
mod chain;
mod checkup;
mod coins;
mod contract;
mod development;
mod error;
mod node_wallet;
mod rejection;
mod wire;

pub use address::{AddressBalance, AddressUtxo, MempoolDelta};
pub use chain::{
    Block, BlockchainInfo, Header, IndexState, NetworkInfo, Output, OutputScript, OutputState,
    RawTransaction, VerboseBlock,
};
pub use checkup::Finding;
pub use contract::{CallOutcome, CallRequest, DgpInfo, Execution, LogEntry, Receipt};
pub use error::RpcError;
pub use node_wallet::{ContractSend, CreatedContract, SentCall, Signed, WalletInfo};
pub use rejection::explain_rejection;
pub use reqwest::StatusCode;

/// How long to wait, how often to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the answer to one request.
    pub timeout: Duration,
    /// Requests in all, if the node says that it is busy (HTTP 503: its queue is full) or warming up
    /// (−28). In both cases it has done nothing yet, so that asking again is always safe.
    pub attempts: u32,
    /// Before the second request; doubles each time, up to two seconds.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            attempts: 8,
            pause: Duration::from_millis(100),
        }
    }
}

const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Mining thousands of blocks takes a while.
const SLOW: Duration = Duration::from_mins(10);

/// A connection to one node. Cloning is cheap and shares the connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    authorization: Option<HeaderValue>,
    patience: Patience,
    next_id: Arc<AtomicU64>,
}

impl Client {
    /// A client for `http://user:password@host:port`, optionally with `/wallet/<name>` behind.
    /// Nothing is sent yet.
    pub fn new(url: &str) -> Result<Self, RpcError> {
        Self::with_patience(url, Patience::default())
    }

    /// Like [`Client::new`] with other timeouts.
    pub fn with_patience(url: &str, patience: Patience) -> Result<Self, RpcError> {
        let mut url = Url::parse(url).map_err(|cause| RpcError::Url(cause.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(RpcError::Url(format!(
                "{} is neither http nor https",
                url.scheme()
            )));
        }
        let authorization = authorization(&url)?;
        // The URL is printed in errors; the password must not be.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .no_proxy()
            .build()
            .map_err(|cause| RpcError::Url(cause.to_string()))?;
        Ok(Self {
            http,
            url,
            authorization,
            patience,
            next_id: Arc::default(),
        })
    }

    /// The same node, asked for wallet `name`. A node with one loaded wallet needs none.
    #[must_use]
    pub fn for_wallet(&self, name: &str) -> Self {
        let mut client = self.clone();
        if let Ok(mut path) = client.url.path_segments_mut() {
            path.clear().push("wallet").push(name);
        }
        client
    }

    /// The node's URL without the password.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Calls any method. The typed methods are made of this.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &[Box<RawValue>],
    ) -> Result<T, RpcError> {
        self.call_within(self.patience.timeout, method, params)
            .await
    }

    async fn call_slowly<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &[Box<RawValue>],
    ) -> Result<T, RpcError> {
        self.call_within(SLOW, method, params).await
    }

    async fn call_within<T: DeserializeOwned>(
        &self,
        timeout: Duration,
        method: &str,
        params: &[Box<RawValue>],
    ) -> Result<T, RpcError> {
        let mut pause = self.patience.pause;
        for _ in 1..self.patience.attempts {
            match self.ask(timeout, method, params).await {
                Err(RpcError::Busy | RpcError::WarmingUp(_)) => {
                    tracing::debug!(method, ?pause, "the node is busy; asking again");
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
                answer => return answer,
            }
        }
        self.ask(timeout, method, params).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        timeout: Duration,
        method: &str,
        params: &[Box<RawValue>],
    ) -> Result<T, RpcError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let request = Request {
            jsonrpc: "1.0",
            id,
            method,
            params,
        };
        let mut builder = self
            .http
            .post(self.url.clone())
            .timeout(timeout)
            .json(&request);
        if let Some(authorization) = &self.authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        let response = builder
            .send()
            .await
            .map_err(|cause| self.unreachable(&cause))?;
        let status = response.status();
        let body = response
            .text()
            .await
            .map_err(|cause| self.unreachable(&cause))?;
        read_reply(status, &body, method, id)
    }

    fn unreachable(&self, cause: &reqwest::Error) -> RpcError {
        let url = self.url().to_owned();
        if cause.is_timeout() {
            return RpcError::Timeout { url };
        }
        let mut text = cause.to_string();
        let mut source = std::error::Error::source(cause);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        RpcError::Unreachable { url, cause: text }
    }
}

/// The basic authorisation in the URL, if there is one.
fn authorization(url: &Url) -> Result<Option<HeaderValue>, RpcError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let credentials = format!(
        "{}:{}",
        wire::percent_decode(url.username()),
        wire::percent_decode(url.password().unwrap_or(""))
    );
    let mut value =
        HeaderValue::from_str(&format!("Basic {}", wire::base64(credentials.as_bytes())))
            .map_err(|cause| RpcError::Url(cause.to_string()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'a str,
    id: u64,
    method: &'a str,
    params: &'a [Box<RawValue>],
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<ReplyError>,
    #[serde(default)]
    id: Option<u64>,
}

#[derive(Deserialize)]
struct ReplyError {
    code: i64,
    message: String,
}

/// Reads what the node answered. qtumd answers errors with HTTP 500 (404 for an unknown method) and
/// a body; 401, 403 and 503 come without one.
///
/// # Errors
/// What the node refused, or that this is no answer to request `id`.
pub fn read_reply<T: DeserializeOwned>(
    status: StatusCode,
    body: &str,
    method: &str,
    id: u64,
) -> Result<T, RpcError> {
    match status {
        StatusCode::UNAUTHORIZED => return Err(RpcError::Unauthorized),
        StatusCode::FORBIDDEN => return Err(RpcError::Forbidden),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            return Err(RpcError::Busy);
        }
        _ => {}
    }
    let strange = |cause: String| RpcError::Protocol {
        method: method.to_owned(),
        cause,
    };
    let reply: Reply = serde_json::from_str(body)
        .map_err(|cause| strange(format!("HTTP {status}, not JSON-RPC: {cause}")))?;
    if let Some(ReplyError { code, message }) = reply.error {
        return Err(RpcError::from_reply(method, code, message));
    }
    if reply.id.is_some_and(|answered| answered != id) {
        return Err(strange("the answer belongs to another question".to_owned()));
    }
    let text = reply.result.as_deref().map_or("null", RawValue::get);
    serde_json::from_str(text).map_err(|cause| strange(cause.to_string()))
}

/// One parameter.
fn param(value: impl Serialize) -> Box<RawValue> {
    to_raw_value(&value)
        .expect("invariant: parameters are strings, numbers and maps with text keys")
}

/// An amount as parameter: a JSON number with eight decimals.
fn qtum(satoshi: u64) -> Box<RawValue> {
    let text = crate::quantity::format_full(sparky_protocol::Amount(satoshi.into()));
    RawValue::from_string(text)
        .expect("invariant: digits, a point and eight digits are a JSON number")
}

#[cfg(test)]
mod tests;
