//! The address index.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sparky_qtum::tx::{OutPoint, TxOut};
use sparky_qtum::{COINBASE_MATURITY, Network, Txid, address};

use super::error::RpcError;
use super::params::{Params, base58};
use super::{Answer, Method};
use crate::index::{DeltaKey, Owner};
use crate::node::Node;

pub(super) const METHODS: &[Method] = &[
    Method("getaddressutxos", "argument:any", utxos),
    Method("getaddressbalance", "argument:any", balance),
    Method("getaddressdeltas", "argument:any", deltas),
    Method("getaddresstxids", "argument:any", txids),
    Method("getaddressmempool", "argument:any", mempool),
    Method("getspentinfo", "argument:object", spent_info),
    Method(
        "getblockhashes",
        "high:number low:number options:object?",
        block_hashes,
    ),
    Method("validateaddress", "address:string", validate),
];

/// The addresses asked for: one text, or `{"addresses": [...]}`.
fn owners(argument: Option<&Value>) -> Result<Vec<(String, Owner)>, RpcError> {
    let invalid = || RpcError::address("Invalid address");
    let texts: Vec<&str> = match argument {
        Some(Value::String(text)) => vec![text],
        Some(Value::Object(fields)) => {
            let list = fields.get("addresses").and_then(Value::as_array);
            let list =
                list.ok_or_else(|| RpcError::address("Addresses is expected to be an array"))?;
            list.iter()
                .map(|text| text.as_str().ok_or_else(invalid))
                .collect::<Result<_, _>>()?
        }
        _ => return Err(invalid()),
    };
    let owner = |text: &str| {
        let account = address::decode(text, Network::Regtest).map_err(|_| invalid())?;
        Ok((text.to_owned(), Owner::Key(account.0)))
    };
    texts.into_iter().map(owner).collect()
}

fn utxos(node: &mut Node, params: &Params) -> Answer {
    let owners = owners(params.get(0))?;
    let view = &node.chain.view;
    let mut found = Vec::new();
    for (text, owner) in &owners {
        for (height, outpoint) in view.index.unspent(owner) {
            // Confirmed outputs that a waiting transaction spends are still listed.
            let Some(coin) = view.coins.get(outpoint) else {
                continue;
            };
            let json = json!({
                "address": text,
                "txid": outpoint.txid.to_string(),
                "outputIndex": outpoint.vout,
                "script": hex::encode(coin.output.script.as_bytes()),
                "satoshis": coin.output.value,
                "height": height,
                "isStake": false,
            });
            found.push((*height, *outpoint, json));
        }
    }
    found.sort_by_key(|(height, outpoint, _)| (*height, *outpoint));
    let utxos: Vec<Value> = found.into_iter().map(|(.., json)| json).collect();
    let chain_info = params.get(0).and_then(|argument| argument.get("chainInfo"));
    if chain_info == Some(&Value::Bool(true)) {
        let hash = view.tip().hash.to_string();
        return Ok(json!({ "utxos": utxos, "hash": hash, "height": view.height() }));
    }
    Ok(utxos.into())
}

fn balance(node: &mut Node, params: &Params) -> Answer {
    let owners = owners(params.get(0))?;
    let view = &node.chain.view;
    let (mut balance, mut received, mut immature) = (0_i64, 0_i64, 0_i64);
    for (key, value) in owners
        .iter()
        .flat_map(|(_, owner)| view.index.deltas(owner))
    {
        balance += value;
        received += value.max(0);
        // The first transaction behind the reward is a stake to qtumd, whatever it is.
        if key.position == 1 && view.height() - key.height < COINBASE_MATURITY {
            immature += value;
        }
    }
    Ok(json!({ "balance": balance, "received": received, "immature": immature }))
}

/// `start` and `end` of the argument, if both are given.
fn range(node: &Node, argument: Option<&Value>) -> Result<Option<(u64, u64)>, RpcError> {
    let field = |name| {
        argument
            .and_then(|argument| argument.get(name))
            .and_then(Value::as_u64)
    };
    let (Some(start), Some(end)) = (field("start"), field("end")) else {
        return Ok(None);
    };
    if start == 0 || end == 0 {
        return Err(RpcError::address(
            "Start and end is expected to be greater than zero",
        ));
    }
    if end < start {
        return Err(RpcError::address(
            "End value is expected to be greater than start",
        ));
    }
    if u64::from(node.chain.view.height()) < end {
        return Err(RpcError::parameter("Start or end is outside chain range"));
    }
    Ok(Some((start, end)))
}

