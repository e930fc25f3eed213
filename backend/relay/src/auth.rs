//! Signing in: a challenge, answered once by a signature, becomes a session.

use axum::{
    Json,
    extract::{FromRequestParts, OptionalFromRequestParts, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sparky_protocol::{Account, Hash, Login, Signature};
use sparky_qtum::demo;

use crate::{
    app::App,
    body::Body,
    clock,
    error::{Error, Result},
    routes::Routes,
    sessions,
    store::StoredChallenge,
};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .post("/api/v1/auth/challenges", challenge)
        .post("/api/v1/auth/sessions", sign_in)
        .delete("/api/v1/auth/sessions", sign_out)
        .post("/api/v1/auth/ws-tickets", ticket)
}

/// Who asks: an account that has signed in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller(pub(crate) Account);

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let token = bearer(&parts.headers).ok_or(Error::NotSignedIn)?;
        let account = app.sessions.account(&app.store, token).await?;
        app.limits.accounts.take(account).map_err(Error::too_fast)?;
        Ok(Self(account))
    }
}

impl OptionalFromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>> {
        if bearer(&parts.headers).is_none() {
            return Ok(None);
        }
        <Self as FromRequestParts<App>>::from_request_parts(parts, app)
            .await
            .map(Some)
    }
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token that a browser hides among the protocols of a WebSocket: `bearer.<token>`.
pub(crate) fn protocol_token(headers: &HeaderMap) -> Option<&str> {
    let protocols = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    protocols
        .split(',')
        .find_map(|protocol| protocol.trim().strip_prefix("bearer."))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChallengeRequest {
    address: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Challenge {
    challenge_id: String,
    login: Login,
}

/// The login to sign. The client rebuilds it from what it knows itself and compares.
async fn challenge(
    State(app): State<App>,
    headers: HeaderMap,
    Body(request): Body<ChallengeRequest>,
) -> Result<(StatusCode, Json<Challenge>)> {
    let account = app.parse_account(&request.address)?;
    refuse_demo(&app, &account)?;
    let origin = allowed_origin(&app, &headers)?;
    let lifetime = u64::from(app.quotas.challenge_seconds);
    let issued_at = u64::try_from(clock::seconds()).unwrap_or(0);
    let login = Login {
        account,
        relay: app.public_url.clone(),
        origin,
        nonce: Hash(rand::random()),
        issued_at,
        expires_at: issued_at + lifetime,
    };
    let challenge = StoredChallenge {
        id: sessions::random_token(),
        account,
        body: serde_json::to_string(&login).map_err(|cause| Error::Internal(cause.to_string()))?,
        expires_at: i64::try_from(login.expires_at).unwrap_or(i64::MAX),
    };
    if !app
        .store
        .put_challenge(&challenge, clock::seconds())
        .await?
    {
        return Err(Error::RateLimited { seconds: lifetime });
    }
    Ok((
        StatusCode::CREATED,
        Json(Challenge {
            challenge_id: challenge.id,
            login,
        }),
    ))
}

/// Everybody has the keys of the demo's accounts: money behind them belongs to whoever is first.
fn refuse_demo(app: &App, account: &Account) -> Result<()> {
    if demo::is_published(account) && !app.chain.is_private() {
        return Err(Error::DemoKeyRefused {
            network: app.chain.name(),
        });
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignIn {
    challenge_id: String,
    signature: Signature,
}

/// One answer per challenge, right or wrong.
async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Body(request): Body<SignIn>,
) -> Result<(StatusCode, Json<Value>)> {
    let challenge = app
        .store
        .take_challenge(&request.challenge_id)
        .await?
        .ok_or(Error::LoginRefused(
            "this challenge was never made, was answered, or is too old",
        ))?;
    if challenge.expires_at <= clock::seconds() {
        return Err(Error::LoginRefused("this challenge is too old"));
    }
    let login: Login = serde_json::from_str(&challenge.body)
        .map_err(|cause| Error::Internal(cause.to_string()))?;
    if login.origin != allowed_origin(&app, &headers)? || login.relay != app.public_url {
        return Err(Error::LoginRefused(
            "this challenge was made for another page or relay",
        ));
    }
    request
        .signature
        .verify(&login.digest(), &challenge.account)
        .map_err(|bad| Error::Rejected(bad.into()))?;
    let (token, expires_at) = app
        .sessions
        .open(&app.store, challenge.account, app.quotas.session_seconds)
        .await?;
    let answer = json!({
        "token": token,
        "expiresAt": clock::rfc3339(expires_at * 1_000),
        "address": app.address(challenge.account),
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn sign_out(State(app): State<App>, _: Caller, headers: HeaderMap) -> Result<StatusCode> {
    app.sessions
        .close(&app.store, bearer(&headers).ok_or(Error::NotSignedIn)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn ticket(
    State(app): State<App>,
    Caller(account): Caller,
) -> Result<(StatusCode, Json<Value>)> {
    let (ticket, expires_at) = app.sessions.ticket(&app.store, account).await?;
    let answer = json!({ "ticket": ticket, "expiresAt": clock::rfc3339(expires_at * 1_000) });
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The origin that asks, if it may: the relay's own, one that the operator lists, any page of this
/// machine on a private chain. A program without a page speaks for the relay's own address.
pub(crate) fn allowed_origin(app: &App, headers: &HeaderMap) -> Result<String> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(app.public_url.clone());
    };
    let origin = origin
        .to_str()
        .unwrap_or("an unreadable origin")
        .trim_end_matches('/')
        .to_owned();
    let listed = origin == app.public_url || app.allowed_origins.contains(&origin);
    if listed || app.chain.is_private() && is_loopback(&origin) {
        return Ok(origin);
    }
    Err(Error::OriginRefused { origin })
}

fn is_loopback(origin: &str) -> bool {
    let Some(rest) = origin.strip_prefix("http://") else {
        return false;
    };
    let host = match rest.strip_prefix('[') {
        Some(inner) => inner.split(']').next(),
        None => rest.split(':').next(),
    };
    matches!(host, Some("localhost" | "127.0.0.1" | "::1"))
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_this_machine_is_loopback() {
        for origin in [
            "http://localhost:5173",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://localhost",
        ] {
            assert!(is_loopback(origin), "{origin}");
        }
        for origin in [
            "http://localhost.evil.example",
            "https://localhost",
            "http://127.0.0.1.evil",
            "null",
            "",
        ] {
            assert!(!is_loopback(origin), "{origin}");
        }
    }
}
