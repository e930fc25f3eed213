//! What the interpreter sees of the world, with Qtum's rules for what is warm.
//!
//! Qtum gives each call frame a fresh host, so the access lists of EIP-2929 start empty in every
//! frame and nothing is pre-warmed: not the sender, the contract or the coinbase, only precompiles.
//! Touching its own storage, transient storage or balance makes a contract's own address warm.

use std::collections::HashSet;

use revm::context_interface::cfg::GasParams;
use revm::context_interface::context::{SStoreResult, SelfDestructResult, StateLoad};
use revm::context_interface::host::{Host, LoadError};
use revm::context_interface::journaled_state::AccountInfoLoad;
use revm::primitives::{Address, B256, KECCAK_EMPTY, Log, U256};
use revm::state::AccountInfo;

use super::state::State;
use super::{Block, precompile};

const CLEAR_REFUND: i64 = 4_800;
/// Storage that gets its first value back is refunded as if reading still cost 800, as in Istanbul.
const RESTORED_SET_REFUND: i64 = 20_000 - 800;
const RESTORED_RESET_REFUND: i64 = 2_900 - 800;

/// What one frame has earned and touched. A frame that fails leaves nothing of it.
#[derive(Default)]
pub(crate) struct Substate {
    pub logs: Vec<Log>,
    pub refund: i64,
    pub destroyed: HashSet<Address>,
    pub warm: HashSet<Address>,
    warm_slots: HashSet<U256>,
}

impl Substate {
    /// Forgets everything but what was touched, as a failed frame does.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes over what a finished inner frame earned.
    pub fn accrue(&mut self, inner: Self) {
        self.logs.extend(inner.logs);
        self.refund += inner.refund;
        self.destroyed.extend(inner.destroyed);
    }
}

pub(crate) struct QtumHost<'a> {
    pub state: &'a mut State,
    pub block: &'a Block,
    pub origin: Address,
    pub gas_price: u64,
    pub gas_params: &'a GasParams,
    /// One per open frame; the last is the running one.
    pub frames: Vec<Substate>,
}

