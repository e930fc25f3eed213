//! The EVM as Qtum runs it: revm's interpreter under the rules of Qtum's executive.
//!
//! Usable by itself, without blocks, transactions or signatures, for tests that play many calls
//! against real bytecode:
//!
//! ```
//! use sparky_devchain::evm::{Block, Call, Evm, Exception};
//!
//! let mut evm = Evm::default();
//! let block = Block { number: 7, ..Block::default() };
//! // Deploys `number()`-less code: returns the block number for any call.
//! let code = [0x64, 0x43, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0x52, 0x60, 0x05, 0x60, 0x1b, 0xf3];
//! let contract = evm.deploy(&block, [1; 20], &code).expect("the constructor returns code");
//!
//! let checkpoint = evm.checkpoint();
//! let outcome = evm.call(&block, &Call { sender: [1; 20], contract, value: 0, ..Call::default() });
//! assert_eq!(outcome.exception, Exception::None);
//! evm.roll_back(checkpoint); // costs what was changed since, not what there is
//! ```
//!
//! * Values are satoshi. Accounts of keys are born for a call and deleted after it: what they were
//!   paid is in [`Outcome::transfers`], and their `balance` is always zero.
//! * A call that fails changes nothing and returns its value to the sender.
//! * Gas is Qtum's: access lists begin empty in every frame, refunds are capped at one half, storage
//!   that is restored refunds by the 800-gas rule, creation outside has no charge per word of code.
//!
//! Only the files of this folder name revm.

mod host;
mod outcome;
mod precompile;
mod run;
mod state;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use revm::context_interface::cfg::GasParams;
use revm::primitives::{Address, U256};

use host::QtumHost;
use run::OuterCall;
use state::State;

pub use outcome::{AccountView, Exception, Log, Outcome, Transfer};
pub use state::ContractCoin;

/// Twenty bytes: an account or a contract.
pub type Bytes20 = [u8; 20];
/// Thirty-two bytes: a storage key, a value, a topic.
pub type Bytes32 = [u8; 32];

/// Chain id of regtest and of this chain.
pub const CHAIN_ID: u64 = 8_890;
/// Gas of a block; the default limit of a call outside of a transaction is one less.
pub const BLOCK_GAS_LIMIT: u64 = 40_000_000;
/// Proof of work without work: what `PREVRANDAO` answers.
pub const REGTEST_BITS: u32 = 0x207f_ffff;

static GAS_PARAMS: LazyLock<GasParams> = LazyLock::new(|| GasParams::new_spec(run::SPEC));

/// The block in which code runs.
#[derive(Clone, Debug)]
pub struct Block {
    /// `NUMBER`.
    pub number: u32,
    /// `TIMESTAMP`.
    pub time: u32,
    /// `COINBASE`: the account that the first output of the reward pays.
    pub coinbase: Bytes20,
    /// `PREVRANDAO`.
    pub bits: u32,
    /// `GASLIMIT`.
    pub gas_limit: u64,
    /// `CHAINID`.
    pub chain_id: u64,
    /// `BLOCKHASH`: newest first, at most 256, in the byte order of serialisation.
    pub hashes: Vec<Bytes32>,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            number: 1,
            time: 1_700_000_000,
            coinbase: [0; 20],
            bits: REGTEST_BITS,
            gas_limit: BLOCK_GAS_LIMIT,
            chain_id: CHAIN_ID,
            hashes: Vec::new(),
        }
    }
}

/// A call to a contract.
#[derive(Clone, Debug)]
pub struct Call {
    /// `msg.sender` and `tx.origin`.
    pub sender: Bytes20,
    /// The contract.
    pub contract: Bytes20,
    /// Satoshi that come along.
    pub value: u64,
    /// Selector and arguments.
    pub data: Vec<u8>,
    /// Most gas that may be used, the transaction's own 21,000 included.
    pub gas_limit: u64,
    /// `GASPRICE`.
    pub gas_price: u64,
}

impl Default for Call {
    fn default() -> Self {
        let (gas_limit, gas_price) = (BLOCK_GAS_LIMIT, 1);
        Self {
            sender: [0; 20],
            contract: [0; 20],
            value: 0,
            data: Vec::new(),
            gas_limit,
            gas_price,
        }
    }
}

/// A deployment, beside its code.
pub(crate) struct Create {
    pub sender: Bytes20,
    pub address: Bytes20,
    pub value: u64,
    pub gas_limit: u64,
    pub gas_price: u64,
}

/// A world of contracts.
#[derive(Default)]
pub struct Evm {
    state: State,
    deployed: u32,
}

