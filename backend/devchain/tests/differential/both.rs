//! The model and the bytecode side by side: every call goes to both, every difference is kept.

use std::collections::BTreeMap;

use sparky_devchain::evm::{Block, Call, Evm, Exception};
use sparky_protocol::{
    Account, Amount, ChainEvent, ChannelParams, ContractCall, Domain, Facts, Hash, Lock, Side,
    facts::Posted,
};
use sparky_qtum::contract::{self, View};

use crate::contract::{Chain, Contract, Done, Revert};

/// Both, and the first difference between them.
pub struct Both {
    pub model: Contract,
    evm: Evm,
    address: Account,
    fresh: usize,
    difference: Option<String>,
    history: Vec<(u32, Account, ContractCall)>,
    /// Satoshi that the next call carries beyond what it should.
    pub surplus: u64,
    /// What has succeeded, by name, with the corners that matter.
    pub seen: BTreeMap<&'static str, u64>,
    pub calls: u64,
    pub reverts: u64,
}

impl Both {
    pub fn new() -> Self {
        let mut evm = Evm::default();
        let deployment = contract::deployment(10, 100_000);
        let deployer = Account([0xd0; 20]);
        let address = evm
            .deploy(&block(1), deployer.0, &deployment)
            .expect("it deploys");
        evm.settle();
        let address = Account(address);
        let model = Contract::new(Domain {
            chain_id: 8_890,
            contract: address,
        });
        let fresh = evm.checkpoint();
        Self {
            model,
            evm,
            address,
            fresh,
            difference: None,
            history: Vec::new(),
            surplus: 0,
            seen: BTreeMap::new(),
            calls: 0,
            reverts: 0,
        }
    }

    /// Everything from the beginning.
    pub fn reset(&mut self) {
        self.evm.roll_back(self.fresh);
        self.model.reset();
        self.difference = None;
        self.history.clear();
    }

    /// The first difference, if there was one.
    pub fn difference(&self) -> Result<(), String> {
        self.difference.clone().map_or(Ok(()), Err)
    }

    /// What was called since the last reset.
    pub fn history(&self) -> Vec<String> {
        let line = |(height, caller, call): &(u32, Account, ContractCall)| {
            format!("block {height}, {caller}: {call:?}")
        };
        self.history.iter().map(line).collect()
    }

    fn execute(&mut self, caller: Account, call: &ContractCall) -> Result<Done, Revert> {
        let value = u64::try_from(call.value().0).expect("little money") + self.surplus;
        let data = contract::encode(call);
        let (sender, contract) = (caller.0, self.address.0);
        // No more than our programs give: a limit that does not suffice is a difference.
        let gas_limit = contract::gas_limit(call);
        let call = Call {
            sender,
            contract,
            value,
            data,
            gas_limit,
            ..Call::default()
        };
        let outcome = self.evm.call(&block(self.model.next), &call);
        if outcome.exception != Exception::None {
            return Err("reverted");
        }
        let address = Account(outcome.contract);
        let events = outcome.logs.iter().map(|log| {
            let topics: Vec<_> = log.topics.iter().copied().map(Hash).collect();
            contract::decode_log(&address, &Account(log.address), &topics, &log.data)
        });
        let events: Option<Vec<ChainEvent>> = events.collect();
        let out = outcome
            .transfers
            .iter()
            .filter(|transfer| transfer.from == contract);
        let paid = out.map(|transfer| (Account(transfer.to), Amount(transfer.value.into())));
        Ok(Done {
            events: events.ok_or("an unknown event")?,
            paid: paid.collect(),
        })
    }

    fn note(&mut self, call: &ContractCall, done: &Result<Done, Revert>, before: Option<&Facts>) {
        let Ok(Done { events, .. }) = done else {
            return;
        };
        let refuting = before
            .and_then(|facts| facts.closed)
            .is_some_and(|it| it.deadline < self.model.next);
        let disputed = before.is_some_and(|facts| facts.closed.is_some());
        for event in events {
            let name = match event {
                ChainEvent::Opened { .. } => "opened",
                ChainEvent::Deposited { .. } => "deposited",
                ChainEvent::Withdrawn { .. } => "withdrawn",
                ChainEvent::CooperativelyClosed { .. } if disputed => "agreed in a dispute",
                ChainEvent::CooperativelyClosed { .. } => "agreed",
                ChainEvent::Closed { nonce: 0, .. } => "closed without a proof",
                ChainEvent::Closed { .. } => "closed with a proof",
                ChainEvent::Recovered { .. } => "recovered",
                ChainEvent::CounterClaimed { .. } if refuting => "refuted",
                ChainEvent::CounterClaimed { .. } => "counter-claimed",
                ChainEvent::FloorRaised { .. } => "floor raised",
                ChainEvent::Settled { penalty, .. } if !penalty.is_zero() => {
                    "settled with a penalty"
                }
                ChainEvent::Settled { .. } => self.settlement(call, before),
                ChainEvent::PreimageRegistered { .. } => "registered",
                ChainEvent::Credited { .. } | ChainEvent::CreditWithdrawn { .. } => "credited",
            };
            *self.seen.entry(name).or_default() += 1;
        }
    }

