//! The contract as PROTOCOL §3 tells it, in the plainest Rust: what a call does or why it fails.
//!
//! It keeps no state of its own: successful calls become events, and [`Facts`] folds them as every
//! consumer does. The differential test plays the same calls against the bytecode.

mod agreeing;
mod alone;
mod signatures;

use std::collections::{BTreeMap, HashMap};

use sparky_protocol::{
    Account, Amount, ChainEvent, ChannelId, ChannelParams, ContractCall, Domain, Facts, Hash, Net,
    PaymentHash, Signature,
};

pub use self::signatures::ack_of;

/// What a successful call did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub events: Vec<ChainEvent>,
    pub paid: Vec<(Account, Amount)>,
}

/// The name of the contract's error.
pub type Revert = &'static str;

/// Something that executes calls: this model, or the model and the bytecode side by side.
pub trait Chain {
    /// The height of the block in which the next call is executed.
    fn next(&self) -> u32;
    /// Moves that height on.
    fn mine(&mut self, blocks: u32);
    /// Executes a call.
    fn call(&mut self, caller: Account, call: &ContractCall) -> Result<Done, Revert>;
    /// What the model knows.
    fn model(&self) -> &Contract;
}

/// All channels of one deployment.
#[derive(Clone)]
pub struct Contract {
    pub domain: Domain,
    pub windows: [u32; 2],
    pub next: u32,
    pub count: u64,
    pub channels: BTreeMap<ChannelId, Facts>,
    pub registry: BTreeMap<PaymentHash, u32>,
    pub holdings: Amount,
    memory: HashMap<(Hash, Account, Signature), bool>,
}

impl Chain for Contract {
    fn next(&self) -> u32 {
        self.next
    }

    fn mine(&mut self, blocks: u32) {
        self.next += blocks;
    }

    fn call(&mut self, caller: Account, call: &ContractCall) -> Result<Done, Revert> {
        let done = self.decide(caller, call)?;
        for event in &done.events {
            self.record(event);
        }
        let paid: Amount = done.paid.iter().map(|(_, amount)| *amount).sum();
        self.holdings = self.holdings.plus(call.value()).expect("little money");
        self.holdings = self.holdings.minus(paid).ok_or("paid more than there is")?;
        Ok(done)
    }

    fn model(&self) -> &Contract {
        self
    }
}

impl Contract {
    pub fn new(domain: Domain) -> Self {
        Self {
            domain,
            windows: [10, 100_000],
            next: 1_000,
            count: 0,
            channels: BTreeMap::new(),
            registry: BTreeMap::new(),
            holdings: Amount::ZERO,
            memory: HashMap::new(),
        }
    }

    /// Everything from the beginning, except for what verifying signatures has cost already.
    pub fn reset(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        *self = Self {
            memory,
            windows: self.windows,
            ..Self::new(self.domain)
        };
    }

    fn record(&mut self, event: &ChainEvent) {
        match event {
            ChainEvent::Opened {
                channel_id,
                params,
                amount,
            } => {
                self.count += 1;
                self.channels
                    .insert(*channel_id, Facts::opened(*params, *amount, self.next));
            }
            ChainEvent::PreimageRegistered { payment_hash, .. } => {
                self.registry.insert(*payment_hash, self.next);
            }
            other => {
                for facts in self.channels.values_mut() {
                    facts.apply(self.next, other);
                }
            }
        }
    }

    fn decide(&mut self, caller: Account, call: &ContractCall) -> Result<Done, Revert> {
        let events = |event| {
            Ok(Done {
                events: vec![event],
                paid: vec![],
            })
        };
        match call {
            ContractCall::Open {
                account_b,
                token,
                amount,
                window,
                penalty_bps,
            } => {
                if [Account::ZERO, caller, self.domain.contract].contains(account_b) {
                    return Err("PartnerInvalid");
                }
                if *window < self.windows[0] || self.windows[1] < *window {
                    return Err("WindowOutOfBounds");
                }
                deposit_fits(Net(0), *amount)?;
                let params = ChannelParams {
                    number: self.count + 1,
                    account_a: caller,
                    account_b: *account_b,
                    token: *token,
                    window: *window,
                    penalty_bps: *penalty_bps,
                };
                events(ChainEvent::Opened {
                    channel_id: params.id(),
                    params,
                    amount: *amount,
                })
            }
            ContractCall::Deposit { params, to, amount } => {
                let facts = self.open_channel(params)?;
                deposit_fits(facts.net(*to), *amount)?;
                let channel_id = facts.channel_id;
                events(ChainEvent::Deposited {
                    channel_id,
                    to: *to,
                    amount: *amount,
                })
            }
            ContractCall::CooperativeWithdraw { .. } | ContractCall::CooperativeClose { .. } => {
                self.agree(caller, call)
            }
            other => self.act_alone(caller, other),
        }
    }

    fn valid(&self, until: u32) -> Result<(), Revert> {
        if until < self.next {
            Err("Expired")
        } else {
            Ok(())
        }
    }

    fn channel(&self, params: &ChannelParams) -> Result<&Facts, Revert> {
        let facts = self.channels.get(&params.id());
        facts
            .filter(|facts| facts.settled.is_none())
            .ok_or("UnknownChannel")
    }

    fn open_channel(&self, params: &ChannelParams) -> Result<&Facts, Revert> {
        let facts = self.channel(params)?;
        if facts.closed.is_some() {
            Err("NotOpen")
        } else {
            Ok(facts)
        }
    }

    fn closed_channel(&self, params: &ChannelParams) -> Result<&Facts, Revert> {
        let facts = self.channel(params)?;
        if facts.closed.is_none() {
            Err("NotClosed")
        } else {
            Ok(facts)
        }
    }
}

fn deposit_fits(net: Net, amount: Amount) -> Result<(), Revert> {
    if net.plus(amount.to_net()) <= Net::MAX {
        Ok(())
    } else {
        Err("DepositTooLarge")
    }
}

fn pay<const N: usize>(payments: [(Account, Amount); N]) -> Vec<(Account, Amount)> {
    payments
        .into_iter()
        .filter(|(_, amount)| !amount.is_zero())
        .collect()
}
