//! What operators and programs ask first: who are you, are you well, what can you do.

use std::sync::{OnceLock, atomic::Ordering};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use sparky_protocol::policy;

use crate::{app::App, chain::window, clock, gauges, problems, routes::Routes};

/// Blocks that the follower may be behind before opening and closing should wait.
const LAG: u32 = 2;

/// Bounds of the histograms of times, in seconds, and of sizes.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

const OPENAPI: &str = include_str!("../../../docs/api/openapi.json");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/healthz", healthz)
        .get("/readyz", readyz)
        .get("/metrics", metrics)
        .get("/openapi.json", openapi)
        .get("/problems/{slug}", problems::page)
        .get("/api/v1/info", info)
}

/// Everything that a client needs to know before it speaks to this relay.
async fn info(State(app): State<App>) -> Json<Value> {
    let [min, max] = app.window_bounds;
    let window = app.chain.default_window().clamp(min, max);
    Json(json!({
        "network": app.chain.name(),
        "chainId": app.domain.chain_id,
        "contract": app.deployment.contract,
        "contractHeight": app.deployment.height,
        "contractBlock": app.contract_block.to_string(),
        "blockSeconds": app.chain.block_seconds(),
        "confirmations": app.confirmations,
        "window": { "default": window, "min": min, "max": max },
        "safeCapacitySat": policy::safe_capacity(window),
        "penaltyBps": app.chain.penalty_bps(),
        "reserve": app.reserve(),
        "tip": window::tip_view(&app),
        "epoch": app.epoch.name,
        "restoredAt": app.epoch.restored_at,
        "relay": app.public_url,
        "version": env!("CARGO_PKG_VERSION"),
        "features": [],
        "limits": {
            "bodyBytes": crate::body::LIMIT,
            "backupBytes": crate::backups::LARGEST,
            "requestsPerMinute": app.quotas.per_minute,
            "connectionsPerAccount": app.quotas.account_connections,
        },
        "tower": app.tower_on.load(Ordering::Relaxed),
        "dev": app.chain.is_private(),
    }))
}

/// The process runs.
async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Everything that the relay needs answers: 503 with the reason otherwise. Payments work without the
/// node, so this is for operators and for those who are about to open or close.
async fn readyz(State(app): State<App>) -> Response {
    let database = app.store.ping().await.map_err(|cause| cause.to_string());
    let tip = app.height();
    let chain = chain_state(&app, tip).await;
    let warning = if app.tower_on.load(Ordering::Relaxed) {
        app.purse.borrow().warning()
    } else {
        None
    };
    let warnings: Vec<String> = warning.into_iter().collect();
    let ready = database.is_ok() && chain.is_ok();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({
        "status": if ready { "ready" } else { "not-ready" },
        "height": tip,
        "database": database.err(),
        "chain": chain.err(),
        // Said, and no reason to send clients away: without hints the relays look for themselves.
        "nats": (*app.fleet.nats.borrow() == Some(false)).then_some("not connected"),
        "warnings": warnings,
    });
    (status, Json(body)).into_response()
}

/// Whether the chain can be used: the node as it is now, then how far the relay has followed it.
async fn chain_state(app: &App, tip: u32) -> Result<(), String> {
    let now = u64::try_from(clock::seconds()).unwrap_or(0);
    let findings = app.probe.examine(app.network(), now).await;
    let troubles: Vec<String> = findings
        .into_iter()
        .filter_map(|finding| finding.result.err())
        .collect();
    if !troubles.is_empty() {
        return Err(troubles.join(" "));
    }
    if let Some(trouble) = app.node_trouble.borrow().clone() {
        return Err(trouble);
    }
    let height = app.probe.get_block_count().await;
    match height.map_err(|cause| cause.to_string())? {
        height if tip + LAG < height => Err(format!(
            "The relay is {} blocks behind the node and follows. Payments in channels go on.",
            height - tip
        )),
        _ => Ok(()),
    }
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    gauges::set(&app).await;
    let (size, idle) = app.store.pool_sizes();
    let used = usize::try_from(size)
        .unwrap_or(usize::MAX)
        .saturating_sub(idle);
    metrics::gauge!("sparky_db_pool_connections", "state" => "used").set(gauge(used));
    metrics::gauge!("sparky_db_pool_connections", "state" => "idle").set(gauge(idle));
    if let Ok(counts) = app.store.count_channels().await {
        for (state, count) in ["open", "closing", "settled"].into_iter().zip(counts) {
            metrics::gauge!("sparky_channels", "state" => state).set(gauge(count));
        }
        let on = app.tower_on.load(Ordering::Relaxed);
        let watched = if on { counts[0] + counts[1] } else { 0 };
        metrics::gauge!("sparky_watch_armed_channels").set(gauge(watched));
    }
    if let Ok(waiting) = app.store.count_events().await {
        metrics::gauge!("sparky_outbox_depth").set(gauge(waiting));
    }
    // Asked without patience: who measures does not wait for a node that is away.
    let height = app.probe.get_block_count().await;
    if let Ok(height) = height {
        let lag = height.saturating_sub(app.height());
        metrics::gauge!("sparky_chain_lag_blocks").set(gauge(lag));
    }
    let trouble = height.is_err() || app.node_trouble.borrow().is_some();
    metrics::gauge!("sparky_chain_trouble").set(f64::from(u8::from(trouble)));
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (text, recorder().render()).into_response()
}

/// A count as a gauge shows it; exact far beyond what there is to count.
fn gauge(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}

/// The process's recorder: installed once, shared by all relays of a test.
pub(crate) fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = [("_seconds", SECONDS), ("_batch_size", SIZES)]
            .into_iter()
            .try_fold(PrometheusBuilder::new(), |builder, (suffix, buckets)| {
                builder.set_buckets_for_metric(Matcher::Suffix(suffix.to_owned()), buckets)
            })
            .expect("invariant: the buckets are not empty")
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_ok() {
            metrics::gauge!("sparky_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        }
        handle
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The description and the router name the same endpoints: neither more nor less.
    #[test]
    fn every_endpoint_is_described_and_every_description_exists() {
        let document: Value = serde_json::from_str(OPENAPI).expect("JSON");
        assert!(
            document["openapi"]
                .as_str()
                .is_some_and(|version| version.starts_with("3.1"))
        );
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("a path item") {
                if method == "parameters" {
                    continue;
                }
                assert!(
                    operation["summary"].is_string(),
                    "{method} {path} has no summary"
                );
                assert!(
                    operation["responses"].is_object(),
                    "{method} {path} has no responses"
                );
                described.insert((method.clone(), path.clone()));
            }
        }
        let routed: BTreeSet<(String, String)> = crate::all_routes()
            .listed
            .into_iter()
            .map(|(method, path)| (method.to_owned(), path.to_owned()))
            .collect();
        assert_eq!(described, routed);
    }

    /// The description lists every code that a problem can have.
    #[test]
    fn every_code_is_described() {
        let document: Value = serde_json::from_str(OPENAPI).expect("JSON");
        let described: BTreeSet<&str> = document["components"]["schemas"]["Problem"]["properties"]
            ["code"]["enum"]
            .as_array()
            .expect("an enumeration")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let known: BTreeSet<&str> = problems::PROBLEMS.iter().map(|row| row.code).collect();
        assert_eq!(described, known);
    }
}
