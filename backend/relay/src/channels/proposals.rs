//! Cooperative closes and withdrawals on their way to the second signature.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sparky_protocol::{
    Account, Amount, Authorisation, ChannelId, ChannelParams, CooperativeClose,
    CooperativeWithdraw, Domain, Hash, Net, Side, Signature,
};

use super::{
    decide::{Decision, Effect, decide},
    participating,
    submit::Stored,
};
use crate::{
    app::App,
    auth::Caller,
    body::{Body, Path},
    error::{Error, Result},
    routes::Routes,
    store::{NewEvent, StoredProposal},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/channels/{id}/proposals", list)
        .post("/api/v1/channels/{id}/proposals", propose)
        .put("/api/v1/channels/{id}/proposals/{proposal}", countersign)
        .delete("/api/v1/channels/{id}/proposals/{proposal}", withdraw)
}

/// A proposal as it travels.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proposal {
    #[serde(flatten)]
    what: What,
    /// The last block in which the contract takes it.
    valid_until: u32,
    sequence: u16,
    signature: Signature,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
enum What {
    Close { net_to_a: Net },
    Withdraw { from_b: bool, amount_sat: Amount },
}

impl Proposal {
    /// What is stored of it must be readable again.
    #[cfg(feature = "readers")]
    pub(super) fn read_again(&self) {
        let authorisation = self.authorisation(ChannelId(Hash::ZERO));
        let body = serde_json::to_string(&authorisation).expect("what was read can be written");
        assert_eq!(
            serde_json::from_str::<Authorisation>(&body).ok(),
            Some(authorisation)
        );
    }

    fn authorisation(&self, channel_id: ChannelId) -> Authorisation {
        let (sequence, valid_until) = (self.sequence, self.valid_until);
        match self.what {
            What::Close { net_to_a } => Authorisation::CooperativeClose(CooperativeClose {
                channel_id,
                net_to_a,
                sequence,
                valid_until,
            }),
            What::Withdraw {
                from_b,
                amount_sat: amount,
            } => {
                let from = Side::from_flag(from_b);
                Authorisation::CooperativeWithdraw(CooperativeWithdraw {
                    channel_id,
                    from,
                    amount,
                    sequence,
                    valid_until,
                })
            }
        }
    }
}

fn digest(authorisation: &Authorisation, domain: &Domain) -> Option<Hash> {
    match authorisation {
        Authorisation::CooperativeClose(close) => Some(close.digest(domain)),
        Authorisation::CooperativeWithdraw(withdraw) => Some(withdraw.digest(domain)),
        Authorisation::Close(_) => None,
    }
}

/// A stored proposal as both participants see it.
pub(super) fn view(stored: &StoredProposal) -> Option<Value> {
    let authorisation: Authorisation = serde_json::from_str(&stored.body).ok()?;
    let (what, sequence) = match authorisation {
        Authorisation::CooperativeClose(close) => (
            What::Close {
                net_to_a: close.net_to_a,
            },
            close.sequence,
        ),
        Authorisation::CooperativeWithdraw(withdraw) => (
            What::Withdraw {
                from_b: withdraw.from.is_b(),
                amount_sat: withdraw.amount,
            },
            withdraw.sequence,
        ),
        Authorisation::Close(_) => return None,
    };
    let mut view = serde_json::to_value(what).ok()?;
    let more = json!({
        "id": stored.id,
        "channelId": stored.channel_id,
        "proposer": stored.proposer,
        "validUntil": stored.valid_until,
        "sequence": sequence,
        "signature": stored.signature,
        "countersignature": stored.countersignature,
        "endedAt": stored.ended_at,
    });
    if let (Value::Object(view), Value::Object(more)) = (&mut view, more) {
        view.extend(more);
    }
    Some(view)
}

fn event(account: Account, kind: &'static str, proposal: &StoredProposal) -> NewEvent {
    let body = json!({ "channelId": proposal.channel_id, "proposal": view(proposal) });
    NewEvent {
        account,
        kind,
        body: body.to_string().into(),
        proof: None,
    }
}

fn to_both(params: &ChannelParams, kind: &'static str, proposal: &StoredProposal) -> Vec<NewEvent> {
    Side::BOTH
        .map(|side| event(params.account(side), kind, proposal))
        .into()
}

