//! Plays a case: action by action, then until all is calm and everybody is paid.

use std::collections::BTreeMap;

use sparky_protocol::{
    Amount, Authorisation, BalanceProof, ContractCall, Hash, Lock, MAX_NONCE, Operation, Phase,
    Preimage, RemoveReason, Side, SignedProof, UnsignedAck, Update, lock,
};

use crate::{
    client::Signer,
    ledger::Ledger,
    script::{self, Action, Ending, Mode, Setup, WINDOW},
    world::{Message, STRANGER, To, World},
};

/// What was reached, by name.
pub type Corners = BTreeMap<&'static str, u64>;

/// Plays the case that these bytes are. The error says what went wrong.
pub fn play(
    bytes: &[u8],
    ledger: &mut Ledger,
    signer: &mut Signer,
    tell: bool,
) -> Result<Corners, String> {
    let setup = Setup::read(bytes);
    let mut world = World::new(setup, ledger, signer);
    if tell {
        println!("{setup:?}");
    }
    for action in script::actions(bytes, setup.cunning.is_some()) {
        if tell {
            let height = world.ledger.height();
            println!("{height} {action:?}");
        }
        world.act(action)?;
        world.check()?;
    }
    world.finish()?;
    Ok(world.corners)
}

fn pick<T: Clone>(list: &[T], at: usize) -> Option<T> {
    list.get(at % list.len().max(1)).cloned()
}

