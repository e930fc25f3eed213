//! The wire between the two: what travels on it, through the relay, and what its arrival does.

use sparky_protocol::{Ack, Nack, Rejected, Side, Street, Tip, Update};

use super::Pair;
use crate::participant::Participant;

#[derive(Clone, Debug)]
pub(super) enum Message {
    Update(Update),
    Ack(Ack),
    Nack(Nack),
    Streets(Box<[Street; 2]>),
}

impl Participant {
    /// Learns what it has forgotten.
    fn reconnect(&mut self, shown: &[Street; 2], tip: &Tip) -> Result<(), Rejected> {
        self.channel = self.channel.adopt(shown, tip)?;
        Ok(())
    }

    /// Its updates that come after a nonce.
    fn missing(&self, newest: u64) -> impl Iterator<Item = &Update> {
        self.sent
            .iter()
            .filter(move |update| newest < update.proof.proof.nonce)
    }
}

impl Pair {
    /// Through the relay, which applies the same rules, onto the wire.
    pub(super) fn publish(&mut self, to: Side, message: Message) {
        let tip = self.tip();
        match &message {
            Message::Update(update) => match self.relay.accept(update, &tip) {
                Ok(next) => self.relay = next,
                Err(Rejected::AlreadyHeld { .. }) => {}
                Err(why) => panic!("the relay refuses what its sender accepted: {why}"),
            },
            Message::Ack(ack) => {
                if let Ok(next) = self.relay.accept_ack(ack) {
                    self.relay = next;
                }
            }
            Message::Nack(_) | Message::Streets(_) => {}
        }
        self.wire.push((to, message));
    }

    pub(super) fn take(&mut self, at: usize) -> Option<(Side, Message)> {
        let length = self.wire.len();
        (length != 0).then(|| self.wire.remove(at % length))
    }

    pub(super) fn deliver(&mut self, to: Side, message: Message) {
        let tip = self.tip();
        match message {
            Message::Update(update) => {
                if let Err(why) = self.people[to].receive(&update, &tip) {
                    let nack = self.people[to].channel.nack(to.other(), &update, &why);
                    assert_ne!(nack.code, "bad-signature");
                    assert_ne!(nack.code, "operations-mismatch");
                    self.wire.push((to.other(), Message::Nack(nack)));
                }
            }
            Message::Ack(ack) => self.people[to].receive_ack(&ack),
            Message::Nack(nack) => {
                let missing: Vec<_> = self.people[to].missing(nack.newest).cloned().collect();
                for update in missing.into_iter().take(3) {
                    self.wire.push((to.other(), Message::Update(update)));
                }
            }
            Message::Streets(streets) => {
                self.people[to]
                    .reconnect(&streets, &tip)
                    .expect("honest streets are adopted");
            }
        }
    }

    /// A participant is shown what relay and partner know, and shows what it knows.
    pub(super) fn meet(&mut self, side: Side) {
        let tip = self.tip();
        let facts = self.facts().clone();
        self.people[side].look(&facts);
        let signed = self.relay.authorisations();
        self.people[side].channel = self.people[side].channel.remember(signed, &tip);
        let shown = [
            self.relay.streets().clone(),
            self.people[side.other()].channel.streets().clone(),
        ];
        for streets in shown {
            self.people[side]
                .reconnect(&streets, &tip)
                .expect("honest streets are adopted");
        }
        let mine = Message::Streets(Box::new(self.people[side].channel.streets().clone()));
        self.wire.push((side.other(), mine));
    }
}
