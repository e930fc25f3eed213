//! The wallets: their keys and coins, payments, deployments and calls.

use serde_json::{Value, json};
use sparky_protocol::Account;
use sparky_qtum::script::p2pkh;
use sparky_qtum::tx::{Transaction, TxOut};
use sparky_qtum::{Network, address};

use super::error::RpcError;
use super::format::{descriptor_checksum, script_json};
use super::params::{Params, base58, qtum, signed_qtum};
use super::transactions::parse;
use super::{Answer, WalletMethod};
use crate::node::Node;
use crate::wallet::{Spendable, Wallet, WalletError};

pub(super) const METHODS: &[WalletMethod] = &[
    WalletMethod("getwalletinfo", "", wallet_info),
    WalletMethod(
        "getnewaddress",
        "label:string? address_type:string?",
        new_address,
    ),
    WalletMethod("getrawchangeaddress", "address_type:string?", new_address),
    WalletMethod("getaddressinfo", "address:string", address_info),
    WalletMethod("importdescriptors", "requests:array", import_descriptors),
    WalletMethod(
        "importprivkey",
        "privkey:string label:string? rescan:bool?",
        import_private_key,
    ),
    WalletMethod(
        "getbalance",
        "dummy:any? minconf:number? include_watchonly:bool? avoid_reuse:bool?",
        balance,
    ),
    WalletMethod("getbalances", "", balances),
    WalletMethod("getunconfirmedbalance", "", |node, name, _| {
        Ok(qtum(pending(node, wallet(node, name)?)))
    }),
    WalletMethod(
        "listunspent",
        "minconf:number? maxconf:number? addresses:array? include_unsafe:bool? query_options:object?",
        list_unspent,
    ),
    WalletMethod(
        "sendtoaddress",
        "address:string amount:any comment:string? comment_to:string? subtractfeefromamount:bool? \
         replaceable:bool? conf_target:number? estimate_mode:string? avoid_reuse:bool? fee_rate:any? verbose:bool? \
         senderaddress:string? changeToSender:bool?",
        send_to_address,
    ),
    WalletMethod(
        "gettransaction",
        "txid:string include_watchonly:bool? verbose:bool?",
        transaction,
    ),
    WalletMethod(
        "signrawtransactionwithwallet",
        "hexstring:string prevtxs:array? sighashtype:string?",
        sign_raw_transaction,
    ),
];

pub(super) fn wallet<'a>(node: &'a Node, name: &str) -> Result<&'a Wallet, RpcError> {
    let missing = || {
        RpcError::new(
            RpcError::WALLET_NOT_FOUND,
            "Requested wallet does not exist or is not loaded",
        )
    };
    node.wallets.get(name).ok_or_else(missing)
}

pub(super) fn wallet_error(error: &WalletError) -> RpcError {
    let code = match error {
        WalletError::Funds => RpcError::FUNDS,
        WalletError::Locked => RpcError::UNLOCK_NEEDED,
        WalletError::Key | WalletError::Sign => RpcError::WALLET,
    };
    RpcError::new(code, error.to_string())
}

pub(super) fn trusted(coins: &[Spendable]) -> u64 {
    coins.iter().map(|coin| coin.output.value).sum()
}

/// Satoshi on their way in from others: in the mempool and not from this wallet.
fn pending(node: &Node, wallet: &Wallet) -> u64 {
    let own = |output: &TxOut| {
        output
            .script
            .p2pkh_account()
            .is_some_and(|account| wallet.key(&account).is_some())
    };
    let foreign = node
        .chain
        .mempool
        .iter()
        .filter(|entry| !entry.spent.iter().all(own));
    foreign
        .flat_map(|entry| entry.tx.outputs.iter())
        .filter(|output| own(output))
        .map(|output| output.value)
        .sum()
}

fn wallet_info(node: &mut Node, name: &str, _: &Params) -> Answer {
    let wallet = wallet(node, name)?;
    let mut json = json!({
        "walletname": name,
        "walletversion": 169_900,
        "format": "sqlite",
        "balance": qtum(trusted(&wallet.spendable(&node.chain, None))),
        "immature_balance": qtum(wallet.immature(&node.chain)),
        "unconfirmed_balance": qtum(pending(node, wallet)),
        "keypoolsize": wallet.accounts().count(),
        "private_keys_enabled": true,
        "descriptors": true,
        "scanning": false,
    });
    if let Some(until) = wallet.unlocked_until(&node.chain) {
        json["unlocked_until"] = until.into();
    }
    Ok(json)
}