async fn list(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>> {
    let (id, ..) = participating(&app, caller, &name).await?;
    let proposals = app.store.proposals(id, app.oldest_binding_height()).await?;
    let items: Vec<Value> = proposals.iter().filter_map(view).collect();
    Ok(Json(json!({ "items": items })))
}

/// Whoever proposes has signed, so it binds from now on: the channel refuses what contradicts it.
async fn propose(
    State(app): State<App>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Body(proposal): Body<Proposal>,
) -> Result<(StatusCode, Json<Value>)> {
    let (id, params, side) = participating(&app, caller, &name).await?;
    let authorisation = proposal.authorisation(id);
    let digest = digest(&authorisation, &app.domain)
        .ok_or_else(|| Error::Internal("not cooperative".into()))?;
    proposal
        .signature
        .verify(&digest, &caller)
        .map_err(|bad| Error::Rejected(bad.into()))?;
    let stored = StoredProposal {
        id: hex::encode(&digest.0[..16]),
        channel_id: id,
        proposer: side,
        body: serde_json::to_string(&authorisation)
            .map_err(|cause| Error::Internal(cause.to_string()))?,
        valid_until: proposal.valid_until,
        signature: proposal.signature.to_string(),
        countersignature: None,
        ended_at: None,
    };
    if let Some(known) = app.store.proposal(id, &stored.id).await? {
        // The same words from the same mouth change nothing; from the partner's they agree.
        if known.proposer != side && known.countersignature.is_none() {
            let agreed = agree(&app, &params, known, proposal.signature).await?;
            return Ok((StatusCode::OK, Json(agreed)));
        }
        return Ok((StatusCode::OK, Json(json!(view(&known)))));
    }
    let created = decide(&app, caller, id, |channel, _, tip| {
        let next = channel.authorise(authorisation, tip)?;
        let events = vec![event(
            params.account(side.other()),
            "proposal.created",
            &stored,
        )];
        Ok(Decision {
            effect: Effect::Proposal(Box::new(stored.clone()), Box::new(next)),
            events,
            value: Stored::New,
        })
    })
    .await?;
    Ok((created.status(), Json(json!(view(&stored)))))
}

#[derive(Deserialize)]
pub(super) struct Countersignature {
    signature: Signature,
}

async fn countersign(
    State(app): State<App>,
    Caller(caller): Caller,
    Path((name, proposal)): Path<(String, String)>,
    Body(answer): Body<Countersignature>,
) -> Result<Json<Value>> {
    let (id, params, side) = participating(&app, caller, &name).await?;
    let stored = app
        .store
        .proposal(id, &proposal)
        .await?
        .ok_or(Error::NotFound("proposal"))?;
    if stored.proposer == side {
        return Err(Error::ProposalRefused(
            "the partner has to sign, not the proposer again".into(),
        ));
    }
    agree(&app, &params, stored, answer.signature)
        .await
        .map(Json)
}

async fn agree(
    app: &App,
    params: &ChannelParams,
    mut stored: StoredProposal,
    signature: Signature,
) -> Result<Value> {
    let authorisation: Authorisation =
        serde_json::from_str(&stored.body).map_err(|cause| Error::Internal(cause.to_string()))?;
    let digest = digest(&authorisation, &app.domain)
        .ok_or_else(|| Error::Internal("not cooperative".into()))?;
    let partner = params.account(stored.proposer.other());
    signature
        .verify(&digest, &partner)
        .map_err(|bad| Error::Rejected(bad.into()))?;
    let text = signature.to_string();
    if stored.countersignature.as_ref() == Some(&text) {
        return Ok(json!(view(&stored)));
    }
    stored.countersignature = Some(text.clone());
    let events = to_both(params, "proposal.accepted", &stored);
    let appended = app
        .store
        .countersign(&stored.id, &text, &events)
        .await?
        .ok_or(Error::ProposalEnded)?;
    app.tell(appended);
    Ok(json!(view(&stored)))
}

/// Takes a proposal off the table. What was signed stays signed: until its last block the channel
/// still refuses what would contradict it.
async fn withdraw(
    State(app): State<App>,
    Caller(caller): Caller,
    Path((name, proposal)): Path<(String, String)>,
) -> Result<StatusCode> {
    let (id, params, _) = participating(&app, caller, &name).await?;
    let mut stored = app
        .store
        .proposal(id, &proposal)
        .await?
        .ok_or(Error::NotFound("proposal"))?;
    let height = app.height();
    stored.ended_at = Some(height);
    let events = to_both(&params, "proposal.expired", &stored);
    let appended = app
        .store
        .end_proposal(&stored.id, height, &events)
        .await?
        .ok_or(Error::ProposalEnded)?;
    app.tell(appended);
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the proposals whose last block has passed, and tells both participants.
pub(crate) async fn expire(app: &App, height: u32) -> Result<()> {
    for mut proposal in app.store.outlived_proposals(height).await? {
        let Some(params) = app.store.params(proposal.channel_id).await? else {
            continue;
        };
        proposal.ended_at = Some(height);
        // One that both signed is over quietly: it was used, or it is of no use any more.
        let events = match proposal.countersignature {
            Some(_) => Vec::new(),
            None => to_both(&params, "proposal.expired", &proposal),
        };
        let events: Arc<[NewEvent]> = events.into();
        if let Some(appended) = app
            .store
            .end_proposal(&proposal.id, height, &events)
            .await?
        {
            app.tell(appended);
        }
    }
    Ok(())
}
