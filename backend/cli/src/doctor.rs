//! `sparky doctor`: what is wrong, part by part, and what to do about it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use sparky_protocol::Amount;
use sparky_qtum::contract;
use sparky_qtum::rpc::{self, Client, Patience, RpcError};
use sparky_relay::Chain;

use crate::args::Context;
use crate::dev::ready;
use crate::money;
use crate::node::{self, Endpoint, Node};
use crate::output::table;
use crate::participant::key;
use crate::participant::relay::Relay;
use crate::participant::view::Info;
use crate::problem::{self, Problem};
use crate::profile::Profile;
use crate::relay::LEAST_CONFIRMATIONS;

/// Arguments of `sparky doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    endpoint: Endpoint,
    /// The node's wallet that pays for the watchtower; the only loaded one when not given
    #[arg(long, env = "SPARKY_TOWER_WALLET", value_name = "NAME")]
    tower_wallet: Option<String>,
}

/// One part and how it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    part: &'static str,
    ok: bool,
    text: String,
}

impl From<rpc::Finding> for Finding {
    fn from(rpc::Finding { part, result }: rpc::Finding) -> Self {
        let (ok, text) = match result {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        Self { part, ok, text }
    }
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    items: Vec<Finding>,
}

/// Examines everything that can be reached from here.
///
/// # Errors
/// `unhealthy` when something is wrong.
pub async fn run(args: &Args, context: &Context) -> Result<()> {
    // A doctor looks once, and not for long.
    let once = Patience {
        attempts: 1,
        timeout: Duration::from_secs(10),
        ..Patience::default()
    };
    let client = Client::with_patience(&args.endpoint.url(context), once);
    let node = Node {
        client: client.map_err(|error| node::problem(&error))?,
    };
    let relay = Relay::new(&context.relay_url());
    let info: Result<Info> = relay.get("/info").await;
    let named = info
        .as_ref()
        .ok()
        .and_then(|info| info.network.parse().ok());
    let network = context
        .chain_given()
        .or(named)
        .unwrap_or(Chain::Dev)
        .network();
    let mut items: Vec<Finding> = node
        .client
        .examine(network, now())
        .await
        .into_iter()
        .map(Finding::from)
        .collect();
    let answers = items.first().is_some_and(|first| first.ok);
    if answers {
        items.push(finding("tower wallet", wallet(args, &node).await));
    }
    items.push(finding(
        "relay",
        info.as_ref()
            .map_err(|error| problem::of(error).into())
            .and_then(|info| relay_text(&relay, info)),
    ));
    if let Ok(info) = &info
        && answers
    {
        items.push(finding("in step", in_step(&node, info).await));
        items.push(finding("contract", code(&node, info).await));
        items.push(finding("clock", clock(&node).await));
    }
    items.extend(readiness(&relay).await);
    items.push(finding("profile", profile(context)));
    let ok = items.iter().all(|finding| finding.ok);
    context.output.show(&Report { ok, items }, |report| {
        let mark = |ok| if ok { "ok" } else { "WRONG" };
        let rows: Vec<[String; 3]> = report
            .items
            .iter()
            .map(|one| {
                [
                    one.part.to_owned(),
                    mark(one.ok).to_owned(),
                    one.text.clone(),
                ]
            })
            .collect();
        table(["PART", "IS", "WHAT"], &rows)
    })?;
    if ok {
        return Ok(());
    }
    Err(Problem::new(
        "unhealthy",
        "Something is wrong",
        "See the lines marked WRONG.",
    )
    .into())
}

fn finding(part: &'static str, result: Result<String>) -> Finding {
    match result {
        Ok(text) => Finding {
            part,
            ok: true,
            text,
        },
        Err(error) => Finding {
            part,
            ok: false,
            text: problem::of(&error).detail,
        },
    }
}

/// A finding that has no code of its own.
fn wrong(text: impl Into<String>) -> anyhow::Error {
    anyhow::Error::msg(text.into())
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn asked(error: RpcError) -> anyhow::Error {
    node::problem(&error).into()
}

/// The node's wallet that pays for the watchtower: loaded, unlocked, not empty.
async fn wallet(args: &Args, node: &Node) -> Result<String> {
    let client = match &args.tower_wallet {
        Some(name) => node.client.for_wallet(name),
        None => node.client.clone(),
    };
    let without = "The watchtower can not answer old closes; payments are not touched.";
    let info = client.get_wallet_info().await.map_err(|error| {
        wrong(format!(
            "{error}. {without} Load a wallet (loadwallet), and name it in SPARKY_TOWER_WALLET when there are several."
        ))
    })?;
    if info.unlocked_until == Some(0) {
        let text = format!(
            "Wallet {:?} is locked. {without} Unlock it with walletpassphrase, or use one without a passphrase.",
            info.name
        );
        return Err(wrong(text));
    }
    let satoshi = client.get_confirmed_balance(1).await.map_err(asked)?;
    if satoshi == 0 {
        let text = format!(
            "Wallet {:?} is empty. {without} Send coins to it: getnewaddress tells where.",
            info.name
        );
        return Err(wrong(text));
    }
    Ok(format!(
        "wallet {:?} can spend {}",
        info.name,
        money::qtum(Amount(satoshi.into()))
    ))
}

/// What the relay says of itself: why it is not ready, and what its operator should look at.
async fn readiness(relay: &Relay) -> Vec<Finding> {
    judged(&ready::readiness(relay.base()).await.unwrap_or_default())
}

/// An answer of `GET /readyz`, part by part.
fn judged(said: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for part in ["database", "chain"] {
        if let Some(text) = said.get(part).and_then(Value::as_str) {
            findings.push(finding("ready", Err(wrong(text))));
        }
    }
    if let Some(text) = said.get("nats").and_then(Value::as_str) {
        let text = format!(
            "NATS: {text}. Nothing is lost, relays look into the database instead. Start it, or look at \
             SPARKY_NATS_URL."
        );
        findings.push(finding("nats", Err(wrong(text))));
    }
    let warnings = said.get("warnings").and_then(Value::as_array);
    for warning in warnings.into_iter().flatten().filter_map(Value::as_str) {
        findings.push(finding("tower", Err(wrong(warning))));
    }
    if findings.is_empty() && said.get("status").is_some() {
        findings.push(finding("ready", Ok("the relay is ready".into())));
    }
    findings
}

fn relay_text(relay: &Relay, info: &Info) -> Result<String> {
    let text = format!(
        "{} serves {} at height {}",
        relay.base(),
        info.network,
        info.tip.height
    );
    if info.network == Chain::Mainnet.name() && info.confirmations < LEAST_CONFIRMATIONS {
        return Err(wrong(format!(
            "{text}, and counts deposits after {} blocks. Leave SPARKY_CONFIRMATIONS empty or set it to \
             {LEAST_CONFIRMATIONS} or more.",
            info.confirmations
        )));
    }
    Ok(text)
}

async fn in_step(node: &Node, info: &Info) -> Result<String> {
    let height = node.client.get_block_count().await.map_err(asked)?;
    let behind = height.saturating_sub(info.tip.height);
    if behind > 2 {
        let text = format!(
            "The relay is {behind} blocks behind the node. Payments in channels go on; wait, or look at its log."
        );
        return Err(wrong(text));
    }
    Ok("the relay follows the node".into())
}

async fn code(node: &Node, info: &Info) -> Result<String> {
    let code = node.client.get_code(&info.contract).await.map_err(asked)?;
    match code {
        Some(code) if contract::is_channel_contract(&code) => {
            Ok(format!("{} is ours", info.contract))
        }
        Some(_) => Err(wrong(format!(
            "{} holds other code. Run: sparky migrate",
            info.contract
        ))),
        None => Err(wrong(format!(
            "Nothing is at {}. Run: sparky migrate",
            info.contract
        ))),
    }
}

/// The chain's clock against ours: sign-in needs ours to be right within five minutes.
async fn clock(node: &Node) -> Result<String> {
    let ask = async {
        let hash = node.client.get_best_block_hash().await?;
        node.client.get_block_header(&hash).await
    };
    let header = ask.await.map_err(asked)?;
    let now = now();
    let time = header.map_or(now, |header| header.time);
    // Blocks made at will run ahead of the clock; only a clock far behind the chain is wrong.
    if time > now.saturating_add(2 * 60 * 60) {
        let text = format!("This clock is {} s behind the newest block.", time - now);
        return Err(wrong(text));
    }
    Ok("not behind the newest block".into())
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn profile(context: &Context) -> Result<String> {
    let chain = context.chain();
    let profile = Profile::new(&context.data, chain.name(), &context.profile)?;
    match key::account_address(context, chain, &profile) {
        Ok(address) => Ok(format!("{} is {address}", profile.name)),
        // No key is a choice, not a fault.
        Err(error) if problem::of(&error).code == "no-wallet" => {
            Ok(format!("{} has no key", profile.name))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_that_a_relay_complains_of_is_told() {
        let parts = |said: Value| -> Vec<(&str, bool)> {
            let findings = judged(&said);
            findings.iter().map(|one| (one.part, one.ok)).collect()
        };
        assert_eq!(
            parts(json!({ "status": "ready", "nats": null, "warnings": [] })),
            [("ready", true)]
        );
        assert_eq!(
            parts(json!({ "status": "ready", "nats": "not connected", "warnings": ["low"] })),
            [("nats", false), ("tower", false)]
        );
        assert_eq!(
            parts(json!({ "status": "not-ready", "database": "gone" })),
            [("ready", false)]
        );
    }
}