fn in_range(key: &DeltaKey, range: Option<(u64, u64)>) -> bool {
    range.is_none_or(|(start, end)| (start..=end).contains(&key.height.into()))
}

fn deltas(node: &mut Node, params: &Params) -> Answer {
    let owners = owners(params.get(0))?;
    let range = range(node, params.get(0))?;
    let mut list = Vec::new();
    for (text, owner) in &owners {
        for (key, value) in node
            .chain
            .view
            .index
            .deltas(owner)
            .filter(|(key, _)| in_range(key, range))
        {
            list.push(json!({
                "satoshis": value,
                "txid": key.txid.to_string(),
                "index": key.index,
                "blockindex": key.position,
                "height": key.height,
                "address": text,
            }));
        }
    }
    Ok(list.into())
}

fn txids(node: &mut Node, params: &Params) -> Answer {
    let owners = owners(params.get(0))?;
    let range = range(node, params.get(0))?;
    let index = &node.chain.view.index;
    let keys = owners
        .iter()
        .flat_map(|(_, owner)| index.deltas(owner))
        .map(|(key, _)| key);
    let places: BTreeSet<(u32, u32, Txid)> = keys
        .filter(|key| in_range(key, range))
        .map(|key| (key.height, key.position, key.txid))
        .collect();
    Ok(places
        .iter()
        .map(|(.., txid)| Value::from(txid.to_string()))
        .collect())
}

fn mempool(node: &mut Node, params: &Params) -> Answer {
    let owners = owners(params.get(0))?;
    let mut rows = Vec::new();
    for entry in node.chain.mempool.indexed() {
        let txid = entry.tx.id();
        let text = |output: &TxOut| {
            let owner = Owner::of(&output.script)?;
            owners
                .iter()
                .find(|(_, wanted)| *wanted == owner)
                .map(|(text, _)| text.clone())
        };
        let row = |text: String, index: u32, satoshis: i64| {
            json!({
                "address": text, "txid": txid.to_string(), "index": index, "satoshis": satoshis,
                "timestamp": entry.time,
            })
        };
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for ((index, input), spent) in (0..).zip(&entry.tx.inputs).zip(&entry.spent) {
            if let Some(text) = text(spent) {
                let mut json = row(text, index, -signed(spent.value));
                json["prevtxid"] = input.previous.txid.to_string().into();
                json["prevout"] = input.previous.vout.into();
                rows.push(((entry.time, txid, index, true), json));
            }
        }
        for (index, output) in (0..).zip(&entry.tx.outputs) {
            if let Some(text) = text(output) {
                rows.push((
                    (entry.time, txid, index, false),
                    row(text, index, signed(output.value)),
                ));
            }
        }
    }
    rows.sort_by_key(|(key, _)| *key);
    Ok(rows.into_iter().map(|(_, json)| json).collect())
}

fn spent_info(node: &mut Node, params: &Params) -> Answer {
    let argument = params.get(0).cloned().unwrap_or_default();
    let txid = argument
        .get("txid")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<Txid>().ok());
    let vout = argument
        .get("index")
        .and_then(Value::as_u64)
        .and_then(|index| u32::try_from(index).ok());
    let (Some(txid), Some(vout)) = (txid, vout) else {
        return Err(RpcError::address("Invalid index, must be an integer"));
    };
    let spent = node.chain.view.index.spent_by(&OutPoint { txid, vout });
    let spent = spent.ok_or_else(|| RpcError::address("Unable to get spent info"))?;
    Ok(json!({ "txid": spent.txid.to_string(), "index": spent.input, "height": spent.height }))
}

fn block_hashes(node: &mut Node, params: &Params) -> Answer {
    let (high, low) = (
        params.unsigned(0)?.unwrap_or_default(),
        params.unsigned(1)?.unwrap_or_default(),
    );
    let view = &node.chain.view;
    let blocks = (0..=view.height()).filter_map(|height| view.block(height));
    let inside = blocks.filter(|block| (low..high).contains(&block.header.time.into()));
    Ok(inside
        .map(|block| Value::from(block.hash.to_string()))
        .collect())
}

fn validate(_: &mut Node, params: &Params) -> Answer {
    let text = params.text(0);
    Ok(match address::decode(text, Network::Regtest) {
        Ok(account) => json!({
            "isvalid": true,
            "address": base58(account.0),
            "scriptPubKey": hex::encode(sparky_qtum::script::p2pkh(&account).as_bytes()),
            "isscript": false,
            "iswitness": false,
        }),
        Err(error) => {
            json!({ "isvalid": false, "error_locations": [], "error": error.to_string() })
        }
    })
}
