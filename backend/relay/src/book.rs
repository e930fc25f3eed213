//! The channels in memory: loaded when first asked for, then kept, so that a payment reads nothing.
//!
//! What lies here runs ahead of the database by the proofs that wait for their commit. That is safe
//! because nobody is told of them, because every commit swaps upon the revision it was made from,
//! and because a channel whose commit failed is thrown away and loaded anew.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use sparky_protocol::{Account, Channel, ChannelId, ChannelParams, Domain, Facts, Side};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    app::App,
    error::{Error, Result},
    store::{StoredChannel, StoredProposal},
};

/// More channels than this are not kept; those that nobody uses right now are forgotten.
const REMEMBERED: usize = 200_000;

/// How many read at once when all channels are loaded.
const AT_ONCE: usize = 4;

/// All channels that were asked for.
#[derive(Default)]
pub(crate) struct Book {
    entries: Mutex<HashMap<ChannelId, Arc<Entry>>>,
    /// Counts the changes that did not go through an entry: what was loaded before one is old.
    epoch: AtomicU64,
}

/// One channel.
pub(crate) struct Entry {
    pub(crate) params: ChannelParams,
    /// Set when a commit failed: what is in here never happened.
    dead: Arc<AtomicBool>,
    live: Mutex<Live>,
    turns: Arc<tokio::sync::Mutex<()>>,
}

/// The turn of one of those whose decision upon an entry lost. The next one has its when it is dropped.
pub(crate) type Turn = tokio::sync::OwnedMutexGuard<()>;

/// What changes about a channel.
pub(crate) struct Live {
    pub(crate) channel: Channel,
    /// The revision of each direction's row that the next change is made upon.
    pub(crate) revisions: [i64; 2],
}

impl Entry {
    fn new(live: Live) -> Self {
        Self {
            params: *live.channel.params(),
            dead: Arc::default(),
            live: Mutex::new(live),
            turns: Arc::default(),
        }
    }

    /// The channel, for a moment: never held across an `.await`.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one's turn, in the order of asking.
    pub(crate) async fn turn(&self) -> Turn {
        Arc::clone(&self.turns).lock_owned().await
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::Release);
    }

    /// On which side the caller stands, or that this channel is not theirs.
    pub(crate) fn side_of(&self, app: &App, caller: Account) -> Result<Side> {
        side_of(app, &self.params, caller)
    }
}

/// On which side an account stands, or that this channel is not its own.
pub(crate) fn side_of(app: &App, params: &ChannelParams, caller: Account) -> Result<Side> {
    params
        .side_of(&caller)
        .ok_or_else(|| Error::NotParticipant {
            number: params.number,
            a: app.address(params.account_a),
            b: app.address(params.account_b),
        })
}

impl Book {
    /// The channel of this id, from memory or from the store.
    pub(crate) async fn entry(&self, app: &App, id: ChannelId) -> Result<Arc<Entry>> {
        loop {
            let epoch = self.epoch.load(Ordering::Acquire);
            if let Some(entry) = self.entries().get(&id).filter(|entry| !entry.is_dead()) {
                return Ok(Arc::clone(entry));
            }
            let channel = load(app, id)
                .await?
                .ok_or_else(|| Error::UnknownChannel(id.to_string()))?;
            let mut entries = self.entries();
            // Somebody may have changed the facts while we read them.
            if epoch != self.epoch.load(Ordering::Acquire) {
                continue;
            }
            if REMEMBERED <= entries.len() {
                entries.retain(|_, entry| 1 < Arc::strong_count(entry));
            }
            // Two may have loaded it at once: the first one counts.
            if let Some(entry) = entries.get(&id).filter(|entry| !entry.is_dead()) {
                return Ok(Arc::clone(entry));
            }
            let entry = Arc::new(Entry::new(channel));
            entries.insert(id, Arc::clone(&entry));
            return Ok(entry);
        }
    }

