//! `sparky stop`: ends what `sparky dev` started and waits until it is gone.

use std::time::Duration;

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::json;

use super::instance;
use crate::args::Context;

const GRACE: Duration = Duration::from_secs(15);

/// Asks the process to end, insists after a while, and returns when nothing runs any more.
///
/// # Errors
/// When the process does not end even then.
pub fn run(context: &Context) -> Result<()> {
    let told = |text: &str, was_running| {
        let value = json!({ "wasRunning": was_running });
        context.output.show(&value, |_| text.to_owned())
    };
    let Some(running) = instance::running(&context.data)? else {
        anyhow::ensure!(
            instance::wait_until_free(&context.data, GRACE)?,
            "a process is starting on {} and does not say its id",
            context.data.display()
        );
        return told("Nothing is running.", false);
    };
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(pid) = i32::try_from(running.pid).ok().and_then(Pid::from_raw) {
            // It may have ended since: the lock tells, not this answer.
            let _ = kill_process(pid, signal);
        }
        if instance::wait_until_free(&context.data, GRACE)? {
            wait_until_gone(running.pid);
            return told(&format!("Stopped process {}.", running.pid), true);
        }
    }
    anyhow::bail!("process {} does not end", running.pid)
}

/// The lock is free a moment before the process is gone. One that ended and that nobody asks for
/// its exit code stays in the table; that is waited for only shortly.
fn wait_until_gone(pid: u32) {
    const STEP: Duration = Duration::from_millis(10);
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    for _ in 0..100 {
        if test_kill_process(pid).is_err() {
            return;
        }
        std::thread::sleep(STEP);
    }
}