fn new_address(node: &mut Node, name: &str, params: &Params) -> Answer {
    wallet(node, name)?;
    let kind = params
        .get(1)
        .or_else(|| params.get(0).filter(|_| params.get(1).is_none()));
    if kind
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.starts_with("bech32") || kind == "p2sh-segwit")
    {
        return Err(RpcError::address(
            "only legacy addresses can call contracts: this chain makes no others",
        ));
    }
    let account = node.wallets.new_account(name).unwrap_or(Account([0; 20]));
    Ok(base58(account.0).into())
}

fn address_info(node: &mut Node, name: &str, params: &Params) -> Answer {
    let account = address::decode(params.text(0), Network::Regtest)
        .map_err(|_| RpcError::address("Invalid or unsupported address"))?;
    let key = wallet(node, name)?.key(&account);
    let mut json = json!({
        "address": base58(account.0),
        "scriptPubKey": hex::encode(p2pkh(&account).as_bytes()),
        "ismine": key.is_some(),
        "solvable": key.is_some(),
        "iswatchonly": false,
        "isscript": false,
        "iswitness": false,
        "ischange": false,
        "labels": [""],
    });
    if let Some(key) = key {
        json["pubkey"] = hex::encode(key.public_key().to_bytes()).into();
        json["iscompressed"] = true.into();
    }
    Ok(json)
}

/// Takes `pkh(WIF)` with its checksum.
fn import_descriptors(node: &mut Node, name: &str, params: &Params) -> Answer {
    wallet(node, name)?;
    let requests = params
        .get(0)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut results = Vec::new();
    for request in &requests {
        let text = request
            .get("desc")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let result = match text.rsplit_once('#') {
            None => Err((RpcError::ADDRESS, "Missing checksum".to_owned())),
            Some((inner, checksum)) if descriptor_checksum(inner) != checksum => {
                let expected = descriptor_checksum(inner);
                let message = format!(
                    "Provided checksum '{checksum}' does not match computed checksum '{expected}'"
                );
                Err((RpcError::ADDRESS, message))
            }
            Some((inner, _)) => {
                let wif = inner
                    .strip_prefix("pkh(")
                    .and_then(|rest| rest.strip_suffix(')'));
                match wif {
                    Some(wif) if node.wallets.import(name, wif) => Ok(()),
                    _ => Err((
                        RpcError::ADDRESS,
                        format!("'{inner}' is not pkh() of a key of this chain"),
                    )),
                }
            }
        };
        results.push(match result {
            Ok(()) => json!({ "success": true }),
            Err((code, message)) => {
                json!({ "success": false, "error": { "code": code, "message": message } })
            }
        });
    }
    Ok(results.into())
}

fn import_private_key(_: &mut Node, _: &str, _: &Params) -> Answer {
    Err(RpcError::new(
        RpcError::WALLET,
        "Only legacy wallets are supported by this command",
    ))
}

fn balance(node: &mut Node, name: &str, params: &Params) -> Answer {
    let least = params.unsigned(1)?.unwrap_or(0);
    let coins = wallet(node, name)?.spendable(&node.chain, None);
    let deep: Vec<Spendable> = coins
        .into_iter()
        .filter(|coin| least <= coin.confirmations.into())
        .collect();
    Ok(qtum(trusted(&deep)))
}

fn balances(node: &mut Node, name: &str, _: &Params) -> Answer {
    let wallet = wallet(node, name)?;
    let own = trusted(&wallet.spendable(&node.chain, None));
    Ok(json!({
        "mine": {
            "trusted": qtum(own),
            "untrusted_pending": qtum(pending(node, wallet)),
            "immature": qtum(wallet.immature(&node.chain)),
            "stake": qtum(0),
        },
    }))
}

fn list_unspent(node: &mut Node, name: &str, params: &Params) -> Answer {
    let least = params.unsigned(0)?.unwrap_or(1);
    let most = params.unsigned(1)?.unwrap_or(9_999_999);
    let only: Option<Vec<&str>> = params
        .get(2)
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty())
        .map(|list| list.iter().filter_map(Value::as_str).collect());
    let coins = wallet(node, name)?.spendable(&node.chain, None);
    let mut list = Vec::new();
    for coin in coins
        .iter()
        .filter(|coin| (least..=most).contains(&coin.confirmations.into()))
    {
        let address = base58(coin.account.0);
        if only
            .as_ref()
            .is_some_and(|only| !only.contains(&address.as_str()))
        {
            continue;
        }
        let script = script_json(&coin.output.script);
        list.push(json!({
            "txid": coin.outpoint.txid.to_string(),
            "vout": coin.outpoint.vout,
            "address": address,
            "label": "",
            "scriptPubKey": script["hex"],
            "amount": qtum(coin.output.value),
            "confirmations": coin.confirmations,
            "spendable": true,
            "solvable": true,
            "desc": script["desc"],
            "safe": true,
        }));
    }
    Ok(list.into())
}

