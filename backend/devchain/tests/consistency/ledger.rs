//! The chain of a case: blocks of calls on the real bytecode, and how to take blocks back.

use std::collections::BTreeMap;

use sparky_devchain::evm::{Block, Call, Evm, Exception};
use sparky_protocol::{
    Account, Amount, ChainEvent, ContractCall, Domain, Facts, Hash, Lock, PaymentHash, Side,
    settlement,
};
use sparky_qtum::contract;

/// The height of the first block.
const FIRST: u32 = 1_000;

/// A call on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub caller: Account,
    pub call: ContractCall,
}

struct Mined {
    /// To take it back.
    checkpoint: usize,
    calls: Vec<Waiting>,
    events: Vec<ChainEvent>,
    paid_in: u128,
    paid_out: u128,
}

/// One contract, one channel.
pub struct Ledger {
    evm: Evm,
    address: Account,
    fresh: usize,
    blocks: Vec<Mined>,
    /// Calls that no block has, in order of arrival.
    pub waiting: Vec<Waiting>,
    facts: Option<Facts>,
    registry: BTreeMap<PaymentHash, u32>,
    /// Calls that the contract refused.
    pub refused: u64,
    /// What the contract did that the rules do not say.
    pub wrong: Option<String>,
}

impl Ledger {
    pub fn new() -> Self {
        let mut evm = Evm::default();
        let block = Block::default();
        let deployment = contract::deployment(10, 100_000);
        let address = evm
            .deploy(&block, [0xd0; 20], &deployment)
            .expect("it deploys");
        evm.settle();
        let fresh = evm.checkpoint();
        Self {
            evm,
            address: Account(address),
            fresh,
            blocks: Vec::new(),
            waiting: Vec::new(),
            facts: None,
            registry: BTreeMap::new(),
            refused: 0,
            wrong: None,
        }
    }

    pub fn reset(&mut self) {
        self.evm.roll_back(self.fresh);
        self.blocks.clear();
        self.waiting.clear();
        self.facts = None;
        self.registry.clear();
        self.wrong = None;
    }

    pub fn domain(&self) -> Domain {
        Domain {
            chain_id: 8_890,
            contract: self.address,
        }
    }

    /// The height of the last block.
    pub fn height(&self) -> u32 {
        FIRST + u32::try_from(self.blocks.len()).expect("few blocks") - 1
    }

    /// What the blocks say of the channel.
    pub fn facts(&self) -> &Facts {
        self.facts.as_ref().expect("the channel is open")
    }

    /// In which block a payment hash was opened.
    pub fn registered(&self, hash: &PaymentHash) -> Option<u32> {
        self.registry.get(hash).copied()
    }

    /// Hands a call in; the same twice is once.
    pub fn broadcast(&mut self, caller: Account, call: ContractCall) {
        let call = Waiting { caller, call };
        if !self.waiting.contains(&call) {
            self.waiting.push(call);
        }
    }

    /// One block with everything that waits, or with nothing.
    pub fn mine(&mut self, full: bool, reversed: bool) {
        let mut calls = if full {
            std::mem::take(&mut self.waiting)
        } else {
            Vec::new()
        };
        if reversed {
            calls.reverse();
        }
        self.add_block(calls);
    }

    fn add_block(&mut self, calls: Vec<Waiting>) {
        let checkpoint = self.evm.checkpoint();
        self.blocks.push(Mined {
            checkpoint,
            calls: Vec::new(),
            events: Vec::new(),
            paid_in: 0,
            paid_out: 0,
        });
        for call in calls {
            self.execute(call);
        }
        self.balance();
    }

    /// Replaces the last blocks by one more: a chain wins because it has more work. Deposits and
    /// withdrawals that had counted come again at once, in order: deeper than the confirmations, no
    /// promise holds without them.
    pub fn reorganise(&mut self, depth: u32, kept: bool, reversed: bool, confirmations: u32) {
        let depth = depth.min(confirmations) as usize;
        // The opening stays.
        if self.blocks.len() < depth + 4 {
            return;
        }
        let old = self.blocks.split_off(self.blocks.len() - depth);
        self.evm.roll_back(old[0].checkpoint);
        self.refold();
        let calls: Vec<_> = old.into_iter().flat_map(|block| block.calls).collect();
        let counted = depth == confirmations as usize;
        let (mut again, mut rest): (Vec<_>, Vec<_>) = calls.into_iter().partition(|one| {
            let moves = matches!(
                one.call,
                ContractCall::Deposit { .. } | ContractCall::CooperativeWithdraw { .. }
            );
            moves && counted
        });
        if reversed {
            rest.reverse();
        }
        // What is not kept a cunning miner leaves out, for ever.
        again.extend(rest.into_iter().filter(|_| kept));
        self.add_block(again);
        (0..depth).for_each(|_| self.add_block(Vec::new()));
    }

