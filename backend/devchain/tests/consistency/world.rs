//! Two participants, a relay with a watchtower, a wire and a chain.

use std::collections::BTreeMap;

use sparky_protocol::{
    Account, Ack, Amount, Authorisation, Channel, ContractCall, Facts, Hash, Lock, Meeting, Nack,
    Operation, PaymentHash, Preimage, Reserve, Side, Signature, SignedProof, Tip, Update,
    watch::{Caller, watch},
};

use crate::{
    client::{Client, Signer},
    ledger::Ledger,
    script::{Edge, Mode, Setup, WINDOW},
};

pub const STRANGER: Account = Account([9; 20]);
const TOWER: Account = Account([7; 20]);
/// What a partner would be asked with; the relay is never restored here.
pub const QUESTION: Hash = Hash([6; 32]);
/// In how many blocks before an edge who guards is awake, and no call is withheld.
const MARGIN: u32 = 3;

/// What is on its way.
#[derive(Clone, Debug)]
pub enum Message {
    Update(Update),
    Ack(Ack),
    Nack(Nack),
    /// Something that both must sign, with the asker's signature.
    Ask(Authorisation, Signature),
}

/// Where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Relay { from: Side },
    Client(Side),
}

/// Memories as they were some blocks before the end of a dispute: what arrives later helps nobody.
pub struct InTime {
    pub relay: Channel,
    pub clients: [Channel; 2],
}

pub struct World<'a> {
    pub setup: Setup,
    pub ledger: &'a mut Ledger,
    pub signer: &'a mut Signer,
    pub clients: [Client; 2],
    pub relay: Channel,
    /// Every update that the relay took, by sender.
    pub log: [Vec<Update>; 2],
    /// Every proof that anybody but its signer has seen, with its locks.
    pub seen: [BTreeMap<u64, (SignedProof, Vec<Lock>)>; 2],
    /// The newest nonce of each direction whose ack anybody has seen, and all those acks.
    pub acked: [u64; 2],
    pub acks: [Vec<Ack>; 2],
    pub tower: bool,
    /// Whether the cunning one has told two stories.
    pub two_faced: bool,
    pub wire: Vec<(To, Message)>,
    /// Calls that both have signed.
    pub agreed: Vec<ContractCall>,
    pub preimages: BTreeMap<PaymentHash, Preimage>,
    /// What the recipient of each direction can open.
    pub known: [Vec<PaymentHash>; 2],
    /// Blocks without calls since the last full one.
    withheld: u32,
    /// What everybody held while a close could still be answered at leisure.
    pub in_time: Option<InTime>,
    pub corners: BTreeMap<&'static str, u64>,
}

impl<'a> World<'a> {
    pub fn new(setup: Setup, ledger: &'a mut Ledger, signer: &'a mut Signer) -> Self {
        ledger.reset();
        let accounts = Side::BOTH.map(|side| signer.account(side));
        ledger.mine(false, false);
        let open = ContractCall::Open {
            account_b: accounts[1],
            token: Account::ZERO,
            amount: Amount(setup.deposits[0]),
            window: WINDOW,
            penalty_bps: setup.penalty_bps,
        };
        ledger.broadcast(accounts[0], open);
        ledger.mine(true, false);
        let params = ledger.facts().params;
        let amount = Amount(setup.deposits[1]);
        if !amount.is_zero() {
            let to = Side::B;
            ledger.broadcast(accounts[1], ContractCall::Deposit { params, to, amount });
        }
        (0..4).for_each(|_| ledger.mine(true, false));
        let channel = Channel::new(ledger.domain(), ledger.facts().clone());
        let tip = tip_of(ledger, &setup);
        Self {
            setup,
            clients: Side::BOTH.map(|side| Client::new(side, channel.clone(), tip)),
            relay: channel,
            ledger,
            signer,
            log: Default::default(),
            seen: Default::default(),
            acked: [0; 2],
            acks: Default::default(),
            tower: true,
            two_faced: false,
            wire: Vec::new(),
            agreed: Vec::new(),
            preimages: BTreeMap::new(),
            known: Default::default(),
            withheld: 0,
            in_time: None,
            corners: BTreeMap::new(),
        }
    }