/// The account that a sender parameter names.
pub(super) fn sender(text: &str) -> Result<Account, RpcError> {
    address::decode(text, Network::Regtest)
        .map_err(|_| RpcError::address("Invalid Qtum address to send from"))
}

fn send_to_address(node: &mut Node, name: &str, params: &Params) -> Answer {
    let script = params
        .script(0)
        .map_err(|_| RpcError::address(format!("Invalid Qtum address: {}", params.text(0))))?;
    let value = params.amount(1)?.unwrap_or_default();
    if value == 0 {
        return Err(RpcError::wrong_type("Invalid amount for send"));
    }
    let wallet = wallet(node, name)?;
    let first = match params.get(11).and_then(Value::as_str) {
        Some(text) => {
            let coin = wallet
                .spendable(&node.chain, Some(&sender(text)?))
                .into_iter()
                .next();
            Some(coin.ok_or_else(|| {
                RpcError::wrong_type("Sender address does not have any unspent outputs")
            })?)
        }
        None => None,
    };
    let outputs = vec![TxOut {
        value,
        script: script.clone(),
    }];
    let mut tx = wallet
        .pay(&node.chain, outputs, 0, first.clone(), None)
        .map_err(|error| wallet_error(&error))?;
    if params.bool(4, false) {
        let fee = fee_of(node, &tx);
        let less = value
            .checked_sub(fee)
            .filter(|value| 0 < *value)
            .ok_or_else(|| {
                RpcError::new(
                    RpcError::WALLET,
                    "The transaction amount is too small to pay the fee",
                )
            })?;
        let outputs = vec![TxOut {
            value: less,
            script,
        }];
        tx = wallet
            .pay(&node.chain, outputs, 0, first, None)
            .map_err(|error| wallet_error(&error))?;
    }
    Ok(node.submit(tx, None)?.to_string().into())
}

fn fee_of(node: &Node, tx: &Transaction) -> u64 {
    let value = |outpoint| {
        let confirmed = node
            .chain
            .view
            .coins
            .get(outpoint)
            .map(|coin| coin.output.value);
        confirmed
            .or_else(|| {
                node.chain
                    .mempool
                    .coin(outpoint, 0)
                    .map(|coin| coin.output.value)
            })
            .unwrap_or(0)
    };
    let inputs: u64 = tx.inputs.iter().map(|input| value(&input.previous)).sum();
    inputs.saturating_sub(tx.outputs.iter().map(|output| output.value).sum())
}

fn transaction(node: &mut Node, name: &str, params: &Params) -> Answer {
    let txid = params.txid(0)?;
    let wallet = wallet(node, name)?;
    let chain = &node.chain;
    let waiting = chain.mempool.get(&txid).map(|entry| (&entry.tx, None));
    let found = waiting.or_else(|| {
        chain
            .view
            .transaction(&txid)
            .map(|(tx, place)| (tx, Some(place)))
    });
    let (tx, place) =
        found.ok_or_else(|| RpcError::address("Invalid or non-wallet transaction id"))?;
    let is_own = |output: &&TxOut| {
        output
            .script
            .p2pkh_account()
            .is_some_and(|account| wallet.key(&account).is_some())
    };
    let received: u64 = tx
        .outputs
        .iter()
        .filter(is_own)
        .map(|output| output.value)
        .sum();
    let previous = tx.inputs.iter().filter_map(|input| {
        let source = chain.view.transaction(&input.previous.txid)?.0;
        source
            .outputs
            .get(usize::try_from(input.previous.vout).ok()?)
    });
    let spent: u64 = previous.filter(is_own).map(|output| output.value).sum();
    if received == 0 && spent == 0 {
        return Err(RpcError::address("Invalid or non-wallet transaction id"));
    }
    let mut json = json!({
        "amount": signed_qtum(i128::from(received) - i128::from(spent)),
        "confirmations": place.map_or(0, |place| chain.view.height() - place.height + 1),
        "txid": txid.to_string(),
        "hex": tx.to_hex(),
        "trusted": place.is_some() || 0 < spent,
        "details": [],
    });
    if let Some(place) = place {
        json["blockhash"] = place.block.to_string().into();
        json["blockheight"] = place.height.into();
        json["blockindex"] = place.position.into();
    }
    Ok(json)
}

fn sign_raw_transaction(node: &mut Node, name: &str, params: &Params) -> Answer {
    let mut tx = parse(params.text(0))?;
    let wallet = wallet(node, name)?;
    wallet
        .ensure_unlocked(&node.chain)
        .map_err(|error| wallet_error(&error))?;
    let complete = wallet.sign_known(&node.chain, &mut tx);
    Ok(json!({ "hex": tx.to_hex(), "complete": complete }))
}
