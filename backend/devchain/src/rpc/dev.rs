//! What no qtumd can do: conveniences of a chain that exists to be played with.

use serde_json::{Value, json};
use sparky_qtum::tx::TxOut;

use super::error::RpcError;
use super::params::Params;
use super::{Answer, Method};
use crate::mempool::Fees;
use crate::node::Node;
use crate::options::{Fault, Withheld};

pub(super) const METHODS: &[Method] = &[
    Method("dev_mine", "nblocks:number?", mine),
    Method("dev_faucet", "address:string amount:any", faucet),
    Method("dev_automine", "enabled:bool", automine),
    Method("dev_withhold", "nblocks:number class:string?", withhold),
    Method("dev_fault", "kind:string nrequests:number?", fault),
    Method("dev_headers", "ahead:number", headers),
    Method("dev_fees", "gasprice:number? feerate:number?", fees),
];

fn mine(node: &mut Node, params: &Params) -> Answer {
    let count = params.unsigned(0)?.unwrap_or(1);
    let mined = node.mine(count, None);
    let hashes = mined.map_err(|error| RpcError::new(RpcError::INTERNAL, error.to_string()))?;
    Ok(hashes.iter().map(ToString::to_string).collect())
}

fn faucet(node: &mut Node, params: &Params) -> Answer {
    let script = params.script(0)?;
    let value = params.amount(1)?.unwrap_or_default();
    let treasury = crate::wallet::Wallet::treasury();
    let paid = treasury.pay(&node.chain, vec![TxOut { value, script }], 0, None, None);
    let tx = paid.map_err(|error| RpcError::new(RpcError::FUNDS, error.to_string()))?;
    Ok(node.submit(tx, None)?.to_string().into())
}

fn automine(node: &mut Node, params: &Params) -> Answer {
    node.automine = params.bool(0, true);
    Ok(json!({ "automine": node.automine }))
}

/// Keeps transactions of a class out of the next blocks, as a hostile miner could: `contract` (calls and
/// deployments) unless it says `call`, `create`, `plain` or `all`. They stay in the mempool.
fn withhold(node: &mut Node, params: &Params) -> Answer {
    let blocks = params.unsigned(0)?.unwrap_or_default();
    let class = match params.get(1) {
        None => Some(Withheld::default()),
        Some(_) => Withheld::parse(params.text(1)),
    };
    let class = class
        .ok_or_else(|| RpcError::parameter("class is contract, call, create, plain or all"))?;
    node.chain.withhold = (u32::try_from(blocks).unwrap_or(u32::MAX), class);
    Ok(Value::Null)
}

/// Answers the next requests, or all until `none`, as a node that starts (`warmup`) or whose queue is
/// full (`busy`). `dev_*` methods are answered all the same.
fn fault(node: &mut Node, params: &Params) -> Answer {
    let kind = Fault::parse(params.text(0))
        .ok_or_else(|| RpcError::parameter("kind is none, warmup or busy"))?;
    node.fault = (kind, params.unsigned(1)?.unwrap_or(u64::MAX));
    Ok(Value::Null)
}

/// Raises what a transaction must offer, as a crowded chain does: satoshi for one gas, and for a thousand
/// bytes. What waits already stays, and is mined when the price has fallen again. Without figures all is
/// as before.
fn fees(node: &mut Node, params: &Params) -> Answer {
    let usual = Fees::default();
    node.chain.mempool.fees = Fees {
        gas_price: params.unsigned(0)?.unwrap_or(usual.gas_price),
        rate: params.unsigned(1)?.unwrap_or(usual.rate),
    };
    Ok(Value::Null)
}

/// Pretends to know so many more headers than blocks: a node that syncs.
fn headers(node: &mut Node, params: &Params) -> Answer {
    let ahead = params.unsigned(0)?.unwrap_or_default();
    node.headers_ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
    Ok(Value::Null)
}
