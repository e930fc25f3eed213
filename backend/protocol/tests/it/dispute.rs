//! An honest participant against a hostile one: whatever the hostile signs, posts, hides or withholds,
//! the honest gets what it is entitled to as long as somebody posts for it in time.
//!
//! A game is a list of moves that a seed fixes, so that a lost one can be played again and shortened.

use std::collections::BTreeMap;

use sparky_protocol::{
    Account, Amount, BalanceProof, Channel, ChannelId, ContractCall, Facts, Hash, Lock, Operation,
    PaymentHash, Phase, Preimage, RemoveReason, Reserve, SecretKey, Side, Signature, SignedProof,
    Standing, Tip, Update, lock, settlement,
    watch::{Caller, watch},
};

use crate::{
    contract::{Chain, ack_of},
    moves::{Move, Setup, WINDOW},
    participant::Participant,
};

/// Plays a game on a chain. The error says what went wrong.
pub fn play(chain: &mut impl Chain, setup: Setup, moves: &[Move]) -> Result<(), String> {
    let mut game = Game::new(chain, setup)?;
    for next in moves {
        game.make(*next)?;
    }
    game.finish()
}

struct Game<'a, C> {
    chain: &'a mut C,
    setup: Setup,
    id: ChannelId,
    honest: Participant,
    hostile: SecretKey,
    /// All that the honest one ever signed, with locks: the hostile one kept everything.
    received: Vec<(SignedProof, Vec<Lock>)>,
    /// All that the hostile one ever signed and sent, with the honest one's acks.
    given: Vec<(SignedProof, Option<Signature>)>,
    preimages: BTreeMap<PaymentHash, Preimage>,
    /// What the honest one can open.
    opens: Vec<PaymentHash>,
    /// The close that the honest one sent, if it did.
    closed_honestly: bool,
}

impl<'a, C: Chain> Game<'a, C> {
    fn new(chain: &'a mut C, setup: Setup) -> Result<Self, String> {
        let keys = [11, 12].map(|byte| SecretKey::from_bytes(&[byte; 32]).expect("a key"));
        let open = ContractCall::Open {
            account_b: keys[1].account(),
            token: Account::ZERO,
            amount: Amount(setup.deposits[0]),
            window: WINDOW,
            penalty_bps: setup.penalty_bps,
        };
        chain.call(keys[0].account(), &open)?;
        let facts = chain
            .model()
            .channels
            .values()
            .next()
            .ok_or("no channel")?
            .clone();
        let amount = Amount(setup.deposits[1]);
        if !amount.is_zero() {
            let call = ContractCall::Deposit {
                params: facts.params,
                to: Side::B,
                amount,
            };
            chain.call(keys[1].account(), &call)?;
        }
        chain.mine(1);
        let facts = chain.model().channels[&facts.channel_id].clone();
        let channel = Channel::new(chain.model().domain, facts.clone());
        let [a, b] = keys;
        let (key, hostile) = if setup.honest == Side::A {
            (a, b)
        } else {
            (b, a)
        };
        Ok(Self {
            chain,
            setup,
            id: facts.channel_id,
            honest: Participant::new(setup.honest, key, channel),
            hostile,
            received: Vec::new(),
            given: Vec::new(),
            preimages: BTreeMap::new(),
            opens: Vec::new(),
            closed_honestly: false,
        })
    }

    fn bad(&self) -> Side {
        self.setup.honest.other()
    }

    fn tip(&self) -> Tip {
        Tip {
            height: self.chain.next() - 1,
            confirmations: 1,
            reserve: Reserve::NONE,
        }
    }

    fn facts(&self) -> &Facts {
        &self.chain.model().channels[&self.id]
    }

    fn look(&mut self) {
        let facts = self.facts().clone();
        self.honest.look(&facts);
    }

    fn make(&mut self, next: Move) -> Result<(), String> {
        let disputed = self.facts().closed.is_some();
        if disputed && !self.setup.late {
            self.defend()?;
        }
        match next {
            Move::Dust(to, amount) => {
                let (params, amount) = (self.facts().params, Amount(amount));
                let stranger = Account([9; 20]);
                let dust = ContractCall::Deposit { params, to, amount };
                let refused = self.chain.call(stranger, &dust).is_err();
                if refused != disputed {
                    return Err("a deposit works exactly while it is open".into());
                }
                self.look();
            }
            Move::Mine(blocks) => {
                for _ in 0..blocks {
                    self.chain.mine(1);
                    self.look();
                    if self.facts().closed.is_some() {
                        self.defend()?;
                    }
                }
            }
            Move::HonestCloses { recover } if !disputed => {
                let valid_until = self.chain.next() + 5;
                let call = if recover {
                    self.honest.channel.recover_call(valid_until)
                } else {
                    self.honest
                        .channel
                        .close_call(self.setup.honest, valid_until)
                };
                self.chain.call(self.honest.key.account(), &call)?;
                self.closed_honestly = true;
                self.look();
            }
            Move::HostileCloses {
                declared,
                incoming,
                recover,
            } if !disputed => {
                self.hostile_closes(declared, incoming, recover)?;
            }
            Move::HonestCloses { .. } | Move::HostileCloses { .. } => {}
            other if disputed => self.attack(&other),
            other => self.exchange(other),
        }
        if self.facts().settled.is_some() {
            return Ok(());
        }
        if disputed && self.setup.late {
            self.defend()?;
        }
        Ok(())
    }

