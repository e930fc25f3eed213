//! The poll: what other relays have written for the accounts that are connected here.
//!
//! With NATS it only makes up for hints that were lost; without, it is how events get here.

use std::time::Duration;

use crate::{app::App, hub::Notice};

/// How often to look when nobody gives hints, and when somebody does.
const WITHOUT_HINTS: Duration = Duration::from_millis(250);
const WITH_HINTS: Duration = Duration::from_secs(5);

pub(super) async fn run(app: &App) {
    let mut warned = false;
    loop {
        let nats = *app.fleet.nats.borrow();
        let pause = if nats == Some(true) {
            WITH_HINTS
        } else {
            WITHOUT_HINTS
        };
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            () = app.fleet.poll.notified() => {}
        }
        if app.fleet.is_alone() {
            continue;
        }
        if nats.is_none() && !warned {
            warned = true;
            tracing::warn!(
                "another relay is on this database and there is no NATS: what it stores is told here up to \
                 {} ms late; set SPARKY_NATS_URL on all of them",
                WITHOUT_HINTS.as_millis()
            );
        }
        if let Err(cause) = look(app).await {
            tracing::warn!(%cause, "could not look for events of other relays");
        }
    }
}

async fn look(app: &App) -> crate::store::Result<()> {
    for (account, seq) in app.store.sequences(&app.hub.accounts()).await? {
        app.hub.deliver(account, &Notice::Upto(seq));
    }
    Ok(())
}