impl QtumHost<'_> {
    pub fn frame(&mut self) -> &mut Substate {
        if self.frames.is_empty() {
            self.frames.push(Substate::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// Marks `address` warm in this frame and says whether it was cold.
    fn warm_up(&mut self, address: Address) -> bool {
        let cold = self.frame().warm.insert(address);
        cold && !precompile::is_precompile(&address)
    }

    fn record_refund(&mut self, original: U256, present: U256, value: U256) {
        if value == present {
            return;
        }
        let refund = &mut self.frame().refund;
        if original == present {
            if value.is_zero() {
                *refund += CLEAR_REFUND;
            }
            return;
        }
        if !original.is_zero() {
            if present.is_zero() {
                *refund -= CLEAR_REFUND;
            }
            if value.is_zero() {
                *refund += CLEAR_REFUND;
            }
        }
        if original == value {
            *refund += if original.is_zero() {
                RESTORED_SET_REFUND
            } else {
                RESTORED_RESET_REFUND
            };
        }
    }
}

impl Host for QtumHost<'_> {
    fn basefee(&self) -> U256 {
        U256::ZERO
    }

    fn blob_gasprice(&self) -> U256 {
        U256::ZERO
    }

    fn gas_limit(&self) -> U256 {
        U256::from(self.block.gas_limit)
    }

    fn difficulty(&self) -> U256 {
        U256::from(self.block.bits)
    }

    fn prevrandao(&self) -> Option<U256> {
        Some(self.difficulty())
    }

    fn block_number(&self) -> U256 {
        U256::from(self.block.number)
    }

    fn timestamp(&self) -> U256 {
        U256::from(self.block.time)
    }

    fn beneficiary(&self) -> Address {
        Address::from(self.block.coinbase)
    }

    fn slot_num(&self) -> U256 {
        U256::ZERO
    }

    fn chain_id(&self) -> U256 {
        U256::from(self.block.chain_id)
    }

    fn effective_gas_price(&self) -> U256 {
        U256::from(self.gas_price)
    }

    fn caller(&self) -> Address {
        self.origin
    }

    fn blob_hash(&self, _number: usize) -> Option<U256> {
        None
    }

    fn max_initcode_size(&self) -> usize {
        0xc000
    }

    fn gas_params(&self) -> &GasParams {
        self.gas_params
    }

    fn is_amsterdam_eip8037_enabled(&self) -> bool {
        false
    }

    fn block_hash(&mut self, number: u64) -> Option<B256> {
        let back = u64::from(self.block.number)
            .checked_sub(number)
            .and_then(|depth| depth.checked_sub(1));
        let hash = back.and_then(|back| self.block.hashes.get(usize::try_from(back).ok()?));
        Some(hash.copied().map(B256::from).unwrap_or_default())
    }

    fn selfdestruct(
        &mut self,
        address: Address,
        target: Address,
        _skip_cold_load: bool,
    ) -> Result<StateLoad<SelfDestructResult>, LoadError> {
        let is_cold = self.warm_up(target);
        let exists = self.state.get(&target).is_some();
        let target_exists = self
            .state
            .get(&target)
            .is_some_and(|entry| !entry.is_empty());
        let balance = self
            .state
            .get(&address)
            .map(|entry| entry.balance)
            .unwrap_or_default();
        if !exists {
            self.state.note_stranger(target);
        }
        self.state.transfer(address, target, balance);
        let previously_destroyed = !self.frame().destroyed.insert(address);
        let data = SelfDestructResult {
            had_value: !balance.is_zero(),
            target_exists,
            previously_destroyed,
        };
        Ok(StateLoad::new(data, is_cold))
    }

    fn log(&mut self, log: Log) {
        self.frame().logs.push(log);
    }

    fn sstore_skip_cold_load(
        &mut self,
        address: Address,
        key: U256,
        value: U256,
        _skip_cold_load: bool,
    ) -> Result<StateLoad<SStoreResult>, LoadError> {
        self.warm_up(address);
        let is_cold = self.frame().warm_slots.insert(key);
        let (original, present) = self.state.store(address, key, value);
        self.record_refund(original, present, value);
        let data = SStoreResult {
            original_value: original,
            present_value: present,
            new_value: value,
        };
        Ok(StateLoad::new(data, is_cold))
    }

    fn sload_skip_cold_load(
        &mut self,
        address: Address,
        key: U256,
        _skip_cold_load: bool,
    ) -> Result<StateLoad<U256>, LoadError> {
        self.warm_up(address);
        let is_cold = self.frame().warm_slots.insert(key);
        Ok(StateLoad::new(self.state.load(address, key), is_cold))
    }

    fn tstore(&mut self, address: Address, key: U256, value: U256) {
        self.warm_up(address);
        self.state.store_transient(address, key, value);
    }

    fn tload(&mut self, address: Address, key: U256) -> U256 {
        self.warm_up(address);
        self.state.load_transient(address, key)
    }

    fn load_account_info_skip_cold_load(
        &mut self,
        address: Address,
        load_code: bool,
        _skip_cold_load: bool,
    ) -> Result<AccountInfoLoad<'_>, LoadError> {
        let is_cold = self.warm_up(address);
        let info = match self.state.get(&address) {
            Some(entry) => AccountInfo {
                balance: entry.balance,
                nonce: entry.nonce,
                code_hash: entry.code_hash,
                code: load_code.then(|| entry.code.clone().unwrap_or_default()),
                ..AccountInfo::default()
            },
            None => AccountInfo {
                code_hash: KECCAK_EMPTY,
                code: load_code.then(Default::default),
                ..AccountInfo::default()
            },
        };
        let is_empty = self
            .state
            .get(&address)
            .is_none_or(super::state::Entry::is_empty);
        Ok(AccountInfoLoad {
            account: std::borrow::Cow::Owned(info),
            is_cold,
            is_empty,
        })
    }
}
