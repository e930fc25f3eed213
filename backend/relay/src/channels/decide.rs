//! Decide, write, adopt, tell: the one way in which a channel changes.

use std::{sync::Arc, time::Instant};

use sparky_protocol::{Account, Channel, ChannelId, Rejected, Side, Tip};
use tokio::sync::oneshot;

use crate::{
    app::App,
    book::{Entry, Turn},
    commit::{Change, Job, Outcome},
    error::{Error, Result},
    store::{NewEvent, StoredProposal},
};

/// How often a decision is made again because another process changed the channel meanwhile. Each time
/// something else has become durable there: at most a receipt for each proof that may stand.
const ATTEMPTS: usize = 512;

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
    entry: Arc<Entry>,
    value: T,
    outcome: oneshot::Receiver<Outcome>,
}

impl<T> Begun<T> {
    /// The decision's value once it is durable; that it lost, and must be made again.
    pub(super) async fn durable(self) -> Result<std::result::Result<T, Lost>> {
        match self.outcome.await {
            Ok(Outcome::Durable) => Ok(Ok(self.value)),
            Ok(Outcome::Lost) => Ok(Err(Lost { entry: self.entry })),
            Ok(Outcome::Failed) | Err(_) => Err(Error::Internal("the commit failed".into())),
        }
    }
}

/// A decision that another process overtook.
pub(super) struct Lost {
    entry: Arc<Entry>,
}

impl Lost {
    /// Whoever lost together decides again one after the other, in the same order.
    pub(super) async fn turn(self) -> Turn {
        self.entry.turn().await
    }
}

/// [`try_begin`], and once more when it refuses something because another relay has moved the channel
/// on, or has followed the chain further, since it was looked at here. `is_behind` says that its sender
/// has sent other things before that are not durable yet: when those have lost, a gap is no news, and
/// nobody need be asked.
pub(super) async fn begin<T>(
    app: &App,
    caller: Account,
    id: ChannelId,
    is_behind: bool,
    decide: &mut impl FnMut(&Channel, Side, &Tip) -> Result<Decision<T>>,
) -> Result<Begun<T>> {
    match try_begin(app, caller, id, decide).await {
        Err(gap @ Error::Rejected(Rejected::NonceGap { .. })) if is_behind => Err(gap),
        Err(Error::Rejected(_)) if is_overtaken(app, id).await? => {
            try_begin(app, caller, id, decide).await
        }
        begun => begun,
    }
}

async fn is_overtaken(app: &App, id: ChannelId) -> Result<bool> {
    let chain = app.mirror.catch_up(app).await?;
    let channel = app.book.forget_if_overtaken(app, id).await?;
    Ok(chain || channel)
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
    decide: &mut impl FnMut(&Channel, Side, &Tip) -> Result<Decision<T>>,
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
    } = decide(&live.channel, side, &app.protocol_tip())?;
    let change = match effect {
        Effect::Direction(sender, next) => {
            let base = live.revisions[sender];
            live.revisions[sender] += 1;
            let street = Box::new(next.street(sender).clone());
            let acked = live.channel.street(sender).acked_nonce();
            let is_receipt = acked < street.acked_nonce();
            live.channel = *next;
            Change::Direction {
                id,
                sender,
                base,
                street,
                is_receipt,
            }
        }
        // It binds both directions from now on: what another relay accepts upon the channel as it was
        // before must lose.
        Effect::Proposal(proposal, next) => {
            let bases = live.revisions;
            live.revisions = bases.map(|base| base + 1);
            let streets = Box::new(Side::BOTH.map(|side| next.street(side).clone()));
            live.channel = *next;
            Change::Proposal {
                id,
                proposal,
                bases,
                streets,
            }
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
    Ok(Begun {
        entry,
        value,
        outcome,
    })
}

/// [`begin`], and again until it is durable.
pub(super) async fn decide<T>(
    app: &App,
    caller: Account,
    id: ChannelId,
    mut decide: impl FnMut(&Channel, Side, &Tip) -> Result<Decision<T>>,
) -> Result<T> {
    let mut _turn = None;
    for _ in 0..ATTEMPTS {
        match begin(app, caller, id, false, &mut decide)
            .await?
            .durable()
            .await?
        {
            Ok(value) => return Ok(value),
            Err(lost) => _turn = Some(lost.turn().await),
        }
    }
    Err(Error::Internal(format!(
        "channel {id} keeps changing elsewhere"
    )))
}
