//! Contracts: calls without a transaction, receipts, events, storage.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sparky_qtum::contract::address_of_creation;
use sparky_qtum::{Network, Txid, address};

use super::error::RpcError;
use super::params::{Params, base58, hash160, qtum};
use super::{Answer, Method};
use crate::evm::{BLOCK_GAS_LIMIT, Bytes20, Bytes32, Call, Create, Exception, Log, Outcome};
use crate::index::{Receipt, revert_message};
use crate::node::Node;
use crate::roots::{SYSTEM_CONTRACTS, system_address};
use crate::trie::keccak;
use crate::view::View;

pub(super) const METHODS: &[Method] = &[
    Method(
        "callcontract",
        "address:string data:string senderaddress:string? gaslimit:number? amount:any?",
        call_contract,
    ),
    Method("gettransactionreceipt", "hash:string", transaction_receipt),
    Method(
        "searchlogs",
        "fromblock:number toblock:number address:object? topics:object? minconf:number?",
        search_logs,
    ),
    Method("getaccountinfo", "address:string", account_info),
    Method(
        "getstorage",
        "address:string blockNum:number? index:number?",
        storage,
    ),
    Method(
        "listcontracts",
        "start:number? maxdisplay:number?",
        list_contracts,
    ),
    Method("gethexaddress", "address:string", hex_address),
    Method("fromhexaddress", "hexaddress:string", from_hex_address),
    Method("getdgpinfo", "", |node, _| {
        let gas_price = node.chain.mempool.fees.gas_price;
        Ok(
            json!({ "maxblocksize": 500_000, "mingasprice": gas_price, "blockgaslimit": BLOCK_GAS_LIMIT }),
        )
    }),
];

/// Whether a contract is there: deployed, or one of the system's.
pub(super) fn exists(node: &Node, contract: &Bytes20) -> bool {
    let is_system = |number: &u8| {
        system_address(*number) == *contract && (*number != 0x86 || 0 < node.chain.view.height())
    };
    node.chain.view.evm.exists(contract) || SYSTEM_CONTRACTS.iter().any(is_system)
}

/// Hexadecimal data. A text with a prefix is an empty call: qtumd takes no offence either.
pub(super) fn data(text: &str) -> Result<Vec<u8>, RpcError> {
    let invalid = || RpcError::wrong_type("Invalid data (data not hex)");
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if text.is_empty()
        || text.len() % 2 == 1
        || !digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    {
        return Err(invalid());
    }
    if digits.len() < text.len() {
        return Ok(Vec::new());
    }
    hex::decode(digits).map_err(|_| invalid())
}

fn call_contract(node: &mut Node, params: &Params) -> Answer {
    let data = data(params.text(1))?;
    let text = params.text(0);
    let contract = match text {
        "" => None,
        text => {
            let contract = hash160(text).ok_or_else(|| RpcError::address("Incorrect address"))?;
            if !exists(node, &contract) {
                return Err(RpcError::address("Address does not exist"));
            }
            Some(contract)
        }
    };
    let sender = params.text(2);
    let sender = match address::decode(sender, Network::Regtest) {
        Ok(account) => account.0,
        Err(_) => hash160(sender)
            .filter(|sender| *sender != [0; 20])
            .unwrap_or([0xff; 20]),
    };
    let gas_limit = params
        .unsigned(3)?
        .filter(|limit| *limit != 0)
        .unwrap_or(BLOCK_GAS_LIMIT - 1);
    let value = params.amount(4)?.unwrap_or_default();
    let now = node.chain.now();
    let view = &mut node.chain.view;
    let block = view.environment(now, view.tip().author());
    let checkpoint = view.evm.checkpoint();
    view.evm.begin_transaction();
    let gas_price = 1;
    let outcome = if let Some(contract) = contract {
        let call = Call {
            sender,
            contract,
            value,
            data,
            gas_limit,
            gas_price,
        };
        view.evm.execute_call(&block, &call)
    } else {
        let address = address_of_creation(&Txid::default(), 0).0;
        let create = Create {
            sender,
            address,
            value,
            gas_limit,
            gas_price,
        };
        view.evm.execute_create(&block, &data, &create)
    };
    view.evm.roll_back(checkpoint);
    let deployed = contract.is_none() && outcome.exception == Exception::None;
    Ok(json!({
        "address": text,
        "executionResult": {
            "gasUsed": outcome.gas_used,
            "excepted": outcome.exception.to_string(),
            "newAddress": hex::encode(outcome.contract),
            "output": hex::encode(&outcome.output),
            "codeDeposit": i32::from(deployed),
            "gasRefunded": outcome.gas_refunded,
            "depositSize": if deployed { outcome.output.len() } else { 0 },
            "gasForDeposit": outcome.gas_for_deposit,
            "exceptedMessage": revert_message(outcome.exception, &outcome.output),
        },
        "transactionReceipt": {
            "stateRoot": hex::encode(view.roots.state),
            "utxoRoot": hex::encode(view.roots.utxo),
            "gasUsed": outcome.gas_used,
            "bloom": bloom(&outcome.logs),
            "log": logs_json(&outcome),
        },
    }))
}

