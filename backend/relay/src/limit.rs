//! Token buckets: how fast one client may ask. And who a client is, before it has signed in.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::HeaderMap;

/// Full buckets are looked for and forgotten when there are more than this many.
const REMEMBERED: usize = 10_000;

/// More buckets than this are not kept, whatever is in them: a bound on memory comes before fairness.
const MOST: usize = 500_000;

/// One bucket. It holds a minute's worth and fills evenly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    size: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket of `per_minute` tokens.
    pub(crate) fn new(per_minute: u32, now: Instant) -> Self {
        let size = f64::from(per_minute.max(1));
        Self {
            size,
            tokens: size,
            filled: now,
        }
    }

    /// Takes one token, or says how long to wait for the next.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        if self.tokens < 1.0 {
            let per_second = self.size / 60.0;
            return Err(Duration::from_secs_f64((1.0 - self.tokens) / per_second));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.size <= self.tokens
    }

    fn fill(&mut self, now: Instant) {
        let gained = now.duration_since(self.filled).as_secs_f64() * self.size / 60.0;
        self.tokens = (self.tokens + gained).min(self.size);
        self.filled = now;
    }
}

/// One bucket per key.
pub(crate) struct Limiter<K> {
    per_minute: u32,
    buckets: Mutex<Buckets<K>>,
}

struct Buckets<K> {
    of: HashMap<K, Bucket>,
    /// How many there must be before the full ones are looked for again: looking costs as much as
    /// there are, so it may not happen at every request of a flood from many addresses.
    sweep_at: usize,
}

impl<K: Eq + Hash> Limiter<K> {
    /// Allows `per_minute` requests per minute and key, all at once if one likes.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            buckets: Mutex::new(Buckets {
                of: HashMap::new(),
                sweep_at: REMEMBERED,
            }),
        }
    }

    /// Takes one token, or says how long to wait for the next.
    pub(crate) fn take(&self, key: K) -> Result<(), Duration> {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.lock();
        if buckets.sweep_at <= buckets.of.len() {
            buckets.of.retain(|_, bucket| !bucket.is_full(now));
            if MOST <= buckets.of.len() {
                buckets.of.clear();
            }
            buckets.sweep_at = REMEMBERED.max(2 * buckets.of.len()).min(MOST);
        }
        let per_minute = self.per_minute;
        let bucket = buckets.of.entry(key);
        bucket
            .or_insert_with(|| Bucket::new(per_minute, now))
            .take(now)
    }

    fn lock(&self) -> MutexGuard<'_, Buckets<K>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is at the other end of a connection: the address itself, or what a proxy that is trusted says
/// about it. Of an IPv6 address the network counts, because every host has as many as it likes.
pub(crate) fn host(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut host = peer.to_canonical();
    if trusted.contains(&host) {
        // Each proxy adds whom it heard at the end: the last one that is no proxy of ours is the host.
        // What stands before it was said by the host itself.
        let named = headers.get_all("x-forwarded-for").iter().rev();
        let named = named.filter_map(|value| value.to_str().ok());
        for text in named.flat_map(|value| value.rsplit(',')) {
            let Ok(next) = text.trim().parse::<IpAddr>() else {
                break;
            };
            host = next.to_canonical();
            if !trusted.contains(&host) {
                break;
            }
        }
    }
    network(host)
}

/// The network of an IPv6 host, 64 bits; an IPv4 host itself.
pub(crate) fn network(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(_) => host,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_then_evenly() {
        let limiter = Limiter::new(60);
        let start = Instant::now();
        for _ in 0..60 {
            assert!(limiter.take_at("a", start).is_ok());
        }
        let wait = limiter
            .take_at("a", start)
            .expect_err("the bucket is empty");
        assert!(
            wait <= Duration::from_secs(1) && wait > Duration::from_millis(900),
            "{wait:?}"
        );
        assert!(
            limiter.take_at("b", start).is_ok(),
            "another client has its own bucket"
        );
        assert!(limiter.take_at("a", start + Duration::from_secs(1)).is_ok());
        assert!(
            limiter
                .take_at("a", start + Duration::from_secs(1))
                .is_err()
        );
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let limiter = Limiter::new(60);
        let start = Instant::now();
        for key in 0..REMEMBERED {
            assert!(limiter.take_at(key, start).is_ok());
        }
        assert!(
            limiter
                .take_at(REMEMBERED, start + Duration::from_mins(1))
                .is_ok()
        );
        assert_eq!(limiter.lock().of.len(), 1);
    }

    /// A flood from more addresses than are remembered neither fills the memory nor makes every
    /// request pay for all others.
    #[test]
    fn a_flood_from_many_hosts_is_bounded() {
        let limiter = Limiter::new(60);
        let now = Instant::now();
        for key in 0..MOST + 10 {
            assert!(limiter.take_at(key, now).is_ok());
        }
        let buckets = limiter.lock();
        assert!(buckets.of.len() <= MOST, "{}", buckets.of.len());
        assert!(REMEMBERED <= buckets.sweep_at && buckets.sweep_at <= MOST);
    }

    fn said(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| {
                let name = axum::http::HeaderName::from_static("x-forwarded-for");
                (name, axum::http::HeaderValue::from_static(value))
            })
            .collect()
    }

    #[test]
    fn only_a_trusted_proxy_may_speak_for_another_host() {
        let (proxy, inner) = (ip("10.0.0.1"), ip("10.0.0.2"));
        let trusted = [proxy, inner];
        let rows: [(IpAddr, &[&'static str], &str); 8] = [
            // Whoever is no proxy of ours speaks for itself only.
            (ip("1.2.3.4"), &["9.9.9.9"], "1.2.3.4"),
            (proxy, &["9.9.9.9"], "9.9.9.9"),
            // What the host itself wrote stands first and counts for nothing.
            (proxy, &["8.8.8.8, 9.9.9.9"], "9.9.9.9"),
            (proxy, &["8.8.8.8", "9.9.9.9"], "9.9.9.9"),
            (proxy, &["8.8.8.8, 9.9.9.9, 10.0.0.2"], "9.9.9.9"),
            (proxy, &["nonsense"], "10.0.0.1"),
            (proxy, &[], "10.0.0.1"),
            (ip("::ffff:1.2.3.4"), &[], "1.2.3.4"),
        ];
        for (peer, forwarded, expected) in rows {
            assert_eq!(
                host(peer, &said(forwarded), &trusted),
                ip(expected),
                "{peer} {forwarded:?}"
            );
        }
    }

    #[test]
    fn an_ipv6_host_is_its_network() {
        let none = HeaderMap::new();
        assert_eq!(
            host(ip("2001:db8:1:2:3:4:5:6"), &none, &[]),
            host(ip("2001:db8:1:2:ffff::1"), &none, &[])
        );
        assert_ne!(
            host(ip("2001:db8:1:2::1"), &none, &[]),
            host(ip("2001:db8:1:3::1"), &none, &[])
        );
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }
}
