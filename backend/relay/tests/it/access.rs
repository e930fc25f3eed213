//! Who may see and do what: one table for every endpoint.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{line::Line, participant::Participant, world::World};

/// What an endpoint answers to nobody in particular, to somebody who has signed in, and to a
/// participant of the channel it is about.
struct Row(Method, &'static str, Value, [u16; 3]);

/// Open to all.
const OPEN: [u16; 3] = [200, 200, 200];
/// For those who have signed in.
const SIGNED_IN: [u16; 3] = [401, 200, 200];

#[rustfmt::skip]
fn table() -> Vec<Row> {
    let none = Value::Null;
    let get = |path, answers| Row(Method::GET, path, Value::Null, answers);
    vec![
        get("/healthz", OPEN),
        get("/readyz", OPEN),
        get("/metrics", OPEN),
        get("/openapi.json", OPEN),
        get("/problems/{slug}", OPEN),
        get("/api/v1/info", OPEN),
        Row(Method::POST, "/api/v1/auth/challenges", json!({ "address": "" }), [422, 422, 422]),
        Row(Method::POST, "/api/v1/auth/sessions", json!({}), [422, 422, 422]),
        Row(Method::DELETE, "/api/v1/auth/sessions", none.clone(), [401, 204, 204]),
        Row(Method::POST, "/api/v1/auth/ws-tickets", none.clone(), [401, 201, 201]),
        get("/api/v1/channels", SIGNED_IN),
        get("/api/v1/channels/{id}", [401, 403, 200]),
        get("/api/v1/channels/by-number/{number}", [401, 403, 200]),
        get("/api/v1/channels/{id}/timeline", [401, 403, 200]),
        get("/api/v1/channels/{id}/updates", [401, 403, 200]),
        Row(Method::POST, "/api/v1/channels/{id}/proofs", json!("proof"), [401, 403, 201]),
        Row(Method::POST, "/api/v1/channels/{id}/acks", json!("ack"), [401, 403, 201]),
        Row(Method::POST, "/api/v1/channels/{id}/nacks", json!("nack"), [401, 403, 201]),
        get("/api/v1/channels/{id}/proposals", [401, 403, 200]),
        Row(Method::POST, "/api/v1/channels/{id}/proposals", json!("proposal"), [401, 403, 409]),
        Row(Method::PUT, "/api/v1/channels/{id}/proposals/{proposal}", json!("countersignature"), [401, 403, 404]),
        Row(Method::DELETE, "/api/v1/channels/{id}/proposals/{proposal}", none.clone(), [401, 403, 404]),
        get("/api/v1/channels/{id}/watch", [401, 403, 200]),
        Row(Method::PUT, "/api/v1/channels/{id}/watch", json!({ "enabled": true }), [401, 403, 200]),
        get("/api/v1/events", SIGNED_IN),
        // Without the headers of a WebSocket it is no upgrade.
        get("/api/v1/ws", [400, 400, 400]),
        get("/api/v1/chain/tip", OPEN),
        get("/api/v1/chain/fees", OPEN),
        get("/api/v1/chain/utxos/{address}", SIGNED_IN),
        Row(Method::POST, "/api/v1/chain/call", json!({ "to": "x", "data": "0x01020304" }), [401, 422, 422]),
        Row(Method::POST, "/api/v1/chain/transactions", json!({ "hex": "00" }), [401, 422, 422]),
        get("/api/v1/chain/transactions/{txid}", [401, 404, 404]),
        Row(Method::POST, "/api/v1/dev/mine", json!({ "blocks": 1 }), OPEN),
        Row(Method::POST, "/api/v1/dev/faucet", json!("faucet"), [202, 202, 202]),
        Row(Method::POST, "/api/v1/dev/automine", json!({ "enabled": true }), OPEN),
        get("/api/v1/dev/tower", OPEN),
        Row(Method::POST, "/api/v1/dev/tower", json!({ "enabled": true }), OPEN),
    ]
}

#[tokio::test]
async fn every_endpoint_answers_each_as_it_should() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    let mallory = world.participant(66).await;
    // Real papers, so that only the person makes the difference.
    bob.accept(id, &alice.send(id, 10).await);
    let ack = bob.ack(id);
    let proof = alice.sign(
        id,
        vec![sparky_protocol::Operation::Transfer {
            amount: sparky_protocol::Amount(1),
        }],
    );
    let nack = json!({ "channelId": id, "sender": "B", "refused": 1, "newest": 0, "code": "x", "reason": "x" });
    let close = alice
        .channel(id)
        .cooperative_close(alice.tip.height + 5, &alice.tip)
        .expect("possible");
    let signature = alice.key.sign(&close.digest(alice.channel(id).domain()));
    let proposal = json!({
        "kind": "close", "netToA": close.net_to_a, "validUntil": close.valid_until,
        "sequence": close.sequence, "signature": signature,
    });
    let real = |body: &Value| match body.as_str() {
        Some("proof") => json!(proof),
        Some("ack") => json!(ack),
        Some("nack") => nack.clone(),
        Some("proposal") => proposal.clone(),
        Some("countersignature") => json!({ "signature": signature }),
        Some("faucet") => json!({ "address": alice.address, "amountSat": "100000" }),
        _ => body.clone(),
    };
    let document: Value = reqwest::get(format!("{}/openapi.json", world.url()))
        .await
        .expect("answers")
        .json()
        .await
        .expect("JSON");
    let mut described: BTreeSet<(String, String)> = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let http = reqwest::Client::new();
    for Row(method, path, body, answers) in table() {
        assert!(
            described.remove(&(method.to_string(), path.to_owned())),
            "{method} {path} twice or not described"
        );
        let mut filled = path
            .replace("{id}", &id.to_string())
            .replace("{number}", "1")
            .replace("{proposal}", "unknown")
            .replace("{slug}", "stale-nonce")
            .replace("{address}", &alice.address)
            .replace("{txid}", &"00".repeat(32));
        if path.ends_with("/updates") {
            filled.push_str("?direction=A");
        }
        for (who, expected) in [None, Some(&mallory), Some(&alice)]
            .into_iter()
            .zip(answers)
        {
            let mut request = http.request(method.clone(), format!("{}{filled}", world.url()));
            if let Some(who) = who {
                // A session of its own: one of the rows ends it.
                let mut own = Participant::arrive(&world, 0x70).await;
                own.token.clone_from(&who.token);
                if path == "/api/v1/auth/sessions" && method == Method::DELETE {
                    own = Participant::arrive(&world, 0x70).await;
                }
                request = request.bearer_auth(&own.token);
            }
            if !body.is_null() {
                request = request.json(&real(&body));
            }
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            let text = answer.text().await.expect("a text");
            assert_eq!(
                status,
                expected,
                "{method} {path} as {:?}: {text}",
                who.map(|who| &who.address)
            );
            if expected == 403 {
                let problem: Value = serde_json::from_str(&text).expect("a problem");
                // Both are named, so that one who mistyped a number understands; nothing else is.
                assert_eq!(problem["code"], "not-participant");
                assert_eq!(problem["params"]["a"], alice.address);
                assert!(!text.contains("transferred"), "{text}");
            }
        }
    }
    assert!(
        described.is_empty(),
        "endpoints without a row: {described:?}"
    );
}

