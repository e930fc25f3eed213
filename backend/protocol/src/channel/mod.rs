//! The channel: what the chain says, and both streets of promises on top of it.
//!
//! The view is neutral. Participants, relay and watchtower keep the same type and apply the same
//! rules; who is who comes from signatures. A transition returns the next channel or the rule that
//! was not kept; nothing half-happens. The serde form is the stored form.

mod agreement;
mod doubt;
mod payment;
mod resync;
mod stored;
mod street;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use agreement::Authorisation;
pub use doubt::{Contradiction, Doubt, Hearsay, Meeting, Met};
pub use stored::InvalidStreet;
pub use street::{MAX_UNACKED, REMEMBERED, Standing, Street};

use crate::{
    ack::UnsignedAck,
    amount::{Amount, Net},
    contract_call::ContractCall,
    eip712::Domain,
    event::ChainEvent,
    facts::{Facts, Phase},
    hash::{Account, ChannelId},
    lock,
    params::ChannelParams,
    policy::Tip,
    side::Side,
};

/// One channel as far as one observer knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    domain: Domain,
    facts: Facts,
    streets: [Street; 2],
    #[serde(default)]
    authorisations: Vec<Authorisation>,
    /// Of a participant that lost its memory; relay and tower have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doubt: Option<Doubt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hearsay: Option<Hearsay>,
}

/// What one side has, in smallest units of the asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Balances {
    /// What it owns now: confirmed net deposits plus received minus sent.
    pub balance: Amount,
    /// What it can send now.
    pub available: Amount,
    /// What it sent under locks that are still open.
    pub locked: Amount,
    /// What its partner can send to it now.
    pub receivable: Amount,
    /// What it deposited and the chain has not confirmed enough.
    pub pending_deposit: Amount,
    /// What it must keep.
    pub reserve: Amount,
}

impl Channel {
    /// A channel in which nobody has said anything yet.
    pub fn new(domain: Domain, facts: Facts) -> Self {
        Self {
            domain,
            facts,
            streets: Default::default(),
            authorisations: Vec::new(),
            doubt: None,
            hearsay: None,
        }
    }

    /// A channel put together again from what was verified before it was stored.
    pub fn restored(
        domain: Domain,
        facts: Facts,
        streets: [Street; 2],
        authorisations: Vec<Authorisation>,
    ) -> Self {
        Self {
            domain,
            facts,
            streets,
            authorisations,
            doubt: None,
            hearsay: None,
        }
    }

    /// The same promises over newer facts, or over what a reorganisation left of them.
    #[must_use]
    pub fn with_facts(&self, facts: Facts) -> Self {
        Self {
            facts,
            ..self.clone()
        }
    }

    /// The same promises after one more event.
    #[must_use]
    pub fn with_event(&self, height: u32, event: &ChainEvent) -> Self {
        let mut next = self.clone();
        next.facts.apply(height, event);
        next
    }

    /// Where its signatures count.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// What the chain says.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The channel's id.
    pub fn id(&self) -> ChannelId {
        self.facts.channel_id
    }

    /// What the channel is.
    pub fn params(&self) -> &ChannelParams {
        &self.facts.params
    }

    /// Who stands on `side`.
    pub fn account(&self, side: Side) -> Account {
        self.facts.params.account(side)
    }

    /// On which side `account` stands, if it takes part.
    pub fn side_of(&self, account: &Account) -> Option<Side> {
        self.facts.params.side_of(account)
    }

    /// What `sender` has promised.
    pub fn street(&self, sender: Side) -> &Street {
        &self.streets[sender]
    }

    /// Both streets, A's first.
    pub fn streets(&self) -> &[Street; 2] {
        &self.streets
    }

    /// What was authorised by both or one and may still be mined.
    pub fn authorisations(&self) -> &[Authorisation] {
        &self.authorisations
    }

    /// Where the channel stands for a transaction in a block of this height; see [`Facts::phase`].
    pub fn phase(&self, height: u32) -> Phase {
        self.facts.phase(height)
    }