    pub fn note(&mut self, corner: &'static str) {
        *self.corners.entry(corner).or_default() += 1;
    }

    pub fn is_honest(&self, side: Side) -> bool {
        self.setup.cunning != Some(side)
    }

    pub fn honest(&self) -> Vec<Side> {
        let mut both = Side::BOTH.to_vec();
        both.retain(|side| self.is_honest(*side));
        both
    }

    pub fn tip(&self) -> Tip {
        tip_of(self.ledger, &self.setup)
    }

    pub fn facts(&self) -> &Facts {
        self.ledger.facts()
    }

    pub fn send(&mut self, side: Side, operations: Vec<Operation>) -> Result<bool, String> {
        let client = &mut self.clients[side];
        if !client.may_sign() {
            return Ok(false);
        }
        let Some(update) = client.send(operations, self.signer)? else {
            return Ok(false);
        };
        let from = side;
        self.wire
            .push((To::Relay { from }, Message::Update(update)));
        self.note("sent");
        Ok(true)
    }

    pub fn acknowledge(&mut self, side: Side) -> Result<(), String> {
        if !self.clients[side].may_sign() {
            return Ok(());
        }
        if let Some(ack) = self.clients[side].acknowledge(self.signer)? {
            self.wire
                .push((To::Relay { from: side }, Message::Ack(ack)));
            self.note("acked");
        }
        Ok(())
    }

    /// Whether its receiver takes a message now; who sleeps finds it in the mailbox later.
    pub fn is_deliverable(&self, to: To) -> bool {
        match to {
            To::Relay { .. } => true,
            To::Client(side) => {
                let client = &self.clients[side];
                client.mode != Mode::Asleep && client.learned
            }
        }
    }

    pub fn deliver(&mut self, to: To, message: Message) -> Result<(), String> {
        match to {
            To::Relay { from } => self.relay_takes(from, message),
            To::Client(side) => self.client_takes(side, message),
        }
    }

    /// The relay verifies as the recipient would, keeps, forwards.
    fn relay_takes(&mut self, from: Side, message: Message) -> Result<(), String> {
        let tip = self.tip();
        let partner = To::Client(from.other());
        match message {
            Message::Update(update) => match self.signer.accept(&self.relay, &update, &tip) {
                Ok(next) => {
                    let locks = next.street(from).locks().to_vec();
                    self.relay = next;
                    self.show(from, &update, locks)?;
                    self.log[from].push(update.clone());
                    self.wire.push((partner, Message::Update(update)));
                }
                Err(why) => {
                    self.check_refusal(from, &update, &why)?;
                    let nack = self.relay.nack(from, &update, &why);
                    if why.code() != "already-held" {
                        self.wire.push((To::Client(from), Message::Nack(nack)));
                    }
                }
            },
            Message::Ack(ack) => {
                self.acked[ack.sender] = self.acked[ack.sender].max(ack.nonce);
                self.acks[ack.sender].push(ack);
                if let Ok(next) = self.signer.accept_ack(&self.relay, &ack) {
                    self.relay = next;
                    self.wire.push((partner, Message::Ack(ack)));
                }
            }
            Message::Nack(nack) => {
                // The mailbox keeps what its reader has not got.
                let missing = self.log[nack.sender]
                    .iter()
                    .filter(|update| nack.newest < update.proof.proof.nonce);
                let again: Vec<_> = missing.take(3).cloned().collect();
                let side = nack.sender.other();
                self.wire.extend(
                    again
                        .into_iter()
                        .map(|update| (To::Client(side), Message::Update(update))),
                );
            }
            Message::Ask(what, signature) => {
                if let Ok(next) = self.relay.authorise(what, &tip) {
                    self.relay = next;
                    self.wire.push((partner, Message::Ask(what, signature)));
                }
            }
        }
        Ok(())
    }

