//! Transactions and unspent outputs.

use serde_json::{Value, json};
use sparky_qtum::contract::address_of_creation;
use sparky_qtum::tx::{OutPoint, Transaction};

use super::blocks::txout_set_info;
use super::error::RpcError;
use super::format::{add_index_details, script_json, transaction_json};
use super::params::{Params, qtum};
use super::{Answer, Method};
use crate::execute::contracts;
use crate::mempool::Entry;
use crate::node::Node;
use crate::policy::fee_at;
use sparky_qtum::script::Target;

/// Fee rate above which `sendrawtransaction` protects its caller: 1 QTUM for a thousand bytes.
const MAX_FEE_RATE: u64 = 100_000_000;

pub(super) const METHODS: &[Method] = &[
    Method(
        "sendrawtransaction",
        "hexstring:string maxfeerate:any? maxburnamount:any? showcontractdata:bool?",
        send,
    ),
    Method(
        "testmempoolaccept",
        "rawtxs:array maxfeerate:any?",
        test_accept,
    ),
    Method(
        "getrawtransaction",
        "txid:string verbosity:any? blockhash:string?",
        raw_transaction,
    ),
    Method(
        "decoderawtransaction",
        "hexstring:string iswitness:bool?",
        decode,
    ),
    Method(
        "gettxout",
        "txid:string n:number include_mempool:bool?",
        txout,
    ),
    Method("gettxoutsetinfo", "hash_type:string?", |node, _| {
        Ok(txout_set_info(&node.chain))
    }),
    Method(
        "estimatesmartfee",
        "conf_target:number estimate_mode:string?",
        estimate_fee,
    ),
    Method("getmempoolinfo", "", mempool_info),
    Method(
        "getrawmempool",
        "verbose:bool? mempool_sequence:bool?",
        raw_mempool,
    ),
    Method("getmempoolentry", "txid:string", mempool_entry),
];

fn decode_failed() -> RpcError {
    RpcError::new(
        RpcError::DECODE,
        "TX decode failed. Make sure the tx has at least one input.",
    )
}

pub(super) fn parse(text: &str) -> Result<Transaction, RpcError> {
    let tx = Transaction::from_hex(text).map_err(|_| decode_failed())?;
    if tx.inputs.is_empty() {
        Err(decode_failed())
    } else {
        Ok(tx)
    }
}

fn send(node: &mut Node, params: &Params) -> Answer {
    let tx = parse(params.text(0))?;
    let rate = params.amount(1)?.unwrap_or(MAX_FEE_RATE);
    let max_fee = fee_at(rate, tx.virtual_size() as u64);
    let created: Vec<u32> = contracts(&tx)
        .filter(|(_, contract)| contract.target == Target::Create)
        .map(|(vout, _)| vout)
        .collect();
    let txid = node.submit(tx, (0 < rate).then_some(max_fee))?;
    if params.bool(3, false) && !created.is_empty() {
        let contracts: Vec<Value> = created
            .iter()
            .map(|vout| json!({ "address": hex::encode(address_of_creation(&txid, *vout).0), "index": vout }))
            .collect();
        return Ok(json!({ "txid": txid.to_string(), "contracts": contracts }));
    }
    Ok(txid.to_string().into())
}

fn test_accept(node: &mut Node, params: &Params) -> Answer {
    let rate = params.amount(1)?.unwrap_or(MAX_FEE_RATE);
    let texts = params
        .get(0)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut results = Vec::new();
    for text in &texts {
        let tx = parse(text.as_str().unwrap_or_default())?;
        let mut json =
            json!({ "txid": tx.txid().to_string(), "wtxid": tx.witness_hash().to_string() });
        let mut refuse = |reason: &str| {
            json["allowed"] = false.into();
            json["reject-reason"] = reason.split(',').next().unwrap_or_default().into();
        };
        match node.chain.test_accept(&tx) {
            Ok((fee, vsize)) if 0 < rate && fee_at(rate, vsize) < fee => refuse("max-fee-exceeded"),
            Ok((fee, vsize)) => {
                json["allowed"] = true.into();
                json["vsize"] = vsize.into();
                json["fees"] = json!({ "base": qtum(fee) });
            }
            Err(reject) if reject.code == -25 => refuse("missing-inputs"),
            Err(reject) => refuse(&reject.message),
        }
        results.push(json);
    }
    Ok(results.into())
}

fn raw_transaction(node: &mut Node, params: &Params) -> Answer {
    let txid = params.txid(0)?;
    let chain = &node.chain;
    let waiting = chain.mempool.get(&txid).map(|entry| (&entry.tx, None));
    let is_indexed = node.indexes.transactions || params.get(2).is_some();
    let found = waiting.or_else(|| {
        let mined = chain.view.transaction(&txid).filter(|_| is_indexed);
        mined.map(|(tx, place)| (tx, Some(place)))
    });
    let (tx, place) = found.ok_or_else(|| {
        let missing = if is_indexed {
            "No such mempool or blockchain transaction."
        } else {
            "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction \
             queries."
        };
        RpcError::address(format!(
            "{missing} Use gettransaction for wallet transactions."
        ))
    })?;
    let verbose = match params.get(1) {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(value) => value.as_i64().is_some_and(|verbosity| 0 < verbosity),
    };
    if !verbose {
        return Ok(tx.to_hex().into());
    }
    let mut json = transaction_json(tx);
    json["hex"] = tx.to_hex().into();
    add_index_details(chain, tx, &mut json);
    if let Some(place) = place {
        let time = chain
            .view
            .block(place.height)
            .map_or(0, |block| block.header.time);
        json["blockhash"] = place.block.to_string().into();
        json["confirmations"] = (chain.view.height() - place.height + 1).into();
        json["time"] = time.into();
        json["blocktime"] = time.into();
        json["height"] = place.height.into();
    }
    Ok(json)
}