    /// Moves between the two, off the chain.
    fn exchange(&mut self, next: Move) {
        match next {
            Move::HonestPays(amount) => {
                self.honest_sends(Operation::Transfer {
                    amount: Amount(amount),
                });
            }
            Move::HonestLocks(amount, by) => {
                let lock = self.lock(self.setup.honest, amount, by);
                self.honest_sends(Operation::LockAdd {
                    lock,
                    onion: vec![],
                });
            }
            Move::HonestSettles(at) => {
                if let Some(lock) = self.pick(self.setup.honest, at) {
                    let preimage = self.preimages[&lock.payment_hash].clone();
                    self.honest_sends(Operation::LockSettle {
                        id: lock.id,
                        preimage,
                    });
                }
            }
            Move::HonestRemoves(at) => {
                if let Some(lock) = self.pick(self.setup.honest, at) {
                    let reason = RemoveReason::Failed;
                    self.honest_sends(Operation::LockRemove {
                        id: lock.id,
                        reason,
                    });
                }
            }
            Move::HonestAcks => {
                if let Some(ack) = self.honest.acknowledge() {
                    let acked =
                        |(signed, _): &&mut (SignedProof, _)| signed.proof.nonce == ack.nonce;
                    if let Some((_, kept)) = self.given.iter_mut().find(acked) {
                        *kept = Some(ack.signature);
                    }
                }
            }
            Move::HostilePays(amount) => {
                self.hostile_sends(Operation::Transfer {
                    amount: Amount(amount),
                });
            }
            Move::HostileLocks { amount, by, known } => {
                let lock = self.lock(self.bad(), amount, by);
                if known {
                    self.opens.push(lock.payment_hash);
                }
                self.hostile_sends(Operation::LockAdd {
                    lock,
                    onion: vec![],
                });
            }
            Move::HostileSettles(at) => {
                if let Some(lock) = self.pick(self.bad(), at) {
                    let preimage = self.preimages[&lock.payment_hash].clone();
                    self.hostile_sends(Operation::LockSettle {
                        id: lock.id,
                        preimage,
                    });
                }
            }
            Move::HostileRemoves(at) => {
                // The honest one agrees to a removal only if it can not open the lock.
                let lock = self.pick(self.bad(), at);
                if let Some(lock) = lock.filter(|lock| !self.opens.contains(&lock.payment_hash)) {
                    let reason = RemoveReason::Failed;
                    self.hostile_sends(Operation::LockRemove {
                        id: lock.id,
                        reason,
                    });
                }
            }
            Move::HostileAcks(at) => {
                if let Some((signed, _)) = pick(&self.received, at) {
                    let unsigned = ack_of(&signed.proof, self.setup.honest);
                    let digest = unsigned.digest(self.honest.channel.domain());
                    let ack = unsigned.signed(self.hostile.sign(&digest));
                    self.honest.receive_ack(&ack);
                }
            }
            _ => {}
        }
    }

    fn hostile_closes(
        &mut self,
        declared: usize,
        incoming: usize,
        recover: bool,
    ) -> Result<(), String> {
        let (params, valid_until) = (self.facts().params, self.chain.next());
        let call = if recover {
            ContractCall::Recover {
                params,
                valid_until,
            }
        } else {
            let most = self
                .given
                .last()
                .map_or(0, |(signed, _)| signed.proof.transferred.0);
            let lies = [0, most / 2, most, most + 5];
            let old = pick(&self.received, incoming).map(|(signed, _)| *signed);
            ContractCall::Close {
                params,
                declared: Amount(lies[declared % lies.len()]),
                incoming: old.filter(|_| !incoming.is_multiple_of(5)),
                valid_until,
            }
        };
        self.chain.call(self.hostile.account(), &call)?;
        self.look();
        Ok(())
    }

