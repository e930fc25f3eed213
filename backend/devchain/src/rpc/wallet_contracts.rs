//! Contract transactions of a wallet: deployments and calls.

use serde_json::{Value, json};
use sparky_protocol::Account;
use sparky_qtum::contract::address_of_creation;
use sparky_qtum::script::{Gas, Script, call, create};
use sparky_qtum::tx::{Transaction, TxOut};

use super::contracts::{data, exists};
use super::error::RpcError;
use super::params::{Params, base58, hash160};
use super::wallet::{sender, trusted, wallet, wallet_error};
use super::{Answer, WalletMethod};
use crate::evm::BLOCK_GAS_LIMIT;
use crate::node::Node;
use crate::policy::MIN_GAS_PRICE;
use crate::wallet::{WalletError, with_sender};

const DEFAULT_CREATE_GAS: u64 = 2_500_000;
const DEFAULT_CALL_GAS: u64 = 250_000;
const LEAST_GAS: u64 = 10_000;
const MAX_GAS_PRICE: u64 = 100;

pub(super) const METHODS: &[WalletMethod] = &[
    WalletMethod(
        "sendtocontract",
        "contractaddress:string datahex:string amount:any? gaslimit:number? gasprice:any? senderaddress:string? \
         broadcast:bool? changeToSender:bool? psbt:bool?",
        send_to_contract,
    ),
    WalletMethod(
        "createcontract",
        "bytecode:string gaslimit:number? gasprice:any? senderaddress:string? broadcast:bool? \
         changeToSender:bool? psbt:bool?",
        create_contract,
    ),
];

fn gas(params: &Params, index: usize, default: u64) -> Result<Gas, RpcError> {
    let limit = params.unsigned(index)?.unwrap_or(default);
    let invalid = |text: String| Err(RpcError::wrong_type(text));
    if BLOCK_GAS_LIMIT < limit {
        return invalid(format!(
            "Invalid value for gasLimit (Maximum is: {BLOCK_GAS_LIMIT})"
        ));
    }
    if limit < LEAST_GAS {
        return invalid(format!(
            "Invalid value for gasLimit (Minimum is: {LEAST_GAS})"
        ));
    }
    let price = params.amount(index + 1)?.unwrap_or(MIN_GAS_PRICE);
    if MAX_GAS_PRICE < price {
        return invalid(
            "Invalid value for gasPrice, Maximum allowed in RPC calls is: 0.000001 (use -rpcmaxgasprice to change \
             it)"
            .to_owned(),
        );
    }
    if price < MIN_GAS_PRICE {
        return invalid("Invalid value for gasPrice (Minimum is: 0.0000004)".to_owned());
    }
    Ok(Gas { limit, price })
}

/// A contract transaction that is about to be made.
struct Order {
    script: Script,
    value: u64,
    gas: Gas,
    sender: Option<Account>,
    change_to_sender: bool,
}

/// Makes the transaction. Its contract output carries `OP_SENDER` and comes behind the change.
fn contract_transaction(
    node: &Node,
    name: &str,
    order: &Order,
) -> Result<(Transaction, Account), RpcError> {
    let wallet = wallet(node, name)?;
    let coins = wallet.spendable(&node.chain, None);
    let gas_fee = order.gas.cost().unwrap_or(u64::MAX);
    if trusted(&coins) < order.value.saturating_add(gas_fee) {
        return Err(wallet_error(&WalletError::Funds));
    }
    let sender = order
        .sender
        .or_else(|| coins.first().map(|coin| coin.account));
    let sender = sender.ok_or_else(|| wallet_error(&WalletError::Funds))?;
    if wallet.key(&sender).is_none() {
        return Err(wallet_error(&WalletError::Key));
    }
    let first = coins.into_iter().find(|coin| coin.account == sender);
    let change = (order.change_to_sender && first.is_some()).then_some(sender);
    let outputs = vec![TxOut {
        value: order.value,
        script: with_sender(sender, &order.script),
    }];
    let tx = wallet.pay(&node.chain, outputs, gas_fee, first, change);
    Ok((tx.map_err(|error| wallet_error(&error))?, sender))
}

fn optional_sender(params: &Params, index: usize) -> Result<Option<Account>, RpcError> {
    params
        .get(index)
        .and_then(Value::as_str)
        .map(sender)
        .transpose()
}

fn send_to_contract(node: &mut Node, name: &str, params: &Params) -> Answer {
    let contract =
        hash160(params.text(0)).ok_or_else(|| RpcError::address("Incorrect contract address"))?;
    if !exists(node, &contract) {
        return Err(RpcError::address("contract address does not exist"));
    }
    let data = data(params.text(1))?;
    let gas = gas(params, 3, DEFAULT_CALL_GAS)?;
    let order = Order {
        script: call(&Account(contract), data, gas),
        value: params.amount(2)?.unwrap_or_default(),
        gas,
        sender: optional_sender(params, 5)?,
        change_to_sender: params.bool(7, true),
    };
    let (tx, sender) = contract_transaction(node, name, &order)?;
    if !params.bool(6, true) {
        return Ok(json!({ "raw transaction": tx.to_hex() }));
    }
    let txid = node.submit(tx, None)?;
    Ok(
        json!({ "txid": txid.to_string(), "sender": base58(sender.0), "hash160": hex::encode(sender.0) }),
    )
}

fn create_contract(node: &mut Node, name: &str, params: &Params) -> Answer {
    let code = hex::decode(params.text(0))
        .ok()
        .filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| RpcError::wrong_type("Invalid bytecode (bytecode not hex)"))?;
    let gas = gas(params, 1, DEFAULT_CREATE_GAS)?;
    let order = Order {
        script: create(code, gas),
        value: 0,
        gas,
        sender: optional_sender(params, 3)?,
        change_to_sender: params.bool(5, true),
    };
    let (tx, sender) = contract_transaction(node, name, &order)?;
    if !params.bool(4, true) {
        return Ok(json!({ "raw transaction": tx.to_hex() }));
    }
    let vout = u32::try_from(tx.outputs.len() - 1).unwrap_or_default();
    let txid = node.submit(tx, None)?;
    Ok(json!({
        "txid": txid.to_string(),
        "sender": base58(sender.0),
        "hash160": hex::encode(sender.0),
        "address": hex::encode(address_of_creation(&txid, vout).0),
    }))
}