    /// What `side` has.
    pub fn balances(&self, side: Side, tip: &Tip) -> Balances {
        let open = self.facts.phase(tip.height) == Phase::Open;
        let can_send = |sender: Side| {
            if open && self.frozen_until(sender, tip).is_none() {
                self.headroom(sender, tip)
            } else {
                Amount::ZERO
            }
        };
        Balances {
            balance: self
                .entitlement(side, self.facts.confirmed_net(side, tip))
                .to_amount(),
            available: can_send(side),
            locked: lock::total(self.streets[side].locks()),
            receivable: can_send(side.other()),
            pending_deposit: self.facts.pending_deposit(side, tip),
            reserve: self.reserve(tip),
        }
    }

    /// The ack of `sender`'s newest proof, for the recipient to sign; `None` when there is nothing
    /// to ack, and while the recipient is in doubt.
    pub fn ack(&self, sender: Side) -> Option<UnsignedAck> {
        if self.doubt.is_some() {
            return None;
        }
        let street = &self.streets[sender];
        let proof = street.newest()?.signed.proof;
        (street.acked_nonce() < proof.nonce).then(|| UnsignedAck {
            channel_id: self.id(),
            sender,
            nonce: proof.nonce,
            proof_hash: proof.struct_hash(),
        })
    }

    /// The close that an honest `side` sends: it declares all that it ever signed away and posts
    /// the partner's newest proof. Record it with [`Channel::authorise`] before it is broadcast.
    ///
    /// Who knows what it signed by the relay's word alone ([`Hearsay`]) declares nothing: that takes
    /// three windows and is never fined.
    pub fn close_call(&self, side: Side, valid_until: u32) -> ContractCall {
        if self.hearsay.is_some() {
            return self.recover_call(valid_until);
        }
        ContractCall::Close {
            params: self.facts.params,
            declared: self.streets[side]
                .transferred()
                .max(self.streets[side].forgone()),
            incoming: self.streets[side.other()]
                .newest()
                .map(|newest| newest.signed),
            valid_until,
        }
    }

    /// The close of one who has lost its data: nothing declared, no penalty, three windows.
    pub fn recover_call(&self, valid_until: u32) -> ContractCall {
        ContractCall::Recover {
            params: self.facts.params,
            valid_until,
        }
    }

    /// The settlement with the locks of whatever stands posted; empty lists for roots that are not
    /// known here (the contract accepts those one window later).
    pub fn settle_call(&self) -> ContractCall {
        let list = |sender: Side| {
            let root = self.facts.posted[sender].locks_root;
            self.streets[sender]
                .locks_of(&root)
                .unwrap_or_default()
                .to_vec()
        };
        ContractCall::Settle {
            params: self.facts.params,
            locks_ab: list(Side::A),
            locks_ba: list(Side::B),
        }
    }

    /// What `side` owns when its net deposits are `net`: plus received minus sent, newest signed.
    fn entitlement(&self, side: Side, net: Net) -> Net {
        let received = self.streets[side.other()].transferred().to_net();
        net.plus(received)
            .minus(self.streets[side].transferred().to_net())
    }

    /// The most that `sender` may ever owe (PROTOCOL §4.2): confirmed net deposits, plus what it
    /// received, minus what it is about to withdraw, minus what it must keep.
    fn limit(&self, sender: Side, tip: &Tip) -> Amount {
        self.coverable(sender, tip)
            .saturating_minus(self.reserve(tip))
    }

    /// The same without what it must keep.
    fn coverable(&self, sender: Side, tip: &Tip) -> Amount {
        let withdrawing = self.outstanding_withdrawal(sender, tip);
        self.facts
            .confirmed_net(sender, tip)
            .plus(self.streets[sender.other()].transferred().to_net())
            .minus(withdrawing.to_net())
            .to_amount()
    }

    /// How much more `sender` may promise, so that the largest of what it promised and of what any
    /// unrevoked proof can cost it stays within the limit.
    fn headroom(&self, sender: Side, tip: &Tip) -> Amount {
        let (street, limit) = (&self.streets[sender], self.limit(sender, tip));
        if limit < street.worst(tip.height) {
            return Amount::ZERO;
        }
        limit.saturating_minus(street.promised())
    }

    fn reserve(&self, tip: &Tip) -> Amount {
        tip.reserve
            .of(self.facts.capacity(tip), self.facts.params.is_native())
    }
}
