//! Reading what clients send: every refusal is a problem with a code, never a bare text.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::{
    app::App,
    error::{Error, Result},
};

/// The largest body and the largest frame, in bytes.
pub(crate) const LIMIT: usize = 64 * 1_024;

/// A JSON body of so many bytes at most.
pub(crate) struct Body<T, const MOST: usize = LIMIT>(pub(crate) T);

impl<T: DeserializeOwned, const MOST: usize> FromRequest<App> for Body<T, MOST> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let patience = app.quotas.request_time;
        let body = axum::body::to_bytes(request.into_body(), MOST);
        let bytes = tokio::time::timeout(patience, body)
            .await
            .map_err(|_| Error::TooSlow {
                seconds: patience.as_secs(),
            })?
            .map_err(|_| Error::PayloadTooLarge {
                size: MOST + 1,
                limit: MOST,
            })?;
        parse(&bytes).map(Self)
    }
}

/// The query of an address.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|cause| Error::BadRequest(cause.body_text()))
    }
}

/// The parts of a path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(path)| Self(path))
            .map_err(|cause| Error::InvalidValue {
                field: "path",
                reason: cause.body_text(),
            })
    }
}

/// JSON of the expected shape: what is no JSON is a bad request, what does not fit is a bad value.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|cause| match cause.classify() {
        serde_json::error::Category::Data => Error::InvalidValue {
            field: "body",
            reason: cause.to_string(),
        },
        _ => Error::BadRequest(format!("this is not JSON: {cause}")),
    })
}
