//! The contract as PROTOCOL §3 tells it, in the plainest Rust: what a call does or why it fails.
//!
//! It keeps no state of its own: successful calls become events, and [`Facts`] folds them as every
//! consumer does. The differential test plays the same calls against the bytecode.

use std::collections::{BTreeMap, HashMap};

use sparky_protocol::{
    Account, Amount, BalanceProof, ChainEvent, ChannelId, ChannelParams, ContractCall,
    CooperativeClose, CooperativeWithdraw, Domain, Facts, Hash, Lock, Net, PaymentHash, Preimage,
    Side, Signature, SignedProof, UnsignedAck, lock,
    settlement::{self, Payout},
};

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

    fn agree(&mut self, caller: Account, call: &ContractCall) -> Result<Done, Revert> {
        match call {
            ContractCall::CooperativeWithdraw {
                params,
                from,
                amount,
                valid_until,
                signature_a,
                signature_b,
            } => {
                self.valid(*valid_until)?;
                let facts = self.open_channel(params)?;
                let sequence = facts.sequence;
                let total = facts.net(Side::A).plus(facts.net(Side::B)).to_amount();
                let withdraw = CooperativeWithdraw {
                    channel_id: facts.channel_id,
                    from: *from,
                    amount: *amount,
                    sequence,
                    valid_until: *valid_until,
                };
                let digest = withdraw.digest(&self.domain);
                self.both(params, caller, &digest, [signature_a, signature_b])?;
                if total < *amount {
                    return Err("InsufficientChannelBalance");
                }
                let (channel_id, from, amount) = (withdraw.channel_id, *from, *amount);
                let event = ChainEvent::Withdrawn {
                    channel_id,
                    from,
                    amount,
                    sequence: sequence + 1,
                };
                Ok(Done {
                    events: vec![event],
                    paid: pay([(params.account(from), amount)]),
                })
            }
            ContractCall::CooperativeClose {
                params,
                net_to_a,
                valid_until,
                signature_a,
                signature_b,
            } => {
                self.valid(*valid_until)?;
                let facts = self.channel(params)?;
                let close = CooperativeClose {
                    channel_id: facts.channel_id,
                    net_to_a: *net_to_a,
                    sequence: facts.sequence,
                    valid_until: *valid_until,
                };
                let pays = [
                    facts.net(Side::A).plus(*net_to_a),
                    facts.net(Side::B).minus(*net_to_a),
                ];
                let digest = close.digest(&self.domain);
                self.both(params, caller, &digest, [signature_a, signature_b])?;
                if pays.iter().any(|pay| pay.0 < 0) {
                    return Err("InsufficientChannelBalance");
                }
                let [pay_a, pay_b] = pays.map(Net::to_amount);
                let channel_id = close.channel_id;
                let event = ChainEvent::CooperativelyClosed {
                    channel_id,
                    pay_a,
                    pay_b,
                };
                let paid = pay([(params.account_a, pay_a), (params.account_b, pay_b)]);
                Ok(Done {
                    events: vec![event],
                    paid,
                })
            }
            _ => Err("not an agreement"),
        }
    }

    fn act_alone(&mut self, caller: Account, call: &ContractCall) -> Result<Done, Revert> {
        let events = |event| {
            Ok(Done {
                events: vec![event],
                paid: vec![],
            })
        };
        match call {
            ContractCall::Close {
                params,
                declared,
                incoming,
                valid_until,
            } => {
                self.valid(*valid_until)?;
                let channel_id = self.open_channel(params)?.channel_id;
                let by = params.side_of(&caller).ok_or("NotParticipant")?;
                let posted = self.incoming(params, by.other(), incoming.as_ref())?;
                events(ChainEvent::Closed {
                    channel_id,
                    by,
                    declared: *declared,
                    nonce: posted.nonce,
                    transferred: posted.transferred,
                    locks_root: posted.locks_root,
                    deadline: self.next + params.window,
                })
            }
            ContractCall::Recover {
                params,
                valid_until,
            } => {
                self.valid(*valid_until)?;
                let channel_id = self.open_channel(params)?.channel_id;
                let by = params.side_of(&caller).ok_or("NotParticipant")?;
                let deadline = self.next + 3 * params.window;
                events(ChainEvent::Recovered {
                    channel_id,
                    by,
                    deadline,
                })
            }
            ContractCall::CounterClaim { params, proof, ack } => {
                events(self.counter_claim(caller, params, proof, ack.as_ref())?)
            }
            ContractCall::RaiseFloor { params, proof } => events(self.raise_floor(params, proof)?),
            ContractCall::Settle {
                params,
                locks_ab,
                locks_ba,
            } => self.settle(params, [locks_ab, locks_ba]),
            ContractCall::RegisterPreimages { preimages } => Ok(self.register(preimages)),
            _ => Err("NoCredit"),
        }
    }

    fn counter_claim(
        &mut self,
        caller: Account,
        params: &ChannelParams,
        signed: &SignedProof,
        ack: Option<&Signature>,
    ) -> Result<ChainEvent, Revert> {
        let facts = self.closed_channel(params)?.clone();
        let closed = facts.closed.ok_or("NotClosed")?;
        let sender = self.sender(params, signed)?;
        let posted = facts.posted[sender];
        let refuting = closed.deadline < self.next;
        if refuting {
            if facts.refutable_until().unwrap_or(closed.deadline) < self.next {
                return Err("TooLate");
            }
            if posted.nonce == 0 {
                return Err("NothingToRefute");
            }
        }
        let recipient = params.account(sender.other());
        match ack.filter(|ack| !ack.is_absent()) {
            Some(ack) => {
                let digest = ack_of(&proof_in(params, signed), sender).digest(&self.domain);
                self.signed(&recipient, &digest, ack)?;
            }
            None if refuting || caller != recipient => return Err("AckMissing"),
            None => {}
        }
        let BalanceProof {
            channel_id,
            nonce,
            transferred,
            locks_root,
        } = proof_in(params, signed);
        if nonce <= posted.nonce {
            return Err("Stale");
        }
        let settleable_at = closed.deadline + params.window / 2 + 1;
        Ok(ChainEvent::CounterClaimed {
            channel_id,
            sender,
            nonce,
            transferred,
            locks_root,
            settleable_at,
        })
    }

    fn raise_floor(
        &mut self,
        params: &ChannelParams,
        signed: &SignedProof,
    ) -> Result<ChainEvent, Revert> {
        let facts = self.closed_channel(params)?.clone();
        if facts.closed.ok_or("NotClosed")?.deadline < self.next {
            return Err("TooLate");
        }
        let sender = self.sender(params, signed)?;
        let floor = signed.proof.transferred;
        if floor <= facts.posted[sender].floor {
            return Err("FloorNotRaised");
        }
        Ok(ChainEvent::FloorRaised {
            channel_id: facts.channel_id,
            sender,
            floor,
        })
    }

    fn settle(&self, params: &ChannelParams, locks: [&Vec<Lock>; 2]) -> Result<Done, Revert> {
        let facts = self.closed_channel(params)?;
        let finalizes_at = facts.finalizes_at().ok_or("NotClosed")?;
        if self.next < finalizes_at {
            return Err("NotFinal");
        }
        let may_be_lost = finalizes_at + params.window <= self.next;
        for side in Side::BOTH {
            let (list, root) = (locks[side], facts.posted[side].locks_root);
            let given_up = list.is_empty() && may_be_lost;
            if 64 < list.len() {
                return Err("LocksMalformed");
            }
            if !given_up && lock::root(list) != root {
                return Err("LocksMismatch");
            }
        }
        let registered = |hash: &PaymentHash| self.registry.get(hash).copied();
        let lists = [locks[0].as_slice(), locks[1].as_slice()];
        let payout = settlement::outcome(facts, lists, registered).ok_or("NotClosed")?;
        let Payout {
            pay_a,
            pay_b,
            penalty,
        } = payout;
        let event = ChainEvent::Settled {
            channel_id: facts.channel_id,
            pay_a,
            pay_b,
            penalty,
        };
        let paid = pay([(params.account_a, pay_a), (params.account_b, pay_b)]);
        Ok(Done {
            events: vec![event],
            paid,
        })
    }

    fn register(&self, preimages: &[Preimage]) -> Done {
        let mut events: Vec<ChainEvent> = Vec::new();
        for preimage in preimages {
            let payment_hash = preimage.payment_hash();
            let event = ChainEvent::PreimageRegistered {
                payment_hash,
                preimage: preimage.clone(),
            };
            if !self.registry.contains_key(&payment_hash) && !events.contains(&event) {
                events.push(event);
            }
        }
        Done {
            events,
            paid: vec![],
        }
    }

    fn incoming(
        &mut self,
        params: &ChannelParams,
        sender: Side,
        incoming: Option<&SignedProof>,
    ) -> Result<BalanceProof, Revert> {
        let channel_id = params.id();
        let (nonce, transferred, locks_root) = (0, Amount::ZERO, Hash::ZERO);
        let nothing = BalanceProof {
            channel_id,
            nonce,
            transferred,
            locks_root,
        };
        match incoming {
            None => Ok(nothing),
            Some(SignedProof { proof, .. }) if proof.nonce == 0 => {
                let says = proof.transferred != Amount::ZERO || proof.locks_root != Hash::ZERO;
                if says { Err("NonceZero") } else { Ok(nothing) }
            }
            Some(signed) => {
                let digest = proof_in(params, signed).digest(&self.domain);
                self.signed(&params.account(sender), &digest, &signed.signature)?;
                Ok(signed.proof)
            }
        }
    }

    /// Whose direction a proof is for: its signer's.
    fn sender(&mut self, params: &ChannelParams, signed: &SignedProof) -> Result<Side, Revert> {
        let account = signed.signature.signer_account();
        let side = params.side_of(&account).ok_or("SignatureInvalid")?;
        let digest = proof_in(params, signed).digest(&self.domain);
        self.signed(&account, &digest, &signed.signature)?;
        Ok(side)
    }

    fn both(
        &mut self,
        params: &ChannelParams,
        caller: Account,
        digest: &Hash,
        signatures: [&Option<Signature>; 2],
    ) -> Result<(), Revert> {
        for side in Side::BOTH {
            let account = params.account(side);
            if account != caller {
                let signature = signatures[side].unwrap_or(Signature::ABSENT);
                self.signed(&account, digest, &signature)?;
            }
        }
        Ok(())
    }

    fn signed(&mut self, by: &Account, digest: &Hash, signature: &Signature) -> Result<(), Revert> {
        let verify = || signature.verify(digest, by).is_ok();
        let valid = *self
            .memory
            .entry((*digest, *by, *signature))
            .or_insert_with(verify);
        if valid {
            Ok(())
        } else {
            Err("SignatureInvalid")
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

/// The ack that fits a proof.
pub fn ack_of(proof: &BalanceProof, sender: Side) -> UnsignedAck {
    let (channel_id, nonce, proof_hash) = (proof.channel_id, proof.nonce, proof.struct_hash());
    UnsignedAck {
        channel_id,
        sender,
        nonce,
        proof_hash,
    }
}

/// The contract hashes the id of the params in, whatever the proof names.
fn proof_in(params: &ChannelParams, signed: &SignedProof) -> BalanceProof {
    BalanceProof {
        channel_id: params.id(),
        ..signed.proof
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