    /// Moves that need no success.
    fn attack(&mut self, next: &Move) {
        let params = self.facts().params;
        let call = match *next {
            Move::PostsOld { at, acked } => pick(&self.received, at).map(|(proof, _)| {
                let digest =
                    ack_of(&proof.proof, self.setup.honest).digest(self.honest.channel.domain());
                let ack = acked.then(|| self.hostile.sign(&digest));
                ContractCall::CounterClaim {
                    params,
                    proof: *proof,
                    ack,
                }
            }),
            Move::PostsOwnOld { at } => {
                let acked: Vec<_> = self.given.iter().filter(|(_, ack)| ack.is_some()).collect();
                pick(&acked, at).map(|(proof, ack)| ContractCall::CounterClaim {
                    params,
                    proof: *proof,
                    ack: *ack,
                })
            }
            Move::PostsForged { nonce, transferred } => {
                // Signs for itself, and acks for itself: the shield that must not work.
                let proof = self.forge(nonce, transferred);
                let digest = ack_of(&proof.proof, self.bad()).digest(self.honest.channel.domain());
                let ack = Some(self.hostile.sign(&digest));
                Some(ContractCall::CounterClaim { params, proof, ack })
            }
            Move::RaisesFloor(at) => {
                pick(&self.received, at).map(|(proof, _)| ContractCall::RaiseFloor {
                    params,
                    proof: *proof,
                })
            }
            Move::RaisesForged(transferred) => {
                let proof = self.forge(1, transferred);
                Some(ContractCall::RaiseFloor { params, proof })
            }
            Move::Registers(at) => {
                let all: Vec<_> = self.preimages.values().cloned().collect();
                pick(&all, at).map(|preimage| ContractCall::RegisterPreimages {
                    preimages: vec![preimage.clone(), preimage.clone()],
                })
            }
            Move::SettlesWith { empty } => Some(self.hostile_settle(empty)),
            _ => None,
        };
        if let Some(call) = call {
            // Whether it works is the contract's business; the payout is ours.
            let _ = self.chain.call(self.hostile.account(), &call);
            self.look();
        }
    }

    fn forge(&self, nonce: u64, transferred: u128) -> SignedProof {
        let transferred = Amount(transferred);
        let proof = BalanceProof {
            channel_id: self.id,
            nonce,
            transferred,
            locks_root: Hash::ZERO,
        };
        proof.signed(
            self.hostile
                .sign(&proof.digest(self.honest.channel.domain())),
        )
    }

    /// The hostile one knows every list.
    fn hostile_settle(&self, empty: bool) -> ContractCall {
        let facts = self.facts();
        let list = |sender: Side| {
            let root = facts.posted[sender].locks_root;
            let known = self.received.iter().map(|(_, locks)| locks);
            let own = self
                .honest
                .channel
                .street(sender)
                .locks_of(&root)
                .map(<[Lock]>::to_vec);
            let found = known
                .into_iter()
                .find(|locks| lock::root(locks) == root)
                .cloned();
            if empty {
                vec![]
            } else {
                found.or(own).unwrap_or_default()
            }
        };
        let (locks_ab, locks_ba) = (list(Side::A), list(Side::B));
        ContractCall::Settle {
            params: facts.params,
            locks_ab,
            locks_ba,
        }
    }

    /// What an honest participant, or its tower, does in a block.
    fn defend(&mut self) -> Result<(), String> {
        self.register()?;
        for _ in 0..4 {
            let height = self.chain.next() - 1;
            self.look();
            let Some(action) = watch(
                &self.honest.channel,
                self.setup.honest,
                self.setup.caller,
                height,
            ) else {
                return Ok(());
            };
            let sender = match self.setup.caller {
                Caller::Participant => self.honest.key.account(),
                Caller::Tower => Account([7; 20]),
            };
            if let Err(why) = self.chain.call(sender, &action.call) {
                return Err(format!("{why} refuses {:?}", action.call));
            }
            self.look();
            if self.facts().settled.is_some() {
                return Ok(());
            }
        }
        Err("it never comes to rest".into())
    }

