//! When which payment left: written by who pays, read by who is paid.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Payments of one lane that can be under way at once.
pub(crate) const RING: usize = 256;

/// Lanes beyond this share their places: nobody has that many payments under way.
const PLACES: usize = 1 << 22;

/// The instants, in nanoseconds since the clock was made.
pub(crate) struct Clock {
    begin: Instant,
    sent: Vec<AtomicU64>,
    ring: usize,
}

impl Clock {
    pub(crate) fn new(begin: Instant, lanes: usize) -> Self {
        let ring = (PLACES / lanes.max(1)).clamp(8, RING);
        Self {
            begin,
            sent: (0..lanes * ring).map(|_| AtomicU64::new(0)).collect(),
            ring,
        }
    }

    /// Notes that this payment left, or should have left, at `instant`.
    pub(crate) fn left(&self, lane: usize, nonce: u64, instant: Instant) {
        let since = instant.saturating_duration_since(self.begin);
        self.sent[self.place(lane, nonce)].store(nanos(since), Ordering::Release);
    }

    /// Nanoseconds from then until now.
    pub(crate) fn took(&self, lane: usize, nonce: u64) -> u64 {
        let left = self.sent[self.place(lane, nonce)].load(Ordering::Acquire);
        nanos(self.begin.elapsed()).saturating_sub(left)
    }

    fn place(&self, lane: usize, nonce: u64) -> usize {
        let at = usize::try_from(nonce).unwrap_or_default() % self.ring;
        lane * self.ring + at
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
