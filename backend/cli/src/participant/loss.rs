//! After a loss: meeting the relay, bringing it what it has forgotten, asking the partner.

use anyhow::Result;
use serde_json::{Value, json};
use sparky_protocol::{Meeting, Rejected};

use super::book::{self, Kept};
use super::view::View;
use super::{Participant, refused};
use crate::problem::Problem;

/// What came of meeting the relay about a channel.
pub(super) struct Met {
    /// The relay has forgotten something that is known here.
    pub forgotten: bool,
    /// Why something that it shows was not taken over.
    pub refused: Option<Rejected>,
}

impl Participant {
    /// Hears what the relay shows, and the partner's word if it has one. What breaks a rule is not
    /// taken over and named; the rest is, and everything that is known stays. A partner or a relay
    /// that shows nonsense must not keep us from answering, closing or settling.
    pub(super) fn meet(&self, kept: &mut Kept, view: &View) -> Result<Met> {
        let side = self.side(kept)?;
        let meeting = Meeting {
            side,
            unsent: u64::try_from(kept.outbox.len())?,
            restored_at: self.info.restored_at,
            question: book::question(),
        };
        let forgotten = kept
            .channel
            .is_ahead_of(&view.channel, side, meeting.unsent);
        let sparky_protocol::Met {
            mut channel,
            mut refused,
            ..
        } = kept.channel.meet(&view.channel, &meeting, &self.tip());
        if let Some(word) = &view.loss.word {
            match channel.hear_partner(word, side.other()) {
                Ok(next) => channel = next,
                Err(why) => refused = Some(why),
            }
        }
        kept.channel = channel;
        Ok(Met { forgotten, refused })
    }

    /// Does what a loss asks for: brings the relay what it has forgotten, answers the partner's
    /// question, and asks the partner while our own memory is in doubt.
    pub(super) async fn make_good(&self, kept: &Kept, view: &View, forgotten: bool) {
        let path = format!("/channels/{}", kept.channel.id());
        if forgotten {
            let body = json!({ "streets": kept.channel.streets() });
            // A rule may forbid it for now (a deposit that does not count yet): next time.
            match self
                .relay
                .put::<Value>(&format!("{path}/streets"), &body)
                .await
            {
                Ok(_) => tracing::warn!(
                    channel = kept.number(),
                    "the relay had forgotten promises; it has them again"
                ),
                Err(error) => tracing::warn!(channel = kept.number(), "{error:#}"),
            }
        }
        if let Some(question) = view.loss.asked {
            let unsigned = kept.channel.word(question);
            let word = unsigned.signed(self.sign(&unsigned.digest(kept.channel.domain())));
            let told: Result<Value> = self.relay.put(&format!("{path}/word"), &word).await;
            later(kept, told);
        }
        if let Some(question) = kept.channel.question() {
            let body = json!({ "question": question });
            let asked: Result<Value> = self.relay.put(&format!("{path}/question"), &body).await;
            later(kept, asked);
        }
    }

    /// Takes the relay's proofs for ours where both exist with one nonce; the payments that never
    /// arrived are dropped. Gives how many those were.
    ///
    /// # Errors
    /// `nothing-to-give-way` where nothing contradicts, and the rules of what is shown.
    pub async fn give_way(&self, name: &str) -> Result<(Kept, usize)> {
        let (view, mut kept) = self.channel(name).await?;
        let side = self.side(&kept)?;
        let conflict = kept.channel.doubt().and_then(|doubt| doubt.conflict);
        if conflict.is_none() {
            let text = format!(
                "In channel {} this profile and the relay know the same proofs. Nothing was changed.",
                kept.number()
            );
            return Err(Problem::new("nothing-to-give-way", "No contradiction", text).into());
        }
        kept.channel = kept
            .channel
            .give_way(side, view.channel.streets(), &self.tip())
            .map_err(|rejected| {
                refused(&rejected, "The relay shows something that breaks a rule")
            })?;
        let dropped = kept.outbox.len();
        kept.outbox.clear();
        self.keep(&kept)?;
        Ok((kept, dropped))
    }
}

/// What the relay did not take now is said again by the next command; it must not keep us from our
/// channel.
pub(super) fn later(kept: &Kept, told: Result<Value>) {
    if let Err(error) = told {
        tracing::warn!(channel = kept.number(), "{error:#}");
    }
}

/// What keeps a memory in doubt from signing, in words.
pub(super) fn problem(rejected: &Rejected) -> Option<Problem> {
    match rejected {
        Rejected::InDoubt { partner } => {
            let who = if *partner {
                "This profile was restored, and the relay does not know the newest state for certain. Your partner was \
                 asked and answers when it is online; then the same command works."
            } else {
                "This profile was restored and has not heard the relay about this channel yet. Try again."
            };
            let text = format!(
                "{who} Nothing was signed; what you have is safe and you can be paid. If neither answers: sparky channel recover"
            );
            Some(Problem::new("recovering", "Recovering", text).retryable())
        }
        Rejected::Conflict { nonce } => {
            let text = format!(
                "Another device, or an older copy of this profile, paid with the same key: there are two different proofs \
                 with number {nonce}, and the relay has the other one. Nothing more was signed. To go on from the relay's \
                 state and drop the payment that never arrived: sparky channel give-way"
            );
            Some(Problem::new(
                "nonce-conflict",
                "Two devices signed with one key",
                text,
            ))
        }
        _ => None,
    }
}