    fn client_takes(&mut self, side: Side, message: Message) -> Result<(), String> {
        let client = &mut self.clients[side];
        let channel = &client.memory.channel;
        match message {
            Message::Update(update) => {
                let sender = side.other();
                match self.signer.accept(channel, &update, &client.tip) {
                    Ok(next) => {
                        let locks = next.street(sender).locks().to_vec();
                        client.memory.channel = next;
                        self.show(sender, &update, locks)?;
                    }
                    Err(why) => {
                        let nack = channel.nack(sender, &update, &why);
                        self.check_refusal(sender, &update, &why)?;
                        if why.code() == "nonce-gap" {
                            self.wire
                                .push((To::Relay { from: side }, Message::Nack(nack)));
                        }
                    }
                }
            }
            Message::Ack(ack) => {
                if let Ok(next) = self.signer.accept_ack(channel, &ack) {
                    client.memory.channel = next;
                }
            }
            Message::Nack(nack) => {
                let missing: Vec<_> = client.after(nack.newest).take(3).cloned().collect();
                if nack.code == "nonce-gap" {
                    self.wire.extend(
                        missing
                            .into_iter()
                            .map(|update| (To::Relay { from: side }, Message::Update(update))),
                    );
                }
            }
            Message::Ask(what, signature) => {
                if let Ok(next) = channel.authorise(what, &client.tip) {
                    client.memory.channel = next;
                    self.agree(side, &what, signature);
                }
            }
        }
        Ok(())
    }

    /// Both have signed now.
    fn agree(&mut self, side: Side, what: &Authorisation, asker: Signature) {
        let channel = self.clients[side].memory.channel.clone();
        let digest = match what {
            Authorisation::CooperativeClose(close) => close.digest(channel.domain()),
            Authorisation::CooperativeWithdraw(withdraw) => withdraw.digest(channel.domain()),
            Authorisation::Close(_) => return,
        };
        let own = self.signer.sign(side, digest);
        let signatures = match side {
            Side::A => [Some(own), Some(asker)],
            Side::B => [Some(asker), Some(own)],
        };
        let call = match what {
            Authorisation::CooperativeClose(close) => {
                channel.cooperative_close_call(close, signatures)
            }
            Authorisation::CooperativeWithdraw(withdraw) => {
                channel.cooperative_withdraw_call(withdraw, signatures)
            }
            Authorisation::Close(_) => return,
        };
        self.agreed.push(call);
        self.note("agreed");
    }

    /// A client meets the relay: it looks at the chain, learns what it forgot, and sends what is
    /// missing.
    pub fn meet(&mut self, side: Side) -> Result<(), String> {
        if self.clients[side].mode == Mode::Asleep {
            return Ok(());
        }
        self.look(side);
        let relay = self.relay.clone();
        let client = &mut self.clients[side];
        let channel = &client.memory.channel;
        // Offers are learned from the relay by everybody, whatever was forgotten.
        let remembered = channel.remember(relay.authorisations(), &client.tip);
        let unsent = client.after(relay.street(side).nonce()).count();
        let meeting = Meeting {
            side,
            unsent: u64::try_from(unsent).expect("few"),
            restored_at: None,
            question: QUESTION,
        };
        let met = remembered.meet(&relay, &meeting, &client.tip);
        match met.refused {
            // A cunning partner may have shown each of us something else.
            Some(why) if self.setup.cunning.is_none() => {
                return Err(format!("{side} can not adopt what the relay holds: {why}"));
            }
            _ => client.memory.channel = met.channel,
        }
        // An ack that never arrived is shown with the streets. Proofs come as updates, below.
        if let Ok(healed) = self
            .relay
            .readmit(client.memory.channel.streets(), &client.tip)
        {
            let proofs = |channel: &Channel| Side::BOTH.map(|side| channel.street(side).nonce());
            if proofs(&healed) == proofs(&self.relay) {
                self.relay = healed;
            }
        }
        self.hear_partner(side)?;
        let client = &mut self.clients[side];
        if !client.learned && client.memory.channel.doubt().is_none() {
            client.learned = true;
            *self.corners.entry("learned again").or_default() += 1;
        }
        let from = side;
        let client = &self.clients[side];
        for update in client.after(relay.street(side).nonce()) {
            self.wire
                .push((To::Relay { from }, Message::Update(update.clone())));
        }
        let held = client.memory.channel.street(side.other());
        if let Some(ack) = held.acked().map(|(_, ack)| *ack)
            && relay.street(side.other()).acked_nonce() < ack.nonce
        {
            self.wire.push((To::Relay { from }, Message::Ack(ack)));
        }
        Ok(())
    }

