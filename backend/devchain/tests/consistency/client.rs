//! An honest client as the browser and the command line are one: it writes before it sends, keeps what
//! it sent until it is taken, and after a loss learns before it signs.

use std::collections::HashMap;

use sparky_protocol::{
    Ack, Authorisation, Channel, Doubt, Hash, Operation, Rejected, SecretKey, Side, Signature, Tip,
    Update,
};

use crate::{script::Mode, world::QUESTION};

/// How many copies of its memory somebody keeps.
const COPIES: usize = 8;

/// Signatures by what they sign: a case costs what is new in it.
pub struct Signer {
    keys: [SecretKey; 2],
    signed: HashMap<(bool, Hash), Signature>,
    accepted: Vec<(Channel, Update, Tip, Channel)>,
    acked: Vec<(Channel, Ack, Channel)>,
}

impl Signer {
    pub fn new() -> Self {
        Self {
            keys: [31, 32].map(|byte| SecretKey::from_bytes(&[byte; 32]).expect("a key")),
            signed: HashMap::new(),
            accepted: Vec::new(),
            acked: Vec::new(),
        }
    }

    pub fn account(&self, side: Side) -> sparky_protocol::Account {
        self.keys[side].account()
    }

    pub fn sign(&mut self, side: Side, digest: Hash) -> Signature {
        if 200_000 < self.signed.len() {
            self.signed.clear();
        }
        let key = &self.keys[side];
        let signed = self.signed.entry((side.is_b(), digest));
        *signed.or_insert_with(|| key.sign(&digest))
    }

    /// [`Channel::accept`]. Sender, relay and recipient mostly ask the very same: a pure function
    /// need not be computed three times.
    pub fn accept(
        &mut self,
        channel: &Channel,
        update: &Update,
        tip: &Tip,
    ) -> Result<Channel, Rejected> {
        let same = |(known, asked, at, _): &&(Channel, Update, Tip, Channel)| {
            asked == update && at == tip && known == channel
        };
        if let Some((.., next)) = self.accepted.iter().find(same) {
            return Ok(next.clone());
        }
        let next = channel.accept(update, tip)?;
        if 8 <= self.accepted.len() {
            self.accepted.remove(0);
        }
        self.accepted
            .push((channel.clone(), update.clone(), *tip, next.clone()));
        Ok(next)
    }

    /// [`Channel::accept_ack`], for the same reason.
    pub fn accept_ack(&mut self, channel: &Channel, ack: &Ack) -> Result<Channel, Rejected> {
        let same = |(known, asked, _): &&(Channel, Ack, Channel)| asked == ack && known == channel;
        if let Some((.., next)) = self.acked.iter().find(same) {
            return Ok(next.clone());
        }
        let next = channel.accept_ack(ack)?;
        if 8 <= self.acked.len() {
            self.acked.remove(0);
        }
        self.acked.push((channel.clone(), *ack, next.clone()));
        Ok(next)
    }
}

/// What is on the disk.
#[derive(Clone)]
pub struct Memory {
    pub channel: Channel,
    /// Its own updates.
    pub sent: Vec<Update>,
}

pub struct Client {
    pub side: Side,
    pub memory: Memory,
    /// Older memories, as a careless backup makes them.
    pub copies: Vec<Memory>,
    /// The chain as it last saw it.
    pub tip: Tip,
    pub mode: Mode,
    /// Whether it has met the relay since it lost its memory.
    pub learned: bool,
    /// Whether it ever went on with an older memory.
    pub forgot: bool,
}

impl Client {
    pub fn new(side: Side, channel: Channel, tip: Tip) -> Self {
        let memory = Memory {
            channel,
            sent: Vec::new(),
        };
        Self {
            side,
            copies: vec![memory.clone()],
            memory,
            tip,
            mode: Mode::Awake,
            learned: true,
            forgot: false,
        }
    }

    pub fn may_sign(&self) -> bool {
        self.learned && self.mode != Mode::Asleep
    }

    /// Whoever has met the relay defends what it knows, even while its partner must be heard.
    pub fn may_defend(&self) -> bool {
        let waits = |doubt: &Doubt| doubt.partner;
        self.learned || self.memory.channel.doubt().is_some_and(waits)
    }

    /// Decides, signs, writes; what it returns may leave.
    pub fn send(
        &mut self,
        operations: Vec<Operation>,
        signer: &mut Signer,
    ) -> Result<Option<Update>, String> {
        let channel = &self.memory.channel;
        let Ok(proof) = channel.propose(self.side, &operations, &self.tip) else {
            return Ok(None);
        };
        let signature = signer.sign(self.side, proof.digest(channel.domain()));
        let update = Update {
            operations,
            proof: proof.signed(signature),
        };
        let next = signer
            .accept(channel, &update, &self.tip)
            .map_err(|why| format!("{} refuses what it proposed: {why}", self.side))?;
        self.memory.channel = next;
        self.memory.sent.push(update.clone());
        Ok(Some(update))
    }

    /// The ack of the partner's newest proof, if it has none yet.
    pub fn acknowledge(&mut self, signer: &mut Signer) -> Result<Option<Ack>, String> {
        let channel = &self.memory.channel;
        let Some(unsigned) = channel.ack(self.side.other()) else {
            return Ok(None);
        };
        let ack = unsigned.signed(signer.sign(self.side, unsigned.digest(channel.domain())));
        self.memory.channel = signer
            .accept_ack(channel, &ack)
            .map_err(|why| format!("{}'s own ack does not fit: {why}", self.side))?;
        Ok(Some(ack))
    }

    /// Its own updates after a nonce.
    pub fn after(&self, nonce: u64) -> impl Iterator<Item = &Update> {
        self.memory
            .sent
            .iter()
            .filter(move |update| nonce < update.proof.proof.nonce)
    }

    pub fn copy(&mut self) {
        if self.learned && self.copies.len() < COPIES {
            self.copies.push(self.memory.clone());
        }
    }

    /// Reads back what was written.
    pub fn restart(&mut self) -> Result<(), String> {
        let read = || -> serde_json::Result<Channel> {
            serde_json::from_str(&serde_json::to_string(&self.memory.channel)?)
        };
        let channel = read().map_err(|cause| format!("its own memory: {cause}"))?;
        if channel != self.memory.channel {
            return Err("it reads something else than it wrote".into());
        }
        self.memory.channel = channel;
        self.copy();
        Ok(())
    }

    /// Goes on with an older copy. What was written since is gone, later copies with it.
    ///
    /// A close of its own that is not mined is known to nobody else: who restores meanwhile waits
    /// until it is mined or too old.
    pub fn restore(&mut self, at: usize, height: u32) {
        let closes = |one: &Authorisation| {
            matches!(one, Authorisation::Close(close) if close.by == self.side)
                && height <= one.valid_until().saturating_add(self.tip.confirmations)
        };
        if self.memory.channel.authorisations().iter().any(closes) {
            return;
        }
        let at = at % self.copies.len();
        self.copies.truncate(at + 1);
        self.memory = self.copies[at].clone();
        self.memory.channel = self.memory.channel.in_doubt(QUESTION);
        self.learned = false;
        self.forgot = true;
    }
}
