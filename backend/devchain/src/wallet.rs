//! The node's wallets: keys, the coins they can spend, and transactions made from them.
//!
//! Keys are derived from the wallet's name, so that a chain without files has the same addresses
//! each time. This is play money; nothing here protects a key.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sparky_protocol::{Account, SecretKey};
use sparky_qtum::Network;
use sparky_qtum::script::{Contract, OpSender, Script, p2pkh};
use sparky_qtum::tx::{OutPoint, SIGHASH_ALL, SignError, Transaction, TxIn, TxOut};
use sparky_qtum::wif;

use crate::chain::Chain;
use crate::evm::Bytes20;
use crate::index::Owner;
use crate::policy::{FEE_RATE, fee_at};

/// Change below this goes to the miner: it would cost as much to spend.
const LEAST_CHANGE: u64 = 72_800;
/// Signature and public key in an input, at most.
const SCRIPT_SIG_SIZE: u64 = 108;
/// Signature and public key behind `OP_SENDER`, with lengths.
const PROOF_SIZE: u64 = 111;

/// A coin that a wallet can spend.
#[derive(Clone, Debug)]
pub(crate) struct Spendable {
    pub outpoint: OutPoint,
    pub output: TxOut,
    pub account: Account,
    pub confirmations: u32,
}

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

    /// What can be spent now, confirmed coins first, then the larger.
    pub fn spendable(&self, chain: &Chain, accounts: Option<&Account>) -> Vec<Spendable> {
        let view = &chain.view;
        let mut found = Vec::new();
        for account in self
            .accounts()
            .filter(|own| accounts.is_none_or(|only| only == own))
        {
            let script = p2pkh(&account);
            for (height, outpoint) in view.index.unspent(&Owner::Key(account.0)) {
                let Some(coin) = view.coins.get(outpoint) else {
                    continue;
                };
                if coin.output.script == script && coin.is_mature(view.height()) {
                    let confirmations = view.height() - height + 1;
                    let output = coin.output.clone();
                    found.push(Spendable {
                        outpoint: *outpoint,
                        output,
                        account,
                        confirmations,
                    });
                }
            }
        }
        for entry in chain.mempool.iter() {
            // Own change can be spent before it is confirmed.
            let own = |output: &TxOut| {
                output
                    .script
                    .p2pkh_account()
                    .filter(|account| self.key(account).is_some())
            };
            if !entry.spent.iter().all(|output| own(output).is_some()) {
                continue;
            }
            for (vout, output) in (0..).zip(&entry.tx.outputs) {
                let (outpoint, output) = (entry.tx.outpoint(vout), output.clone());
                if let Some(account) =
                    own(&output).filter(|own| accounts.is_none_or(|only| only == own))
                {
                    found.push(Spendable {
                        outpoint,
                        output,
                        account,
                        confirmations: 0,
                    });
                }
            }
        }
        found.retain(|coin| chain.mempool.spender(&coin.outpoint).is_none());
        found.sort_by_key(|coin| {
            (
                coin.confirmations == 0,
                std::cmp::Reverse(coin.output.value),
                coin.outpoint,
            )
        });
        found
    }

    /// Coins that wait for maturity, in satoshi.
    pub fn immature(&self, chain: &Chain) -> u64 {
        let view = &chain.view;
        let unspent = self.accounts().flat_map(|account| {
            view.index
                .unspent(&Owner::Key(account.0))
                .filter_map(|(_, outpoint)| view.coins.get(outpoint))
        });
        unspent
            .filter(|coin| !coin.is_mature(view.height()))
            .map(|coin| coin.output.value)
            .sum()
    }

    /// Pays `outputs` and `gas_fee`, with the change in front of them. `first` is spent first if
    /// given. Signs `OP_SENDER` prefixes of own accounts.
    pub fn pay(
        &self,
        chain: &Chain,
        outputs: Vec<TxOut>,
        gas_fee: u64,
        first: Option<Spendable>,
        change: Option<Account>,
    ) -> Result<Transaction, WalletError> {
        self.ensure_unlocked(chain)?;
        let senders = outputs
            .iter()
            .filter(|output| sender_of(output).is_some())
            .count() as u64;
        let paid = outputs
            .iter()
            .map(|output| output.value)
            .sum::<u64>()
            .saturating_add(gas_fee);
        let mut coins: Vec<Spendable> = first.into_iter().collect();
        let mut available = self.spendable(chain, None).into_iter();
        let mut tx = Transaction {
            version: 2,
            inputs: Vec::new(),
            outputs,
            lock_time: 0,
        };
        loop {
            tx.inputs = coins
                .iter()
                .map(|coin| TxIn::unsigned(coin.outpoint))
                .collect();
            let size = tx.virtual_size() as u64
                + SCRIPT_SIG_SIZE * coins.len() as u64
                + PROOF_SIZE * senders;
            let have: u64 = coins.iter().map(|coin| coin.output.value).sum();
            let without_change = paid.saturating_add(fee_at(FEE_RATE, size) + 1);
            if let Some(first) = coins.first()
                && without_change <= have
            {
                let value = have - without_change;
                let with_change = fee_at(FEE_RATE, 34);
                if LEAST_CHANGE + with_change <= value {
                    let script = p2pkh(&change.unwrap_or(first.account));
                    tx.outputs.insert(
                        0,
                        TxOut {
                            value: value - with_change,
                            script,
                        },
                    );
                }
                break;
            }
            let taken =
                |coin: &Spendable| coins.iter().any(|other| other.outpoint == coin.outpoint);
            let next = available
                .by_ref()
                .find(|coin| !taken(coin))
                .ok_or(WalletError::Funds)?;
            coins.push(next);
        }
        self.sign(&mut tx, &coins)?;
        Ok(tx)
    }

    fn sign(&self, tx: &mut Transaction, coins: &[Spendable]) -> Result<(), WalletError> {
        for index in 0..tx.outputs.len() {
            if let Some(account) = tx.outputs.get(index).and_then(sender_of) {
                tx.sign_sender(
                    index,
                    self.key(&account).ok_or(WalletError::Key)?,
                    SIGHASH_ALL,
                )?;
            }
        }
        for (index, coin) in coins.iter().enumerate() {
            tx.sign_input(index, self.key(&coin.account).ok_or(WalletError::Key)?)?;
        }
        Ok(())
    }

    /// Signs the inputs that spend own coins; whether all inputs are signed now.
    pub fn sign_known(&self, chain: &Chain, tx: &mut Transaction) -> bool {
        let mut complete = true;
        for index in 0..tx.inputs.len() {
            let previous = tx.inputs[index].previous;
            let coin = chain
                .view
                .coins
                .get(&previous)
                .cloned()
                .or_else(|| chain.mempool.coin(&previous, 0));
            let key = coin.and_then(|coin| self.key(&coin.output.script.p2pkh_account()?));
            let signed = key.is_some_and(|key| tx.sign_input(index, key).is_ok());
            complete &= signed || !tx.inputs[index].script_sig.as_bytes().is_empty();
        }
        complete
    }
}