fn logs_json(outcome: &Outcome) -> Vec<Value> {
    outcome.logs.iter().map(log_json).collect()
}

fn log_json(log: &Log) -> Value {
    json!({ "address": hex::encode(log.address), "topics": topics_json(log), "data": hex::encode(&log.data) })
}

fn topics_json(log: &Log) -> Vec<String> {
    log.topics.iter().map(hex::encode).collect()
}

/// Ethereum's bloom filter over addresses and topics.
fn bloom(logs: &[Log]) -> String {
    let mut bits = [0_u8; 256];
    let entries = logs.iter().flat_map(|log| {
        std::iter::once(&log.address[..]).chain(log.topics.iter().map(|topic| &topic[..]))
    });
    for entry in entries {
        let hash = keccak(entry);
        for pair in hash[..6].chunks(2) {
            let bit = usize::from(u16::from_be_bytes([pair[0], pair[1]]) & 2_047);
            bits[255 - bit / 8] |= 1 << (bit % 8);
        }
    }
    hex::encode(bits)
}

fn receipt_json(receipt: &Receipt) -> Map<String, Value> {
    let json = json!({
        "blockHash": receipt.block.to_string(),
        "blockNumber": receipt.height,
        "transactionHash": receipt.txid.to_string(),
        "transactionIndex": receipt.position,
        "outputIndex": receipt.vout,
        "from": hex::encode(receipt.from),
        "to": hex::encode(receipt.to),
        "cumulativeGasUsed": receipt.cumulative_gas,
        "gasUsed": receipt.gas_used,
        "contractAddress": hex::encode(receipt.contract),
        "excepted": receipt.exception.to_string(),
        "exceptedMessage": receipt.message,
        "bloom": bloom(&receipt.logs),
        "stateRoot": hex::encode(receipt.roots.state),
        "utxoRoot": hex::encode(receipt.roots.utxo),
    });
    json.as_object().cloned().unwrap_or_default()
}

fn full_receipt_json(receipt: &Receipt) -> Value {
    let mut json = receipt_json(receipt);
    json.insert(
        "log".to_owned(),
        receipt.logs.iter().map(log_json).collect(),
    );
    Value::Object(json)
}

fn transaction_receipt(node: &mut Node, params: &Params) -> Answer {
    let text = params.text(0);
    if text.len() != 64 {
        return Err(RpcError::address("Incorrect hash"));
    }
    let Ok(txid) = text.parse::<Txid>() else {
        return Ok(json!([]));
    };
    Ok(node
        .chain
        .view
        .index
        .receipts(&txid)
        .iter()
        .map(full_receipt_json)
        .collect())
}

/// Heights from `from` to `to` (−1: the tip), with at least `minconf` blocks on top.
fn heights(
    node: &Node,
    from: i64,
    to: i64,
    minconf: i64,
) -> Result<std::ops::RangeInclusive<u32>, RpcError> {
    if (to < from && -1 < to) || (from == 0 && to == 0) || to < -1 || from < 0 {
        return Err(RpcError::parameter("Incorrect params"));
    }
    let tip = i64::from(node.chain.view.height());
    let last = if to == -1 { tip } else { to.min(tip) }.min(tip - minconf.max(0));
    let height = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    // This may end before it begins: then it is empty.
    Ok(height(from)..=height(last.max(0)))
}

