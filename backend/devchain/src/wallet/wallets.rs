//! All wallets of the node, and the file that keeps them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sparky_protocol::Account;
use sparky_qtum::Network;
use sparky_qtum::wif;

use super::Wallet;

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
