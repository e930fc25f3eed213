//! The durable events of an account over HTTP: what the WebSocket tells, for those without one.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    app::App,
    auth::Caller,
    body::Query,
    error::{Error, Result},
    routes::Routes,
    store::{Retained, Store},
};

/// Events of one answer at most.
const PAGE: i64 = 200;

pub(crate) fn routes() -> Routes {
    Routes::new().get("/api/v1/events", list)
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: i64,
}

async fn list(
    State(app): State<App>,
    Caller(caller): Caller,
    Query(query): Query<After>,
) -> Result<Json<Value>> {
    let start = start(&app.store, caller, query.after).await?;
    let events = app.store.events(caller, start.after, PAGE).await?;
    let items = events
        .iter()
        .map(|event| RawValue::from_string(event.frame().to_string()))
        .collect::<serde_json::Result<Vec<_>>>()
        .map_err(|cause| Error::Internal(cause.to_string()))?;
    Ok(Json(
        json!({ "items": items, "last": start.last, "resyncRequired": start.gap }),
    ))
}

/// Where a client goes on that has everything up to `after`.
pub(crate) struct Start {
    /// The number after which to go on.
    pub(crate) after: i64,
    /// The last number that was handed out.
    pub(crate) last: i64,
    /// Whether something in between is gone, so that it must ask for its channels anew.
    pub(crate) gap: bool,
}

/// Finds that out. A client that is ahead of this database (a restored backup) starts at its end.
pub(crate) async fn start(
    store: &Store,
    account: sparky_protocol::Account,
    after: i64,
) -> Result<Start> {
    let after = after.max(0);
    let (last, retained) = store.sequence(account, after).await?;
    Ok(Start {
        after: after.min(last),
        last,
        gap: retained == Retained::WithGap,
    })
}
