//! What every request passes: its id, its trace, its limits, and the headers that protect the DApp.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::{AllowOrigin, CorsLayer},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    sensitive_headers::SetSensitiveRequestHeadersLayer,
    trace::TraceLayer,
};

use crate::{app::App, auth, error::Error};

/// Scripts and styles come from here, the core is wasm, the only peer is a relay. Nobody may frame
/// the page: a click on "pay" must be meant.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:; media-src 'self' blob:; \
    worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(), geolocation=()",
    ),
];

/// Wraps a router in all of it, the outermost last.
pub(crate) fn wrap(router: Router, app: &App) -> Router {
    let request_id = HeaderName::from_static("x-request-id");
    let origins = app.clone();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| {
            let mut headers = axum::http::HeaderMap::new();
            headers.insert(header::ORIGIN, origin.clone());
            auth::allowed_origin(&origins, &headers).is_ok()
        }))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .expose_headers([
            header::WWW_AUTHENTICATE,
            header::RETRY_AFTER,
            request_id.clone(),
        ])
        .max_age(Duration::from_hours(1));
    router
        .layer(middleware::from_fn_with_state(app.clone(), limit_hosts))
        .layer(middleware::from_fn(protect))
        .layer(middleware::from_fn(measure))
        .layer(
            ServiceBuilder::new()
                .layer(SetSensitiveRequestHeadersLayer::new([
                    header::AUTHORIZATION,
                    header::SEC_WEBSOCKET_PROTOCOL,
                ]))
                .layer(SetRequestIdLayer::new(request_id.clone(), MakeRequestUuid))
                .layer(TraceLayer::new_for_http())
                .layer(PropagateRequestIdLayer::new(request_id))
                .layer(CatchPanicLayer::custom(|_| {
                    Error::Internal("a handler panicked".into()).into_response()
                }))
                .layer(CompressionLayer::new())
                .layer(cors),
        )
}

/// Who has not signed in is limited by host. The pages themselves are not: they are few and small.
async fn limit_hosts(State(app): State<App>, request: Request, next: Next) -> Response {
    let anonymous = auth::bearer(request.headers()).is_none();
    if anonymous && request.uri().path().starts_with("/api/") {
        let host = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(address)| address.ip());
        if let Some(Err(wait)) = host.map(|host| app.limits.hosts.take(host)) {
            return Error::RateLimited {
                seconds: wait.as_secs() + 1,
            }
            .into_response();
        }
    }
    next.run(request).await
}

async fn protect(request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if api {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

async fn measure(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("other", MatchedPath::as_str)
        .to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    let labels = [
        ("route", route),
        ("method", method.to_string()),
        ("status", status),
    ];
    metrics::counter!("sparky_http_requests_total", &labels).increment(1);
    metrics::histogram!("sparky_http_request_duration_seconds", &labels[..2])
        .record(start.elapsed());
    response
}
