//! The list of wallets.

use serde_json::{Value, json};

use super::error::RpcError;
use super::params::Params;
use super::{Answer, Method};
use crate::node::Node;

pub(super) const METHODS: &[Method] = &[
    Method(
        "createwallet",
        "wallet_name:string disable_private_keys:bool? blank:bool? passphrase:string? avoid_reuse:bool? \
         descriptors:bool? load_on_startup:bool? external_signer:bool?",
        create_wallet,
    ),
    Method(
        "loadwallet",
        "filename:string load_on_startup:bool?",
        load_wallet,
    ),
    Method(
        "unloadwallet",
        "wallet_name:string? load_on_startup:bool?",
        unload_wallet,
    ),
    Method("listwallets", "", |node, _| {
        Ok(node
            .wallets
            .names()
            .map(|name| Value::from(name.as_str()))
            .collect())
    }),
    Method("listwalletdir", "", |node, _| {
        let wallets: Vec<Value> = node
            .wallets
            .all_names()
            .map(|name| json!({ "name": name }))
            .collect();
        Ok(json!({ "wallets": wallets }))
    }),
];

fn create_wallet(node: &mut Node, params: &Params) -> Answer {
    let name = params.text(0);
    if node.wallets.exists(name) {
        let message = format!(
            "Wallet file verification failed. Failed to create database path '{name}'. Database already exists."
        );
        return Err(RpcError::new(RpcError::WALLET, message));
    }
    node.wallets.create(name);
    Ok(json!({ "name": name }))
}

fn load_wallet(node: &mut Node, params: &Params) -> Answer {
    let name = params.text(0);
    if node.wallets.get(name).is_some() {
        let message = format!("Wallet \"{name}\" is already loaded.");
        return Err(RpcError::new(RpcError::WALLET_LOADED, message));
    }
    if !node.wallets.load(name) {
        let message = format!(
            "Wallet file verification failed. Failed to load database path '{name}'. Path does not exist."
        );
        return Err(RpcError::new(RpcError::WALLET_NOT_FOUND, message));
    }
    Ok(json!({ "name": name }))
}

fn unload_wallet(node: &mut Node, params: &Params) -> Answer {
    let name = params.text(0);
    if !node.wallets.unload(name) {
        let message = "Requested wallet does not exist or is not loaded";
        return Err(RpcError::new(RpcError::WALLET_NOT_FOUND, message));
    }
    Ok(json!({}))
}
