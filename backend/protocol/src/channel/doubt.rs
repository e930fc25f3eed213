//! After a loss: who must be heard before anything is signed again, and what becomes of two proofs
//! with one nonce (PROTOCOL §4.6, §4.7).

use serde::{Deserialize, Serialize};

use super::{Channel, Street};
use crate::{
    amount::Amount,
    hash::Hash,
    policy::Tip,
    rejected::Rejected,
    side::Side,
    word::{Held, UnsignedWord, Word},
};

/// Set while a participant that lost its memory, or took up an old one, can not know which nonces it
/// has used: it accepts what comes and signs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Doubt {
    /// What the partner is asked with: 32 random bytes.
    pub question: Hash,
    /// Whether the partner must be heard, because the relay's word is not enough: it showed less than
    /// was known here, or says that its database was restored from a copy.
    pub partner: bool,
    /// The nonce with which two different proofs of this participant exist: two devices signed with one
    /// key. Only giving way ends this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<u64>,
}

/// How relay and participant meet again.
#[derive(Clone, Copy, Debug)]
pub struct Meeting {
    /// Who meets the relay.
    pub side: Side,
    /// Own proofs, the newest, that have not reached the relay.
    pub unsent: u64,
    /// The height at which the relay's database was last restored from a copy, as it says. Of channels
    /// that were opened later it has forgotten nothing.
    pub restored_at: Option<u32>,
    /// With what the partner will be asked if a doubt begins here.
    pub question: Hash,
}

/// Two different proofs of one sender with one nonce: two programs signed with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contradiction {
    /// Who signed both.
    pub sender: Side,
    /// The nonce, as far as it is known: of the first pair that is held here and shown.
    pub nonce: u64,
}

impl Channel {
    /// The same channel as one who lost its memory, or restored an old one, has it: nothing is signed
    /// until relay or partner have said what is the newest.
    #[must_use]
    pub fn in_doubt(&self, question: Hash) -> Self {
        let doubt = Some(Doubt {
            question,
            partner: false,
            conflict: None,
        });
        Self {
            doubt,
            ..self.clone()
        }
    }

    /// The doubt, if there is one.
    pub fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// Whether something that is known here is missing in what the relay shows. `unsent` own proofs,
    /// the newest, are still on their way and do not count.
    pub fn is_ahead_of(&self, shown: &Self, side: Side, unsent: u64) -> bool {
        Side::BOTH.into_iter().any(|sender| {
            let known = self.streets[sender].nonce();
            let known = known.saturating_sub(if sender == side { unsent } else { 0 });
            shown.streets[sender].nonce() < known
                || shown.streets[sender].acked_nonce() < self.streets[sender].acked_nonce()
        })
    }

    /// Hears the relay: adopts what it shows (see [`Channel::adopt`]) and, if it knew all that is known
    /// here and was never restored, believes that there is nothing newer.
    ///
    /// When it shows own proofs that contradict the known ones, those known are kept, and nothing is
    /// signed until one gives way.
    pub fn hear_relay(&self, shown: &Self, meeting: &Meeting, tip: &Tip) -> Result<Self, Rejected> {
        let Meeting {
            side,
            unsent,
            restored_at,
            question,
        } = *meeting;
        if let Some(found) = self.contradiction(&shown.streets, side) {
            let mut others = shown.streets.clone();
            others[side.index()] = self.streets[side].clone();
            let mut next = self.adopt(&others, tip)?;
            next.doubt = Some(Doubt {
                question: self.doubt.map_or(question, |doubt| doubt.question),
                partner: true,
                conflict: Some(found.nonce),
            });
            return Ok(next);
        }
        let mut next = self.adopt(&shown.streets, tip)?;
        if let Some(doubt) = self.doubt {
            let restored = restored_at.is_some_and(|at| self.facts.opened_at <= at);
            let partner = doubt.partner || restored || self.is_ahead_of(shown, side, unsent);
            let conflict = None;
            next.doubt = partner.then_some(Doubt {
                partner,
                conflict,
                ..doubt
            });
        }
        Ok(next)
    }