fn decode(_: &mut Node, params: &Params) -> Answer {
    let tx = Transaction::from_hex(params.text(0))
        .map_err(|_| RpcError::new(RpcError::DECODE, "TX decode failed"))?;
    Ok(transaction_json(&tx))
}

fn txout(node: &mut Node, params: &Params) -> Answer {
    let txid = params.txid(0)?;
    let Some(vout) = params.integer(1)?.and_then(|vout| u32::try_from(vout).ok()) else {
        return Ok(Value::Null);
    };
    let outpoint = OutPoint { txid, vout };
    let (chain, with_mempool) = (&node.chain, params.bool(2, true));
    let height = chain.view.height();
    if with_mempool && chain.mempool.spender(&outpoint).is_some() {
        return Ok(Value::Null);
    }
    let confirmed = chain
        .view
        .coins
        .get(&outpoint)
        .map(|coin| (coin.clone(), height - coin.height + 1));
    let waiting = || {
        chain
            .mempool
            .coin(&outpoint, height + 1)
            .filter(|_| with_mempool)
            .map(|coin| (coin, 0))
    };
    let Some((coin, confirmations)) = confirmed.or_else(waiting) else {
        return Ok(Value::Null);
    };
    Ok(json!({
        "bestblock": chain.view.tip().hash.to_string(),
        "confirmations": confirmations,
        "value": qtum(coin.output.value),
        "scriptPubKey": script_json(&coin.output.script),
        "coinbase": coin.coinbase,
        "coinstake": false,
    }))
}

fn estimate_fee(_: &mut Node, params: &Params) -> Answer {
    let target = params.integer(0)?.unwrap_or_default();
    if !(1..=1_008).contains(&target) {
        return Err(RpcError::parameter(
            "Invalid conf_target, must be between 1 and 1008",
        ));
    }
    // A chain without traffic has nothing to estimate from, and says so.
    Ok(json!({ "errors": ["Insufficient data or no feerate found"], "blocks": target }))
}

fn mempool_info(node: &mut Node, _: &Params) -> Answer {
    let bytes: u64 = node.chain.mempool.iter().map(Entry::vsize).sum();
    let fees: u64 = node.chain.mempool.iter().map(|entry| entry.fee).sum();
    Ok(json!({
        "loaded": true,
        "size": node.chain.mempool.len(),
        "bytes": bytes,
        "usage": bytes,
        "total_fee": qtum(fees),
        "maxmempool": 300_000_000,
        "mempoolminfee": qtum(node.chain.mempool.fees.rate),
        "minrelaytxfee": qtum(400_000),
        "incrementalrelayfee": qtum(10_000),
        "unbroadcastcount": 0,
        "fullrbf": false,
    }))
}

fn raw_mempool(node: &mut Node, params: &Params) -> Answer {
    if params.bool(0, false) {
        let entries = node
            .chain
            .mempool
            .iter()
            .map(|entry| (entry.tx.id().to_string(), entry_json(node, entry)));
        return Ok(Value::Object(entries.collect()));
    }
    Ok(node
        .chain
        .mempool
        .iter()
        .map(|entry| Value::from(entry.tx.id().to_string()))
        .collect())
}

fn mempool_entry(node: &mut Node, params: &Params) -> Answer {
    let txid = params.txid(0)?;
    let entry = node
        .chain
        .mempool
        .get(&txid)
        .ok_or_else(|| RpcError::address("Transaction not in mempool"))?;
    Ok(entry_json(node, entry))
}

fn entry_json(node: &Node, entry: &Entry) -> Value {
    let mempool = &node.chain.mempool;
    let (ancestors, descendants) = (
        mempool.ancestors(&entry.tx.id()),
        mempool.descendants(&entry.tx.id()),
    );
    let depends: Vec<String> = ancestors
        .iter()
        .filter(|txid| **txid != entry.tx.id())
        .map(ToString::to_string)
        .collect();
    json!({
        "vsize": entry.vsize(),
        "weight": entry.tx.weight(),
        "time": entry.time,
        "height": entry.height,
        "descendantcount": descendants.len(),
        "ancestorcount": ancestors.len(),
        "wtxid": entry.tx.witness_hash().to_string(),
        "fees": { "base": qtum(entry.fee), "modified": qtum(entry.fee) },
        "depends": depends,
        "bip125-replaceable": entry.is_replaceable(),
        "unbroadcast": true,
    })
}
