//! When to end: Ctrl-C or SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

/// Completes when somebody asks this process to end.
pub async fn asked() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without a handler the default one ends the process, which is what is wanted.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