fn logs_of(receipt: &Receipt, addresses: &BTreeSet<Bytes20>) -> bool {
    addresses.is_empty()
        || receipt
            .logs
            .iter()
            .any(|log| addresses.contains(&log.address))
}

fn search_logs(node: &mut Node, params: &Params) -> Answer {
    let (from, to) = (
        params.integer(0)?.unwrap_or_default(),
        params.integer(1)?.unwrap_or(-1),
    );
    let minconf = params.integer(4)?.unwrap_or_default();
    let addresses = addresses(params.get(2).and_then(|filter| filter.get("addresses")))?;
    let topics = topics(params.get(3).and_then(|filter| filter.get("topics")))?;
    let index = &node.chain.view.index;
    let found = index
        .logged(heights(node, from, to, minconf)?)
        .map(|txid| index.receipts(txid));
    let of_contracts =
        found.filter(|receipts| receipts.iter().any(|receipt| logs_of(receipt, &addresses)));
    // As qtumd: any topic at its place in any log of the receipt is enough.
    let matches = |receipt: &&Receipt| {
        let hit = |(place, topic): (usize, &Option<Bytes32>)| {
            topic.is_some()
                && receipt
                    .logs
                    .iter()
                    .any(|log| log.topics.get(place) == topic.as_ref())
        };
        !receipt.logs.is_empty() && (topics.is_empty() || topics.iter().enumerate().any(hit))
    };
    Ok(of_contracts
        .flatten()
        .filter(matches)
        .map(full_receipt_json)
        .collect())
}

/// What `waitforlogs` waits for.
pub(super) struct LogFilter {
    from: i64,
    to: i64,
    minconf: i64,
    addresses: BTreeSet<Bytes20>,
    topics: Vec<Option<Bytes32>>,
}

impl LogFilter {
    /// The parameters of `waitforlogs`.
    pub const PARAMS: &'static str =
        "fromblock:number? toblock:number? filter:object? minconf:number?";

    pub fn new(node: &Node, params: &Params) -> Result<Self, RpcError> {
        let filter = |field| params.get(2).and_then(move |filter| filter.get(field));
        Ok(Self {
            from: params
                .integer(0)?
                .unwrap_or_else(|| i64::from(node.chain.view.height()) + 1),
            to: params.integer(1)?.unwrap_or(-1),
            minconf: params.integer(3)?.unwrap_or(6),
            addresses: addresses(filter("addresses"))?,
            topics: topics(filter("topics"))?,
        })
    }

    /// The answer, or nothing while no block of the range has an event.
    pub fn look(&self, node: &Node) -> Result<Option<Value>, RpcError> {
        let index = &node.chain.view.index;
        let found: Vec<&Receipt> = index
            .logged(heights(node, self.from, self.to, self.minconf)?)
            .flat_map(|txid| index.receipts(txid))
            .collect();
        let Some(last) = found.iter().map(|receipt| receipt.height).max() else {
            return Ok(None);
        };
        let matches = |log: &Log| {
            self.topics
                .iter()
                .enumerate()
                .all(|(place, topic)| topic.is_none() || log.topics.get(place) == topic.as_ref())
        };
        let mut entries = Vec::new();
        for receipt in found
            .iter()
            .filter(|receipt| logs_of(receipt, &self.addresses))
        {
            for log in receipt.logs.iter().filter(|log| matches(log)) {
                let mut json = receipt_json(receipt);
                json.insert("topics".to_owned(), topics_json(log).into());
                json.insert("data".to_owned(), hex::encode(&log.data).into());
                entries.push(Value::Object(json));
            }
        }
        Ok(Some(
            json!({ "count": entries.len(), "entries": entries, "nextblock": last + 1 }),
        ))
    }
}

fn list(value: Option<&Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => values.clone(),
        Some(single) => vec![single.clone()],
    }
}

fn addresses(value: Option<&Value>) -> Result<BTreeSet<Bytes20>, RpcError> {
    let address = |value: &Value| {
        value
            .as_str()
            .and_then(hash160)
            .ok_or_else(|| RpcError::new(RpcError::INVALID_PARAMS, "Invalid hex 160"))
    };
    list(value).iter().map(address).collect()
}

