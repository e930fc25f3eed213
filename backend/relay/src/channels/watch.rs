//! Who is guarded: one switch per participant and channel.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{participating, view};
use crate::{
    app::App,
    auth::Caller,
    body::{Body, Path},
    error::{Error, Result},
    routes::Routes,
    store::NewEvent,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/channels/{id}/watch", show)
        .put("/api/v1/channels/{id}/watch", switch)
}

async fn show(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>> {
    let (id, _, side) = participating(&app, caller, &name).await?;
    let entry = app.book.entry(&app, id).await?;
    let channel = entry.lock().channel.clone();
    Ok(Json(view::watch(&app, &channel, side).await?))
}

#[derive(Deserialize)]
pub(super) struct Switch {
    enabled: bool,
}

async fn switch(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Body(Switch { enabled }): Body<Switch>,
) -> Result<Json<Value>> {
    let (id, params, side) = participating(&app, caller, &name).await?;
    let disabled_at = (!enabled).then(|| app.height());
    let entry = app
        .book
        .entry(&app, id)
        .await
        .map_err(|_| Error::UnknownChannel(name))?;
    let channel = entry.lock().channel.clone();
    let events = if enabled {
        let armed_nonce = channel.street(side.other()).nonce();
        let body = json!({ "channelId": id, "number": params.number, "armedNonce": armed_nonce });
        vec![NewEvent {
            account: caller,
            kind: "watch.armed",
            body: body.to_string().into(),
            proof: None,
        }]
    } else {
        Vec::new()
    };
    let appended = app.store.put_watch(id, side, disabled_at, &events).await?;
    app.tell(appended);
    app.tower_wake.notify_one();
    Ok(Json(view::watch(&app, &channel, side).await?))
}