    /// Loads every channel that is not settled, before anybody asks: answers how many.
    pub(crate) async fn fill(&self, app: &App) -> Result<usize> {
        let mut proposals: HashMap<ChannelId, Vec<StoredProposal>> = HashMap::new();
        for proposal in app
            .store
            .binding_proposals(app.oldest_binding_height())
            .await?
        {
            let of_channel = proposals.entry(proposal.channel_id).or_default();
            of_channel.push(proposal);
        }
        let (read, mut pieces) = mpsc::channel(AT_ONCE);
        let mut readers = JoinSet::new();
        let all = app.store.live_pieces().await?;
        for part in all.chunks(all.len().div_ceil(AT_ONCE)) {
            let (read, part) = (read.clone(), part.to_vec());
            let mut reader = app.store.live_reader().await?;
            // Tasks of their own: one piece is parsed while others are read.
            readers.spawn(async move {
                for piece in part {
                    // Whoever does not listen any more has enough.
                    if read.send(reader.channels(&piece).await?).await.is_err() {
                        break;
                    }
                }
                reader.end().await
            });
        }
        drop(read);
        let mut count = 0;
        while let Some(piece) = pieces.recv().await {
            for stored in piece.into_iter().take(REMEMBERED - count) {
                let id = stored.facts.channel_id;
                let proposals = proposals.remove(&id).unwrap_or_default();
                let entry = Entry::new(live(&app.domain, stored, &proposals)?);
                self.entries().entry(id).or_insert_with(|| Arc::new(entry));
                count += 1;
            }
            if count == REMEMBERED {
                break;
            }
        }
        drop(pieces);
        while let Some(ended) = readers.join_next().await {
            ended.map_err(|cause| Error::Internal(cause.to_string()))??;
        }
        Ok(count)
    }

    /// Forgets a channel that another process has changed, and says whether it did. What is on its way
    /// to the disk from here keeps us ahead of the store, never behind it.
    pub(crate) async fn forget_if_overtaken(&self, app: &App, id: ChannelId) -> Result<bool> {
        let stored = app.store.revisions(id).await?;
        let Some(entry) = self.entries().get(&id).cloned() else {
            return Ok(false);
        };
        let ours = entry.lock().revisions;
        let overtaken = ours.iter().zip(stored).any(|(ours, stored)| *ours < stored);
        if overtaken {
            entry.kill();
        }
        Ok(overtaken)
    }

    /// The channels that are in memory.
    pub(crate) fn ids(&self) -> BTreeSet<ChannelId> {
        self.entries().keys().copied().collect()
    }

    /// Replaces what the chain says of a channel; none when it says nothing any more.
    pub(crate) fn replace_facts(&self, id: ChannelId, facts: Option<&Facts>) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        let mut entries = self.entries();
        match (entries.get(&id), facts) {
            (Some(entry), Some(facts)) => {
                let mut live = entry.lock();
                live.channel = live.channel.with_facts(facts.clone());
            }
            (Some(entry), None) => {
                entry.kill();
                entries.remove(&id);
            }
            (None, _) => {}
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<ChannelId, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn load(app: &App, id: ChannelId) -> Result<Option<Live>> {
    let Some(stored) = app.store.channel(id).await? else {
        return Ok(None);
    };
    let proposals = app.store.proposals(id, app.oldest_binding_height()).await?;
    live(&app.domain, stored, &proposals).map(Some)
}

fn live(domain: &Domain, stored: StoredChannel, proposals: &[StoredProposal]) -> Result<Live> {
    let revisions = [stored.directions[0].revision, stored.directions[1].revision];
    Ok(Live {
        channel: assemble(domain, stored, proposals)?,
        revisions,
    })
}

/// The protocol's channel from its stored parts. What is in the database was verified when it came in;
/// nothing is verified twice.
pub(crate) fn assemble(
    domain: &Domain,
    StoredChannel { facts, directions }: StoredChannel,
    proposals: &[StoredProposal],
) -> Result<Channel> {
    let authorisations = proposals
        .iter()
        .map(|proposal| serde_json::from_str(&proposal.body))
        .collect::<serde_json::Result<_>>()
        .map_err(|cause| Error::Internal(format!("channel {}: {cause}", facts.channel_id)))?;
    let streets = directions.map(|direction| direction.street);
    Ok(Channel::restored(*domain, facts, streets, authorisations))
}
