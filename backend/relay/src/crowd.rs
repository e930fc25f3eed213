//! How many connections there are: of each host before anybody has signed in, of each account after.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use sparky_protocol::Account;
use tokio_util::sync::CancellationToken;

/// Connections above a bound that are still answered, so that a client learns why it is refused; one
/// for so many that are welcome.
const REFUSED_PER_WELCOME: usize = 8;

/// Counts by key. A guard counts down when it is dropped.
#[derive(Debug)]
struct Counts<K> {
    of: Mutex<HashMap<K, usize>>,
}

impl<K: Copy + Eq + Hash> Counts<K> {
    fn change(&self, key: K, change: impl FnOnce(usize) -> usize) -> usize {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let count = of.entry(key).or_default();
        *count = change(*count);
        let now = *count;
        if now == 0 {
            of.remove(&key);
        }
        now
    }
}

/// The connections of this process, all together and by host.
#[derive(Debug)]
pub(crate) struct Doors {
    most: usize,
    most_per_host: usize,
    /// `None` counts all.
    counts: Counts<Option<IpAddr>>,
}

/// What a new connection is.
#[derive(Debug)]
pub(crate) enum Admission {
    Welcome(Place),
    /// It is told why, and let go.
    Refused(Place),
    /// Too many are being told already.
    Dropped,
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    doors: Arc<Doors>,
    host: IpAddr,
}

impl Doors {
    /// Room for `most` connections, `most_per_host` of each host.
    pub(crate) fn new(most: usize, most_per_host: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_host,
            counts: Counts {
                of: Mutex::default(),
            },
        })
    }

    /// Takes a place for a connection of `host`. Hosts in front of others have no bound of their own.
    pub(crate) fn enter(self: &Arc<Self>, host: IpAddr, is_proxy: bool) -> Admission {
        let all = self.counts.change(None, |count| count + 1);
        let own = self.counts.change(Some(host), |count| count + 1);
        let place = Place {
            doors: Arc::clone(self),
            host,
        };
        let most_of_host = if is_proxy {
            self.most
        } else {
            self.most_per_host
        };
        if all <= self.most && own <= most_of_host {
            Admission::Welcome(place)
        } else if all <= with_refused(self.most) && own <= with_refused(most_of_host) {
            Admission::Refused(place)
        } else {
            Admission::Dropped
        }
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.counts.change(None, |count| count)
    }
}

fn with_refused(most: usize) -> usize {
    most.saturating_add(most / REFUSED_PER_WELCOME)
        .saturating_add(1)
}

impl Drop for Place {
    fn drop(&mut self) {
        for key in [None, Some(self.host)] {
            self.doors
                .counts
                .change(key, |count| count.saturating_sub(1));
        }
    }
}

/// The WebSockets of each account, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    seats: Mutex<HashMap<Account, VecDeque<CancellationToken>>>,
}

/// One WebSocket's seat; free again when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    crowd: Arc<Crowd>,
    account: Account,
    /// Is cancelled when a newer connection of the account takes this one's place.
    pub(crate) taken: CancellationToken,
}

impl Crowd {
    /// Takes a seat. When the account has `most` already, its oldest connection has to go: the newest
    /// is the one that somebody looks at.
    pub(crate) fn sit(self: &Arc<Self>, account: Account, most: usize) -> Seat {
        let taken = CancellationToken::new();
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = seats.entry(account).or_default();
        while most.max(1) <= of_account.len() {
            if let Some(oldest) = of_account.pop_front() {
                oldest.cancel();
            }
        }
        of_account.push_back(taken.clone());
        Seat {
            crowd: Arc::clone(self),
            account,
            taken,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Told apart from the other seats by being cancelled itself.
        self.taken.cancel();
        let mut seats = self
            .crowd
            .seats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(of_account) = seats.get_mut(&self.account) {
            of_account.retain(|taken| !taken.is_cancelled());
            if of_account.is_empty() {
                seats.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Account = Account([1; 20]);

    fn host(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn a_host_has_a_bound_and_another_is_welcome() {
        let doors = Doors::new(100, 2);
        let welcome = |admission: &Admission| matches!(admission, Admission::Welcome(_));
        let inside: Vec<Admission> = (0..2).map(|_| doors.enter(host(1), false)).collect();
        assert!(inside.iter().all(welcome));
        let told = doors.enter(host(1), false);
        assert!(matches!(told, Admission::Refused(_)), "{told:?}");
        assert!(matches!(doors.enter(host(1), false), Admission::Dropped));
        assert!(welcome(&doors.enter(host(2), false)));
        drop((told, inside));
        assert_eq!(doors.count(), 0);
        assert!(welcome(&doors.enter(host(1), false)));
    }

    #[test]
    fn all_together_have_a_bound_and_a_proxy_only_that() {
        let doors = Doors::new(8, 1);
        let inside: Vec<Admission> = (0..8).map(|_| doors.enter(host(1), true)).collect();
        assert!(
            inside
                .iter()
                .all(|one| matches!(one, Admission::Welcome(_)))
        );
        assert!(matches!(doors.enter(host(2), false), Admission::Refused(_)));
    }

    #[test]
    fn a_connection_too_many_takes_the_place_of_the_oldest() {
        let crowd = Arc::new(Crowd::default());
        let seats: Vec<Seat> = (0..3).map(|_| crowd.sit(ALICE, 2)).collect();
        let gone: Vec<bool> = seats.iter().map(|seat| seat.taken.is_cancelled()).collect();
        assert_eq!(gone, [true, false, false]);
        drop(seats);
        assert!(crowd.seats.lock().expect("not poisoned").is_empty());
    }
}
