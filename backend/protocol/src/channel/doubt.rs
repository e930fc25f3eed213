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

/// What is known of one's own proofs after a loss rests on the relay's word alone. Payments go on, for
/// a partner that sleeps must not stop them; but a relay that lied could let a close declare too
/// little, so who closes alone declares nothing ([`Channel::close_call`]) until the partner has
/// confirmed: by its word, or by an ack of a proof that was signed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hearsay {
    /// Whose proofs.
    pub side: Side,
    /// The newest of them by the relay's word.
    pub nonce: u64,
    /// What the partner is asked with.
    pub question: Hash,
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

/// What a meeting with the relay led to.
#[derive(Clone, Debug)]
pub struct Met {
    /// The channel after it.
    pub channel: Channel,
    /// Whether the relay showed own proofs that were not known here: data had been lost.
    pub adopted_own: bool,
    /// Why some of what it showed was not taken over; its facts were.
    pub refused: Option<Rejected>,
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
    ///
    /// What made it doubt before is not forgotten; the question is new, for the old one may have been
    /// answered meanwhile.
    #[must_use]
    pub fn in_doubt(&self, question: Hash) -> Self {
        let doubt = Some(Doubt {
            question,
            partner: self.doubt.is_some_and(|doubt| doubt.partner),
            conflict: self.doubt.and_then(|doubt| doubt.conflict),
        });
        Self {
            doubt,
            hearsay: None,
            ..self.clone()
        }
    }

    /// A channel of which nothing is kept, as the relay shows it: it is new, or it was forgotten. A
    /// memory that began at `since` can not have forgotten what was opened later; of everything else it
    /// is in doubt. What binds is remembered either way.
    #[must_use]
    pub fn first_met(shown: &Self, since: Option<u32>, question: Hash, tip: &Tip) -> Self {
        let empty = Self::new(shown.domain, shown.facts.clone());
        let bound = empty.remember(shown.authorisations(), tip);
        let is_new = since.is_some_and(|since| since < shown.facts.opened_at);
        if is_new {
            bound
        } else {
            bound.in_doubt(question)
        }
    }

    /// The doubt, if there is one.
    pub fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// Whether what is known of own proofs rests on the relay's word alone.
    pub fn hearsay(&self) -> Option<&Hearsay> {
        self.hearsay.as_ref()
    }

