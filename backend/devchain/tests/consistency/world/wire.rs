//! What is on its way between clients and the relay, and what they do with what arrives.

use sparky_protocol::{Ack, Authorisation, Nack, Operation, Side, Signature, Update};

use super::World;
use crate::script::Mode;

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

impl World<'_> {
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
}
