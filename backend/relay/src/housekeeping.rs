//! What is over is forgotten: logins, sessions, tickets, events beyond an account's share, transactions
//! that are buried, proposals that bind nobody any more.
//!
//! It runs after blocks, because time here is block height, and again when there are none for long.
//! Several relays on one database may do it at once: removing what is gone removes nothing.

use std::time::Duration;

use crate::{app::App, clock, store::Expired};

/// At most so often, however many blocks come.
const PAUSE: Duration = Duration::from_secs(1);

/// At least so often, even without blocks.
const AT_LEAST: Duration = Duration::from_mins(5);

/// Blocks after which a transaction is not followed any more, mined or not: about two days.
const BURIED: u32 = 5_000;

/// Runs until the relay stops.
pub(crate) async fn run(app: App) {
    let mut tip = app.tip.subscribe();
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            changed = tokio::time::timeout(AT_LEAST, tip.changed()) => {
                if let Ok(Err(_)) = changed {
                    return;
                }
            }
        }
        let height = tip.borrow_and_update().height;
        tidy(&app, height).await;
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn tidy(app: &App, height: u32) {
    let expired = Expired {
        now: clock::seconds(),
        buried: height.saturating_sub(BURIED),
        not_binding: app.oldest_binding_height(),
        events_kept: app.quotas.account_events,
    };
    match app.store.forget(&expired).await {
        Ok(0) => {}
        Ok(rows) => tracing::debug!(rows, "forgotten"),
        Err(cause) => tracing::warn!(%cause, "what is over was not forgotten; it will be"),
    }
}
