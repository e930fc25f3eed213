//! What the contract does for one caller alone: a dispute from the close to the payout, and the
//! registry of preimages.

use sparky_protocol::{
    Account, Amount, BalanceProof, ChainEvent, ChannelParams, ContractCall, Hash, Lock,
    PaymentHash, Preimage, Side, Signature, SignedProof, lock,
    settlement::{self, Payout},
};

use super::{
    Contract, Done, Revert, pay,
    signatures::{ack_of, proof_in},
};

impl Contract {
    pub(super) fn act_alone(
        &mut self,
        caller: Account,
        call: &ContractCall,
    ) -> Result<Done, Revert> {
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
}
