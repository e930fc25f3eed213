//! What the chain says of one channel: events folded, nothing else.
//!
//! A reorganisation takes facts back, so facts are never edited: fold the events that remain.

use alloc::{vec, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    amount::{Amount, Net},
    event::ChainEvent,
    hash::{ChannelId, Hash},
    params::ChannelParams,
    policy::Tip,
    side::Side,
};

/// How many deposits of a side are remembered one by one before the oldest are told together.
const REMEMBERED_DEPOSITS: usize = 32;

/// What the chain says of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The channel's id.
    pub channel_id: ChannelId,
    /// What the channel is.
    pub params: ChannelParams,
    /// The block that opened it.
    pub opened_at: u32,
    /// What was put in, by block and side.
    pub deposits: Vec<Deposit>,
    /// What was taken out while open.
    pub withdrawn: [Amount; 2],
    /// The contract's sequence: an authorisation must name it.
    pub sequence: u16,
    /// How it was closed alone, if it was.
    pub closed: Option<Closed>,
    /// What was posted in each direction since.
    pub posted: [Posted; 2],
    /// How it ended, if it ended.
    pub settled: Option<Settled>,
}

/// A deposit, or several of the same side and block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deposit {
    /// Whose balance grew.
    pub to: Side,
    /// By how much.
    pub amount: Amount,
    /// In which block.
    pub height: u32,
}

/// A close by one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    /// Who closed.
    pub by: Side,
    /// In which block.
    pub height: u32,
    /// All that the closer says it signed away; `None` after `recover`.
    pub declared: Option<Amount>,
    /// The last block for counter-claims and floors.
    pub deadline: u32,
    /// The block of the first counter-claim after the close; it opens the refute phase.
    pub countered_at: Option<u32>,
}

/// What stands in one direction of a closed channel. Nonce 0: no agreed proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Posted {
    /// Of the agreed proof.
    pub nonce: u64,
    /// Of the agreed proof.
    pub transferred: Amount,
    /// Of the agreed proof.
    pub locks_root: Hash,
    /// What the sender owes at least; the closer's declaration included.
    pub floor: Amount,
}

impl Posted {
    /// What is owed without any lock.
    pub fn owed(&self) -> Amount {
        self.floor.max(self.transferred)
    }
}

/// The end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// In which block.
    pub height: u32,
    /// What A got.
    pub pay_a: Amount,
    /// What B got.
    pub pay_b: Amount,
    /// What the closer paid for hiding, included above.
    pub penalty: Amount,
    /// Whether both agreed.
    pub cooperative: bool,
}

/// Where a channel is in its life. Computed from the facts, so it can not contradict them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Phase {
    /// Payments flow.
    Open,
    /// Closed alone; corrections are possible.
    Finalizing {
        /// Who closed.
        by: Side,
        /// The last block for counter-claims and floors.
        deadline: u32,
        /// The first block in which it can be settled, unless it is extended once.
        finalizes_at: u32,
    },
    /// Nothing can change any more; anybody may settle.
    Final {
        /// Who closed.
        by: Side,
        /// Since which block.
        finalizes_at: u32,
    },
    /// Both were paid.
    Settled,
}

impl Facts {
    /// The facts of a channel that was just opened.
    pub fn opened(params: ChannelParams, amount: Amount, height: u32) -> Self {
        Self {
            channel_id: params.id(),
            params,
            opened_at: height,
            deposits: vec![Deposit {
                to: Side::A,
                amount,
                height,
            }],
            withdrawn: [Amount::ZERO; 2],
            sequence: 0,
            closed: None,
            posted: [Posted::default(); 2],
            settled: None,
        }
    }