    fn settlement(&self, call: &ContractCall, before: Option<&Facts>) -> &'static str {
        let ContractCall::Settle {
            locks_ab, locks_ba, ..
        } = call
        else {
            return "settled";
        };
        let registry = &self.model.registry;
        let opened = |lock: &Lock| registry.contains_key(&lock.payment_hash);
        let rooted = before.is_some_and(|it| {
            it.posted
                .iter()
                .any(|posted| posted.locks_root != Hash::ZERO)
        });
        if locks_ab.iter().chain(locks_ba).any(opened) {
            "settled with opened locks"
        } else if rooted && locks_ab.is_empty() && locks_ba.is_empty() {
            "settled without a lost list"
        } else {
            "settled"
        }
    }

    fn ask(&mut self, view: &View) -> Vec<u8> {
        let (sender, contract) = ([1; 20], self.address.0);
        let call = Call {
            sender,
            contract,
            data: view.encode(),
            ..Call::default()
        };
        self.evm.call(&block(self.model.next), &call).output
    }

    /// Compares what is held, and what is stored of the channel that a call was about.
    fn compare_storage(&mut self, call: &ContractCall) -> Result<(), String> {
        let held = Amount(self.evm.balance(&self.address.0).into());
        if held != self.model.holdings {
            return Err(format!("holds {held}, should hold {}", self.model.holdings));
        }
        let id = call.params().map(ChannelParams::id);
        if let Some(facts) = id.and_then(|id| self.model.channels.get(&id)).cloned() {
            let id = facts.channel_id;
            let seen = View::channel(&self.ask(&View::Channel(id))).ok_or("no channel view")?;
            let open = facts.settled.is_none();
            let expected = [
                if open { facts.net(Side::A).0 } else { 0 },
                if open { facts.net(Side::B).0 } else { 0 },
                facts
                    .closed
                    .filter(|_| open)
                    .map_or(0, |closed| closed.deadline.into()),
                if open { facts.sequence.into() } else { 0 },
            ];
            let got = [
                seen.net_a.0,
                seen.net_b.0,
                seen.deadline.into(),
                seen.sequence.into(),
            ];
            if expected != got {
                return Err(format!("channel {got:?}, should be {expected:?}"));
            }
            for side in Side::BOTH {
                let answer = self.ask(&View::Direction(id, side));
                let seen = View::direction(&answer).ok_or("no direction view")?;
                let posted = if open {
                    facts.posted[side]
                } else {
                    Posted::default()
                };
                let closed = facts.closed.filter(|closed| open && closed.by == side);
                let declared = closed
                    .and_then(|closed| closed.declared)
                    .unwrap_or_default();
                let expected = (
                    posted.nonce,
                    posted.transferred,
                    posted.floor,
                    declared,
                    posted.locks_root,
                );
                let got = (
                    seen.nonce,
                    seen.transferred,
                    seen.floor,
                    seen.declared,
                    seen.locks_root,
                );
                if expected != got {
                    return Err(format!("direction {side} {got:?}, should be {expected:?}"));
                }
            }
        }
        Ok(())
    }
}

impl Chain for Both {
    fn next(&self) -> u32 {
        self.model.next
    }

    fn mine(&mut self, blocks: u32) {
        self.model.mine(blocks);
    }

    fn call(&mut self, caller: Account, call: &ContractCall) -> Result<Done, Revert> {
        self.history.push((self.model.next, caller, call.clone()));
        let before = call
            .params()
            .and_then(|params| self.model.channels.get(&params.id()))
            .cloned();
        let got = self.execute(caller, call);
        let expected = match std::mem::take(&mut self.surplus) {
            0 => self.model.call(caller, call),
            // Deposits must match, everything else takes no money.
            _ => Err("ValueMismatch"),
        };
        self.note(call, &expected, before.as_ref());
        self.calls += 1;
        self.reverts += u64::from(expected.is_err());
        let same = match (&expected, &got) {
            (Ok(expected), Ok(got)) if expected == got => self.compare_storage(call),
            (Err(_), Err("reverted")) => Ok(()),
            _ => Err(format!(
                "{expected:?} by the rules, {got:?} by the bytecode"
            )),
        };
        if let Err(why) = same {
            self.difference.get_or_insert(why);
        }
        expected
    }

    fn model(&self) -> &Contract {
        &self.model
    }
}

fn block(number: u32) -> Block {
    Block {
        number,
        ..Block::default()
    }
}
