//! A task with a thread and a scheduler of its own, for what everybody waits for.
//!
//! A task among others gets its turn after theirs each time the database has answered it, and a
//! transaction is a dozen answers.

use anyhow::Context as _;
use tokio::sync::oneshot;

/// Completes when the task has ended; fails when it panicked.
pub(crate) type Ended = oneshot::Receiver<()>;

/// Starts it.
pub(crate) fn spawn(
    name: &str,
    task: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (end, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            runtime.block_on(task);
            let _ = end.send(());
        })
        .with_context(|| format!("cannot start the thread of the {name}"))?;
    Ok(ended)
}