/// Puts an unsigned `OP_SENDER` in front of a contract script, as qtumd's wallet always does.
pub(crate) fn with_sender(account: Account, contract: &Script) -> Script {
    OpSender {
        account,
        script_sig: Vec::new(),
    }
    .wrap(contract)
}

fn sender_of(output: &TxOut) -> Option<Account> {
    Some(Contract::parse(output.script.as_bytes())?.sender?.account)
}

/// How a wallet is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    derived: u32,
    imported: Vec<String>,
    loaded: bool,
    #[serde(default)]
    passphrase: Option<String>,
}

/// All wallets of the node, loaded or not.
#[derive(Default)]
pub(crate) struct Wallets {
    loaded: BTreeMap<String, Wallet>,
    unloaded: BTreeMap<String, Wallet>,
    path: Option<PathBuf>,
}

impl Wallets {
    /// Reads the wallets from a file, which need not exist.
    pub fn open(path: &Path) -> io::Result<Self> {
        let stored: BTreeMap<String, Stored> = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        let mut wallets = Self {
            path: Some(path.to_owned()),
            ..Self::default()
        };
        for (name, stored) in stored {
            let mut wallet = Wallet::new(&name, stored.derived, stored.imported);
            wallet.passphrase = stored.passphrase;
            let shelf = if stored.loaded {
                &mut wallets.loaded
            } else {
                &mut wallets.unloaded
            };
            shelf.insert(name, wallet);
        }
        Ok(wallets)
    }

