//! The node's wallets: keys, the coins they can spend, and transactions made from them.
//!
//! Keys are derived from the wallet's name, so that a chain without files has the same addresses
//! each time. This is play money; nothing here protects a key.

mod payment;
mod spendable;
mod wallets;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use sparky_protocol::{Account, SecretKey};
use sparky_qtum::Network;
use sparky_qtum::tx::SignError;
use sparky_qtum::wif;

use crate::chain::Chain;
use crate::evm::Bytes20;

pub(crate) use payment::with_sender;
pub(crate) use spendable::Spendable;
pub(crate) use wallets::Wallets;

/// Why a wallet made no transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WalletError {
    #[error("Insufficient funds")]
    Funds,
    #[error("Private key not available")]
    Key,
    #[error("Signing transaction failed")]
    Sign,
    #[error("Error: Please enter the wallet passphrase with walletpassphrase first.")]
    Locked,
}

impl From<SignError> for WalletError {
    fn from(_: SignError) -> Self {
        Self::Sign
    }
}

/// The `index`-th key of a wallet.
pub(crate) fn derived_key(wallet: &str, index: u32) -> SecretKey {
    let mut attempt = 0_u8;
    loop {
        let seed = Sha256::new()
            .chain_update(b"sparky devchain wallet")
            .chain_update(wallet)
            .chain_update([0, attempt])
            .chain_update(index.to_le_bytes());
        if let Ok(key) = SecretKey::from_bytes(&seed.finalize().into()) {
            return key;
        }
        attempt += 1;
    }
}

/// One wallet.
#[derive(Default)]
pub(crate) struct Wallet {
    name: String,
    derived: u32,
    imported: Vec<String>,
    keys: BTreeMap<Bytes20, SecretKey>,
    /// What unlocks it, if it was ever locked.
    passphrase: Option<String>,
    /// Until when it may sign, in seconds since 1970, if it has a passphrase.
    unlocked_until: u64,
}

impl Wallet {
    fn new(name: &str, derived: u32, imported: Vec<String>) -> Self {
        let mut wallet = Self {
            name: name.to_owned(),
            imported,
            ..Self::default()
        };
        for _ in 0..derived {
            wallet.new_account();
        }
        for text in wallet.imported.clone() {
            if let Ok(key) = wif::decode(&text, Network::Regtest) {
                wallet.keys.insert(key.account().0, key);
            }
        }
        wallet
    }

    /// The wallet that owns the premine, whatever is loaded.
    pub fn treasury() -> Self {
        Self::new("", 1, Vec::new())
    }

    pub fn key(&self, account: &Account) -> Option<&SecretKey> {
        self.keys.get(&account.0)
    }

    pub fn accounts(&self) -> impl Iterator<Item = Account> {
        self.keys.keys().copied().map(Account)
    }

    /// Until when a wallet with a passphrase may sign: 0 while it may not. None without one.
    pub fn unlocked_until(&self, chain: &Chain) -> Option<u64> {
        let open = u64::from(chain.now()) < self.unlocked_until;
        self.passphrase
            .as_ref()
            .map(|_| if open { self.unlocked_until } else { 0 })
    }

    /// Refuses while the wallet is locked.
    pub fn ensure_unlocked(&self, chain: &Chain) -> Result<(), WalletError> {
        match self.unlocked_until(chain) {
            Some(0) => Err(WalletError::Locked),
            _ => Ok(()),
        }
    }

    fn new_account(&mut self) -> Account {
        let key = derived_key(&self.name, self.derived);
        self.derived += 1;
        let account = key.account();
        self.keys.insert(account.0, key);
        account
    }
}
