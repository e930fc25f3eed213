//! Deploying: paid for once, however often it is interrupted.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use sparky_qtum::rpc::{Receipt, RpcError};
use sparky_qtum::script::Gas;
use sparky_qtum::{SATOSHI_PER_QTUM, Txid, contract};
use sparky_relay::{Attempt, Chain, Deployment, SecretUrl};

use super::{code_at, same_database};
use crate::node::{self, Node};
use crate::output::Output;
use crate::problem::Problem;

/// The longest finalization period that a channel may have, in blocks.
const MAX_WINDOW: u32 = 100_000;
/// The shortest finalization period that a contract of ours takes anywhere, in blocks.
const LEAST_WINDOW: u32 = 10;
/// More than deploying can cost, in satoshi.
const FEE_AT_MOST: u64 = 10 * SATOSHI_PER_QTUM;
/// What deploying pays per gas, in satoshi: the network's least.
const GAS_PRICE: u64 = 40;
/// Blocks on the deployment before anybody relies on it: what a deposit must have on public chains.
const CONFIRMATIONS: u32 = 10;

/// Sends a contract, or goes on with one that an interrupted run has sent, and waits until it stands.
pub(super) async fn deploy(
    database: &SecretUrl,
    node: &Node,
    chain: Chain,
    output: Output,
) -> Result<Deployment> {
    let node = node.with_wallet().await?;
    let attempt = match under_way(database, &node, chain).await? {
        Some(attempt) => {
            let text = format!("Deployment {} was begun before.", attempt.txid);
            output.note(text);
            attempt
        }
        None => begin(database, &node, chain).await?,
    };
    output.note(format!(
        "Deployment {} is sent; waiting for blocks …",
        attempt.txid
    ));
    let txid: Txid = attempt.txid.parse().context("a noted transaction")?;
    let receipt = stands(&node, chain, &txid, output).await?;
    if !receipt.succeeded() {
        sparky_relay::set_deployment_attempt(database.expose(), None).await?;
        let text = format!(
            "Deployment {txid} failed: {} {}",
            receipt.excepted, receipt.excepted_message
        );
        return Err(
            Problem::new("contract-reverted", "The contract was not deployed", text).into(),
        );
    }
    let contract = receipt.contract_address;
    let code_hash = code_at(&node, &contract)
        .await?
        .context("the deployed code is not our contract's")?;
    Ok(Deployment {
        network: chain.name().into(),
        contract,
        code_hash,
        height: receipt.block_number,
    })
}

/// What an interrupted run has sent, or was about to send: the same transaction again, which is paid for
/// once. On a private chain that began anew it can not be sent any more and is forgotten; on a public one it
/// may come back at any time, so nothing else is sent.
async fn under_way(database: &SecretUrl, node: &Node, chain: Chain) -> Result<Option<Attempt>> {
    let Some(attempt) = sparky_relay::deployment_attempt(database.expose()).await? else {
        return Ok(None);
    };
    same_database(&attempt.network, chain)?;
    match offer(node, &attempt).await? {
        Word::Unknown | Word::Refused { .. } if chain.is_private() => {
            sparky_relay::set_deployment_attempt(database.expose(), None).await?;
            Ok(None)
        }
        Word::There | Word::Unknown => Ok(Some(attempt)),
        Word::Refused { reason, .. } => {
            let txid = &attempt.txid;
            let text = format!(
                "Deployment {txid} was written down, this node does not know it and does not take it now: {reason}. \
                 Nothing else was sent or paid. Run sparky migrate again when the node has synchronised. If its coins \
                 were spent for something else, it never comes: give it up (--abandon {txid}), or name a contract that \
                 is there (--contract, --height)."
            );
            Err(
                Problem::new("tx-not-confirming", "The deployment is not taken", text)
                    .with("txid", attempt.txid)
                    .retryable()
                    .into(),
            )
        }
    }
}

/// Forgets a deployment that was begun, on the word of who says that it never comes, and only where a node that
/// has the whole chain says so too or, where nobody has its bytes, does not know it: otherwise two would be paid
/// for.
pub(super) async fn abandon(
    database: &SecretUrl,
    node: &Node,
    chain: Chain,
    txid: Txid,
    output: Output,
) -> Result<()> {
    let begun = sparky_relay::deployment_attempt(database.expose()).await?;
    let Some(attempt) = begun.filter(|attempt| attempt.txid == txid.to_string()) else {
        let text = format!(
            "This database knows of no deployment {txid} that was begun and does not stand. Nothing was changed."
        );
        return Err(Problem::new("not-found", "Nothing to give up", text).into());
    };
    same_database(&attempt.network, chain)?;
    let info = node.client.get_blockchain_info().await;
    let info = info.map_err(|error| node::problem(&error))?;
    if info.initial_block_download || info.blocks < info.headers {
        let text = format!(
            "The node is at block {} of {} and may not know the deployment yet. Nothing was changed. Run the same command \
             again when it has synchronised.",
            info.blocks, info.headers
        );
        return Err(Problem::new("chain-behind", "The node is behind", text)
            .retryable()
            .into());
    }
    let may_come = match offer(node, &attempt).await? {
        Word::There => "it is in a block or waits for one".to_owned(),
        Word::Refused {
            reason,
            spent: false,
        } => format!(
            "its coins are not spent in any block, though the node does not take it now: {reason}"
        ),
        Word::Unknown | Word::Refused { spent: true, .. } => {
            sparky_relay::set_deployment_attempt(database.expose(), None).await?;
            output.note(format!("Deployment {txid} is given up."));
            return Ok(());
        }
    };
    let text = format!(
        "Deployment {txid} may still come: {may_come}. It was not given up, and nothing else was sent or paid. Run sparky \
         migrate without --abandon: it waits for it."
    );
    Err(Problem::new("tx-not-confirming", "It may still come", text)
        .with("txid", attempt.txid)
        .retryable()
        .into())
}

