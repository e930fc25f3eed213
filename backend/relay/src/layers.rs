//! What every request passes: its id, its trace, its limits, and the headers that protect the DApp.

use std::{
    net::{IpAddr, SocketAddr},
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

use crate::{app::App, auth, error::Error, limit};

/// Scripts, styles and the core come from here, and so does everything that the page talks to. Nobody
/// may frame it: a click on "pay" must be meant. Text is never made markup by a script.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; \
    worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("x-permitted-cross-domain-policies"),
        "none",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), serial=(), bluetooth=(), hid=(), \
         display-capture=(), idle-detection=()",
    ),
];

/// For a relay that is reached by https: its browser never asks for it by http again.
const ONLY_HTTPS: &str = "max-age=31536000";

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
        .layer(middleware::from_fn_with_state(
            app.clone(),
            refuse_strange_pages,
        ))
        .layer(middleware::from_fn_with_state(app.clone(), protect))
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

/// The host that a request counts for, before anybody has signed in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host(pub(crate) IpAddr);

/// Who has not signed in is limited by host; so is whoever shows a token that nobody remembers, before
/// the database is asked for it. The pages themselves are not limited: they are few and small.
async fn limit_hosts(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let Some(ConnectInfo(peer)) = peer else {
        return Error::Internal("a request without an address".into()).into_response();
    };
    let trusted = &app.quotas.trusted_proxies;
    let host = limit::host(peer.ip(), request.headers(), trusted);
    request.extensions_mut().insert(Host(host));
    let headers = request.headers();
    let token = auth::bearer(headers).or_else(|| auth::protocol_token(headers));
    let is_known = token.is_some_and(|token| app.sessions.remembers(token));
    let path = request.uri().path();
    let costs = path.starts_with("/api/") || matches!(path, "/metrics" | "/readyz");
    if costs
        && !is_known
        && let Err(wait) = app.limits.hosts.take(host)
    {
        return Error::too_fast(wait).into_response();
    }
    next.run(request).await
}

/// A page that may not sign in here may not change anything either. A browser would send what it asks
/// for, form or text, without asking us first; only the answer is kept from the page.
async fn refuse_strange_pages(State(app): State<App>, request: Request, next: Next) -> Response {
    if !request.method().is_safe()
        && let Err(refused) = auth::allowed_origin(&app, request.headers())
    {
        return refused.into_response();
    }
    next.run(request).await
}

async fn protect(State(app): State<App>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if app.public_url.starts_with("https://") {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(ONLY_HTTPS),
        );
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
