//! Channels as their participants see them: state, proofs, acks, proposals, watch.

mod decide;
mod loss;
mod proposals;
mod recall;
pub(crate) mod submit;
mod view;
mod watch;

pub(crate) use proposals::expire as expire_proposals;

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use sparky_protocol::{Account, Ack, ChannelId, ChannelParams, Nack, Side, Update};

use self::submit::Paper;
use crate::{
    app::App,
    auth::Caller,
    body::{Body, Path, Query},
    book,
    error::{Error, Result},
    routes::Routes,
};

/// Proofs of one answer at most.
const PAGE: i64 = 200;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/channels", list)
        .get("/api/v1/channels/{id}", show)
        .get("/api/v1/channels/by-number/{number}", show_by_number)
        .get("/api/v1/channels/{id}/timeline", timeline)
        .get("/api/v1/channels/{id}/updates", updates)
        .post("/api/v1/channels/{id}/proofs", submit_proof)
        .post("/api/v1/channels/{id}/acks", submit_ack)
        .post("/api/v1/channels/{id}/nacks", submit_nack)
        .and(proposals::routes())
        .and(watch::routes())
        .and(loss::routes())
}

/// The channel that a path names, by id or by number, if it is the caller's.
pub(crate) async fn participating(
    app: &App,
    caller: Account,
    name: &str,
) -> Result<(ChannelId, ChannelParams, Side)> {
    let unknown = || Error::UnknownChannel(name.to_owned());
    let id = match name.parse::<u64>() {
        Ok(number) => app
            .store
            .channel_by_number(number)
            .await?
            .ok_or_else(unknown)?,
        Err(_) => name.parse().map_err(|_| unknown())?,
    };
    let params = app.store.params(id).await?.ok_or_else(unknown)?;
    let side = book::side_of(app, &params, caller)?;
    Ok((id, params, side))
}

async fn list(State(app): State<App>, Caller(caller): Caller) -> Result<Json<Value>> {
    let mut items = Vec::new();
    for stored in app.store.channels_of(caller).await? {
        items.push(view::channel(&app, caller, stored).await?);
    }
    Ok(Json(json!({ "items": items })))
}

async fn show(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>> {
    let (id, ..) = participating(&app, caller, &name).await?;
    let stored = app
        .store
        .channel(id)
        .await?
        .ok_or(Error::UnknownChannel(name))?;
    Ok(Json(view::channel(&app, caller, stored).await?))
}

async fn show_by_number(
    state: State<App>,
    caller: Caller,
    Path(number): Path<u64>,
) -> Result<Json<Value>> {
    show(state, caller, Path(number.to_string())).await
}

async fn timeline(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>> {
    let (id, ..) = participating(&app, caller, &name).await?;
    Ok(Json(view::timeline(&app, id).await?))
}

#[derive(Deserialize)]
struct UpdatesQuery {
    direction: Side,
    #[serde(default)]
    after: u64,
}

async fn updates(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Query(query): Query<UpdatesQuery>,
) -> Result<Json<Value>> {
    #[derive(Deserialize)]
    struct Event {
        update: Box<RawValue>,
    }
    let (id, ..) = participating(&app, caller, &name).await?;
    let proofs = app
        .store
        .proofs(id, query.direction, query.after, PAGE)
        .await?;
    let items = proofs
        .iter()
        .map(|(_, body)| serde_json::from_str(body).map(|event: Event| event.update))
        .collect::<serde_json::Result<Vec<_>>>()
        .map_err(|cause| Error::Internal(cause.to_string()))?;
    Ok(Json(json!({ "items": items })))
}

async fn submit_proof(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Body(update): Body<Update>,
) -> Result<(StatusCode, Json<Value>)> {
    let (id, ..) = participating(&app, caller, &name).await?;
    let nonce = update.proof.proof.nonce;
    let stored = submit::submit(&app, caller, id, Paper::Proof(update)).await?;
    Ok((stored.status(), Json(json!({ "nonce": nonce }))))
}

async fn submit_ack(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Body(ack): Body<Ack>,
) -> Result<(StatusCode, Json<Value>)> {
    let (id, ..) = participating(&app, caller, &name).await?;
    let stored = submit::submit(&app, caller, id, Paper::Ack(ack)).await?;
    Ok((stored.status(), Json(json!({ "nonce": ack.nonce }))))
}

async fn submit_nack(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Body(nack): Body<Nack>,
) -> Result<(StatusCode, Json<Value>)> {
    let (id, ..) = participating(&app, caller, &name).await?;
    let refused = nack.refused;
    let stored = submit::submit(&app, caller, id, Paper::Nack(nack)).await?;
    Ok((stored.status(), Json(json!({ "nonce": refused }))))
}

/// Reads bytes as each of the bodies that these endpoints take.
#[cfg(feature = "readers")]
pub(crate) fn read_bodies(bytes: &[u8]) {
    use crate::body::parse;

    let _ = parse::<Update>(bytes);
    let _ = parse::<Ack>(bytes);
    let _ = parse::<Nack>(bytes);
    let _ = parse::<proposals::Countersignature>(bytes);
    let _ = parse::<watch::Switch>(bytes);
    let _ = parse::<loss::Streets>(bytes);
    let _ = parse::<loss::Question>(bytes);
    let _ = parse::<sparky_protocol::Word>(bytes);
    if let Ok(proposal) = parse::<proposals::Proposal>(bytes) {
        proposal.read_again();
    }
}
