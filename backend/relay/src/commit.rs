//! The committer: one task that writes what many tasks have accepted, as few transactions as the
//! disk allows. Nothing is acknowledged or told before its transaction returned.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sparky_protocol::{Account, ChannelId, Side, Street};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    app::App,
    book::Entry,
    error::{Error, Result},
    store::{self, Appended, NewEvent, StoredProposal, Swap, SwapOutcome},
};

/// Jobs that may wait; who comes later waits before it even looks at the channel.
const QUEUE: usize = 4_096;

/// Jobs of one transaction at most: about what one fsync's time can write.
const BATCH: usize = 512;

/// While many pay at once, a transaction begins so long after the one before at the soonest: fewer
/// transactions cost less than they delay. See docs/PERFORMANCE.md.
const PACE: Duration = Duration::from_millis(1);

/// Transactions whose events are still to be told while others are written.
const UNTOLD: usize = 4;

/// So many jobs of one transaction are many. Whoever pays alone never waits.
const MANY: usize = 4;

/// The door to the committer.
pub(crate) struct Committer {
    jobs: mpsc::Sender<Job>,
    /// Ends the queue once everybody who could hand in something has ended.
    closing: CancellationToken,
    /// Up to which event accounts have kept what they were told: written with the next batch.
    kept: Mutex<BTreeMap<Account, i64>>,
    /// Rings when there is something kept and nothing else.
    rung: Notify,
}

/// Something accepted that wants to be durable.
pub(crate) struct Job {
    /// The channel it was accepted for: what failed there before makes this void too.
    pub(crate) entry: Arc<Entry>,
    pub(crate) change: Change,
    pub(crate) events: Vec<NewEvent>,
    /// When it was accepted, for the metrics.
    pub(crate) since: Instant,
    pub(crate) reply: oneshot::Sender<Outcome>,
}

/// What a job changes.
pub(crate) enum Change {
    /// A direction, upon a revision.
    Direction {
        id: ChannelId,
        sender: Side,
        base: i64,
        street: Box<Street>,
        /// Whether it is a receipt that makes the difference.
        is_receipt: bool,
    },
    /// A new proposal. It binds both directions, so it moves their revisions on.
    Proposal {
        id: ChannelId,
        proposal: Box<StoredProposal>,
        bases: [i64; 2],
        streets: Box<[Street; 2]>,
    },
    /// Nothing: wait until all before it is durable.
    Nothing,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is durable.
    Durable,
    /// Another process had changed the channel: look again.
    Lost,
    /// The database failed.
    Failed,
}

/// What is durable and has still to be told.
pub(crate) struct Written {
    jobs: Vec<Job>,
    appended: Appended,
}

/// From who writes to who tells.
pub(crate) fn written() -> (mpsc::Sender<Written>, mpsc::Receiver<Written>) {
    mpsc::channel(UNTOLD)
}

/// A place in the queue: whoever holds one can hand in a job without waiting.
pub(crate) type Place<'a> = mpsc::Permit<'a, Job>;

impl Committer {
    /// The door, and what comes through it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Job>) {
        let (jobs, queue) = mpsc::channel(QUEUE);
        (
            Self {
                jobs,
                closing: CancellationToken::new(),
                kept: Mutex::default(),
                rung: Notify::new(),
            },
            queue,
        )
    }

    /// Lets nobody in any more; what is in the queue is still written.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    /// Closes it when dropped: the committer has a thread of its own, and ends with its relay however
    /// that ends.
    pub(crate) fn closes(&self) -> DropGuard {
        self.closing.clone().drop_guard()
    }

    /// How many places of the queue are taken.
    pub(crate) fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// Notes that the account has kept everything up to this event. Nobody waits for it: when it is
    /// lost, it is said again.
    pub(crate) fn keep(&self, account: Account, seq: i64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = kept.entry(account).or_default();
        *newest = seq.max(*newest);
        self.rung.notify_one();
    }

    fn take_kept(&self) -> BTreeMap<Account, i64> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for a place in the queue.
    pub(crate) async fn place(&self) -> Result<Place<'_>> {
        self.jobs
            .reserve()
            .await
            .map_err(|_| Error::Internal("the committer has stopped".into()))
    }
}

/// Tells what was written, in that order, until nobody writes any more. A task of its own: the next
/// transaction need not wait until everybody of the one before was woken.
pub(crate) async fn tell(app: App, mut written: mpsc::Receiver<Written>) {
    while let Some(next) = written.recv().await {
        next.tell(&app);
    }
}

impl Written {
    fn tell(self, app: &App) {
        let delivery = metrics::histogram!("sparky_state_delivery_seconds");
        for job in &self.jobs {
            delivery.record(job.since.elapsed());
        }
        app.tell(self.appended);
        crate::failpoint!("relay.commit.told");
        finish(self.jobs, &Outcome::Durable);
    }
}

