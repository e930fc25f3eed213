//! What binds beyond payments: cooperative closes and withdrawals, and one's own close under way.

use serde::{Deserialize, Serialize};

use super::Channel;
use crate::{
    amount::{Amount, Net},
    contract_call::ContractCall,
    cooperative::{CooperativeClose, CooperativeWithdraw},
    policy::Tip,
    rejected::{Refused, Rejected},
    side::Side,
    signature::Signature,
};

/// Something signed that the chain may still execute. Until it is mined or too old, nothing that
/// contradicts it is signed or accepted (PROTOCOL §4.5).
///
/// It needs no removal: when the contract's sequence moves on, when the channel closes or when the
/// last block has passed, it stops counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Authorisation {
    /// The end by agreement: no payments in either direction.
    CooperativeClose(CooperativeClose),
    /// A withdrawal: its amount cannot be sent.
    CooperativeWithdraw(CooperativeWithdraw),
    /// One's own close is signed: its declaration must stay true.
    Close(CloseAuthorisation),
}

/// A `close` that one participant signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloseAuthorisation {
    /// Who closes.
    pub by: Side,
    /// The last block in which it counts.
    pub valid_until: u32,
}

impl Authorisation {
    /// One's own close.
    pub fn close(by: Side, valid_until: u32) -> Self {
        Self::Close(CloseAuthorisation { by, valid_until })
    }

    /// The last block in which the contract takes it.
    pub fn valid_until(&self) -> u32 {
        match self {
            Self::CooperativeClose(close) => close.valid_until,
            Self::CooperativeWithdraw(withdraw) => withdraw.valid_until,
            Self::Close(close) => close.valid_until,
        }
    }

    fn sequence(&self) -> Option<u16> {
        match self {
            Self::CooperativeClose(close) => Some(close.sequence),
            Self::CooperativeWithdraw(withdraw) => Some(withdraw.sequence),
            Self::Close(_) => None,
        }
    }
}

impl Channel {
    /// Proposes the end by agreement with the division that the newest proofs say.
    pub fn cooperative_close(
        &self,
        valid_until: u32,
        tip: &Tip,
    ) -> Result<CooperativeClose, Refused> {
        let close = CooperativeClose {
            channel_id: self.id(),
            net_to_a: self.net_to_a(),
            sequence: self.facts.sequence,
            valid_until,
        };
        self.check_close(&close, tip)?;
        Ok(close)
    }

    /// Proposes that `from` takes `amount` out while the channel stays open.
    pub fn cooperative_withdraw(
        &self,
        from: Side,
        amount: Amount,
        valid_until: u32,
        tip: &Tip,
    ) -> Result<CooperativeWithdraw, Refused> {
        let channel_id = self.id();
        let sequence = self.facts.sequence;
        let withdraw = CooperativeWithdraw {
            channel_id,
            from,
            amount,
            sequence,
            valid_until,
        };
        self.check_withdraw(&withdraw, tip)?;
        Ok(withdraw)
    }

    /// Records what is about to be signed, or was seen signed by the partner, before the signature
    /// leaves. The same thing twice changes nothing. Whoever signs one calls this first: it refuses
    /// a division or an amount that the newest proofs do not bear.
    pub fn authorise(&self, authorisation: Authorisation, tip: &Tip) -> Result<Self, Refused> {
        self.check_certain()?;
        self.bound_by(authorisation, tip)
    }

    /// Records one's own `recover` before its transaction leaves. It declares nothing, so it is the one
    /// thing that may be signed by who does not know what it has signed before.
    pub fn authorise_recovery(
        &self,
        by: Side,
        valid_until: u32,
        tip: &Tip,
    ) -> Result<Self, Refused> {
        self.bound_by(Authorisation::close(by, valid_until), tip)
    }

