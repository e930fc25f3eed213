//! An honest participant: what the browser, the command line and the node do, without their I/O.

use sparky_protocol::{
    Ack, BalanceProof, Channel, Facts, Operation, Refused, Rejected, SecretKey, Side, Tip, Update,
};

/// A participant's key and its durable memory.
#[derive(Clone)]
pub struct Participant {
    pub side: Side,
    pub key: SecretKey,
    pub channel: Channel,
    /// Its own updates, kept so that they can be sent again.
    pub sent: Vec<Update>,
}

impl Participant {
    pub fn new(side: Side, key: SecretKey, channel: Channel) -> Self {
        Self {
            side,
            key,
            channel,
            sent: Vec::new(),
        }
    }

    /// Decides, signs, keeps; what it returns may leave.
    pub fn send(&mut self, operations: Vec<Operation>, tip: &Tip) -> Result<Update, Refused> {
        let proof = self.channel.propose(self.side, &operations, tip)?;
        let update = Update {
            operations,
            proof: self.sign(proof),
        };
        self.channel = self.channel.accept(&update, tip)?;
        self.sent.push(update.clone());
        Ok(update)
    }

    /// What came from the partner. The same again is fine.
    pub fn receive(&mut self, update: &Update, tip: &Tip) -> Result<(), Rejected> {
        match self.channel.accept(update, tip) {
            Ok(next) => self.channel = next,
            Err(Rejected::AlreadyHeld { .. }) => {}
            Err(why) => return Err(why),
        }
        Ok(())
    }

    /// The ack of the partner's newest proof, if it has none yet.
    pub fn acknowledge(&mut self) -> Option<Ack> {
        let unsigned = self.channel.ack(self.side.other())?;
        let ack = unsigned.signed(self.key.sign(&unsigned.digest(self.channel.domain())));
        self.channel = self
            .channel
            .accept_ack(&ack)
            .expect("invariant: its own ack fits");
        Some(ack)
    }

    /// An ack of its own proofs. One that is older or no longer known changes nothing.
    pub fn receive_ack(&mut self, ack: &Ack) {
        if let Ok(next) = self.channel.accept_ack(ack) {
            self.channel = next;
        }
    }

    /// What the chain says now.
    pub fn look(&mut self, facts: &Facts) {
        self.channel = self.channel.with_facts(facts.clone());
    }

    pub fn sign(&self, proof: BalanceProof) -> sparky_protocol::SignedProof {
        proof.signed(self.key.sign(&proof.digest(self.channel.domain())))
    }
}
