//! Accounts and contract storage, with a journal so that any suffix of changes can be taken back.
//!
//! A checkpoint is a length of the journal: taking one costs nothing, and rolling back costs as much
//! as was changed since. That serves frames inside a transaction, trial blocks and whole test cases.

use std::collections::{HashMap, HashSet};

use revm::bytecode::Bytecode;
use revm::primitives::{Address, B256, KECCAK_EMPTY, U256, keccak256};

/// The one UTXO that holds all the coins of a contract (or, for a key, its latest payout).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContractCoin {
    /// Transaction, in the byte order of serialisation.
    pub txid: [u8; 32],
    /// Output index.
    pub vout: u32,
    /// Satoshi; equal to the contract's balance.
    pub value: u64,
}

/// An account as the EVM sees it. Accounts of keys exist only while one of their calls runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub balance: U256,
    pub nonce: u64,
    pub code: Option<Bytecode>,
    pub code_hash: B256,
    pub storage: HashMap<U256, U256>,
}

impl Entry {
    fn new(balance: U256) -> Self {
        Self {
            balance,
            code_hash: KECCAK_EMPTY,
            ..Self::default()
        }
    }

    /// Empty as EIP-161 says: such an account does not exist for `CALL`'s surcharge.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code_hash == KECCAK_EMPTY
    }
}

/// A value transfer inside an execution, in the order in which they happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub from: Address,
    pub to: Address,
    pub value: U256,
}

enum Change {
    Created(Address),
    Removed(Address, Box<Entry>),
    Balance(Address, U256),
    Nonce(Address, u64),
    Code(Address, Option<Bytecode>, B256),
    Slot(Address, U256, Option<U256>),
    Coin(Address, Option<ContractCoin>),
    Transient(Address, U256, U256),
    Moved,
}

/// All accounts, and how to take back what was done to them.
#[derive(Default)]
pub(crate) struct State {
    accounts: HashMap<Address, Entry>,
    coins: HashMap<Address, ContractCoin>,
    changes: Vec<Change>,
    /// Accounts whose code or storage changed since somebody last asked: their roots are stale.
    pub dirty: HashSet<Address>,
    /// Transfers of the running execution that were not reverted.
    pub moved: Vec<Moved>,
    /// Accounts touched that did not exist before: deleted when the transaction's outputs have run.
    pub strangers: HashSet<Address>,
    /// Storage values at the start of the running execution, for the gas of `SSTORE`.
    pub originals: HashMap<(Address, U256), U256>,
    transient: HashMap<(Address, U256), U256>,
}

impl State {
    pub fn get(&self, address: &Address) -> Option<&Entry> {
        self.accounts.get(address)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Address, &Entry)> {
        self.accounts.iter()
    }

    pub fn checkpoint(&self) -> usize {
        self.changes.len()
    }

    /// Forgets how to take back what has been done so far.
    pub fn settle(&mut self) {
        self.changes.clear();
    }

    /// What a new execution starts without.
    pub fn begin_execution(&mut self) {
        self.moved.clear();
        self.originals.clear();
    }

    /// What the outputs of one transaction share, and the next transaction starts without.
    pub fn begin_transaction(&mut self) {
        self.strangers.clear();
        self.transient.clear();
    }

    pub fn roll_back(&mut self, checkpoint: usize) {
        while checkpoint < self.changes.len() {
            let Some(change) = self.changes.pop() else {
                return;
            };
            self.undo(change);
        }
    }

    fn undo(&mut self, change: Change) {
        match change {
            Change::Created(address) => {
                self.accounts.remove(&address);
                self.dirty.insert(address);
            }
            Change::Removed(address, entry) => {
                self.dirty.insert(address);
                self.accounts.insert(address, *entry);
            }
            Change::Balance(address, balance) => self.entry(address).balance = balance,
            Change::Nonce(address, nonce) => self.entry(address).nonce = nonce,
            Change::Code(address, code, hash) => {
                self.dirty.insert(address);
                let entry = self.entry(address);
                (entry.code, entry.code_hash) = (code, hash);
            }
            Change::Slot(address, key, value) => {
                self.dirty.insert(address);
                let storage = &mut self.entry(address).storage;
                match value {
                    Some(value) => storage.insert(key, value),
                    None => storage.remove(&key),
                };
            }
            Change::Coin(address, coin) => {
                match coin {
                    Some(coin) => self.coins.insert(address, coin),
                    None => self.coins.remove(&address),
                };
            }
            Change::Transient(address, key, value) => {
                self.transient.insert((address, key), value);
            }
            Change::Moved => {
                self.moved.pop();
            }
        }
    }