/// Runs until the door is closed and everything that came through it is written.
pub(crate) async fn run(app: App, mut queue: mpsc::Receiver<Job>, written: mpsc::Sender<Written>) {
    // An alarm sees it rise from here.
    metrics::counter!("sparky_commit_failures_total").increment(0);
    let mut batch = Vec::with_capacity(BATCH);
    let mut busy_until: Option<Instant> = None;
    loop {
        let open = tokio::select! {
            biased;
            came = queue.recv_many(&mut batch, BATCH) => 0 < came,
            () = app.committer.rung.notified() => true,
            () = app.committer.closing.cancelled() => {
                queue.close();
                0 < queue.recv_many(&mut batch, BATCH).await
            }
        };
        if let Some(until) = busy_until
            && open
            && batch.len() < BATCH
        {
            tokio::time::sleep_until(until.into()).await;
            while batch.len() < BATCH
                && let Ok(job) = queue.try_recv()
            {
                batch.push(job);
            }
        }
        busy_until = (MANY <= batch.len()).then(|| Instant::now() + PACE);
        let kept = app.committer.take_kept();
        if !open && kept.is_empty() {
            return;
        }
        write(&app, &written, std::mem::take(&mut batch), &kept).await;
    }
}

/// Writes a batch; one by one what can not be written together, so that a job that the database does not
/// take fails alone.
async fn write(
    app: &App,
    written: &mpsc::Sender<Written>,
    jobs: Vec<Job>,
    kept: &BTreeMap<Account, i64>,
) {
    let Some(refused) = commit(app, written, jobs, kept).await else {
        return;
    };
    if !store::is_about_the_data(&refused.cause) || refused.jobs.len() < 2 {
        return fail(refused);
    }
    for job in refused.jobs {
        if let Some(refused) = commit(app, written, vec![job], &BTreeMap::new()).await {
            fail(refused);
        }
    }
    // Nobody waits for this, and whoever has heard an event says so again.
    let _ = commit(app, written, Vec::new(), kept).await;
}

/// What the database did not take, and why.
struct Refused {
    jobs: Vec<Job>,
    cause: store::Failure,
}

async fn commit(
    app: &App,
    written: &mpsc::Sender<Written>,
    mut jobs: Vec<Job>,
    kept: &BTreeMap<Account, i64>,
) -> Option<Refused> {
    loop {
        let (void, rest): (Vec<Job>, Vec<Job>) =
            jobs.into_iter().partition(|job| job.entry.is_dead());
        finish(void, &Outcome::Lost);
        if rest.is_empty() && kept.is_empty() {
            return None;
        }
        jobs = rest;
        let swaps = swaps(&jobs);
        let proposals: Vec<&StoredProposal> = jobs
            .iter()
            .filter_map(|job| match &job.change {
                Change::Proposal { proposal, .. } => Some(&**proposal),
                _ => None,
            })
            .collect();
        let events: Vec<NewEvent> = jobs
            .iter()
            .flat_map(|job| job.events.iter().cloned())
            .collect();
        match app.store.commit(&swaps, &proposals, &events, kept).await {
            Ok(SwapOutcome::Committed(appended)) => {
                metrics::histogram!("sparky_commit_batch_size")
                    .record(u32::try_from(jobs.len()).unwrap_or(u32::MAX));
                // Whoever told is gone, and the relay with it: what is durable is told all the same.
                if let Err(untold) = written.send(Written { jobs, appended }).await {
                    untold.0.tell(app);
                }
                return None;
            }
            // Everything that was accepted upon a change that lost is void with it.
            Ok(SwapOutcome::Lost(channels)) => {
                metrics::counter!("sparky_commit_lost_total").increment(1);
                for job in jobs
                    .iter()
                    .filter(|job| channels.contains(&job.entry.params.id()))
                {
                    job.entry.kill();
                }
            }
            Err(cause) => return Some(Refused { jobs, cause }),
        }
    }
}

/// One swap per direction: what several jobs changed one after the other is written once.
fn swaps(jobs: &[Job]) -> Vec<Swap> {
    struct Last<'a> {
        base: i64,
        revision: i64,
        street: &'a Street,
        receipt_of: Option<Account>,
    }
    let mut last: BTreeMap<(ChannelId, Side), Last<'_>> = BTreeMap::new();
    for job in jobs {
        let mut change = |id: ChannelId, sender: Side, base: i64, street, is_receipt: bool| {
            let before = last.get(&(id, sender));
            let receipt = is_receipt.then(|| job.entry.params.account(sender.other()));
            let merged = Last {
                base: before.map_or(base, |before| before.base),
                revision: base + 1,
                street,
                receipt_of: receipt.or(before.and_then(|before| before.receipt_of)),
            };
            last.insert((id, sender), merged);
        };
        match &job.change {
            Change::Direction {
                id,
                sender,
                base,
                street,
                is_receipt,
            } => change(*id, *sender, *base, street, *is_receipt),
            Change::Proposal {
                id, bases, streets, ..
            } => Side::BOTH
                .into_iter()
                .for_each(|side| change(*id, side, bases[side], &streets[side], false)),
            Change::Nothing => {}
        }
    }
    last.into_iter()
        .map(|((id, sender), last)| Swap {
            id,
            sender,
            base: last.base,
            revision: last.revision,
            nonce: last.street.nonce(),
            acked: last.street.acked_nonce(),
            receipt_of: last.receipt_of,
            street: last.street.to_bytes(),
        })
        .collect()
}

fn fail(Refused { jobs, cause }: Refused) {
    metrics::counter!("sparky_commit_failures_total").increment(1);
    tracing::error!(%cause, jobs = jobs.len(), "the database refused a commit");
    for job in &jobs {
        job.entry.kill();
    }
    finish(jobs, &Outcome::Failed);
}

fn finish(jobs: Vec<Job>, outcome: &Outcome) {
    for job in jobs {
        // Who does not wait any more will ask again.
        let _ = job.reply.send(outcome.clone());
    }
}