    /// Where the relay's word is not enough, who is awake answers its partner's question.
    fn hear_partner(&mut self, side: Side) -> Result<(), String> {
        let partner_side = side.other();
        let partner = &self.clients[partner_side];
        let waits = self.clients[side].memory.channel.doubt().is_some();
        if !waits || partner.mode == Mode::Asleep {
            return Ok(());
        }
        let unsigned = partner.memory.channel.word(QUESTION);
        let digest = unsigned.digest(partner.memory.channel.domain());
        let word = unsigned.signed(self.signer.sign(partner_side, digest));
        let channel = &self.clients[side].memory.channel;
        let heard = channel
            .hear_partner(&word, partner_side)
            .map_err(|why| format!("{side} does not understand its partner's word: {why}"))?;
        self.clients[side].memory.channel = heard;
        self.note("heard the partner");
        Ok(())
    }

    /// A client is shown what its partner holds, once the relay has it too: what somebody else has
    /// and the relay lacks, a lost memory would not learn again from the relay.
    pub fn meet_partner(&mut self, side: Side) -> Result<(), String> {
        let partner = &self.clients[side.other()];
        let kept = |sender: Side| {
            let (held, relay) = (
                partner.memory.channel.street(sender),
                self.relay.street(sender),
            );
            held.nonce() <= relay.nonce() && held.acked_nonce() <= relay.acked_nonce()
        };
        let awake = partner.may_sign() && self.clients[side].mode != Mode::Asleep;
        if !awake || !Side::BOTH.into_iter().all(kept) {
            return Ok(());
        }
        let streets = partner.memory.channel.streets().clone();
        // A restored memory knows an old chain; who is awake looks before it judges.
        if self.clients[side].mode == Mode::Awake {
            self.look(side);
        }
        let client = &mut self.clients[side];
        match client.memory.channel.adopt(&streets, &client.tip) {
            Ok(next) => client.memory.channel = next,
            Err(_) if self.setup.cunning.is_some() || client.mode == Mode::Behind => {}
            Err(why) => {
                return Err(format!(
                    "{side} can not adopt what its partner holds: {why}"
                ));
            }
        }
        Ok(())
    }

    /// What was on its way from a client when it stopped.
    pub fn cut(&mut self, side: Side, lost: bool) -> Result<(), String> {
        let from = To::Relay { from: side };
        let (flying, rest) = std::mem::take(&mut self.wire)
            .into_iter()
            .partition(|(to, _)| *to == from);
        self.wire = rest;
        if !lost {
            for (to, message) in flying {
                self.deliver(to, message)?;
            }
        }
        Ok(())
    }

    fn look(&mut self, side: Side) {
        let (facts, tip) = (self.facts().clone(), self.tip());
        let client = &mut self.clients[side];
        client.memory.channel = client.memory.channel.with_facts(facts);
        client.tip = tip;
    }

    fn look_all(&mut self) {
        self.relay = self.relay.with_facts(self.facts().clone());
        for side in Side::BOTH {
            if self.clients[side].mode == Mode::Awake {
                self.look(side);
            }
        }
    }

    /// One block. Whoever must is awake before it, whoever is awake acts before it.
    pub fn block(&mut self, full: bool, reversed: bool) -> Result<(), String> {
        self.note_what_is_held();
        let urgent = self.wake()?;
        self.defend();
        let full = full || urgent || 5 < self.withheld;
        self.withheld = if full { 0 } else { self.withheld + 1 };
        self.ledger.mine(full, reversed);
        self.after_blocks()
    }

    pub fn reorganise(&mut self, depth: u32, kept: bool, reversed: bool) -> Result<(), String> {
        // Nothing helps who acts in time if its call is taken back when it is too late.
        let edge = self.edge_within(MARGIN + 2 * depth);
        let confirmations = self.setup.confirmations;
        self.ledger
            .reorganise(depth, kept || edge, reversed && !edge, confirmations);
        self.note("reorganised");
        self.after_blocks()
    }

