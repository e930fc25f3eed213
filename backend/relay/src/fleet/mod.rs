//! The relays on one database: who lives, who leads, who is online where.
//!
//! The database is the only thing that they have in common, and what it holds is the truth. Each relay
//! beats in a row of its own, reads the rows of the others, and holds or waits for the leases. What
//! travels over NATS is a hint to look at the database now; without NATS it is looked at every half
//! second as soon as there is a second relay.

mod hints;
mod lease;
mod poll;
mod pulse;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::json;
use sparky_protocol::Account;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

pub(crate) use self::{hints::Hint, lease::Lease};
use crate::{
    app::App,
    config::{Chain, SecretUrl},
    hub::Notice,
    store::Store,
};

/// Hints that may wait for NATS. Whoever misses one finds out by looking.
const HINTS: usize = 4_096;

/// Accounts that may wait for being announced.
const ANNOUNCEMENTS: usize = 4_096;

/// How long after the last sight of another relay one is still looked after what it wrote: longer than
/// the longest time between two looks.
const ALONE: Duration = Duration::from_secs(15);

/// How often a relay shows that it lives, and after how long without it the others take over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) beat: Duration,
    pub(crate) dead: Duration,
}

impl Pace {
    /// Well below the time between two blocks, so that whoever takes over misses none.
    fn of(chain: Chain) -> Self {
        let (beat, dead) = if chain.is_private() {
            (500, 2_500)
        } else {
            (1_000, 10_000)
        };
        Self {
            beat: Duration::from_millis(beat),
            dead: Duration::from_millis(dead),
        }
    }
}

/// This relay among the others.
pub(crate) struct Fleet {
    /// This process: random, new at every start.
    pub(crate) id: String,
    pub(crate) pace: Pace,
    /// Who follows the chain into the database.
    pub(crate) chain: Lease,
    /// Who guards the sleeping.
    pub(crate) tower: Lease,
    /// Rises whenever the holder of the chain's lease has written something; -1 before the first look.
    pub(crate) chain_changes: watch::Sender<i64>,
    /// Whether NATS is connected; none without NATS.
    pub(crate) nats: watch::Sender<Option<bool>>,
    /// Wakes the pulse: something must be told to the others, or was told by them.
    look: Notify,
    /// Wakes the poll.
    poll: Notify,
    hints: mpsc::Sender<Hint>,
    announcements: mpsc::Sender<Account>,
    others: Mutex<Others>,
    /// Ends the fleet's task, when everything that writes has ended.
    pub(crate) stopping: CancellationToken,
}

/// What was last seen of the others.
#[derive(Default)]
struct Others {
    /// When there was another one, dead or alive.
    met: Option<Instant>,
    alive: usize,
    online: BTreeMap<Account, usize>,
}

/// What comes out of the fleet's queues.
pub(crate) struct Queues {
    hints: mpsc::Receiver<Hint>,
    announcements: mpsc::Receiver<Account>,
}

impl Fleet {
    /// This relay, which has not looked around yet.
    pub(crate) fn new(chain: Chain, has_nats: bool) -> (Self, Queues) {
        let (hints, hints_out) = mpsc::channel(HINTS);
        let (announcements, announcements_out) = mpsc::channel(ANNOUNCEMENTS);
        let pace = Pace::of(chain);
        if has_nats {
            // A server that was never reached is as silent as one that is not wanted.
            metrics::gauge!("sparky_nats_connected").set(0.0);
        }
        let fleet = Self {
            id: hex::encode(rand::random::<[u8; 16]>()),
            pace,
            chain: Lease::new("chain", pace),
            tower: Lease::new("tower", pace),
            chain_changes: watch::Sender::new(-1),
            nats: watch::Sender::new(has_nats.then_some(false)),
            look: Notify::new(),
            poll: Notify::new(),
            hints,
            announcements,
            others: Mutex::default(),
            stopping: CancellationToken::new(),
        };
        let queues = Queues {
            hints: hints_out,
            announcements: announcements_out,
        };
        (fleet, queues)
    }

    /// Whether this relay has looked for who follows the chain.
    pub(crate) fn has_looked(&self) -> bool {
        *self.chain_changes.borrow() != -1
    }

    /// Whether no other relay was on this database lately.
    pub(crate) fn is_alone(&self) -> bool {
        self.others().met.is_none_or(|met| ALONE < met.elapsed())
    }

    /// How many other relays live.
    pub(crate) fn others_alive(&self) -> usize {
        self.others().alive
    }

    /// Whether the account is connected to another relay.
    pub(crate) fn is_online_elsewhere(&self, account: Account) -> bool {
        self.others().online.contains_key(&account)
    }

    /// Says to the other relays, if they can hear it, where to look.
    pub(crate) fn hint(&self, hint: Hint) {
        if self.nats.borrow().is_some() {
            // A full queue means that NATS is slower than we are: the poll makes up for it.
            let _ = self.hints.try_send(hint);
        }
    }

    /// Gives back what this relay holds.
    pub(crate) async fn give_up(&self, store: &Store) {
        for lease in [&self.chain, &self.tower] {
            if let Err(cause) = lease.give_up(store).await {
                tracing::warn!(%cause, lease = lease.name, "the lease was not given back: it runs out");
            }
        }
        self.hint(Hint::Look);
    }

    /// Lets the pulse look now, and tell what has changed here.
    pub(crate) fn look(&self) {
        self.look.notify_one();
    }

    fn others(&self) -> std::sync::MutexGuard<'_, Others> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what was seen of the others, and has announced who came or went with it.
    fn saw(&self, met: bool, alive: usize, online: BTreeMap<Account, usize>) {
        let mut others = self.others();
        if met {
            others.met = Some(Instant::now());
        }
        others.alive = alive;
        let before: BTreeSet<Account> = others.online.keys().copied().collect();
        let after: BTreeSet<Account> = online.keys().copied().collect();
        others.online = online;
        drop(others);
        for account in before.symmetric_difference(&after) {
            // Presence is a courtesy: nobody misses it, and the next look shows it.
            let _ = self.announcements.try_send(*account);
        }
    }
}

/// Runs until the relay stops: the pulse, the poll, the hints, the announcements.
pub(crate) async fn run(app: App, queues: Queues, nats_url: Option<SecretUrl>) {
    let Queues {
        hints,
        mut announcements,
    } = queues;
    let announce = async {
        while let Some(account) = announcements.recv().await {
            announce(&app, account).await;
        }
    };
    // What is said last is that this relay is gone.
    let talk = async {
        tokio::join!(pulse::run(&app), hints::run(&app, nats_url, hints));
    };
    let listen = async {
        tokio::join!(poll::run(&app), announce);
    };
    tokio::select! {
        () = talk => {}
        () = listen => {}
    }
}

/// Tells the partners of an account that are connected here whether it is online.
pub(crate) async fn announce(app: &App, account: Account) {
    let data = json!({ "address": app.address(account), "online": app.is_online(account) });
    let frame = json!({ "type": "presence", "data": data }).to_string();
    let notice = Notice::Passing(frame.into());
    match app.store.partners_of(account).await {
        Ok(partners) => partners
            .into_iter()
            .for_each(|partner| app.hub.deliver(partner, &notice)),
        Err(cause) => tracing::warn!(%cause, "presence was not told"),
    }
}
