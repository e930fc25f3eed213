//! What the relay holds, looked at when equal parts of the load have passed.

use std::fmt;

use crate::{FILES, TASKS, watched::Seen};

/// Bytes that may stay behind for each payment in the phase in which it is the fewest. A payment kept
/// by mistake is several times that.
const PER_PAYMENT: f64 = 512.0;

/// By how much a process differs from itself from one look to the next, whoever pays.
const NOISE: f64 = 256.0 * 1_024.0;

/// How much more the relay may hold at the end than after warming up, whatever the phases say.
const SLACK: f64 = 16.0 * 1_048_576.0;

/// What was seen at the end of each phase, after how many payments.
#[derive(Debug, Default)]
pub struct Growth(Vec<(u64, Seen)>);

impl Growth {
    pub fn note(&mut self, payments: u64, seen: Seen) {
        self.0.push((payments, seen));
    }

    /// Fails unless it holds no more after the last phase than before the first; answers what it holds
    /// then. Each of so many people may have come to keep a connection for requests meanwhile.
    pub fn is_flat(&self, phases: u32, people: f64) -> Seen {
        let (Some((_, warm)), Some((_, end))) = (self.0.first(), self.0.last()) else {
            panic!("it was never looked at");
        };
        assert_eq!(self.0.len(), phases as usize + 1, "{self:?}");
        let grows = self
            .phases()
            .all(|(payments, bytes)| PER_PAYMENT * payments + NOISE < bytes);
        assert!(
            !grows && end.memory < warm.memory + SLACK,
            "memory grows with every payment: {self}"
        );
        assert!(
            (end.tasks - warm.tasks).abs() < TASKS + people
                && (end.files - warm.files).abs() < FILES + people,
            "tasks or sockets grow: {warm:?} {end:?}"
        );
        for (what, warm, end) in [
            ("proposals", warm.proposals, end.proposals),
            ("transactions", warm.transactions, end.transactions),
            ("challenges", warm.challenges, end.challenges),
            ("tickets", warm.tickets, end.tickets),
            ("sessions", warm.sessions, end.sessions),
        ] {
            assert!(end <= warm, "{what} grow: {self:?}");
        }
        *end
    }

    /// How many payments there were in each phase, and how many bytes it added.
    fn phases(&self) -> impl Iterator<Item = (f64, f64)> {
        self.0.windows(2).filter_map(|pair| {
            let [(before, held), (after, holds)] = pair else {
                return None;
            };
            let payments = f64::from(u32::try_from(after - before).ok()?);
            Some((payments, holds.memory - held.memory))
        })
    }
}

/// `82.1, 82.4, 82.3 MiB; 310, -104 bytes for each payment; 1,000 events`
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: Vec<String>| items.join(", ");
        let held = self.0.iter().map(|(_, seen)| seen.memory / 1_048_576.0);
        let held = list(held.map(|held| format!("{held:.1}")).collect());
        let grown = list(
            self.phases()
                .map(|(payments, bytes)| format!("{:.0}", bytes / payments.max(1.0)))
                .collect(),
        );
        let events = list(
            self.0
                .iter()
                .map(|(_, seen)| seen.events.to_string())
                .collect(),
        );
        write!(
            f,
            "{held} MiB; {grown} bytes for each payment; {events} events stored"
        )
    }
}