    fn refold(&mut self) {
        let heights = FIRST..;
        let events = heights
            .zip(&self.blocks)
            .flat_map(|(height, block)| block.events.iter().map(move |event| (height, event)));
        self.facts = Facts::fold(events.clone());
        self.registry.clear();
        for (height, event) in events {
            if let ChainEvent::PreimageRegistered { payment_hash, .. } = event {
                self.registry.insert(*payment_hash, height);
            }
        }
    }

    fn execute(&mut self, waiting: Waiting) {
        let Waiting { caller, call } = &waiting;
        let expected = self.settlement(call);
        let number = self.height();
        let block = Block {
            number,
            ..Block::default()
        };
        let value = u64::try_from(call.value().0).expect("little money");
        let outcome = self.evm.call(
            &block,
            &Call {
                sender: caller.0,
                contract: self.address.0,
                value,
                data: contract::encode(call),
                ..Call::default()
            },
        );
        if outcome.exception != Exception::None {
            self.refused += 1;
            return;
        }
        let mut events = Vec::new();
        for log in &outcome.logs {
            let topics: Vec<_> = log.topics.iter().copied().map(Hash).collect();
            let event =
                contract::decode_log(&self.address, &Account(log.address), &topics, &log.data);
            events.extend(event);
        }
        for event in &events {
            match event {
                ChainEvent::Opened { params, amount, .. } => {
                    self.facts = Some(Facts::opened(*params, *amount, number));
                }
                ChainEvent::PreimageRegistered { payment_hash, .. } => {
                    self.registry.insert(*payment_hash, number);
                }
                ChainEvent::Settled {
                    pay_a,
                    pay_b,
                    penalty,
                    ..
                } if expected != Some([*pay_a, *pay_b, *penalty]) => {
                    let got = [pay_a, pay_b, penalty];
                    self.wrong = Some(format!(
                        "the contract settles {got:?}, the rules {expected:?}"
                    ));
                }
                _ => {}
            }
            if let Some(facts) = &mut self.facts {
                facts.apply(number, event);
            }
        }
        let out = outcome
            .transfers
            .iter()
            .filter(|transfer| transfer.from == self.address.0);
        let paid_out: u128 = out.map(|transfer| u128::from(transfer.value)).sum();
        let mined = self.blocks.last_mut().expect("a block");
        mined.paid_in += u128::from(value);
        mined.paid_out += paid_out;
        mined.events.extend(events);
        mined.calls.push(waiting);
    }

    /// What the rules pay for a settlement: A's part, B's part and the penalty.
    fn settlement(&self, call: &ContractCall) -> Option<[Amount; 3]> {
        let ContractCall::Settle {
            locks_ab, locks_ba, ..
        } = call
        else {
            return None;
        };
        let lists: [&[Lock]; 2] = [locks_ab, locks_ba];
        let payout =
            settlement::outcome(self.facts.as_ref()?, lists, |hash| self.registered(hash))?;
        Some([payout.pay_a, payout.pay_b, payout.penalty])
    }

    /// Money is never made and never lost.
    fn balance(&mut self) {
        let held = u128::from(self.evm.balance(&self.address.0));
        let flow = |pick: fn(&Mined) -> u128| self.blocks.iter().map(pick).sum::<u128>();
        let (paid_in, paid_out) = (flow(|block| block.paid_in), flow(|block| block.paid_out));
        let due = match &self.facts {
            Some(facts) if facts.settled.is_none() => {
                facts.net(Side::A).plus(facts.net(Side::B)).to_amount().0
            }
            _ => 0,
        };
        if held + paid_out != paid_in || held != due {
            self.wrong = Some(format!(
                "{paid_in} came in, {paid_out} went out, {held} is held, {due} is due"
            ));
        }
    }
}