    /// An honest recipient registers what it can open.
    fn register(&mut self) -> Result<(), String> {
        if self.setup.caller == Caller::Tower {
            return Ok(());
        }
        let locks = self.honest.channel.street(self.bad()).locks();
        let registry = &self.chain.model().registry;
        let preimages: Vec<_> = locks
            .iter()
            .filter(|lock| self.chain.next() <= lock.expiry)
            .map(|lock| lock.payment_hash)
            .filter(|hash| self.opens.contains(hash) && !registry.contains_key(hash))
            .map(|hash| self.preimages[&hash].clone())
            .collect();
        if !preimages.is_empty() {
            let call = ContractCall::RegisterPreimages { preimages };
            self.chain.call(self.honest.key.account(), &call)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), String> {
        if self.facts().closed.is_none() {
            return Ok(());
        }
        let open = |game: &Self| game.facts().settled.is_none();
        for _ in 0..5 * WINDOW {
            if !open(&self) {
                break;
            }
            self.defend()?;
            let final_now = matches!(self.facts().phase(self.chain.next()), Phase::Final { .. });
            if open(&self) && final_now {
                // Nobody is slower than the hostile one where its list is worth something.
                let call = self.hostile_settle(false);
                let _ = self.chain.call(self.hostile.account(), &call);
                if open(&self) {
                    let call = self.honest.channel.settle_call();
                    let _ = self.chain.call(Account([7; 20]), &call);
                }
            }
            self.chain.mine(1);
            self.look();
        }
        self.judge()
    }

    fn judge(&self) -> Result<(), String> {
        let facts = self.facts();
        let settled = facts.settled.ok_or("it is never settled")?;
        let closed = facts.closed.ok_or("it was never closed")?;
        let registry = &self.chain.model().registry;
        let paid = |locks: &[Lock]| -> u128 {
            let opened = |lock: &&Lock| {
                let registered = registry.get(&lock.payment_hash).copied();
                settlement::is_paid(lock, registered, closed.deadline)
            };
            locks.iter().filter(opened).map(|lock| lock.amount.0).sum()
        };
        let (good, bad) = (self.setup.honest, self.bad());
        let incoming = self.honest.channel.street(bad);
        let worth = |held: &Standing| held.signed.proof.transferred.0 + paid(&held.locks);
        let newest = incoming.newest().map_or(0, worth);
        let with_locks = match self.setup.caller {
            Caller::Participant => newest,
            // A tower can claim the locks that were acked; the floor holds without.
            Caller::Tower => incoming
                .acked()
                .map_or(0, |(acked, _)| worth(acked))
                .min(newest),
        };
        let received = incoming.transferred().0.max(with_locks);
        let own = self.honest.channel.street(good);
        let owed = own.standing().iter().map(worth).max();
        let owed = owed.unwrap_or(0).max(own.transferred().0);

        let signed = |amount: u128| i128::try_from(amount).expect("small");
        let total = facts.net(Side::A).0 + facts.net(Side::B).0;
        let due = facts.net(good).0 + signed(received) - signed(owed);
        if total < due {
            return Err(format!(
                "promised {due} of {total}: a promise that can not be paid"
            ));
        }
        let pay = if good == Side::A {
            settled.pay_a
        } else {
            settled.pay_b
        };
        if signed(pay.0) < due.max(0) {
            return Err(format!("the honest one got {pay}, entitled to {due}"));
        }
        if settled.pay_a.0 + settled.pay_b.0 != u128::try_from(total).expect("positive") {
            return Err("money appeared or vanished".into());
        }
        if self.closed_honestly && !settled.penalty.is_zero() {
            return Err(format!("an honest closer paid {}", settled.penalty));
        }
        Ok(())
    }

    fn lock(&mut self, sender: Side, amount: u128, by: u32) -> Lock {
        let id = self.honest.channel.next_lock_id(sender);
        let mut bytes = [if sender.is_b() { 2 } else { 1 }; 32];
        bytes[..8].copy_from_slice(&id.to_be_bytes());
        let preimage = Preimage(bytes);
        let payment_hash = preimage.payment_hash();
        self.preimages.insert(payment_hash, preimage);
        Lock {
            id,
            amount: Amount(amount),
            expiry: self.chain.next() + by,
            payment_hash,
        }
    }

    fn pick(&self, sender: Side, at: usize) -> Option<Lock> {
        pick(self.honest.channel.street(sender).locks(), at).copied()
    }

    fn honest_sends(&mut self, operation: Operation) {
        let tip = self.tip();
        if let Ok(update) = self.honest.send(vec![operation], &tip) {
            let locks = self
                .honest
                .channel
                .street(self.setup.honest)
                .locks()
                .to_vec();
            self.received.push((update.proof, locks));
        }
    }

    /// The hostile one signs whatever follows; it counts when the honest one accepts it.
    fn hostile_sends(&mut self, operation: Operation) {
        let tip = self.tip();
        let operations = vec![operation];
        let Ok(proof) = self.honest.channel.propose(self.bad(), &operations, &tip) else {
            return;
        };
        let signature = self
            .hostile
            .sign(&proof.digest(self.honest.channel.domain()));
        let update = Update {
            operations,
            proof: proof.signed(signature),
        };
        if self.honest.receive(&update, &tip).is_ok() {
            self.given.push((update.proof, None));
        }
    }
}

fn pick<T>(list: &[T], at: usize) -> Option<&T> {
    list.get(at % list.len().max(1))
}
