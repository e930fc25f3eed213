//! Places at which a test may end the process, as a power cut would.
//!
//! `failpoint!("relay.commit.before")` is nothing at all unless the feature `failpoints` is on, which
//! only the crash test turns on: the shipped program does not know one name. With it,
//! `SPARKY_FAILPOINT=relay.commit.before=3` kills the process when it comes there for the third time.
//! Every name stands in `backend/cli/tests/crash/points.rs`, and a test keeps both lists equal.

/// A named place at which a crash must do no harm.
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {};
}

/// A named place at which a crash must do no harm.
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::failpoint::reach($name)
    };
}

#[cfg(feature = "failpoints")]
pub use armed::reach;

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    };

    /// Where this process ends.
    struct Armed {
        name: String,
        /// Visits that are left; the last one kills.
        left: AtomicU32,
    }

    /// Ends the process by SIGKILL when this is the place and the visit that the environment names.
    /// Nothing is flushed, nothing is dropped, nobody is told.
    pub fn reach(name: &str) {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let Some(armed) = ARMED.get_or_init(read) else {
            return;
        };
        if armed.name == name && armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
            // Until the signal is delivered.
            loop {
                std::thread::park();
            }
        }
    }

    /// `name=visit`, the visit counted from 1.
    fn read() -> Option<Armed> {
        let text = std::env::var("SPARKY_FAILPOINT").ok()?;
        let (name, visit) = text.split_once('=')?;
        Some(Armed {
            name: name.to_owned(),
            left: AtomicU32::new(visit.parse().ok()?),
        })
    }
}
