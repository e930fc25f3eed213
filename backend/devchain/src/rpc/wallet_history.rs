//! What a wallet received and sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sparky_qtum::Txid;
use sparky_qtum::tx::TxOut;

use super::error::RpcError;
use super::format::script_json;
use super::params::{Params, signed_qtum};
use super::wallet::wallet;
use super::{Answer, WalletMethod};
use crate::block::Tx;
use crate::chain::Chain;
use crate::index::{Owner, Place};
use crate::node::Node;
use crate::wallet::Wallet;

pub(super) const METHODS: &[WalletMethod] = &[WalletMethod(
    "listtransactions",
    "label:string? count:number? skip:number? include_watchonly:bool?",
    list_transactions,
)];

/// The newest `count` entries behind the newest `skip`, oldest first. An own transaction is told by what
/// it paid to others, one of others by what it paid to the wallet.
fn list_transactions(node: &mut Node, name: &str, params: &Params) -> Answer {
    let number = |index, default: u64, what: &str| {
        let given = params.integer(index)?.map(u64::try_from);
        match given {
            None => Ok(default),
            Some(Ok(number)) => Ok(number),
            Some(Err(_)) => Err(RpcError::parameter(format!("Negative {what}"))),
        }
    };
    let (count, skip) = (number(1, 10, "count")?, number(2, 0, "from")?);
    let entries = entries(&node.chain, wallet(node, name)?);
    let places = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let end = entries.len().saturating_sub(places(skip));
    let begin = end.saturating_sub(places(count));
    Ok(entries[begin..end].to_vec().into())
}

fn entries(chain: &Chain, wallet: &Wallet) -> Vec<Value> {
    let mut mined: BTreeMap<(u32, u32), Txid> = BTreeMap::new();
    for account in wallet.accounts() {
        for (key, _) in chain.view.index.deltas(&Owner::Key(account.0)) {
            mined.insert((key.height, key.position), key.txid);
        }
    }
    let mined = mined
        .values()
        .filter_map(|txid| chain.view.transaction(txid))
        .flat_map(|(tx, place)| told(chain, wallet, tx, Some(place)));
    let waiting = chain
        .mempool
        .iter()
        .flat_map(|entry| told(chain, wallet, &entry.tx, None));
    mined.chain(waiting).collect()
}

/// The output that an input spends, wherever it is.
fn source(chain: &Chain, txid: &Txid, vout: u32) -> Option<TxOut> {
    let index = usize::try_from(vout).ok()?;
    let waiting = chain.mempool.get(txid).map(|entry| &entry.tx);
    let tx = waiting.or_else(|| chain.view.transaction(txid).map(|(tx, _)| tx))?;
    tx.outputs.get(index).cloned()
}

fn told(chain: &Chain, wallet: &Wallet, tx: &Tx, place: Option<Place>) -> Vec<Value> {
    let is_own = |output: &TxOut| {
        output
            .script
            .p2pkh_account()
            .is_some_and(|account| wallet.key(&account).is_some())
    };
    let spent: Vec<TxOut> = tx
        .inputs
        .iter()
        .filter_map(|input| source(chain, &input.previous.txid, input.previous.vout))
        .collect();
    let sends = spent.iter().any(is_own);
    let sum = |outputs: &[TxOut]| {
        outputs
            .iter()
            .map(|output| i128::from(output.value))
            .sum::<i128>()
    };
    let fee = sum(&spent) - sum(&tx.outputs);
    let height = chain.view.height();
    let confirmations = place.map_or(0, |place| height - place.height + 1);
    let mut entries = Vec::new();
    for (vout, output) in tx.outputs.iter().enumerate() {
        if is_own(output) == sends || output.script.as_bytes().first() == Some(&0x6a) {
            continue;
        }
        let category = match (sends, tx.is_coinbase()) {
            (true, _) => "send",
            (false, false) => "receive",
            (false, true) if sparky_qtum::COINBASE_MATURITY < confirmations => "generate",
            (false, true) => "immature",
        };
        let value = i128::from(output.value);
        let mut json = json!({
            "category": category,
            "amount": signed_qtum(if sends { -value } else { value }),
            "label": "",
            "vout": vout,
            "confirmations": confirmations,
            "txid": tx.id().to_string(),
            "wtxid": tx.witness_hash().to_string(),
            "walletconflicts": [],
            "abandoned": false,
            "bip125-replaceable": if place.is_some() { "no" } else { "unknown" },
        });
        let script = script_json(&output.script);
        if let Some(address) = script.get("address") {
            json["address"] = address.clone();
        }
        if sends {
            json["fee"] = signed_qtum(-fee);
        }
        if tx.is_coinbase() {
            json["generated"] = true.into();
        }
        if let Some(place) = place {
            let time = chain
                .view
                .block(place.height)
                .map_or(0, |block| block.header.time);
            json["blockhash"] = place.block.to_string().into();
            json["blockheight"] = place.height.into();
            json["blockindex"] = place.position.into();
            json["blocktime"] = time.into();
            json["time"] = time.into();
        }
        entries.push(json);
    }
    entries
}