/// The same over the WebSocket, and nothing of a channel reaches a stranger.
#[tokio::test]
async fn a_stranger_hears_and_does_nothing() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let mallory = world.participant(66).await;
    let mut line = Line::open(&world, &mallory, 0).await;
    let update = alice.pay(id, 10);
    let answer = line
        .ask("proof.submit", json!({ "channelId": id, "update": update }))
        .await;
    assert_eq!(answer["data"]["code"], "not-participant", "{answer}");
    alice.submit(id, &update).await;
    let mut bobs = Line::open(&world, &bob, 0).await;
    bobs.hear("proof.received").await;
    // A block later everything of before has been told.
    world.mine(1).await;
    line.hear("block").await;
    let foreign: Vec<&Value> = line
        .heard
        .iter()
        .filter(|frame| frame.get("seq").is_some())
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert_eq!(mallory.get("/events").await.1["items"], json!([]));
    assert_eq!(mallory.get("/channels").await.1["items"], json!([]));
}

#[tokio::test]
async fn pages_are_protected_by_headers_and_origins() {
    let world = World::new().await;
    let http = reqwest::Client::new();
    let answer = http
        .get(format!("{}/api/v1/info", world.url()))
        .send()
        .await
        .expect("an answer");
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .expect("a text")
        .to_owned();
    for part in [
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(answer.headers().contains_key("x-request-id"));
    let from = |origin: &'static str| {
        http.get(format!("{}/api/v1/info", world.url()))
            .header("origin", origin)
            .send()
    };
    let evil = from("https://evil.example").await.expect("an answer");
    assert!(!evil.headers().contains_key("access-control-allow-origin"));
    let own = from("http://localhost:5173").await.expect("an answer");
    assert_eq!(
        own.headers()["access-control-allow-origin"],
        "http://localhost:5173"
    );
}

/// What operators watch has the names that were promised, and tells nothing about anybody.
#[tokio::test]
async fn metrics_have_their_names_and_no_addresses() {
    let world = World::new().await;
    let (mut alice, _, id) = world.channel(1).await;
    alice.send(id, 5).await;
    let text = reqwest::get(format!("{}/metrics", world.url()))
        .await
        .expect("answers")
        .text()
        .await
        .expect("a text");
    for name in [
        "sparky_build_info",
        "sparky_http_requests_total",
        "sparky_http_request_duration_seconds_bucket",
        "sparky_states_accepted_total",
        "sparky_state_delivery_seconds_bucket",
        "sparky_channels{state=\"open\"}",
        "sparky_chain_height",
        "sparky_chain_lag_blocks",
        "sparky_watch_armed_channels",
        "sparky_outbox_depth",
        "sparky_db_pool_connections{state=\"idle\"}",
    ] {
        assert!(text.contains(name), "{name} is missing:\n{text}");
    }
    assert!(!text.contains(&alice.address) && !text.contains(&id.to_string()));
}