impl Evm {
    /// Runs one transaction that deploys `code`; the new contract's address, or what went wrong.
    ///
    /// # Errors
    /// The outcome, if the constructor failed.
    pub fn deploy(
        &mut self,
        block: &Block,
        sender: Bytes20,
        code: &[u8],
    ) -> Result<Bytes20, Box<Outcome>> {
        self.deployed += 1;
        let mut seed = sender.to_vec();
        seed.extend(self.deployed.to_le_bytes());
        let address = sparky_protocol::Account::hash160(&seed).0;
        self.begin_transaction();
        let create = Create {
            sender,
            address,
            value: 0,
            gas_limit: BLOCK_GAS_LIMIT,
            gas_price: 1,
        };
        let outcome = self.execute_create(block, code, &create);
        self.finish(&outcome);
        if outcome.exception == Exception::None {
            Ok(address)
        } else {
            Err(Box::new(outcome))
        }
    }

    /// Runs one transaction with one call.
    pub fn call(&mut self, block: &Block, call: &Call) -> Outcome {
        self.begin_transaction();
        let outcome = self.execute_call(block, call);
        self.finish(&outcome);
        outcome
    }

    /// A place to which [`Evm::roll_back`] can return. Free of charge.
    pub fn checkpoint(&self) -> usize {
        self.state.checkpoint()
    }

    /// Takes back everything since `checkpoint`.
    pub fn roll_back(&mut self, checkpoint: usize) {
        self.state.roll_back(checkpoint);
    }

    /// Forgets all checkpoints: what was done stays done.
    pub fn settle(&mut self) {
        self.state.settle();
    }

    /// Whether nothing has changed since the last [`Evm::settle`], or all of it was taken back.
    pub(crate) fn is_settled(&self) -> bool {
        self.state.checkpoint() == 0 && self.state.dirty.is_empty()
    }

    /// Satoshi that `contract` holds.
    pub fn balance(&self, contract: &Bytes20) -> u64 {
        self.state
            .get(&Address::from(*contract))
            .map_or(0, |entry| satoshi(entry.balance))
    }

    /// One storage slot of `contract`.
    pub fn storage(&self, contract: &Bytes20, key: Bytes32) -> Bytes32 {
        self.state
            .load(Address::from(*contract), U256::from_be_bytes(key))
            .to_be_bytes()
    }

    /// Whether there is an account at `address`; accounts of keys never are.
    pub fn exists(&self, address: &Bytes20) -> bool {
        self.state.get(&Address::from(*address)).is_some()
    }

    /// The account at `address`.
    pub fn account(&self, address: &Bytes20) -> Option<AccountView> {
        self.state
            .get(&Address::from(*address))
            .map(|entry| AccountView {
                balance: satoshi(entry.balance),
                nonce: entry.nonce,
                code: entry
                    .code
                    .as_ref()
                    .map(|code| code.original_byte_slice().to_vec())
                    .unwrap_or_default(),
                code_hash: entry.code_hash.0,
            })
    }

    /// All storage of `contract`, sorted by key.
    pub fn all_storage(&self, contract: &Bytes20) -> BTreeMap<Bytes32, Bytes32> {
        let entry = self.state.get(&Address::from(*contract));
        let slots = entry.into_iter().flat_map(|entry| &entry.storage);
        slots
            .map(|(key, value)| (key.to_be_bytes(), value.to_be_bytes()))
            .collect()
    }

    /// All contracts, sorted by address.
    pub fn contracts(&self) -> Vec<Bytes20> {
        let mut all: Vec<_> = self.state.iter().map(|(address, _)| address.0.0).collect();
        all.sort_unstable();
        all
    }

    pub(crate) fn coin(&self, address: &Bytes20) -> Option<ContractCoin> {
        self.state.coin(&Address::from(*address))
    }

    pub(crate) fn coins(&self) -> BTreeMap<Bytes20, ContractCoin> {
        self.state
            .coins()
            .map(|(address, coin)| (address.0.0, *coin))
            .collect()
    }

    pub(crate) fn set_coin(&mut self, address: &Bytes20, coin: Option<ContractCoin>) {
        self.state.set_coin(Address::from(*address), coin);
    }

    /// Contracts whose code or storage changed since the last call, sorted.
    pub(crate) fn take_dirty(&mut self) -> Vec<Bytes20> {
        let mut dirty: Vec<_> = self
            .state
            .dirty
            .drain()
            .map(|address| address.0.0)
            .collect();
        dirty.sort_unstable();
        dirty
    }

    /// Starts a transaction: its outputs share transient storage and the list of passing accounts.
    pub(crate) fn begin_transaction(&mut self) {
        self.state.begin_transaction();
    }

    /// Whether `address` did not exist before this transaction, so that it will be deleted.
    pub(crate) fn is_stranger(&self, address: &Bytes20) -> bool {
        self.state.strangers.contains(&Address::from(*address))
    }

