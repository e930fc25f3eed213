//! `sparky doctor`: what is wrong, part by part, and what to do about it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde::Serialize;
use sparky_qtum::contract;
use sparky_qtum::rpc::RpcError;

use crate::args::Context;
use crate::node::{self, Endpoint, Node};
use crate::output::table;
use crate::participant::key;
use crate::participant::relay::Relay;
use crate::participant::view::Info;
use crate::problem::{self, Problem};
use crate::profile::Profile;

/// Arguments of `sparky doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    endpoint: Endpoint,
}

/// One part and how it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    part: &'static str,
    ok: bool,
    text: String,
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
    let node = args.endpoint.connect(context)?;
    let relay = Relay::new(&context.relay_url());
    let info: Result<Info> = relay.get("/info").await;
    let items = vec![
        finding("node", chain(&node).await),
        finding(
            "address index",
            index(
                node.client.get_address_utxos(&[ANYBODY]).await.map(drop),
                "-addrindex",
            ),
        ),
        finding("event index", index(events(&node).await, "-logevents")),
        finding(
            "relay",
            info.as_ref()
                .map(|info| relay_text(&relay, info))
                .map_err(|error| problem::of(error).into()),
        ),
        finding("in step", in_step(&node, info.as_ref().ok()).await),
        finding("contract", code(&node, info.as_ref().ok()).await),
        finding("clock", clock(&node).await),
        finding("profile", profile(context)),
    ];
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

/// Any valid address: only the answer's kind matters.
const ANYBODY: &str = "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf";

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

async fn chain(node: &Node) -> Result<String> {
    let ask = async {
        let chain = node.client.get_blockchain_info().await?;
        let network = node.client.get_network_info().await?;
        Ok::<_, RpcError>((chain, network))
    };
    let (chain, network) = ask.await.map_err(asked)?;
    let behind = chain.headers.saturating_sub(chain.blocks);
    if behind > 1 {
        let text = format!(
            "The node is syncing, {behind} blocks behind. Payments work; opening and closing wait."
        );
        return Err(wrong(text));
    }
    Ok(format!(
        "{} at height {}, version {}",
        chain.chain, chain.blocks, network.version
    ))
}

fn index(answer: Result<(), RpcError>, flag: &str) -> Result<String> {
    answer.map(|()| format!("{flag} is on")).map_err(asked)
}

async fn events(node: &Node) -> Result<(), RpcError> {
    let height = node.client.get_block_count().await?;
    node.client
        .search_logs(
            height.max(1),
            height.max(1),
            &sparky_protocol::Account([1; 20]),
        )
        .await
        .map(drop)
}

fn relay_text(relay: &Relay, info: &Info) -> String {
    format!(
        "{} serves {} at height {}",
        relay.base(),
        info.network,
        info.tip.height
    )
}

async fn in_step(node: &Node, info: Option<&Info>) -> Result<String> {
    let height = node.client.get_block_count().await.map_err(asked)?;
    let Some(info) = info else {
        return Err(wrong("unknown without the relay"));
    };
    let behind = height.saturating_sub(info.tip.height);
    if behind > 2 {
        let text = format!("The relay is {behind} blocks behind the node.");
        return Err(wrong(text));
    }
    Ok("the relay follows the node".into())
}

async fn code(node: &Node, info: Option<&Info>) -> Result<String> {
    let Some(info) = info else {
        return Err(wrong("unknown without the relay"));
    };
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
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let time = header.map_or(now, |header| header.time);
    // Blocks made at will run ahead of the clock; only a clock far behind the chain is wrong.
    if time > now.saturating_add(2 * 60 * 60) {
        let text = format!("This clock is {} s behind the newest block.", time - now);
        return Err(wrong(text));
    }
    Ok("not behind the newest block".into())
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
