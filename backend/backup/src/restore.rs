//! Taking up what a backup holds.

use alloc::vec::Vec;

use sparky_protocol::{Channel, Hash, Rejected, Side, Tip, Update};

use crate::content::Kept;

/// What is kept of a channel after a backup of it was read; `None` when that holds nothing new.
///
/// Promises are adopted after the same verification as from a relay; facts stay those that are known,
/// for the chain is asked anew anyway. A memory that comes out of a backup may be old: nothing is
/// signed with it until relay or partner were heard. `question` is what the partner is then asked with.
///
/// # Errors
/// The rule that something in the backup does not keep.
pub fn restored(
    known: Option<&Kept>,
    saved: &Kept,
    side: Side,
    question: Hash,
    tip: &Tip,
) -> Result<Option<Kept>, Rejected> {
    let Some(known) = known else {
        return Ok(Some(Kept {
            channel: saved.channel.in_doubt(question),
            outbox: saved.outbox.clone(),
        }));
    };
    let adopted = adopted(&known.channel, &saved.channel, side, tip)?;
    let binds = |one| !known.channel.authorisations().contains(one);
    let is_news =
        adopted.streets() != known.channel.streets() || adopted.authorisations().iter().any(binds);
    if !is_news {
        return Ok(None);
    }
    let took = known.channel.street(side).nonce() < adopted.street(side).nonce();
    let outbox = if took { &saved.outbox } else { &known.outbox };
    let newest = adopted.street(side).nonce();
    let outbox: Vec<Update> = outbox
        .iter()
        .filter(|update| update.proof.proof.nonce <= newest)
        .cloned()
        .collect();
    let channel = if took {
        adopted.in_doubt(question)
    } else {
        adopted
    };
    Ok(Some(Kept { channel, outbox }))
}

/// What is known, with all that the backup holds beyond it: promises, what binds, and what own proofs
/// that were given up had promised.
fn adopted(known: &Channel, saved: &Channel, side: Side, tip: &Tip) -> Result<Channel, Rejected> {
    let adopted = match known.adopt(saved.streets(), tip) {
        // The deposit that covers it may be known to the backup alone: who is behind asks the chain
        // later, and the promise is not lost until then.
        Err(Rejected::InsufficientBalance { .. }) => known
            .with_facts(saved.facts().clone())
            .adopt(saved.streets(), tip)?
            .with_facts(known.facts().clone()),
        adopted => adopted?,
    };
    Ok(adopted
        .remember(saved.authorisations(), tip)
        .with_forgone_of(side, saved))
}