    /// Runs one call and leaves the accounts that must be deleted to [`Evm::finish`].
    pub(crate) fn execute_call(&mut self, block: &Block, call: &Call) -> Outcome {
        let (sender, to) = (Address::from(call.sender), Address::from(call.contract));
        let intrinsic = intrinsic_gas(21_000, &call.data);
        let mut outcome = self.execute(
            block,
            sender,
            call.value,
            [call.gas_limit, call.gas_price],
            intrinsic,
            |host| {
                let gas = call.gas_limit - intrinsic;
                run::call(
                    host,
                    &OuterCall {
                        sender,
                        to,
                        value: U256::from(call.value),
                        data: &call.data,
                        gas,
                    },
                )
            },
        );
        outcome.contract = call.contract;
        outcome
    }

    /// Runs one deployment.
    pub(crate) fn execute_create(
        &mut self,
        block: &Block,
        code: &[u8],
        create: &Create,
    ) -> Outcome {
        let Create {
            gas_limit,
            gas_price,
            ..
        } = *create;
        let (sender, address) = (Address::from(create.sender), Address::from(create.address));
        self.state.note_stranger(sender);
        self.state.note_stranger(Address::from(block.coinbase));
        if create.value != 0 {
            return Outcome {
                exception: Exception::CreateWithValue,
                gas_used: gas_limit,
                ..Outcome::default()
            };
        }
        let intrinsic = intrinsic_gas(53_000, code);
        let mut outcome = self.execute(
            block,
            sender,
            0,
            [gas_limit, gas_price],
            intrinsic,
            |host| run::create(host, sender, address, code, gas_limit - intrinsic),
        );
        if outcome.exception == Exception::None {
            outcome.contract = create.address;
        }
        outcome
    }

    fn execute(
        &mut self,
        block: &Block,
        sender: Address,
        value: u64,
        [gas_limit, gas_price]: [u64; 2],
        intrinsic: u64,
        start: impl FnOnce(&mut QtumHost<'_>) -> run::Ended,
    ) -> Outcome {
        self.state.begin_execution();
        self.state.note_stranger(sender);
        self.state.note_stranger(Address::from(block.coinbase));
        let refused = |exception| Outcome {
            exception,
            gas_used: gas_limit,
            ..Outcome::default()
        };
        if gas_limit < intrinsic {
            return refused(Exception::OutOfGasIntrinsic);
        }
        if block.gas_limit < gas_limit {
            return refused(Exception::BlockGasLimitReached);
        }
        let checkpoint = self.state.checkpoint();
        self.state.add_balance(sender, U256::from(value));
        let mut host = QtumHost {
            state: &mut self.state,
            block,
            origin: sender,
            gas_price,
            gas_params: &GAS_PARAMS,
            frames: Vec::new(),
        };
        let ended = start(&mut host);
        let substate = host.frames.pop().unwrap_or_default();
        if !ended.ran_code {
            // Nothing to run is a failure here: Qtum takes all the gas and returns the coins.
            self.state.roll_back(checkpoint);
            return refused(Exception::Unknown);
        }
        let refund = u64::try_from(substate.refund).unwrap_or(0);
        let spent = gas_limit - ended.gas_left;
        let mut outcome = Outcome {
            exception: ended.exception,
            gas_used: spent - refund.min(spent / 2),
            gas_refunded: refund,
            output: ended.output.to_vec(),
            gas_for_deposit: ended.gas_for_deposit,
            started: true,
            ..Outcome::default()
        };
        if ended.exception != Exception::None {
            self.state.roll_back(checkpoint);
            return outcome;
        }
        outcome.logs = substate.logs.iter().map(to_log).collect();
        outcome.transfers = self.state.moved.iter().map(to_transfer).collect();
        outcome.destroyed = substate
            .destroyed
            .iter()
            .map(|address| address.0.0)
            .collect();
        outcome.destroyed.sort_unstable();
        outcome
    }

    /// Deletes what must not stay: contracts that destroyed themselves, accounts of keys.
    pub(crate) fn finish(&mut self, outcome: &Outcome) {
        if !outcome.started {
            return;
        }
        for address in &outcome.destroyed {
            self.state.remove(Address::from(*address));
            self.state.set_coin(Address::from(*address), None);
        }
        let mut strangers: Vec<_> = self.state.strangers.iter().copied().collect();
        strangers.sort_unstable();
        for address in strangers {
            self.state.remove(address);
            self.state.set_coin(address, None);
        }
    }
}

fn intrinsic_gas(base: u64, data: &[u8]) -> u64 {
    data.iter()
        .fold(base, |sum, byte| sum + if *byte == 0 { 4 } else { 16 })
}

fn satoshi(amount: U256) -> u64 {
    u64::try_from(amount).unwrap_or(u64::MAX)
}

fn to_log(log: &revm::primitives::Log) -> Log {
    let topics = log.data.topics().iter().map(|topic| topic.0).collect();
    Log {
        address: log.address.0.0,
        topics,
        data: log.data.data.to_vec(),
    }
}

fn to_transfer(moved: &state::Moved) -> Transfer {
    Transfer {
        from: moved.from.0.0,
        to: moved.to.0.0,
        value: satoshi(moved.value),
    }
}

#[cfg(test)]
mod tests;