    /// Hears the partner's word, which answers the question of the doubt: when everything in it is
    /// known here, the doubt is over. When the partner holds more, it stays until that has come.
    pub fn hear_partner(&self, word: &Word, partner: Side) -> Result<Self, Rejected> {
        let Some(doubt) = self.doubt else {
            return Ok(self.clone());
        };
        if word.channel_id != self.id() {
            return Err(Rejected::WrongChannel {
                expected: self.id(),
                got: word.channel_id,
            });
        }
        if word.question != doubt.question {
            return Ok(self.clone());
        }
        word.verify(&self.domain, &self.account(partner))?;
        let is_known = |sender: Side| {
            let (held, street) = (word.held[sender], &self.streets[sender]);
            let same = street
                .standing
                .iter()
                .find(|one| one.signed.proof.nonce == held.nonce)
                .is_none_or(|one| one.signed.proof.struct_hash() == held.proof_hash);
            held.nonce <= street.nonce() && same
        };
        let mut next = self.clone();
        if doubt.conflict.is_none() && Side::BOTH.into_iter().all(is_known) {
            next.doubt = None;
        }
        Ok(next)
    }

    /// What is held here, for the partner who asks with `question`.
    pub fn word(&self, question: Hash) -> UnsignedWord {
        let held = |street: &Street| {
            street.newest().map_or_else(Held::default, |newest| Held {
                nonce: newest.signed.proof.nonce,
                proof_hash: newest.signed.proof.struct_hash(),
            })
        };
        let [a, b] = &self.streets;
        UnsignedWord {
            channel_id: self.id(),
            question,
            held: [held(a), held(b)],
        }
    }

    /// What of `sender`'s proofs here can not be true beside what is shown.
    pub fn contradiction(&self, shown: &[Street; 2], sender: Side) -> Option<Contradiction> {
        let (known, shown) = (&self.streets[sender], &shown[sender]);
        let pair = known.standing.iter().find(|one| {
            let proof = &one.signed.proof;
            let mut others = shown.standing.iter().map(|other| &other.signed.proof);
            others.any(|other| other.nonce == proof.nonce && other != proof)
        });
        let fell = known.nonce() < shown.nonce() && shown.transferred() < known.transferred();
        let nonce = match pair {
            Some(one) => one.signed.proof.nonce,
            None if fell => known.nonce(),
            None => return None,
        };
        Some(Contradiction { sender, nonce })
    }

    /// Gives up own proofs that contradict those which are shown, and goes on from the shown ones.
    ///
    /// What was given up was signed: it can be shown on chain for ever, so it counts towards what this
    /// side may owe and declares, until more than that was sent. Of `sender`'s direction everything is
    /// taken from what is shown, after the same verification as in [`Channel::adopt`].
    pub fn give_way(&self, sender: Side, shown: &[Street; 2], tip: &Tip) -> Result<Self, Rejected> {
        let own = &self.streets[sender];
        let promised = |one: &super::Standing| {
            let locks: Amount = one.locks.iter().map(|lock| lock.amount).sum();
            Amount(one.signed.proof.transferred.0.saturating_add(locks.0))
        };
        let lost = own
            .standing
            .iter()
            .filter(|one| !shown[sender].standing.contains(one));
        let forgone = lost.map(promised).fold(own.forgone, Amount::max);
        let empty = Street {
            forgone,
            ..Street::default()
        };
        let mut next = self.with_street(sender, empty).adopt(shown, tip)?;
        next.doubt = None;
        Ok(next)
    }

    /// The same channel with `sender`'s direction as `other` has it. A store that changes one direction
    /// at a time takes a channel that was adopted as a whole in two steps.
    #[must_use]
    pub fn with_street_of(&self, sender: Side, other: &Self) -> Self {
        self.with_street(sender, other.streets[sender].clone())
    }
}
