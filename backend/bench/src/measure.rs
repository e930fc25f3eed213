//! Time and processor time.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Ticks of the kernel's clock in a second, as Linux shows them to every program.
const TICKS: f64 = 100.0;

/// How often something ran, and in how many seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) times: u64,
    pub(crate) seconds: f64,
}

impl Rate {
    pub(crate) fn per_second(self) -> f64 {
        real(self.times) / self.seconds
    }

    /// Microseconds of one.
    pub(crate) fn micros(self) -> f64 {
        1e6 / self.per_second()
    }
}

/// Repeats `work` for about this long, after a short run that warms caches.
pub(crate) fn repeat(during: Duration, mut work: impl FnMut()) -> Rate {
    let warm = Instant::now();
    while warm.elapsed() < during / 10 {
        work();
    }
    let begin = Instant::now();
    let mut times = 0;
    while begin.elapsed() < during {
        for _ in 0..16 {
            work();
        }
        times += 16;
    }
    Rate {
        times,
        seconds: begin.elapsed().as_secs_f64(),
    }
}

/// A count as a real number; exact far beyond what is counted here.
pub(crate) fn real(count: u64) -> f64 {
    let (high, low) = (
        u32::try_from(count >> 32).unwrap_or(u32::MAX),
        u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX),
    );
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// Seconds of processor time that a process has used, its threads together.
pub(crate) fn processor_seconds(pid: u32) -> f64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return 0.0;
    };
    // The name in brackets may hold blanks: count from behind it. User and system time are the
    // 14th and 15th field.
    let after = text.rsplit_once(") ").map_or("", |(_, after)| after);
    let fields: Vec<f64> = after
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    fields.iter().sum::<f64>() / TICKS
}

/// Bytes of memory that a process holds.
pub(crate) fn resident_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or_default()
        * 1_024
}

/// The value below which so many of a thousand sorted values lie.
pub(crate) fn quantile(sorted: &[u64], of_thousand: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(last * of_thousand / 1_000)
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let values: Vec<u64> = (1..=101).collect();
        assert_eq!(quantile(&values, 500), 51);
        assert_eq!(quantile(&values, 990), 100);
        assert_eq!(quantile(&[7], 990), 7);
        assert_eq!(quantile(&[], 500), 0);
    }

    #[test]
    fn large_counts_stay_exact() {
        assert!((real(5_000_000_000) - 5e9).abs() < f64::EPSILON);
        assert!((real(7) - 7.0).abs() < f64::EPSILON);
    }

    #[test]
    fn this_process_uses_time_and_memory() {
        let own = std::process::id();
        assert!(0 < resident_bytes(own));
        let spun = repeat(Duration::from_millis(50), || {
            std::hint::black_box(1 + 1);
        });
        assert!(0.0 < spun.per_second());
        assert!(0.0 <= processor_seconds(own));
    }
}