    /// What the partner is to be asked with, while its word is of use.
    pub fn question(&self) -> Option<Hash> {
        match (&self.doubt, &self.hearsay) {
            (Some(doubt), _) => {
                (doubt.partner && doubt.conflict.is_none()).then_some(doubt.question)
            }
            (None, hearsay) => hearsay.map(|hearsay| hearsay.question),
        }
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

    /// Meets the relay again: takes over its facts and whatever is newer and true.
    ///
    /// Own words first, and whatever else is shown: a partner's promise that is refused must keep
    /// nobody from learning which nonces it has used, nor from going on without that promise.
    #[must_use]
    pub fn meet(&self, shown: &Self, meeting: &Meeting, tip: &Tip) -> Met {
        let side = meeting.side;
        let known = self.with_facts(shown.facts.clone());
        let before = known.streets[side].nonce();
        let met = |channel: Self, refused| Met {
            adopted_own: before < channel.streets[side].nonce(),
            channel,
            refused,
        };
        if known.contradiction(&shown.streets, side).is_some() {
            return match known.hear_relay(shown, meeting, tip) {
                Ok(channel) => met(channel, None),
                Err(why) => met(known, Some(why)),
            };
        }
        let own = match known.adopt_own(side, &shown.streets) {
            Ok(own) => own,
            Err(lie) => return met(known, Some(lie)),
        };
        match own.hear_relay(shown, meeting, tip) {
            Ok(channel) => met(channel, None),
            Err(why) => met(own.clone().believing(&own, shown, meeting), Some(why)),
        }
    }

    /// Hears the relay: adopts what it shows (see [`Channel::adopt`]) and, if it knew all that is known
    /// here and was never restored, goes on by its word ([`Hearsay`]).
    ///
    /// When it shows own proofs that contradict the known ones, those known are kept, and nothing is
    /// signed until one gives way.
    pub fn hear_relay(&self, shown: &Self, meeting: &Meeting, tip: &Tip) -> Result<Self, Rejected> {
        let Meeting { side, question, .. } = *meeting;
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
        let next = self.adopt(&shown.streets, tip)?;
        Ok(next.believing(self, shown, meeting))
    }

    /// Without the doubt of `before` if the relay's word is enough to go on.
    fn believing(mut self, before: &Self, shown: &Self, meeting: &Meeting) -> Self {
        let Meeting {
            side,
            unsent,
            restored_at,
            ..
        } = *meeting;
        let Some(doubt) = before.doubt else {
            return self;
        };
        let restored = restored_at.is_some_and(|at| self.facts.opened_at <= at);
        let partner = doubt.partner || restored || before.is_ahead_of(shown, side, unsent);
        if partner {
            self.doubt = Some(Doubt {
                partner,
                conflict: None,
                ..doubt
            });
        } else {
            self.doubt = None;
            self.hearsay = Some(Hearsay {
                side,
                nonce: self.streets[side].nonce(),
                question: doubt.question,
            });
        }
        self
    }

    /// Hears the partner's word, which answers the question of the doubt: when everything in it is
    /// known here, the doubt is over, and so is the [`Hearsay`]. When the partner holds more, it stays
    /// until that has come; a relay that had been believed has then lied, and nothing more is signed.
    pub fn hear_partner(&self, word: &Word, partner: Side) -> Result<Self, Rejected> {
        let asked = match (&self.doubt, &self.hearsay) {
            (Some(doubt), _) => doubt.question,
            (None, Some(hearsay)) => hearsay.question,
            (None, None) => return Ok(self.clone()),
        };
        if word.channel_id != self.id() {
            return Err(Rejected::WrongChannel {
                expected: self.id(),
                got: word.channel_id,
            });
        }
        if word.question != asked {
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
        if Side::BOTH.into_iter().all(is_known) {
            next.doubt = self.doubt.filter(|doubt| doubt.conflict.is_some());
            next.hearsay = None;
        } else if self.doubt.is_none() {
            next.doubt = Some(Doubt {
                question: asked,
                partner: true,
                conflict: None,
            });
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

    /// What of `sender`'s proofs here can not be true beside what is shown. What nobody signed
    /// contradicts nothing.
    pub fn contradiction(&self, shown: &[Street; 2], sender: Side) -> Option<Contradiction> {
        let (known, shown) = (&self.streets[sender], &shown[sender]);
        let account = self.account(sender);
        let is_signed = |one: &super::Standing| one.signed.verify(&self.domain, &account).is_ok();
        let pair = known.standing.iter().find(|one| {
            let proof = &one.signed.proof;
            let other = shown.standing.iter().find(|other| {
                let other = &other.signed.proof;
                other.nonce == proof.nonce && other != proof
            });
            other.is_some_and(is_signed)
        });
        let fell = known.nonce() < shown.nonce() && shown.transferred() < known.transferred();
        let nonce = match pair {
            Some(one) => one.signed.proof.nonce,
            None if fell && shown.newest().is_some_and(is_signed) => known.nonce(),
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
        next.hearsay = None;
        Ok(next)
    }

    /// The same channel, counting what `sender`'s proofs that were given up had promised as far as
    /// `own` knows of it. That is not signed, so it is believed of one's own memories only.
    #[must_use]
    pub fn with_forgone_of(&self, sender: Side, own: &Self) -> Self {
        let mut next = self.clone();
        let forgone = &mut next.streets[sender.index()].forgone;
        *forgone = (*forgone).max(own.streets[sender].forgone);
        next
    }

    /// The same channel with `sender`'s direction as `other` has it. A store that changes one direction
    /// at a time takes a channel that was adopted as a whole in two steps.
    #[must_use]
    pub fn with_street_of(&self, sender: Side, other: &Self) -> Self {
        self.with_street(sender, other.streets[sender].clone())
    }
}
