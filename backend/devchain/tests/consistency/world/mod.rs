//! Two participants, a relay with a watchtower, a wire and a chain.

mod blocks;
mod guard;
mod meeting;
mod wire;

use std::collections::BTreeMap;

use sparky_protocol::{
    Account, Ack, Amount, Channel, ContractCall, Facts, Hash, Lock, PaymentHash, Preimage, Reserve,
    Side, SignedProof, Tip, Update,
};

pub use wire::{Message, To};

use crate::{
    client::{Client, Signer},
    ledger::Ledger,
    script::{Setup, WINDOW},
};

pub const STRANGER: Account = Account([9; 20]);
/// What a partner would be asked with; the relay is never restored here.
pub const QUESTION: Hash = Hash([6; 32]);
/// In how many blocks before an edge who guards is awake, and no call is withheld.
const MARGIN: u32 = 3;

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
}

fn tip_of(ledger: &Ledger, setup: &Setup) -> Tip {
    Tip {
        height: ledger.height(),
        confirmations: setup.confirmations,
        reserve: Reserve::NONE,
    }
}