impl World<'_> {
    fn act(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Pay(side, amount) => {
                self.send(side, vec![transfer(amount)])?;
            }
            Action::Several(side, one, two) => {
                self.send(side, vec![transfer(one), transfer(two)])?;
            }
            Action::LockAdd {
                side,
                amount,
                by,
                known,
            } => self.add_lock(side, amount, by, known)?,
            Action::LockSettle(side, at) => self.settle_lock(side, at)?,
            Action::LockRemove(side, at, reason) => self.remove_lock(side, at, reason)?,
            Action::Ack(side) => self.acknowledge(side)?,
            Action::Deliver { at, count } => {
                for _ in 0..count {
                    self.deliver_one(at)?;
                }
            }
            Action::DeliverAll => self.deliver_all()?,
            Action::Lose(at) => {
                if !self.wire.is_empty() {
                    let at = at % self.wire.len();
                    self.wire.remove(at);
                    self.note("lost");
                }
            }
            Action::Repeat(at) => {
                if let Some(again) = pick(&self.wire, at) {
                    self.wire.push(again);
                    self.note("repeated");
                }
            }
            Action::Restart { side, lost } => {
                self.cut(side, lost)?;
                self.clients[side].restart()?;
                self.note("restarted");
            }
            Action::Restore { side, at, lost } => {
                self.cut(side, lost)?;
                let height = self.ledger.height();
                self.clients[side].restore(at, height);
                self.note("restored");
            }
            Action::Meet(side) => self.meet(side)?,
            Action::MeetPartner(side) => self.meet_partner(side)?,
            Action::Mode(side, mode) => self.clients[side].mode = mode,
            Action::Tower(on) => self.tower = on,
            Action::Mine { blocks, reversed } => {
                for _ in 0..blocks {
                    self.block(true, reversed)?;
                }
            }
            Action::MineTo(edge) => self.mine_to(edge)?,
            Action::Withhold(blocks) => {
                for _ in 0..blocks {
                    self.block(false, false)?;
                }
                self.note("withheld");
            }
            Action::Reorganise {
                depth,
                kept,
                reversed,
            } => self.reorganise(depth, kept, reversed)?,
            Action::Deposit(to, amount) => {
                let (params, amount) = (self.facts().params, Amount(amount));
                let deposit = ContractCall::Deposit { params, to, amount };
                self.ledger.broadcast(STRANGER, deposit);
            }
            other => self.act_together(other),
        }
        Ok(())
    }

    /// What leads towards the chain.
    fn act_together(&mut self, action: Action) {
        match action {
            Action::AskWithdraw {
                side,
                amount,
                blocks,
            } => self.ask(side, Some(Amount(amount)), blocks),
            Action::AskClose { side, blocks } => self.ask(side, None, blocks),
            Action::Broadcast(at) => {
                if let Some(call) = pick(&self.agreed, at) {
                    self.ledger.broadcast(STRANGER, call);
                }
            }
            Action::Close { side, blocks } => {
                self.close(side, blocks, false);
            }
            Action::CloseBoth => {
                for side in Side::BOTH {
                    self.close(side, 3, false);
                }
            }
            Action::Recover(side) => {
                self.close(side, 3, true);
            }
            other => {
                if let Some(side) = self.setup.cunning {
                    self.cheat(side, other);
                }
            }
        }
    }

    fn add_lock(&mut self, side: Side, amount: u128, by: u32, known: bool) -> Result<(), String> {
        let client = &self.clients[side];
        let id = client.memory.channel.next_lock_id(side);
        // One secret per lock: after a loss an id may be given again, to another lock.
        let mut bytes = [u8::from(side.is_b()); 32];
        bytes[..8].copy_from_slice(&id.to_be_bytes());
        bytes[8..16].copy_from_slice(&(self.preimages.len() as u64).to_be_bytes());
        let preimage = Preimage(bytes);
        let payment_hash = preimage.payment_hash();
        let lock = Lock {
            id,
            amount: Amount(amount),
            expiry: client.tip.height + by,
            payment_hash,
        };
        let onion = vec![];
        if self.send(side, vec![Operation::LockAdd { lock, onion }])? {
            self.preimages.insert(payment_hash, preimage);
            if known {
                self.known[side].push(payment_hash);
            }
            self.note("locked");
        }
        Ok(())
    }

    fn pick_lock(&self, side: Side, at: usize) -> Option<Lock> {
        pick(self.clients[side].memory.channel.street(side).locks(), at)
    }

    fn settle_lock(&mut self, side: Side, at: usize) -> Result<(), String> {
        let Some(Lock {
            id, payment_hash, ..
        }) = self.pick_lock(side, at)
        else {
            return Ok(());
        };
        // A payer learns a preimage from a recipient that knows it.
        if self.known[side].contains(&payment_hash) {
            let preimage = self.preimages[&payment_hash].clone();
            self.send(side, vec![Operation::LockSettle { id, preimage }])?;
            self.note("lock paid");
        }
        Ok(())
    }

    fn remove_lock(&mut self, side: Side, at: usize, reason: RemoveReason) -> Result<(), String> {
        let Some(Lock {
            id, payment_hash, ..
        }) = self.pick_lock(side, at)
        else {
            return Ok(());
        };
        // Nobody agrees to give up what it can open or what was opened in time.
        let opened = self.ledger.registered(&payment_hash).is_some();
        if !opened && !self.known[side].contains(&payment_hash) {
            self.send(side, vec![Operation::LockRemove { id, reason }])?;
            self.note("lock removed");
        }
        Ok(())
    }

    fn deliver_one(&mut self, at: usize) -> Result<(), String> {
        if self.wire.is_empty() {
            return Ok(());
        }
        let at = at % self.wire.len();
        let (to, _) = self.wire[at];
        if !self.is_deliverable(to) {
            return Ok(());
        }
        let (to, message) = self.wire.remove(at);
        self.deliver(to, message)
    }

    fn deliver_all(&mut self) -> Result<(), String> {
        let mut most = 400;
        while 0 < most
            && let Some(at) = self
                .wire
                .iter()
                .position(|(to, _)| self.is_deliverable(*to))
        {
            most -= 1;
            let (to, message) = self.wire.remove(at);
            self.deliver(to, message)?;
        }
        Ok(())
    }

    /// Asks the partner to end it, or to let an amount go out.
    fn ask(&mut self, side: Side, withdrawal: Option<Amount>, blocks: u32) {
        let client = &mut self.clients[side];
        if !client.may_sign() {
            return;
        }
        let (channel, tip) = (&client.memory.channel, &client.tip);
        let until = tip.height + blocks;
        let what = match withdrawal {
            Some(amount) => channel
                .cooperative_withdraw(side, amount, until, tip)
                .map(|it| {
                    (
                        Authorisation::CooperativeWithdraw(it),
                        it.digest(channel.domain()),
                    )
                }),
            None => channel.cooperative_close(until, tip).map(|it| {
                (
                    Authorisation::CooperativeClose(it),
                    it.digest(channel.domain()),
                )
            }),
        };
        let Ok((what, digest)) = what else {
            return;
        };
        let Ok(next) = channel.authorise(what, tip) else {
            return;
        };
        client.memory.channel = next;
        let signature = self.signer.sign(side, digest);
        self.wire
            .push((To::Relay { from: side }, Message::Ask(what, signature)));
        self.note("asked");
    }

    /// An honest one closes alone.
    fn close(&mut self, side: Side, blocks: u32, recover: bool) {
        let client = &mut self.clients[side];
        let (channel, tip) = (&client.memory.channel, &client.tip);
        let until = tip.height + blocks;
        if client.mode == Mode::Asleep {
            return;
        }
        // Who is in doubt, and has a partner that gives no word, can do nothing but this.
        let recover = recover || channel.doubt().is_some();
        let next = if recover {
            channel.authorise_recovery(side, until, tip)
        } else {
            channel.authorise(Authorisation::close(side, until), tip)
        };
        let Ok(next) = next else {
            return;
        };
        let call = if recover {
            next.recover_call(until)
        } else {
            next.close_call(side, until)
        };
        client.memory.channel = next;
        let account = self.signer.account(side);
        self.ledger.broadcast(account, call);
        self.note(if recover { "recovers" } else { "closes" });
    }

    /// Whatever helps the cunning one. Whether it works is the contract's business; the payout is
    /// ours.
    fn cheat(&mut self, side: Side, action: Action) {
        let params = self.facts().params;
        let (honest, account) = (side.other(), self.signer.account(side));
        let domain = self.ledger.domain();
        let received = self.shown(honest);
        let call = match action {
            Action::CloseFalsely { declared, incoming } => {
                let most = self.relay.street(side).transferred().0;
                let lies = [0, most / 2, most, most + 5];
                let old = pick(&received, incoming).map(|(signed, _)| signed);
                Some(ContractCall::Close {
                    params,
                    declared: Amount(lies[declared % 4]),
                    incoming: old.filter(|_| !incoming.is_multiple_of(5)),
                    valid_until: self.ledger.height() + 5,
                })
            }
            Action::PostOld { at, acked } => pick(&received, at).map(|(proof, _)| {
                let ack = acked.then(|| self.ack(side, &proof.proof, honest));
                ContractCall::CounterClaim { params, proof, ack }
            }),
            Action::PostOwnOld(at) => pick(&self.acks[side], at).and_then(|ack| {
                let (proof, _) = self.seen[side].get(&ack.nonce)?;
                let (proof, ack) = (*proof, Some(ack.signature));
                Some(ContractCall::CounterClaim { params, proof, ack })
            }),
            Action::PostForged(transferred) => {
                // Signs for itself and acks for itself: the shield that must not work.
                let proof = BalanceProof {
                    channel_id: params.id(),
                    nonce: MAX_NONCE,
                    transferred: Amount(transferred % 100),
                    locks_root: Hash::ZERO,
                };
                let ack = Some(self.ack(side, &proof, side));
                let proof = proof.signed(self.signer.sign(side, proof.digest(&domain)));
                Some(ContractCall::CounterClaim { params, proof, ack })
            }
            Action::RaiseFloor(at) => {
                pick(&received, at).map(|(proof, _)| ContractCall::RaiseFloor { params, proof })
            }
            Action::Register(at) => {
                let all: Vec<_> = self.preimages.values().cloned().collect();
                let preimages = pick(&all, at).map(|one| vec![one.clone(), one]);
                preimages.map(|preimages| ContractCall::RegisterPreimages { preimages })
            }
            Action::SettleWith { empty } => Some(self.settlement(&received, empty)),
            Action::Overspend { beyond, directly } => {
                self.overspend(side, beyond, directly);
                None
            }
            _ => None,
        };
        if let Some(call) = call {
            self.ledger.broadcast(account, call);
            self.note("cheated");
        }
    }

    fn ack(
        &mut self,
        signer: Side,
        proof: &BalanceProof,
        sender: Side,
    ) -> sparky_protocol::Signature {
        let unsigned = UnsignedAck {
            channel_id: proof.channel_id,
            sender,
            nonce: proof.nonce,
            proof_hash: proof.struct_hash(),
        };
        let digest = unsigned.digest(&self.ledger.domain());
        self.signer.sign(signer, digest)
    }

    fn settlement(&self, received: &[(SignedProof, Vec<Lock>)], empty: bool) -> ContractCall {
        let facts = self.facts();
        let list = |sender: Side| {
            let root = facts.posted[sender].locks_root;
            let known = self
                .relay
                .street(sender)
                .locks_of(&root)
                .map(<[Lock]>::to_vec);
            let old = received.iter().map(|(_, locks)| locks);
            let found = old.into_iter().find(|locks| lock::root(locks) == root);
            found
                .cloned()
                .or(known)
                .filter(|_| !empty)
                .unwrap_or_default()
        };
        ContractCall::Settle {
            params: facts.params,
            locks_ab: list(Side::A),
            locks_ba: list(Side::B),
        }
    }

    fn overspend(&mut self, side: Side, beyond: u128, directly: bool) {
        let client = &self.clients[side];
        let channel = &client.memory.channel;
        let (street, balances) = (channel.street(side), channel.balances(side, &client.tip));
        let amount = Amount(balances.available.0 + beyond);
        let proof = BalanceProof {
            channel_id: channel.id(),
            nonce: street.nonce() + 1,
            transferred: Amount(street.transferred().0 + amount.0),
            locks_root: lock::root(street.locks()),
        };
        let digest = proof.digest(channel.domain());
        let update = Update {
            operations: vec![Operation::Transfer { amount }],
            proof: proof.signed(self.signer.sign(side, digest)),
        };
        let to = if directly {
            To::Client(side.other())
        } else {
            To::Relay { from: side }
        };
        self.wire.push((to, Message::Update(update)));
        self.note("overspent");
    }

    /// The storm is over: everybody is awake, everything arrives, and it must end well.
    fn finish(&mut self) -> Result<(), String> {
        self.tower = true;
        for side in Side::BOTH {
            self.clients[side].mode = Mode::Awake;
            self.meet(side)?;
        }
        if self.is_open() {
            self.calm()?;
        }
        if self.is_open() {
            self.end()?;
        }
        for _ in 0..8 * WINDOW {
            if self.facts().settled.is_some() {
                break;
            }
            self.block(true, false)?;
            if self.is_open() {
                // The close was too late to be mined; the next is not.
                self.close(self.closer(), 8, false);
            }
        }
        self.note(match self.facts().settled {
            Some(settled) if settled.cooperative => "ended together",
            Some(settled) if !settled.penalty.is_zero() => "ended with a penalty",
            _ => "ended alone",
        });
        self.judge()
    }

    fn is_open(&self) -> bool {
        self.facts().phase(self.ledger.height()) == Phase::Open
    }

    fn closer(&self) -> Side {
        match (self.setup.cunning, self.setup.ending) {
            (Some(cunning), _) => cunning.other(),
            (None, Ending::Alone(side) | Ending::Recovered(side)) => side,
            (None, Ending::Together) => Side::A,
        }
    }

    /// What binds runs out, what is missing is sent again; then both hold the same and can still pay.
    fn calm(&mut self) -> Result<(), String> {
        let held = |world: &Self| world.is_open() && !world.wire.is_empty();
        for round in 0..6 {
            for side in Side::BOTH {
                self.meet(side)?;
            }
            self.deliver_all()?;
            for side in Side::BOTH {
                self.acknowledge(side)?;
            }
            self.deliver_all()?;
            if round == 0 || held(self) {
                for _ in 0..WINDOW {
                    self.block(true, false)?;
                }
            }
            self.check()?;
        }
        if !self.is_open() || self.setup.cunning.is_some() {
            return Ok(());
        }
        self.check_agreement()?;
        for side in Side::BOTH {
            let before = self.relay.street(side).nonce();
            let tip = self.tip();
            let rich = !self.relay.balances(side, &tip).available.is_zero();
            let paid = self.send(side, vec![transfer(1)])?;
            self.deliver_all()?;
            self.acknowledge(side.other())?;
            self.deliver_all()?;
            let acked = self.clients[side].memory.channel.street(side).acked_nonce();
            if rich != paid || rich && acked != before + 1 {
                return Err(format!("{side} can not pay any more"));
            }
        }
        self.note("calm");
        self.check_agreement()
    }

    fn end(&mut self) -> Result<(), String> {
        let side = self.closer();
        if self.setup.cunning.is_none() && self.setup.ending == Ending::Together {
            self.ask(side, None, WINDOW / 2);
            self.deliver_all()?;
            if let Some(call) = self.agreed.last().cloned() {
                self.ledger.broadcast(STRANGER, call);
            }
            self.block(true, false)?;
            if !self.is_open() {
                return Ok(());
            }
            for _ in 0..WINDOW {
                self.block(true, false)?;
            }
        }
        let recover = matches!(self.setup.ending, Ending::Recovered(_));
        self.close(side, 8, recover && self.setup.cunning.is_none());
        Ok(())
    }
}

fn transfer(amount: u128) -> Operation {
    Operation::Transfer {
        amount: Amount(amount),
    }
}
