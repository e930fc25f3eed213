//! What to do now so that a participant gets what it is entitled to, and until when.
//!
//! One function for the participant and for its watchtower. It is asked again after every block and
//! derives the answer from the facts: included → no answer, reorganised away → the same answer.
//! There is no pending flag to go wrong.

use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    channel::{Channel, Standing},
    contract_call::ContractCall,
    facts::{Closed, Posted},
    hash::Hash,
    side::Side,
};

/// Who would send the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caller {
    /// The guarded participant itself: as recipient it needs no ack.
    Participant,
    /// Anybody else on its behalf: floors without permission, agreed proofs with acks.
    Tower,
}

/// A call that helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Why.
    pub reason: Reason,
    /// What to send.
    pub call: ContractCall,
    /// The last block in which it helps; `None` when there is no hurry.
    pub deadline: Option<u32>,
}

/// Why a call helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The partner owes more than the chain shows.
    StaleProof,
    /// The partner showed a proof that it has revoked.
    RevokedProof,
    /// The period is over.
    Settleable,
}

/// The next call that helps `guarded`, for a block after the one at `height`; `None` when there is
/// nothing to do (now). Never posts a proof older than one that `guarded` acked.
pub fn watch(channel: &Channel, guarded: Side, caller: Caller, height: u32) -> Option<Action> {
    let facts = channel.facts();
    let closed = facts.closed.filter(|_| facts.settled.is_none())?;
    let next = height.saturating_add(1);
    claim(channel, guarded, caller, &closed, next)
        .or_else(|| refute(channel, guarded, &closed, next))
        .or_else(|| settle(channel, guarded, caller, next))
}

/// Shows what the partner owes.
fn claim(
    channel: &Channel,
    guarded: Side,
    caller: Caller,
    closed: &Closed,
    next: u32,
) -> Option<Action> {
    if closed.deadline < next {
        return None;
    }
    let sender = guarded.other();
    let (street, posted) = (channel.street(sender), &channel.facts().posted[sender]);
    let newest = street.newest()?;
    let params = *channel.params();
    let agreed = |standing: &Standing, ack| ContractCall::CounterClaim {
        params,
        proof: standing.signed,
        ack,
    };
    let call = match caller {
        Caller::Participant => {
            helps(newest, posted, posted.owed()).then(|| agreed(newest, None))?
        }
        Caller::Tower => {
            let acked = street.acked().filter(|(standing, _)| {
                // Without locks a floor does as much, at once and for less.
                standing.signed.proof.locks_root != Hash::ZERO
                    && helps(standing, posted, posted.owed())
            });
            let floor = newest.signed.proof.transferred;
            match acked {
                Some((standing, ack)) if floor <= standing.signed.proof.transferred => {
                    agreed(standing, Some(ack.signature))
                }
                _ if posted.owed() < floor => ContractCall::RaiseFloor {
                    params,
                    proof: newest.signed,
                },
                Some((standing, ack)) => agreed(standing, Some(ack.signature)),
                None => return None,
            }
        }
    };
    Some(Action {
        reason: Reason::StaleProof,
        call,
        deadline: Some(closed.deadline),
    })
}

/// Whether an agreed proof says more for its recipient than what is posted.
///
/// Paid locks add to the transferred of the proof that carries them, not to the floor: the same locks
/// with a higher transferred say more, even when the floor is as high.
fn helps(standing: &Standing, posted: &Posted, owed: Amount) -> bool {
    let proof = &standing.signed.proof;
    let locks = proof.locks_root != Hash::ZERO
        && (proof.locks_root != posted.locks_root || posted.transferred < proof.transferred);
    posted.nonce < proof.nonce && (owed < proof.transferred || locks)
}

/// Replaces a proof of `guarded` that its partner has revoked and that still carries locks. Without
/// locks an older proof claims nothing that is not owed.
fn refute(channel: &Channel, guarded: Side, closed: &Closed, next: u32) -> Option<Action> {
    let facts = channel.facts();
    let until = facts.refutable_until().unwrap_or(closed.deadline);
    let posted = &facts.posted[guarded];
    let (standing, ack) = channel.street(guarded).acked()?;
    let stale = posted.nonce != 0 && posted.nonce < standing.signed.proof.nonce;
    if until < next || !stale || posted.locks_root == Hash::ZERO {
        return None;
    }
    let call = ContractCall::CounterClaim {
        params: facts.params,
        proof: standing.signed,
        ack: Some(ack.signature),
    };
    Some(Action {
        reason: Reason::RevokedProof,
        call,
        deadline: Some(until),
    })
}

/// Ends it, once every list is known or no longer asked for.
///
/// A tower does so only where its client has locks to lose: one window after settling became
/// possible, anybody may settle with an empty list. Else it leaves it to the participants, who pay
/// the gas from what they get.
fn settle(channel: &Channel, guarded: Side, caller: Caller, next: u32) -> Option<Action> {
    let facts = channel.facts();
    let finalizes_at = facts.finalizes_at()?;
    let known = |sender: Side| {
        let root = &facts.posted[sender].locks_root;
        channel.street(sender).locks_of(root).is_some()
    };
    let incoming = guarded.other();
    let at_stake = facts.posted[incoming].locks_root != Hash::ZERO && known(incoming);
    let lists_expire = finalizes_at.saturating_add(facts.params.window);
    let complete = Side::BOTH.into_iter().all(known);
    let from = if complete { finalizes_at } else { lists_expire };
    if caller == Caller::Tower && !at_stake || next < from {
        return None;
    }
    let in_time = at_stake && complete && next < lists_expire;
    Some(Action {
        reason: Reason::Settleable,
        call: channel.settle_call(),
        deadline: in_time.then(|| lists_expire - 1),
    })
}