fn topics(value: Option<&Value>) -> Result<Vec<Option<Bytes32>>, RpcError> {
    let topic = |value: &Value| {
        if value.is_null() {
            return Ok(None);
        }
        let mut topic = [0; 32];
        let text = value.as_str().unwrap_or_default();
        hex::decode_to_slice(text, &mut topic)
            .map(|()| Some(topic))
            .map_err(|_| RpcError::new(RpcError::INVALID_PARAMS, "Invalid hex 256"))
    };
    list(value).iter().map(topic).collect()
}

fn contract(node: &Node, text: &str) -> Result<Bytes20, RpcError> {
    let contract = hash160(text).ok_or_else(|| RpcError::address("Incorrect address"))?;
    if !exists(node, &contract) {
        return Err(RpcError::address("Address does not exist"));
    }
    Ok(contract)
}

fn storage_json(view: &View, contract: &Bytes20) -> Map<String, Value> {
    let slots = view.evm.all_storage(contract);
    let entry = |(key, value): (Bytes32, Bytes32)| {
        (
            hex::encode(keccak(&key)),
            json!({ hex::encode(key): hex::encode(value) }),
        )
    };
    slots.into_iter().map(entry).collect()
}

fn account_info(node: &mut Node, params: &Params) -> Answer {
    let contract = contract(node, params.text(0))?;
    let evm = &node.chain.view.evm;
    let account = evm.account(&contract).unwrap_or_default();
    let mut json = json!({
        "address": hex::encode(contract),
        "balance": account.balance,
        "storage": storage_json(&node.chain.view, &contract),
        "code": hex::encode(&account.code),
    });
    if let Some(coin) = evm.coin(&contract) {
        let hash = Txid(coin.txid).to_string();
        json["vin"] = json!({ "hash": hash, "nVout": coin.vout, "value": coin.value });
    }
    Ok(json)
}

fn storage(node: &mut Node, params: &Params) -> Answer {
    let height = params.integer(1)?.unwrap_or(-1);
    let tip = i64::from(node.chain.view.height());
    if height != -1 && !(0..=tip).contains(&height) {
        return Err(RpcError::new(
            RpcError::INVALID_PARAMS,
            "Incorrect block number",
        ));
    }
    let contract = contract(node, params.text(0))?;
    let older = if height == -1 || height == tip {
        None
    } else {
        u32::try_from(height)
            .ok()
            .and_then(|height| node.chain.view_at(height))
    };
    let all = storage_json(older.as_ref().unwrap_or(&node.chain.view), &contract);
    let Some(index) = params.integer(2)? else {
        return Ok(Value::Object(all));
    };
    let chosen = usize::try_from(index)
        .ok()
        .and_then(|index| all.into_iter().nth(index));
    match chosen {
        Some((key, value)) => Ok(json!({ key: value })),
        None => Err(RpcError::new(
            RpcError::INVALID_PARAMS,
            "Storage index out of range",
        )),
    }
}

fn list_contracts(node: &mut Node, params: &Params) -> Answer {
    let start = params.unsigned(0)?.unwrap_or(1);
    if start == 0 {
        return Err(RpcError::wrong_type("Invalid start, min=1"));
    }
    let count = params.unsigned(1)?.unwrap_or(20);
    let evm = &node.chain.view.evm;
    let system = SYSTEM_CONTRACTS
        .iter()
        .map(|number| system_address(*number));
    let all: BTreeSet<Bytes20> = system
        .chain(evm.contracts())
        .filter(|address| exists(node, address))
        .collect();
    let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
    let page = all
        .iter()
        .skip(skip)
        .take(usize::try_from(count).unwrap_or(usize::MAX));
    let entry = |address: &Bytes20| (hex::encode(address), qtum(evm.balance(address)));
    Ok(Value::Object(page.map(entry).collect()))
}

fn hex_address(_: &mut Node, params: &Params) -> Answer {
    let account = address::decode(params.text(0), Network::Regtest);
    account
        .map(|account| hex::encode(account.0).into())
        .map_err(|_| RpcError::address("Invalid Qtum address"))
}

fn from_hex_address(_: &mut Node, params: &Params) -> Answer {
    let text = params.text(0);
    if text.len() != 40 {
        return Err(RpcError::address(
            "Invalid pubkeyhash hex size (should be 40 hex characters)",
        ));
    }
    let account = hash160(text).ok_or_else(|| RpcError::address("Invalid hex"))?;
    Ok(base58(account).into())
}
