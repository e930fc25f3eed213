//! Decide, write, adopt, tell: the one way in which a channel changes.

use std::{sync::Arc, time::Instant};

use sparky_protocol::{Account, Channel, ChannelId, Side};
use tokio::sync::oneshot;

use crate::{
    app::App,
    commit::{Change, Job, Outcome},
    error::{Error, Result},
    store::{NewEvent, StoredProposal},
};

/// How often a decision is made again because another process changed the channel meanwhile.
const ATTEMPTS: usize = 5;

/// What was decided about a channel.
pub(super) struct Decision<T> {
    pub(super) effect: Effect,
    pub(super) events: Vec<NewEvent>,
    pub(super) value: T,
}

/// How a channel changes.
pub(super) enum Effect {
    /// One direction moved on.
    Direction(Side, Box<Channel>),
    /// Something is proposed, and binds from now on.
    Proposal(Box<StoredProposal>, Box<Channel>),
    /// Nothing changes. The answer still waits for what was decided before.
    Nothing,
}

/// A decision on its way to the disk.
pub(super) struct Begun<T> {
    value: T,
    outcome: oneshot::Receiver<Outcome>,
}

impl<T> Begun<T> {
    /// The decision's value once it is durable; none when it has to be made again.
    pub(super) async fn durable(self) -> Result<Option<T>> {
        match self.outcome.await {
            Ok(Outcome::Durable) => Ok(Some(self.value)),
            Ok(Outcome::Lost) => Ok(None),
            Ok(Outcome::Failed) | Err(_) => Err(Error::Internal("the commit failed".into())),
        }
    }
}

/// [`try_begin`], and once more when it refuses something because another process has moved the
/// channel on since it was loaded here.
pub(super) async fn begin<T>(
    app: &App,
    caller: Account,
    id: ChannelId,
    decide: &mut impl FnMut(&Channel, Side) -> Result<Decision<T>>,
) -> Result<Begun<T>> {
    match try_begin(app, caller, id, decide).await {
        Err(Error::Rejected(_)) if app.book.forget_if_overtaken(app, id).await? => {
            try_begin(app, caller, id, decide).await
        }
        begun => begun,
    }
}

/// Lets `decide` look at the channel under its lock and hands the decision to the committer in the
/// same order.
///
/// Verification happens here, on the caller's task: many channels verify on many tasks, one channel
/// verifies one proof after the other, as it must.
async fn try_begin<T>(
    app: &App,
    caller: Account,
    id: ChannelId,
    decide: &mut impl FnMut(&Channel, Side) -> Result<Decision<T>>,
) -> Result<Begun<T>> {
    let entry = app.book.entry(app, id).await?;
    let side = entry.side_of(app, caller)?;
    let place = app.committer.place().await?;
    let (reply, outcome) = oneshot::channel();
    let mut live = entry.lock();
    let since = Instant::now();
    let Decision {
        effect,
        events,
        value,
    } = decide(&live.channel, side)?;
    let change = match effect {
        Effect::Direction(sender, next) => {
            let base = live.revisions[sender];
            live.revisions[sender] += 1;
            let street = Box::new(next.street(sender).clone());
            live.channel = *next;
            Change::Direction {
                id,
                sender,
                base,
                street,
            }
        }
        Effect::Proposal(proposal, next) => {
            live.channel = *next;
            Change::Proposal(proposal)
        }
        Effect::Nothing => Change::Nothing,
    };
    // Within the lock: the order of decisions is the order of commits.
    place.send(Job {
        entry: Arc::clone(&entry),
        change,
        events,
        since,
        reply,
    });
    drop(live);
    Ok(Begun { value, outcome })
}

/// [`begin`], and again until it is durable.
pub(super) async fn decide<T>(
    app: &App,
    caller: Account,
    id: ChannelId,
    mut decide: impl FnMut(&Channel, Side) -> Result<Decision<T>>,
) -> Result<T> {
    for _ in 0..ATTEMPTS {
        if let Some(value) = begin(app, caller, id, &mut decide).await?.durable().await? {
            return Ok(value);
        }
    }
    Err(Error::Internal(format!(
        "channel {id} keeps changing elsewhere"
    )))
}
