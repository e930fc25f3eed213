//! Passphrases of wallets: as with qtumd a locked one shows everything and signs nothing.

use serde_json::Value;

use super::error::RpcError;
use super::params::Params;
use super::wallet::wallet;
use super::{Answer, WalletMethod};
use crate::node::Node;

/// The longest that a wallet stays unlocked, in seconds.
const MOST_SECONDS: u64 = 100_000_000;

pub(super) const METHODS: &[WalletMethod] = &[
    WalletMethod("encryptwallet", "passphrase:string", encrypt),
    WalletMethod(
        "walletpassphrase",
        "passphrase:string timeout:number stakingonly:bool?",
        unlock,
    ),
    WalletMethod("walletlock", "", lock),
];

fn unencrypted(method: &str) -> RpcError {
    let message = format!("Error: running with an unencrypted wallet, but {method} was called.");
    RpcError::new(RpcError::WRONG_ENCRYPTION_STATE, message)
}

fn encrypt(node: &mut Node, name: &str, params: &Params) -> Answer {
    if params.text(0).is_empty() {
        return Err(RpcError::parameter("passphrase cannot be empty"));
    }
    if !node.wallets.encrypt(name, params.text(0)) {
        return Err(RpcError::new(
            RpcError::WRONG_ENCRYPTION_STATE,
            "Error: running with an encrypted wallet, but encryptwallet was called.",
        ));
    }
    Ok("wallet encrypted; The keypool has been flushed and a new HD seed was generated. You need to make a new \
        backup with the backupwallet RPC."
        .into())
}

fn unlock(node: &mut Node, name: &str, params: &Params) -> Answer {
    if wallet(node, name)?.unlocked_until(&node.chain).is_none() {
        return Err(unencrypted("walletpassphrase"));
    }
    let seconds = params
        .integer(1)?
        .and_then(|seconds| u64::try_from(seconds).ok())
        .ok_or_else(|| RpcError::parameter("Timeout cannot be negative."))?;
    let until = u64::from(node.chain.now()) + seconds.min(MOST_SECONDS);
    if !node.wallets.unlock(name, params.text(0), until) {
        return Err(RpcError::new(
            RpcError::WRONG_PASSPHRASE,
            "Error: The wallet passphrase entered was incorrect.",
        ));
    }
    Ok(Value::Null)
}

fn lock(node: &mut Node, name: &str, _: &Params) -> Answer {
    if node.wallets.lock(name) {
        Ok(Value::Null)
    } else {
        Err(unencrypted("walletlock"))
    }
}
