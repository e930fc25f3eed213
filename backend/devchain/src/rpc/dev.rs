//! What no qtumd can do: conveniences of a chain that exists to be played with.

use serde_json::{Value, json};
use sparky_qtum::tx::TxOut;

use super::error::RpcError;
use super::params::Params;
use super::{Answer, Method};
use crate::node::Node;

pub(super) const METHODS: &[Method] = &[
    Method("dev_mine", "nblocks:number?", mine),
    Method("dev_faucet", "address:string amount:any", faucet),
    Method("dev_automine", "enabled:bool", automine),
    Method("dev_withhold", "nblocks:number", withhold),
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

/// Keeps contract calls out of the next blocks, as a hostile miner could.
fn withhold(node: &mut Node, params: &Params) -> Answer {
    let blocks = params.unsigned(0)?.unwrap_or_default();
    node.chain.withhold = u32::try_from(blocks).unwrap_or(u32::MAX);
    Ok(Value::Null)
}
