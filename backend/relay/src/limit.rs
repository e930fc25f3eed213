//! Token buckets: how fast one client may ask.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::Mutex,
    time::{Duration, Instant},
};

/// Buckets that are full again are forgotten when there are more than this many.
const REMEMBERED: usize = 10_000;

/// One bucket per key. A bucket holds a minute's worth and fills evenly.
pub(crate) struct Limiter<K> {
    per_minute: u32,
    buckets: Mutex<HashMap<K, Bucket>>,
}

struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl<K: Eq + Hash> Limiter<K> {
    /// Allows `per_minute` requests per minute and key, all at once if one likes.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            per_minute: per_minute.max(1),
            buckets: Mutex::default(),
        }
    }

    /// Takes one token, or says how long to wait for the next.
    pub(crate) fn take(&self, key: K) -> Result<(), Duration> {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: K, now: Instant) -> Result<(), Duration> {
        let size = f64::from(self.per_minute);
        let per_second = size / 60.0;
        let mut buckets = self
            .buckets
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if buckets.len() >= REMEMBERED {
            buckets.retain(|_, bucket| {
                bucket.tokens + now.duration_since(bucket.filled).as_secs_f64() * per_second < size
            });
        }
        let bucket = buckets.entry(key).or_insert(Bucket {
            tokens: size,
            filled: now,
        });
        let gained = now.duration_since(bucket.filled).as_secs_f64() * per_second;
        bucket.tokens = (bucket.tokens + gained).min(size);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) / per_second));
        }
        bucket.tokens -= 1.0;
        Ok(())
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
        assert_eq!(limiter.buckets.lock().expect("not poisoned").len(), 1);
    }
}