    fn bound_by(&self, authorisation: Authorisation, tip: &Tip) -> Result<Self, Refused> {
        if self.outstanding(tip).any(|held| *held == authorisation) {
            return Ok(self.clone());
        }
        match &authorisation {
            Authorisation::CooperativeClose(close) => self.check_close(close, tip)?,
            Authorisation::CooperativeWithdraw(withdraw) => self.check_withdraw(withdraw, tip)?,
            Authorisation::Close(close) => {
                self.check_still_open()?;
                self.check_valid_until(close.valid_until, tip)?;
            }
        }
        let mut next = self.clone();
        next.authorisations = self.alive(tip).copied().collect();
        next.authorisations.push(authorisation);
        Ok(next)
    }

    /// Learns what was signed already, from relay or partner after a loss: it binds whether or not it
    /// would be signed today. What would bind for much longer than one window nobody has signed by
    /// these rules: a relay that shows it lies, and would freeze the channel for ever. (Twice, for who
    /// signed may have been some blocks ahead.)
    #[must_use]
    pub fn remember(&self, signed: &[Authorisation], tip: &Tip) -> Self {
        let mut next = self.clone();
        next.authorisations = self.alive(tip).copied().collect();
        let window = self.facts.params.window;
        let latest = tip.height.saturating_add(window.saturating_mul(2));
        let is_over = |one: &Authorisation| tip.confirms(one.valid_until().saturating_add(1));
        let new = signed.iter().filter(|one| {
            !is_over(one) && one.valid_until() <= latest && !self.authorisations.contains(one)
        });
        next.authorisations.extend(new);
        next
    }

    /// The transaction for an agreed close; the caller's own signature may be `None`.
    pub fn cooperative_close_call(
        &self,
        close: &CooperativeClose,
        signatures: [Option<Signature>; 2],
    ) -> ContractCall {
        let [signature_a, signature_b] = signatures;
        ContractCall::CooperativeClose {
            params: self.facts.params,
            net_to_a: close.net_to_a,
            valid_until: close.valid_until,
            signature_a,
            signature_b,
        }
    }

    /// The transaction for an agreed withdrawal; the caller's own signature may be `None`.
    pub fn cooperative_withdraw_call(
        &self,
        withdraw: &CooperativeWithdraw,
        signatures: [Option<Signature>; 2],
    ) -> ContractCall {
        let [signature_a, signature_b] = signatures;
        ContractCall::CooperativeWithdraw {
            params: self.facts.params,
            from: withdraw.from,
            amount: withdraw.amount,
            valid_until: withdraw.valid_until,
            signature_a,
            signature_b,
        }
    }

    /// The last block that holds back what `sender` wants to sign, if something does.
    pub fn frozen_until(&self, sender: Side, tip: &Tip) -> Option<u32> {
        let freezes = |held: &&Authorisation| match held {
            Authorisation::CooperativeClose(_) => true,
            Authorisation::CooperativeWithdraw(_) => false,
            Authorisation::Close(close) => close.by == sender,
        };
        self.outstanding(tip)
            .filter(freezes)
            .map(Authorisation::valid_until)
            .max()
    }

    /// The last block of an end by agreement that divides otherwise than the newest proofs do, if one
    /// may still be executed.
    pub(super) fn contradicted_until(&self, tip: &Tip) -> Option<u32> {
        let divides = |held: &&Authorisation| match held {
            Authorisation::CooperativeClose(close) => close.net_to_a != self.net_to_a(),
            _ => false,
        };
        self.outstanding(tip)
            .filter(divides)
            .map(Authorisation::valid_until)
            .max()
    }

    /// What A gains on its net deposits by the newest proofs.
    fn net_to_a(&self) -> Net {
        let received = self.streets[Side::B].transferred().to_net();
        received.minus(self.streets[Side::A].transferred().to_net())
    }

    pub(super) fn outstanding_withdrawal(&self, from: Side, tip: &Tip) -> Amount {
        let amount = |held: &Authorisation| match held {
            Authorisation::CooperativeWithdraw(withdraw) if withdraw.from == from => {
                withdraw.amount
            }
            _ => Amount::ZERO,
        };
        self.outstanding(tip).map(amount).sum()
    }

