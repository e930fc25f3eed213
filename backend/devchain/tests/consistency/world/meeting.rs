//! How a client learns what it forgot or never got: from the relay, and from its partner.

use sparky_protocol::{Channel, Meeting, Side};

use super::{Message, QUESTION, To, World};
use crate::script::Mode;

impl World<'_> {
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
}