    /// Folds the events of one contract, in order with their heights, into the facts of the channel
    /// that the first of them opens. Events of other channels are passed over.
    pub fn fold<'a>(events: impl IntoIterator<Item = (u32, &'a ChainEvent)>) -> Option<Self> {
        let mut events = events.into_iter();
        let mut facts = events.by_ref().find_map(|(height, event)| match event {
            ChainEvent::Opened { params, amount, .. } => {
                Some(Self::opened(*params, *amount, height))
            }
            _ => None,
        })?;
        events.for_each(|(height, event)| facts.apply(height, event));
        Some(facts)
    }

    /// Adds what happened in the block at `height`. Events of other channels change nothing.
    pub fn apply(&mut self, height: u32, event: &ChainEvent) {
        if event.channel_id() != Some(self.channel_id) {
            return;
        }
        match *event {
            ChainEvent::Deposited { to, amount, .. } => {
                self.remember(Deposit { to, amount, height });
            }
            ChainEvent::Withdrawn {
                from,
                amount,
                sequence,
                ..
            } => {
                let withdrawn = &mut self.withdrawn[from];
                *withdrawn = Amount(withdrawn.0.saturating_add(amount.0));
                self.sequence = sequence;
            }
            ChainEvent::CooperativelyClosed { pay_a, pay_b, .. } => {
                let penalty = Amount::ZERO;
                self.settled = Some(Settled {
                    height,
                    pay_a,
                    pay_b,
                    penalty,
                    cooperative: true,
                });
            }
            ChainEvent::Closed {
                by,
                declared,
                nonce,
                transferred,
                locks_root,
                deadline,
                ..
            } => {
                self.closed = Some(Closed {
                    by,
                    height,
                    declared: Some(declared),
                    deadline,
                    countered_at: None,
                });
                self.posted[by].floor = declared;
                let incoming = &mut self.posted[by.other()];
                *incoming = Posted {
                    nonce,
                    transferred,
                    locks_root,
                    ..*incoming
                };
            }
            ChainEvent::Recovered { by, deadline, .. } => {
                let (declared, countered_at) = (None, None);
                self.closed = Some(Closed {
                    by,
                    height,
                    declared,
                    deadline,
                    countered_at,
                });
            }
            ChainEvent::CounterClaimed {
                sender,
                nonce,
                transferred,
                locks_root,
                ..
            } => {
                let posted = &mut self.posted[sender];
                *posted = Posted {
                    nonce,
                    transferred,
                    locks_root,
                    ..*posted
                };
                if let Some(closed) = &mut self.closed {
                    closed.countered_at = closed.countered_at.or(Some(height));
                }
            }
            ChainEvent::FloorRaised { sender, floor, .. } => self.posted[sender].floor = floor,
            ChainEvent::Settled {
                pay_a,
                pay_b,
                penalty,
                ..
            } => {
                self.settled = Some(Settled {
                    height,
                    pay_a,
                    pay_b,
                    penalty,
                    cooperative: false,
                });
            }
            ChainEvent::Opened { .. }
            | ChainEvent::PreimageRegistered { .. }
            | ChainEvent::Credited { .. }
            | ChainEvent::CreditWithdrawn { .. } => {}
        }
    }

    /// Where the channel stands for a transaction in a block of this height. Hand in the tip's
    /// height plus one to learn what the next block allows.
    pub fn phase(&self, height: u32) -> Phase {
        match (self.settled, self.closed.zip(self.finalizes_at())) {
            (Some(_), _) => Phase::Settled,
            (None, None) => Phase::Open,
            (None, Some((closed, finalizes_at))) => {
                let by = closed.by;
                if height < finalizes_at {
                    Phase::Finalizing {
                        by,
                        deadline: closed.deadline,
                        finalizes_at,
                    }
                } else {
                    Phase::Final { by, finalizes_at }
                }
            }
        }
    }

    /// The last block in which an acked proof with a higher nonce may replace one, while a refute
    /// phase exists.
    pub fn refutable_until(&self) -> Option<u32> {
        let closed = self.closed?;
        closed
            .countered_at
            .map(|_| closed.deadline.saturating_add(self.params.window / 2))
    }

    /// The first block in which the closed channel can be settled, unless a counter-claim extends
    /// the period once.
    pub fn finalizes_at(&self) -> Option<u32> {
        let last = self
            .refutable_until()
            .or(self.closed.map(|closed| closed.deadline))?;
        Some(last.saturating_add(1))
    }

    /// A side's deposits minus its withdrawals, as the contract counts them now.
    pub fn net(&self, side: Side) -> Net {
        self.deposited(side, |_| true)
            .to_net()
            .minus(self.withdrawn[side].to_net())
    }

    /// A side's deposits with enough confirmations, minus all its withdrawals.
    pub fn confirmed_net(&self, side: Side, tip: &Tip) -> Net {
        let confirmed = self.deposited(side, |deposit| tip.confirms(deposit.height));
        confirmed.to_net().minus(self.withdrawn[side].to_net())
    }

    /// A side's deposits that do not count yet.
    pub fn pending_deposit(&self, side: Side, tip: &Tip) -> Amount {
        self.deposited(side, |deposit| !tip.confirms(deposit.height))
    }

    /// Both deposits, as far as they are confirmed and not withdrawn.
    pub fn capacity(&self, tip: &Tip) -> Amount {
        self.confirmed_net(Side::A, tip)
            .plus(self.confirmed_net(Side::B, tip))
            .to_amount()
    }

    fn deposited(&self, side: Side, counts: impl Fn(&Deposit) -> bool) -> Amount {
        let mine = self
            .deposits
            .iter()
            .filter(|deposit| deposit.to == side && counts(deposit));
        mine.map(|deposit| deposit.amount).sum()
    }

    /// Keeps the list short whatever strangers deposit: one entry per side and block, and the two
    /// oldest of a side told as one with the later height, which can only make them count later.
    fn remember(&mut self, deposit: Deposit) {
        let same = |old: &&mut Deposit| old.to == deposit.to && old.height == deposit.height;
        if let Some(old) = self.deposits.iter_mut().find(same) {
            old.amount = Amount(old.amount.0.saturating_add(deposit.amount.0));
            return;
        }
        self.deposits.push(deposit);
        let mut of_side = (0..self.deposits.len()).filter(|at| self.deposits[*at].to == deposit.to);
        let oldest = [of_side.next(), of_side.next()];
        if let [Some(first), Some(second)] = oldest
            && of_side.count() + 2 > REMEMBERED_DEPOSITS
        {
            let amount = self.deposits[first].amount;
            let second = &mut self.deposits[second].amount;
            *second = Amount(second.0.saturating_add(amount.0));
            self.deposits.remove(first);
        }
    }
}