    /// What may still be executed as the chain stands.
    fn outstanding(&self, tip: &Tip) -> impl Iterator<Item = &Authorisation> {
        let open = self.facts.settled.is_none();
        let current = |held: &Authorisation| {
            let sequence = held.sequence();
            sequence.is_none_or(|sequence| sequence == self.facts.sequence)
        };
        self.alive(tip).filter(move |held| open && current(held))
    }

    /// What is not too old. A block that is not confirmed yet may be replaced by one that executes
    /// it, so it is kept that much longer, whatever the chain has made of it so far.
    fn alive(&self, tip: &Tip) -> impl Iterator<Item = &Authorisation> {
        let dead = |held: &Authorisation| tip.confirms(held.valid_until().saturating_add(1));
        self.authorisations.iter().filter(move |held| !dead(held))
    }

    fn check_close(&self, close: &CooperativeClose, tip: &Tip) -> Result<(), Rejected> {
        if close.channel_id != self.id() {
            return Err(Rejected::WrongChannel {
                expected: self.id(),
                got: close.channel_id,
            });
        }
        if let Some(settled) = self.facts.settled {
            return Err(Rejected::ChannelClosing {
                height: settled.height,
            });
        }
        self.check_alone(close.sequence, close.valid_until, tip)?;
        let open = self.streets.iter().map(|street| street.locks().len()).sum();
        if open != 0 {
            return Err(Rejected::LocksOpen { open });
        }
        let (expected, got) = (self.net_to_a(), close.net_to_a);
        if expected != got {
            return Err(Rejected::WrongSplit { expected, got });
        }
        Ok(())
    }

    fn check_withdraw(&self, withdraw: &CooperativeWithdraw, tip: &Tip) -> Result<(), Rejected> {
        if withdraw.channel_id != self.id() {
            return Err(Rejected::WrongChannel {
                expected: self.id(),
                got: withdraw.channel_id,
            });
        }
        self.check_still_open()?;
        self.check_alone(withdraw.sequence, withdraw.valid_until, tip)?;
        if withdraw.amount.is_zero() {
            return Err(Rejected::NothingSent);
        }
        let available = self.withdrawable(withdraw.from, tip);
        if available < withdraw.amount {
            return Err(Rejected::InsufficientBalance {
                needed: withdraw.amount,
                available,
            });
        }
        Ok(())
    }

    /// What `side` may take out: nothing that any unrevoked proof of its own can cost it.
    pub fn withdrawable(&self, side: Side, tip: &Tip) -> Amount {
        self.limit(side, tip)
            .saturating_minus(self.streets[side].worst(tip.height))
    }

    fn check_still_open(&self) -> Result<(), Rejected> {
        let closed = self.facts.closed.map(|closed| closed.height);
        match closed.or(self.facts.settled.map(|settled| settled.height)) {
            Some(height) => Err(Rejected::ChannelClosing { height }),
            None => Ok(()),
        }
    }

    /// At most one cooperative authorisation at a time, for the contract's present sequence.
    fn check_alone(&self, sequence: u16, valid_until: u32, tip: &Tip) -> Result<(), Rejected> {
        if sequence != self.facts.sequence {
            return Err(Rejected::WrongSequence {
                expected: self.facts.sequence,
                got: sequence,
            });
        }
        self.check_valid_until(valid_until, tip)?;
        let mut others = self
            .outstanding(tip)
            .filter(|held| held.sequence().is_some());
        match others.next() {
            Some(held) => Err(Rejected::ChannelFrozen {
                until: held.valid_until(),
            }),
            None => Ok(()),
        }
    }

    /// Within one window: nobody is bound for longer than a close would take.
    fn check_valid_until(&self, got: u32, tip: &Tip) -> Result<(), Rejected> {
        let (height, latest) = (
            tip.height,
            tip.height.saturating_add(self.facts.params.window),
        );
        if got <= height || latest < got {
            return Err(Rejected::ValidUntilOutOfRange {
                height,
                latest,
                got,
            });
        }
        Ok(())
    }
}