/// What a node says to a deployment that was written down.
enum Word {
    /// It is in a block, or waits for one.
    There,
    /// It is not there, and an older program, which sent it before it wrote it down, kept no bytes of it.
    Unknown,
    /// It is not there and is not taken, for this reason; whether that is for good, because a coin of it is
    /// spent.
    Refused { reason: String, spent: bool },
}

/// Has the node look for a deployment, and take it where it does not know it: the same transaction is paid for
/// once.
async fn offer(node: &Node, attempt: &Attempt) -> Result<Word> {
    if is_known(node, attempt).await? {
        return Ok(Word::There);
    }
    let Some(raw) = &attempt.raw else {
        return Ok(Word::Unknown);
    };
    match send(node, raw).await {
        Ok(()) => Ok(Word::There),
        Err(error) => {
            let spent = error.is_missing_or_spent();
            match error {
                RpcError::Rejected { reason, .. } => Ok(Word::Refused { reason, spent }),
                other => Err(node::problem(&other).into()),
            }
        }
    }
}

/// Whether the node has the transaction, in a block or waiting.
async fn is_known(node: &Node, attempt: &Attempt) -> Result<bool> {
    let txid: Txid = attempt.txid.parse().context("a noted transaction")?;
    let look = async {
        if !node.client.get_transaction_receipt(&txid).await?.is_empty() {
            return Ok(true);
        }
        Ok(node.client.get_raw_transaction(&txid).await?.is_some())
    };
    look.await.map_err(|error| node::problem(&error).into())
}

/// Signs a deployment, writes it down and only then sends it.
async fn begin(database: &SecretUrl, node: &Node, chain: Chain) -> Result<Attempt> {
    node.enrich(FEE_AT_MOST).await?;
    let min_window = chain.min_window().max(LEAST_WINDOW);
    let gas = Gas {
        limit: contract::DEPLOY_GAS_LIMIT,
        price: GAS_PRICE,
    };
    let code = contract::deployment(min_window, MAX_WINDOW);
    let signed = node
        .client
        .sign_contract(&code, gas)
        .await
        .map_err(|error| node::problem(&error))?;
    let attempt = Attempt {
        network: chain.name().into(),
        txid: signed.txid().to_string(),
        contract: contract::created_by(&signed)
            .context("what the node's wallet signed deploys nothing")?,
        raw: Some(signed.encode()),
    };
    // Whoever comes after us sends the same, and must not pay again.
    sparky_relay::set_deployment_attempt(database.expose(), Some(&attempt)).await?;
    sparky_relay::failpoint!("migrate.send.before");
    match send(node, &signed.encode()).await {
        Ok(()) => {}
        Err(error @ RpcError::Rejected { .. }) => {
            // It never left.
            sparky_relay::set_deployment_attempt(database.expose(), None).await?;
            return Err(node::problem(&error).into());
        }
        Err(error) => return Err(node::problem(&error).into()),
    }
    sparky_relay::failpoint!("migrate.send.after");
    Ok(attempt)
}

async fn send(node: &Node, raw: &[u8]) -> Result<(), RpcError> {
    match node.client.send_raw_transaction(&hex::encode(raw)).await {
        Err(error) if !error.is_already_mined() => Err(error),
        _ => Ok(()),
    }
}

/// Waits until a transaction is deep enough in the chain, looking anew each time: a reorganisation may
/// move it. On a private chain makes the block.
async fn stands(node: &Node, chain: Chain, txid: &Txid, output: Output) -> Result<Receipt> {
    let (wanted, pause, patience) = if chain.is_private() {
        (1, Duration::from_millis(200), Duration::from_mins(2))
    } else {
        (
            CONFIRMATIONS,
            Duration::from_secs(1),
            Duration::from_hours(2),
        )
    };
    let (begin, mut told) = (Instant::now(), 0);
    while begin.elapsed() < patience {
        let look = async {
            let receipts = node.client.get_transaction_receipt(txid).await?;
            Ok((receipts, node.client.get_block_count().await?))
        };
        let (receipts, height) = look.await.map_err(|error| node::problem(&error))?;
        match receipts.into_iter().next() {
            Some(receipt) => {
                let depth = (height + 1).saturating_sub(receipt.block_number);
                if wanted <= depth {
                    return Ok(receipt);
                }
                if depth != told {
                    told = depth;
                    output.note(format!("{depth} of {wanted} blocks …"));
                }
            }
            None if chain.is_private() => node.mine(1).await?,
            None => {}
        }
        tokio::time::sleep(pause).await;
    }
    let text = format!(
        "Deployment {txid} is sent and does not stand yet. It is written down: the next sparky migrate goes on waiting \
         for it and sends no other."
    );
    Err(
        Problem::new("tx-not-confirming", "Waiting longer than usual", text)
            .with("txid", txid.to_string())
            .retryable()
            .into(),
    )
}
