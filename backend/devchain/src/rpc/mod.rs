//! qtumd's JSON-RPC over HTTP: authorisation, batches, named parameters, status codes.

#![allow(
    clippy::unnecessary_wraps,
    reason = "all methods have one signature, so that tables can hold them"
)]

mod addresses;
mod blocks;
mod build;
mod contracts;
mod dev;
mod error;
mod format;
mod params;
mod tokens;
mod transactions;
mod wallet;
mod wallet_contracts;
mod wallet_history;
mod wallet_lock;
mod wallets;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::node::Node;
use crate::options::{Fault, Indexes};
use contracts::LogFilter;
use error::RpcError;
use params::{Params, with_amounts};

/// A transaction of the largest standard size, as hexadecimal, many times over.
const MAX_BODY: usize = 32 * 1024 * 1024;

type Answer = Result<Value, RpcError>;

/// Name, parameters, and what it does.
struct Method(&'static str, &'static str, fn(&mut Node, &Params) -> Answer);

/// The same for a method of a wallet, whose name comes second.
struct WalletMethod(
    &'static str,
    &'static str,
    fn(&mut Node, &str, &Params) -> Answer,
);

const METHODS: &[&[Method]] = &[
    blocks::METHODS,
    transactions::METHODS,
    build::METHODS,
    contracts::METHODS,
    tokens::METHODS,
    addresses::METHODS,
    wallets::METHODS,
    dev::METHODS,
];

const WALLET_METHODS: &[&[WalletMethod]] = &[
    wallet::METHODS,
    wallet_contracts::METHODS,
    wallet_history::METHODS,
    wallet_lock::METHODS,
];

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Rpc {
    node: Arc<Mutex<Node>>,
    authorization: Arc<str>,
    stopping: CancellationToken,
}

impl Rpc {
    pub fn new(node: Node, user: &str, password: &str, stopping: CancellationToken) -> Self {
        let authorization =
            format!("Basic {}", base64(format!("{user}:{password}").as_bytes())).into();
        Self {
            node: Arc::new(Mutex::new(node)),
            authorization,
            stopping,
        }
    }

    pub fn router(self) -> Router {
        Router::new()
            .route("/", post(handle))
            .route("/wallet/", post(handle))
            .route("/wallet/{*name}", post(handle_wallet))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self)
    }

    /// The node. A request that panicked has changed nothing by halves that the next could not read.
    fn node(&self) -> MutexGuard<'_, Node> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::AUTHORIZATION)
            .is_some_and(|given| given.as_bytes() == self.authorization.as_bytes())
    }
}

async fn handle(State(rpc): State<Rpc>, headers: HeaderMap, body: Bytes) -> Response {
    respond(&rpc, &headers, &body, None).await
}

async fn handle_wallet(
    State(rpc): State<Rpc>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    respond(&rpc, &headers, &body, Some(&name)).await
}

async fn respond(rpc: &Rpc, headers: &HeaderMap, body: &[u8], wallet: Option<&str>) -> Response {
    if !rpc.is_authorized(headers) {
        return (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, "Basic realm=\"jsonrpc\"")],
        )
            .into_response();
    }
    let request = serde_json::from_slice::<Value>(body);
    match request
        .as_ref()
        .ok()
        .map_or(Fault::None, |request| fault_of(rpc, request))
    {
        Fault::None => {}
        Fault::Busy => {
            return (StatusCode::SERVICE_UNAVAILABLE, "Work queue depth exceeded").into_response();
        }
        Fault::WarmingUp => {
            let error = RpcError::new(RpcError::IN_WARMUP, "Loading block index…");
            let (status, json) = envelope(Err(error), &Value::Null);
            return (status, json.to_string()).into_response();
        }
    }
    let (status, json) = match request {
        Ok(Value::Array(requests)) => {
            let mut answers = Vec::new();
            for request in requests {
                answers.push(answer(rpc, request, wallet).await.1);
            }
            (StatusCode::OK, Value::Array(answers))
        }
        Ok(request @ Value::Object(_)) => answer(rpc, request, wallet).await,
        Ok(_) => envelope(
            Err(RpcError::new(
                RpcError::PARSE,
                "Top-level object parse error",
            )),
            &Value::Null,
        ),
        Err(_) => envelope(
            Err(RpcError::new(RpcError::PARSE, "Parse error")),
            &Value::Null,
        ),
    };
    let text = with_amounts(&json) + "\n";
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// What goes wrong with this request: never with one that may switch it off.
fn fault_of(rpc: &Rpc, request: &Value) -> Fault {
    let method = request.get("method").and_then(Value::as_str);
    if method.is_some_and(|method| method.starts_with("dev_")) {
        return Fault::None;
    }
    rpc.node().next_fault()
}

/// The answer of a node that was started without the index which the method needs.
fn missing_index(indexes: Indexes, method: &str) -> Option<Answer> {
    match method {
        "getaddressmempool" if !indexes.addresses => Some(Ok(json!([]))),
        "getspentinfo" if !indexes.addresses => {
            Some(Err(RpcError::address("Unable to get spent info")))
        }
        "getblockhashes" if !indexes.addresses => Some(Err(RpcError::address(
            "No information available for block hashes",
        ))),
        "getaddressutxos" | "getaddressbalance" | "getaddressdeltas" | "getaddresstxids"
            if !indexes.addresses =>
        {
            Some(Err(RpcError::address(
                "No information available for address",
            )))
        }
        "gettransactionreceipt" | "searchlogs" | "waitforlogs" if !indexes.events => Some(Err(
            RpcError::new(RpcError::INTERNAL, "Events indexing disabled"),
        )),
        _ => None,
    }
}