    /// The account, which the caller knows to exist.
    fn entry(&mut self, address: Address) -> &mut Entry {
        self.accounts
            .entry(address)
            .or_insert_with(|| Entry::new(U256::ZERO))
    }

    /// The account, made now if it does not exist.
    fn touch(&mut self, address: Address) -> &mut Entry {
        if !self.accounts.contains_key(&address) {
            self.changes.push(Change::Created(address));
            self.dirty.insert(address);
        }
        self.entry(address)
    }

    pub fn add_balance(&mut self, address: Address, amount: U256) {
        let before = self.touch(address).balance;
        self.changes.push(Change::Balance(address, before));
        self.entry(address).balance = before.saturating_add(amount);
    }

    /// Takes `amount` away. The caller has checked that it is there.
    pub fn sub_balance(&mut self, address: Address, amount: U256) {
        let before = self.touch(address).balance;
        self.changes.push(Change::Balance(address, before));
        self.entry(address).balance = before.saturating_sub(amount);
    }

    pub fn transfer(&mut self, from: Address, to: Address, value: U256) {
        self.sub_balance(from, value);
        self.add_balance(to, value);
        if !value.is_zero() {
            self.changes.push(Change::Moved);
            self.moved.push(Moved { from, to, value });
        }
    }

    /// Remembers that `address` was not there before this transaction, so that it will not stay.
    /// A revert does not forget it: neither does Qtum.
    pub fn note_stranger(&mut self, address: Address) {
        self.strangers.insert(address);
    }

    pub fn set_nonce(&mut self, address: Address, nonce: u64) {
        let before = self.touch(address).nonce;
        self.changes.push(Change::Nonce(address, before));
        self.entry(address).nonce = nonce;
    }

    pub fn set_code(&mut self, address: Address, code: Bytecode) {
        self.dirty.insert(address);
        let hash = keccak256(code.original_byte_slice());
        let entry = self.touch(address);
        let before = (entry.code.replace(code), entry.code_hash);
        entry.code_hash = hash;
        self.changes.push(Change::Code(address, before.0, before.1));
    }

    pub fn set_coin(&mut self, address: Address, coin: Option<ContractCoin>) {
        let before = match coin {
            Some(coin) => self.coins.insert(address, coin),
            None => self.coins.remove(&address),
        };
        if before != coin {
            self.changes.push(Change::Coin(address, before));
        }
    }

    pub fn coin(&self, address: &Address) -> Option<ContractCoin> {
        self.coins.get(address).copied()
    }

    /// Every remembered coin: those of contracts, and the latest payout to each key.
    pub fn coins(&self) -> impl Iterator<Item = (&Address, &ContractCoin)> {
        self.coins.iter()
    }

    pub fn remove(&mut self, address: Address) {
        if let Some(entry) = self.accounts.remove(&address) {
            self.dirty.insert(address);
            self.changes.push(Change::Removed(address, Box::new(entry)));
        }
    }

    pub fn load(&self, address: Address, key: U256) -> U256 {
        self.accounts
            .get(&address)
            .and_then(|entry| entry.storage.get(&key))
            .copied()
            .unwrap_or_default()
    }

    /// Writes a slot; answers with the value at the start of the execution and the one just replaced.
    pub fn store(&mut self, address: Address, key: U256, value: U256) -> (U256, U256) {
        let present = self.load(address, key);
        let original = *self.originals.entry((address, key)).or_insert(present);
        if present != value {
            self.dirty.insert(address);
            let storage = &mut self.touch(address).storage;
            let before = if value.is_zero() {
                storage.remove(&key)
            } else {
                storage.insert(key, value)
            };
            self.changes.push(Change::Slot(address, key, before));
        }
        (original, present)
    }

    pub fn load_transient(&self, address: Address, key: U256) -> U256 {
        self.transient
            .get(&(address, key))
            .copied()
            .unwrap_or_default()
    }

    pub fn store_transient(&mut self, address: Address, key: U256, value: U256) {
        let before = self
            .transient
            .insert((address, key), value)
            .unwrap_or_default();
        self.changes.push(Change::Transient(address, key, before));
    }
}