    /// The wallet without a name, which owns the premine.
    pub fn ensure_default(&mut self) {
        if !self.unloaded.contains_key("") {
            self.loaded
                .entry(String::new())
                .or_insert_with(|| Wallet::new("", 1, Vec::new()));
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.loaded.keys()
    }

    pub fn all_names(&self) -> impl Iterator<Item = &String> {
        self.loaded.keys().chain(self.unloaded.keys())
    }

    pub fn get(&self, name: &str) -> Option<&Wallet> {
        self.loaded.get(name)
    }

    pub fn exists(&self, name: &str) -> bool {
        self.loaded.contains_key(name) || self.unloaded.contains_key(name)
    }

    pub fn create(&mut self, name: &str) {
        self.loaded
            .insert(name.to_owned(), Wallet::new(name, 0, Vec::new()));
        self.save();
    }

    /// Loads a wallet that is not loaded; whether there was one.
    pub fn load(&mut self, name: &str) -> bool {
        let Some(wallet) = self.unloaded.remove(name) else {
            return false;
        };
        self.loaded.insert(name.to_owned(), wallet);
        self.save();
        true
    }

    pub fn unload(&mut self, name: &str) -> bool {
        let Some(wallet) = self.loaded.remove(name) else {
            return false;
        };
        self.unloaded.insert(name.to_owned(), wallet);
        self.save();
        true
    }

    /// A fresh account of a loaded wallet.
    pub fn new_account(&mut self, name: &str) -> Option<Account> {
        let account = self.loaded.get_mut(name)?.new_account();
        self.save();
        Some(account)
    }

    /// Adds a key in wallet import format; whether it is one.
    pub fn import(&mut self, name: &str, text: &str) -> bool {
        let (Some(wallet), Ok(key)) = (
            self.loaded.get_mut(name),
            wif::decode(text, Network::Regtest),
        ) else {
            return false;
        };
        if wallet.keys.insert(key.account().0, key).is_none() {
            wallet.imported.push(text.trim().to_owned());
        }
        self.save();
        true
    }

    /// Gives a loaded wallet a passphrase, which locks it; whether it had none.
    pub fn encrypt(&mut self, name: &str, passphrase: &str) -> bool {
        match self.loaded.get_mut(name) {
            Some(wallet) if wallet.passphrase.is_none() => {
                wallet.passphrase = Some(passphrase.to_owned());
                self.save();
                true
            }
            _ => false,
        }
    }

    /// Lets a loaded wallet sign until then (0: locks it); whether the passphrase is its own.
    pub fn unlock(&mut self, name: &str, passphrase: &str, until: u64) -> bool {
        match self.loaded.get_mut(name) {
            Some(wallet) if wallet.passphrase.as_deref() == Some(passphrase) => {
                wallet.unlocked_until = until;
                true
            }
            _ => false,
        }
    }

    /// Locks a loaded wallet again; whether it has a passphrase.
    pub fn lock(&mut self, name: &str) -> bool {
        match self.loaded.get_mut(name) {
            Some(wallet) if wallet.passphrase.is_some() => {
                wallet.unlocked_until = 0;
                true
            }
            _ => false,
        }
    }

    fn save(&self) {
        let Some(path) = &self.path else { return };
        let shelves = [(&self.loaded, true), (&self.unloaded, false)];
        let stored: BTreeMap<&String, Stored> = shelves
            .into_iter()
            .flat_map(|(shelf, loaded)| {
                shelf
                    .iter()
                    .map(move |(name, wallet)| (name, wallet, loaded))
            })
            .map(|(name, wallet, loaded)| {
                (
                    name,
                    Stored {
                        derived: wallet.derived,
                        imported: wallet.imported.clone(),
                        loaded,
                        passphrase: wallet.passphrase.clone(),
                    },
                )
            })
            .collect();
        let written = serde_json::to_vec(&stored).map_err(io::Error::other);
        if let Err(error) = written.and_then(|bytes| std::fs::write(path, bytes)) {
            tracing::error!(%error, "the wallets can not be written");
        }
    }
}