    fn after_blocks(&mut self) -> Result<(), String> {
        self.look_all();
        for client in &mut self.clients {
            if client.mode != Mode::Asleep {
                client.copy();
            }
        }
        self.ledger.wrong.take().map_or(Ok(()), Err)
    }

    fn note_what_is_held(&mut self) {
        let closed = self.facts().closed;
        if closed.is_some_and(|closed| self.ledger.height() + MARGIN <= closed.deadline) {
            self.in_time = Some(InTime {
                relay: self.relay.clone(),
                clients: self
                    .clients
                    .each_ref()
                    .map(|one| one.memory.channel.clone()),
            });
        }
    }

    /// Before every edge those who guard wake up: "no loss if you or a tower is awake in time".
    fn wake(&mut self) -> Result<bool, String> {
        let urgent = self.edge_within(MARGIN);
        if urgent {
            for side in self.honest() {
                if self.setup.tower_only[side] {
                    self.tower = true;
                    self.note("guarded by a tower");
                } else {
                    self.clients[side].mode = Mode::Awake;
                    self.meet(side)?;
                    self.note("woke in time");
                }
            }
        }
        Ok(urgent)
    }

    /// Whether an edge of a dispute is among the next blocks, or just behind.
    fn edge_within(&self, blocks: u32) -> bool {
        let facts = self.facts();
        let Some(closed) = facts.closed.filter(|_| facts.settled.is_none()) else {
            return false;
        };
        let next = self.ledger.height() + 1;
        let expire = facts.finalizes_at().map(|at| at + WINDOW - 1);
        let edges = [Some(closed.deadline), facts.refutable_until(), expire];
        let near = |edge: u32| next <= edge + 4 && edge < next + blocks;
        edges.into_iter().flatten().any(near)
    }

    /// What honest participants and the tower send now.
    fn defend(&mut self) {
        let height = self.ledger.height();
        for side in self.honest() {
            let client = &self.clients[side];
            if client.mode == Mode::Awake && client.may_defend() {
                self.register(side);
                let account = self.signer.account(side);
                let channel = &self.clients[side].memory.channel;
                if let Some(action) = watch(channel, side, Caller::Participant, height) {
                    self.ledger.broadcast(account, action.call);
                }
            }
            if self.tower
                && let Some(action) = watch(&self.relay, side, Caller::Tower, height)
            {
                self.ledger.broadcast(TOWER, action.call);
                self.note("the tower acts");
            }
        }
    }

    /// A recipient registers what it can open before it is too late.
    fn register(&mut self, side: Side) {
        let height = self.ledger.height();
        let channel = &self.clients[side].memory.channel;
        let closed = channel.facts().closed.is_some();
        let due = |lock: &&Lock| {
            self.known[side.other()].contains(&lock.payment_hash)
                && height < lock.expiry
                && (closed || lock.expiry <= height + 4)
                && self.ledger.registered(&lock.payment_hash).is_none()
        };
        let locks = channel.street(side.other()).locks().iter().filter(due);
        let preimages: Vec<_> = locks
            .map(|lock| self.preimages[&lock.payment_hash].clone())
            .collect();
        if !preimages.is_empty() {
            let account = self.signer.account(side);
            self.ledger
                .broadcast(account, ContractCall::RegisterPreimages { preimages });
            self.note("registered");
        }
    }

    /// Blocks until just before an edge of a dispute.
    pub fn mine_to(&mut self, edge: Edge) -> Result<(), String> {
        let facts = self.facts();
        let edge = match edge {
            Edge::Deadline => facts.closed.map(|closed| closed.deadline),
            Edge::Refutable => facts.refutable_until(),
            Edge::Final => facts.finalizes_at(),
            Edge::ListsExpire => facts.finalizes_at().map(|at| at + WINDOW),
        };
        let Some(edge) = edge else {
            return Ok(());
        };
        while self.ledger.height() + 1 < edge && self.facts().settled.is_none() {
            self.block(true, false)?;
        }
        Ok(())
    }
}

fn tip_of(ledger: &Ledger, setup: &Setup) -> Tip {
    Tip {
        height: ledger.height(),
        confirmations: setup.confirmations,
        reserve: Reserve::NONE,
    }
}
