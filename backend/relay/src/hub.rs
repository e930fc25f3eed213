//! Who is connected: the one table that tasks share.
//!
//! What travels here is a hint. The truth is the stored event: a connection that misses one, or gets
//! two in the wrong order, reads the gap from the store.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use sparky_protocol::Account;
use tokio::sync::{mpsc, watch};

/// Messages that may wait for one connection before it counts as slow.
const QUEUE: usize = 1_024;

/// Bytes of messages that may wait for one connection: many connections that do not read must not be
/// able to fill the memory. One message may wait, however long it is.
const BYTES: usize = 1 << 20;

/// Something for a connection to say.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// A durable event of the account: its number and the frame.
    Event(i64, Arc<str>),
    /// Another relay has stored events of the account, up to this number.
    Upto(i64),
    /// A frame that nobody misses: a block, somebody's presence.
    Passing(Arc<str>),
}

impl Notice {
    fn bytes(&self) -> usize {
        match self {
            Self::Event(_, frame) | Self::Passing(frame) => frame.len(),
            Self::Upto(_) => 0,
        }
    }
}

/// The receiving half of one connection.
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) notices: Notices,
    /// Turns true when the connection's queue ran over: it must close.
    pub(crate) slow: watch::Receiver<bool>,
}

/// What waits for one connection.
pub(crate) struct Notices {
    queue: mpsc::Receiver<Notice>,
    /// How many bytes that is.
    waiting: Arc<AtomicUsize>,
}

impl Notices {
    /// The next notice; none when the hub has forgotten this connection.
    pub(crate) async fn next(&mut self) -> Option<Notice> {
        let notice = self.queue.recv().await;
        notice.map(|notice| self.taken(notice))
    }

    /// The next notice if one is there.
    pub(crate) fn next_now(&mut self) -> Option<Notice> {
        let notice = self.queue.try_recv().ok();
        notice.map(|notice| self.taken(notice))
    }

    fn taken(&self, notice: Notice) -> Notice {
        self.waiting.fetch_sub(notice.bytes(), Ordering::Relaxed);
        notice
    }
}

struct Peer {
    id: u64,
    notices: mpsc::Sender<Notice>,
    waiting: Arc<AtomicUsize>,
    slow: watch::Sender<bool>,
}

/// The connection table.
#[derive(Default)]
pub(crate) struct Hub {
    last_id: AtomicU64,
    peers: Mutex<HashMap<Account, Vec<Peer>>>,
}

impl Hub {
    /// Adds a connection of `account`. True when it is its first: the account came online.
    pub(crate) fn join(&self, account: Account) -> (Connection, bool) {
        let (notices, notices_out) = mpsc::channel(QUEUE);
        let (slow, slow_out) = watch::channel(false);
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = peers.entry(account).or_default();
        let waiting = Arc::default();
        of_account.push(Peer {
            id,
            notices,
            waiting: Arc::clone(&waiting),
            slow,
        });
        (
            Connection {
                id,
                notices: Notices {
                    queue: notices_out,
                    waiting,
                },
                slow: slow_out,
            },
            of_account.len() == 1,
        )
    }

    /// Removes a connection. True when it was the account's last: it went offline.
    pub(crate) fn leave(&self, account: Account, id: u64) -> bool {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of_account) = peers.get_mut(&account) else {
            return false;
        };
        of_account.retain(|peer| peer.id != id);
        let gone = of_account.is_empty();
        if gone {
            peers.remove(&account);
        }
        gone
    }

    /// Whether the account has a connection here.
    pub(crate) fn is_online(&self, account: Account) -> bool {
        self.peers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&account)
    }

    /// The accounts that have a connection here.
    pub(crate) fn accounts(&self) -> Vec<Account> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.keys().copied().collect()
    }

    /// Hands a notice to every connection of `account`, and never waits: who can not take it is
    /// told to close, and reads what it missed when it comes back.
    pub(crate) fn deliver(&self, account: Account, notice: &Notice) {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        for peer in peers.get(&account).into_iter().flatten() {
            peer.give(notice);
        }
    }

    /// Hands a notice to every connection there is.
    pub(crate) fn broadcast(&self, notice: &Notice) {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        for peer in peers.values().flatten() {
            peer.give(notice);
        }
    }
}

impl Peer {
    fn give(&self, notice: &Notice) {
        let bytes = notice.bytes();
        // Counted before it can be taken, so that the count never falls below nothing.
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let has_room = before == 0 || before.saturating_add(bytes) <= BYTES;
        let given = if has_room {
            self.notices.try_send(notice.clone())
        } else {
            Err(mpsc::error::TrySendError::Full(notice.clone()))
        };
        if given.is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = given {
            self.slow.send_replace(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Account = Account([1; 20]);

    fn passing() -> Notice {
        Notice::Passing("{}".into())
    }

    #[test]
    fn first_and_last_connection_are_presence() {
        let hub = Hub::default();
        let (one, came) = hub.join(ALICE);
        let (two, again) = hub.join(ALICE);
        assert!(came && !again && hub.is_online(ALICE));
        assert!(!hub.leave(ALICE, one.id));
        assert!(hub.leave(ALICE, two.id));
        assert!(!hub.is_online(ALICE));
    }

    #[test]
    fn a_connection_that_does_not_read_is_told_to_close_and_holds_no_more() {
        let hub = Hub::default();
        let (mut slow, _) = hub.join(ALICE);
        for _ in 0..QUEUE {
            hub.deliver(ALICE, &passing());
        }
        assert!(!*slow.slow.borrow());
        hub.deliver(ALICE, &passing());
        assert!(*slow.slow.borrow());
        let mut held = 0;
        while slow.notices.next_now().is_some() {
            held += 1;
        }
        assert_eq!(held, QUEUE);
    }

    #[test]
    fn few_long_messages_are_as_much_as_many_short_ones() {
        let long = Notice::Passing("x".repeat(BYTES / 4).into());
        let hub = Hub::default();
        let (mut slow, _) = hub.join(ALICE);
        // Who reads gets as many as there are.
        for _ in 0..100 {
            hub.deliver(ALICE, &long);
            assert!(slow.notices.next_now().is_some());
        }
        for _ in 0..4 {
            hub.deliver(ALICE, &long);
        }
        assert!(!*slow.slow.borrow());
        hub.deliver(ALICE, &passing());
        assert!(*slow.slow.borrow());
        // What is longer than all that may wait gets through alone.
        let (mut other, _) = hub.join(Account([2; 20]));
        hub.deliver(
            Account([2; 20]),
            &Notice::Passing("x".repeat(2 * BYTES).into()),
        );
        assert!(other.notices.next_now().is_some() && !*other.slow.borrow());
    }
}
