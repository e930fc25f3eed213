//! After a loss, of a client's memory or of ours: participants show what they hold, and ask each other.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sparky_protocol::{Account, ChannelId, Hash, Side, Street, Word};

use super::{
    decide::{Decision, Effect, decide},
    participating,
};
use crate::{
    app::App,
    auth::Caller,
    body::{Body, Path},
    error::{Error, Result},
    routes::Routes,
    store::{NewEvent, StoredQuestion},
};

/// Both streets with all that still stands in them, in bytes.
const LARGEST: usize = 1_024 * 1_024;

pub(super) fn routes() -> Routes {
    Routes::new()
        .put("/api/v1/channels/{id}/streets", show_streets)
        .put("/api/v1/channels/{id}/question", ask)
        .put("/api/v1/channels/{id}/word", answer)
}

#[derive(Deserialize)]
pub(super) struct Streets {
    streets: [Street; 2],
}

/// Adopts what is newer than what is stored, from either participant's memory: its own promises, and
/// its partner's. Every signature is verified; who brings them does not matter.
async fn show_streets(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Body(Streets { streets }): Body<Streets, LARGEST>,
) -> Result<Json<Value>> {
    let (id, params, _) = participating(&app, caller, &name).await?;
    let mut brought = [false; 2];
    // One direction is one commit. Both are judged together each time, for each pays out of the other.
    for sender in Side::BOTH {
        brought[sender] = decide(&app, caller, id, |channel, _, tip| {
            let adopted = channel.readmit(&streets, tip)?;
            if adopted.street(sender) == channel.street(sender) {
                return Ok(Decision {
                    effect: Effect::Nothing,
                    events: Vec::new(),
                    value: false,
                });
            }
            let next = channel.with_street_of(sender, &adopted);
            Ok(Decision {
                effect: Effect::Direction(sender, Box::new(next)),
                events: Side::BOTH
                    .map(|side| event(params.account(side), "channel.restored", id))
                    .into(),
                value: true,
            })
        })
        .await?;
        if brought[sender] {
            metrics::counter!("sparky_streets_restored_total").increment(1);
            tracing::warn!(channel = %id, ?sender, "a client brought promises that were forgotten here");
        }
    }
    Ok(Json(json!({ "brought": brought.contains(&true) })))
}

#[derive(Deserialize)]
pub(super) struct Question {
    question: Hash,
}

async fn ask(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Body(Question { question }): Body<Question>,
) -> Result<Json<Value>> {
    let (id, params, side) = participating(&app, caller, &name).await?;
    let told = event(params.account(side.other()), "channel.asked", id);
    let appended = app.store.put_question(id, side, question, &[told]).await?;
    app.tell(appended);
    Ok(Json(json!({ "question": question })))
}

async fn answer(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Body(word): Body<Word>,
) -> Result<(StatusCode, Json<Value>)> {
    let (id, params, side) = participating(&app, caller, &name).await?;
    if word.channel_id != id {
        return Err(Error::InvalidValue {
            field: "channelId",
            reason: "it is about another channel".to_owned(),
        });
    }
    word.verify(&app.domain, &caller)
        .map_err(|bad| Error::Rejected(bad.into()))?;
    let asker = side.other();
    let body = serde_json::to_string(&word).map_err(|cause| Error::Internal(cause.to_string()))?;
    let told = event(params.account(asker), "channel.answered", id);
    let appended = app
        .store
        .put_word(asker, &word, body, &[told])
        .await?
        .ok_or(Error::NotFound("question"))?;
    app.tell(appended);
    Ok((
        StatusCode::CREATED,
        Json(json!({ "question": word.question })),
    ))
}

/// What a participant must know of it: the partner's question while it waits for an answer, and the
/// partner's answer to the own one.
pub(super) async fn view(app: &App, id: ChannelId, side: Side) -> Result<Value> {
    let questions = app.store.questions(id).await?;
    let of = |asker: Side| questions.iter().find(|one| one.asker == asker);
    let asked = of(side.other()).filter(|one| one.word.is_none());
    let word = of(side)
        .and_then(|StoredQuestion { word, .. }| word.as_deref())
        .map(serde_json::from_str::<Value>)
        .transpose()
        .map_err(|cause| Error::Internal(cause.to_string()))?;
    Ok(json!({ "asked": asked.map(|one| one.question), "word": word }))
}

fn event(account: Account, kind: &'static str, id: ChannelId) -> NewEvent {
    NewEvent {
        account,
        kind,
        body: json!({ "channelId": id }).to_string().into(),
        proof: None,
    }
}