async fn answer(rpc: &Rpc, mut request: Value, wallet: Option<&str>) -> (StatusCode, Value) {
    let id = request.get_mut("id").map(Value::take).unwrap_or_default();
    let params = request
        .get_mut("params")
        .map(Value::take)
        .unwrap_or_default();
    let result = match request.get("method") {
        None => Err(RpcError::new(RpcError::INVALID_REQUEST, "Missing method")),
        Some(Value::String(method)) => dispatch(rpc, method, params, wallet).await,
        Some(_) => Err(RpcError::new(
            RpcError::INVALID_REQUEST,
            "Method must be a string",
        )),
    };
    envelope(result, &id)
}

fn envelope(result: Answer, id: &Value) -> (StatusCode, Value) {
    match result {
        Ok(result) => (
            StatusCode::OK,
            json!({ "result": result, "error": null, "id": id }),
        ),
        Err(error) => {
            let status = match error.code {
                RpcError::INVALID_REQUEST => StatusCode::BAD_REQUEST,
                RpcError::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            (
                status,
                json!({ "result": null, "error": error.to_json(), "id": id }),
            )
        }
    }
}

async fn dispatch(rpc: &Rpc, method: &str, params: Value, wallet: Option<&str>) -> Answer {
    let (indexes, has_dev) = {
        let node = rpc.node();
        (node.indexes, node.has_dev)
    };
    if let Some(answer) = missing_index(indexes, method) {
        return answer;
    }
    if method.starts_with("dev_") && !has_dev {
        return Err(RpcError::new(
            RpcError::METHOD_NOT_FOUND,
            "Method not found",
        ));
    }
    if method == "waitforlogs" {
        let params = Params::new(method, LogFilter::PARAMS, params)?;
        return wait_for_logs(rpc, &params).await;
    }
    if method == "stop" {
        rpc.stopping.cancel();
        return Ok("Qtum Core stopping".into());
    }
    if method == "help" {
        return Ok(help().into());
    }
    if let Some(Method(name, spec, run)) = METHODS
        .iter()
        .copied()
        .flatten()
        .find(|known| known.0 == method)
    {
        let params = Params::new(name, spec, params)?;
        return run(&mut rpc.node(), &params);
    }
    if let Some(WalletMethod(name, spec, run)) = WALLET_METHODS
        .iter()
        .copied()
        .flatten()
        .find(|known| known.0 == method)
    {
        let params = Params::new(name, spec, params)?;
        let mut node = rpc.node();
        let wallet = chosen_wallet(&node, wallet)?;
        return run(&mut node, &wallet, &params);
    }
    Err(RpcError::new(
        RpcError::METHOD_NOT_FOUND,
        "Method not found",
    ))
}

/// The parameters of a method as `name:type`, with `?` behind an optional one; types are string, number,
/// bool, array, object and any. None for a method that is not here.
pub fn parameters(method: &str) -> Option<&'static str> {
    let of_nodes = METHODS.iter().copied().flatten();
    let of_wallets = WALLET_METHODS.iter().copied().flatten();
    let known = of_nodes
        .map(|known| (known.0, known.1))
        .chain(of_wallets.map(|known| (known.0, known.1)))
        .chain([("waitforlogs", LogFilter::PARAMS), ("stop", "")]);
    known
        .into_iter()
        .find_map(|(name, parameters)| (name == method).then_some(parameters))
}

fn help() -> String {
    let methods = METHODS
        .iter()
        .copied()
        .flatten()
        .map(|method| (method.0, method.1));
    let of_wallets = WALLET_METHODS
        .iter()
        .copied()
        .flatten()
        .map(|method| (method.0, method.1));
    let mut lines: Vec<String> = methods
        .chain(of_wallets)
        .chain([
            ("waitforlogs", LogFilter::PARAMS),
            ("stop", ""),
            ("help", ""),
        ])
        .map(|(name, params)| format!("{name} {params}").trim_end().to_owned())
        .collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The wallet of the path, or the only one.
fn chosen_wallet(node: &Node, wallet: Option<&str>) -> Result<String, RpcError> {
    if let Some(name) = wallet {
        wallet::wallet(node, name)?;
        return Ok(name.to_owned());
    }
    let mut names = node.wallets.names();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only.clone()),
        (None, _) => Err(RpcError::new(
            RpcError::WALLET_NOT_FOUND,
            "No wallet is loaded. Load a wallet using loadwallet or create a new one with createwallet. (Note: A \
             default wallet is no longer automatically created)",
        )),
        _ => Err(RpcError::new(
            RpcError::WALLET_NOT_SPECIFIED,
            "Wallet file not specified (must request wallet RPC through /wallet/<filename> uri-path).",
        )),
    }
}

/// Waits for a block with events in the wanted range, however long that takes.
async fn wait_for_logs(rpc: &Rpc, params: &Params) -> Answer {
    let (filter, mut tip) = {
        let node = rpc.node();
        (LogFilter::new(&node, params)?, node.subscribe())
    };
    loop {
        tip.mark_unchanged();
        let found = filter.look(&rpc.node())?;
        if let Some(found) = found {
            return Ok(found);
        }
        tokio::select! {
            changed = tip.changed() => if changed.is_err() { return Ok(Value::Null) },
            () = rpc.stopping.cancelled() => return Ok(Value::Null),
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, index| {
            bits << 8 | u32::from(*chunk.get(index).unwrap_or(&0))
        });
        for index in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * index) & 63).unwrap_or_default();
            text.push(if index <= chunk.len() {
                char::from(DIGITS[digit])
            } else {
                '='
            });
        }
    }
    text
}
