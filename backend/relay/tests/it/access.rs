//! Who may see and do what: one table for every endpoint.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json, value::RawValue};
use sparky_protocol::SecretKey;
use sparky_qtum::{Network, wif};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

use crate::{
    line::Line,
    participant::Participant,
    world::{QTUM, World},
};

/// What an endpoint answers to nobody in particular, to somebody who has signed in, to the participant
/// of the channel it is about whose paper is handed in, and to the partner with the same paper. Who has
/// the key of the watchtower's coins is somebody who has signed in, and no more.
struct Row(Method, &'static str, Value, [u16; 4]);

/// Open to all.
const OPEN: [u16; 4] = [200, 200, 200, 200];
/// For those who have signed in.
const SIGNED_IN: [u16; 4] = [401, 200, 200, 200];
/// For the two participants.
const THEIRS: [u16; 4] = [401, 403, 200, 200];

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
        Row(Method::POST, "/api/v1/auth/challenges", json!({ "address": "" }), [422, 422, 422, 422]),
        Row(Method::POST, "/api/v1/auth/sessions", json!({}), [422, 422, 422, 422]),
        Row(Method::DELETE, "/api/v1/auth/sessions", none.clone(), [401, 204, 204, 204]),
        Row(Method::POST, "/api/v1/auth/ws-tickets", none.clone(), [401, 201, 201, 201]),
        get("/api/v1/channels", SIGNED_IN),
        get("/api/v1/channels/{id}", THEIRS),
        get("/api/v1/channels/by-number/{number}", THEIRS),
        get("/api/v1/channels/{id}/timeline", THEIRS),
        get("/api/v1/channels/{id}/updates", THEIRS),
        Row(Method::POST, "/api/v1/channels/{id}/proofs", json!("proof"), [401, 403, 201, 200]),
        Row(Method::POST, "/api/v1/channels/{id}/acks", json!("ack"), [401, 403, 201, 200]),
        Row(Method::POST, "/api/v1/channels/{id}/nacks", json!("nack"), [401, 403, 201, 422]),
        get("/api/v1/channels/{id}/proposals", THEIRS),
        Row(Method::POST, "/api/v1/channels/{id}/proposals", json!("proposal"), [401, 403, 409, 422]),
        Row(Method::PUT, "/api/v1/channels/{id}/proposals/{proposal}", json!("countersignature"), [401, 403, 404, 404]),
        Row(Method::DELETE, "/api/v1/channels/{id}/proposals/{proposal}", none.clone(), [401, 403, 404, 404]),
        get("/api/v1/channels/{id}/watch", THEIRS),
        Row(Method::PUT, "/api/v1/channels/{id}/watch", json!({ "enabled": true }), THEIRS),
        Row(Method::PUT, "/api/v1/channels/{id}/streets", json!("streets"), THEIRS),
        Row(Method::PUT, "/api/v1/channels/{id}/question", json!({ "question": sparky_protocol::Hash::ZERO }), THEIRS),
        // Signed by Alice, who was asked by Bob in the row before.
        Row(Method::PUT, "/api/v1/channels/{id}/word", json!("word"), [401, 403, 201, 422]),
        get("/api/v1/backup", SIGNED_IN),
        Row(Method::PUT, "/api/v1/backup", json!({ "revision": 1, "blob": "0x00" }), SIGNED_IN),
        get("/api/v1/events", SIGNED_IN),
        // Without the headers of a WebSocket it is no upgrade.
        get("/api/v1/ws", [400, 400, 400, 400]),
        get("/api/v1/chain/tip", OPEN),
        get("/api/v1/chain/fees", OPEN),
        get("/api/v1/chain/utxos/{address}", SIGNED_IN),
        Row(Method::POST, "/api/v1/chain/call", json!({ "to": "x", "data": "0x01020304" }), [401, 422, 422, 422]),
        Row(Method::POST, "/api/v1/chain/transactions", json!({ "hex": "00" }), [401, 422, 422, 422]),
        get("/api/v1/chain/transactions/{txid}", [401, 404, 404, 404]),
        Row(Method::POST, "/api/v1/dev/mine", json!({ "blocks": 1 }), OPEN),
        Row(Method::POST, "/api/v1/dev/faucet", json!("faucet"), [202, 202, 202, 202]),
        Row(Method::POST, "/api/v1/dev/automine", json!({ "enabled": true }), OPEN),
        get("/api/v1/dev/tower", OPEN),
        Row(Method::POST, "/api/v1/dev/tower", json!({ "enabled": true }), OPEN),
    ]
}

/// The holder of the key that the relay's watchtower pays with.
async fn tower(world: &mut World) -> Participant {
    world.node.create_wallet("tower").await.expect("is made");
    let wallet = world.node.for_wallet("tower");
    let key = SecretKey::from_bytes(&[0x54; 32]).expect("a key");
    let descriptor = format!("pkh({})", *wif::encode(&key, Network::Regtest));
    let import = async |descriptor: String| -> Value {
        let request = json!([{ "desc": descriptor, "timestamp": "now" }]).to_string();
        let request = [RawValue::from_string(request).expect("JSON")];
        let answer = wallet.call::<Value>("importdescriptors", &request).await;
        answer.expect("answers")[0].clone()
    };
    // A wrong checksum is answered with the right one.
    let refused = import(format!("{descriptor}#aaaaaaaa")).await;
    let message = refused["error"]["message"].as_str().expect("a message");
    let checksum = message.rsplit('\'').nth(1).expect("a checksum");
    let taken = import(format!("{descriptor}#{checksum}")).await;
    assert_eq!(taken["success"], true, "{taken}");
    world.stop().await;
    world.tower_wallet = Some("tower".to_owned());
    world.start().await;
    let tower = Participant::with_key(world, key).await;
    let coin = world.node.dev_faucet(&tower.address, QTUM).await;
    coin.expect("pays");
    world.mine(1).await;
    let coins = wallet.list_confirmed_unspent().await.expect("coins");
    assert_eq!(coins.len(), 1, "the wallet has that key");
    tower
}

/// Method and path of everything that the description lists.
async fn described(world: &World) -> BTreeSet<(String, String)> {
    let document = openapi(world).await;
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    described
}

async fn openapi(world: &World) -> Value {
    let answer = reqwest::get(format!("{}/openapi.json", world.url())).await;
    answer.expect("answers").json().await.expect("JSON")
}

#[tokio::test]
async fn every_endpoint_answers_each_as_it_should() {
    let mut world = World::new().await;
    let tower = tower(&mut world).await;
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
    let streets = json!({ "streets": alice.channel(id).streets() });
    let unsigned = alice.channel(id).word(sparky_protocol::Hash::ZERO);
    let given = unsigned.signed(alice.key.sign(&unsigned.digest(alice.channel(id).domain())));
    let real = |body: &Value| match body.as_str() {
        Some("streets") => streets.clone(),
        Some("word") => json!(given),
        Some("proof") => json!(proof),
        Some("ack") => json!(ack),
        Some("nack") => nack.clone(),
        Some("proposal") => proposal.clone(),
        Some("countersignature") => json!({ "signature": signature }),
        Some("faucet") => json!({ "address": alice.address, "amountSat": "100000" }),
        _ => body.clone(),
    };
    let mut described = described(&world).await;
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
        let [anonymous, stranger, participant, partner] = answers;
        for (who, expected) in [
            (None, anonymous),
            (Some(&mallory), stranger),
            (Some(&tower), stranger),
            (Some(&alice), participant),
            (Some(&bob), partner),
        ] {
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

/// What a frame is answered, to nobody in particular, to a stranger, and to a participant: a code, or
/// nothing when it is fine.
type FrameRow = (&'static str, Value, [Option<&'static str>; 3]);

/// The same for every frame that the description lists.
#[tokio::test]
async fn every_frame_answers_each_as_it_should() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    let mallory = world.participant(66).await;
    bob.accept(id, &alice.send(id, 10).await);
    let ack = bob.ack(id);
    let update = alice.pay(id, 1);
    let nack = json!({ "channelId": id, "sender": "B", "refused": 1, "newest": 0, "code": "x", "reason": "x" });
    let theirs = [Some("not-signed-in"), Some("not-participant"), None];
    let signed_in = [Some("not-signed-in"), None, None];
    let rows: [FrameRow; 8] = [
        ("hello", json!({}), [None; 3]),
        (
            "auth",
            json!({ "token": "0".repeat(64) }),
            [Some("session-expired"); 3],
        ),
        ("subscribe", json!({ "after": 0 }), signed_in),
        (
            "proof.submit",
            json!({ "channelId": id, "update": update }),
            theirs,
        ),
        ("ack.submit", json!({ "channelId": id, "ack": ack }), theirs),
        (
            "nack.submit",
            json!({ "channelId": id, "nack": nack }),
            theirs,
        ),
        ("ack", json!({ "seq": 0 }), signed_in),
        ("ping", json!({}), [None; 3]),
    ];
    let document = openapi(&world).await;
    let kinds: Vec<&str> = rows.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(
        document["paths"]["/api/v1/ws"]["get"]["x-frames"],
        json!(kinds)
    );
    for (at, who) in [None, Some(&mallory), Some(&alice)].into_iter().enumerate() {
        let mut line = Line::connect(&world).await;
        if let Some(who) = who {
            line.ok("auth", json!({ "token": who.token })).await;
        }
        for (kind, data, codes) in &rows {
            let answer = line.ask(kind, data.clone()).await;
            let expected = codes[at];
            assert_eq!(
                answer["data"]["code"].as_str(),
                expected,
                "{kind} as {at}: {answer}"
            );
            assert_eq!(
                answer["type"] == "ok",
                expected.is_none(),
                "{kind} as {at}: {answer}"
            );
        }
    }
}

/// A cursor is a place in one's own events, wherever it points; an acknowledgement removes one's own.
#[tokio::test]
async fn nobody_reads_or_removes_anothers_events() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let mallory = world.participant(66).await;
    alice.send(id, 10).await;
    let bobs = bob.get("/events?after=0").await.1;
    assert!(!bobs["items"].as_array().expect("items").is_empty());
    for after in [
        "-1",
        "0",
        "1",
        "9223372036854775807",
        "-9223372036854775808",
    ] {
        let (status, events) = mallory.get(&format!("/events?after={after}")).await;
        assert_eq!(
            (status.as_u16(), &events["items"]),
            (200, &json!([])),
            "{after}"
        );
    }
    for after in [i64::MIN, -1, 0, 1, i64::MAX] {
        let mut line = Line::open(&world, &mallory, after).await;
        line.ok("ack", json!({ "seq": i64::MAX })).await;
        line.ok("ping", json!({})).await;
        assert!(
            line.heard.iter().all(|frame| frame.get("seq").is_none()),
            "{:?}",
            line.heard
        );
    }
    // One connection belongs to one account.
    let mut line = Line::open(&world, &mallory, 0).await;
    let switched = line.ask("auth", json!({ "token": bob.token })).await;
    assert_eq!(switched["data"]["code"], "login-refused");
    assert_eq!(bob.get("/events?after=0").await.1["items"], bobs["items"]);
}

/// What a page elsewhere makes a browser send changes nothing here: not even where nobody signs in.
#[tokio::test]
async fn a_strange_page_changes_nothing() {
    let world = World::new().await;
    let http = reqwest::Client::new();
    let height = || async {
        let tip = http.get(format!("{}/api/v1/chain/tip", world.url())).send();
        let tip: Value = tip.await.expect("answers").json().await.expect("JSON");
        tip["height"].clone()
    };
    let before = height().await;
    let rows = [
        ("/api/v1/dev/mine", json!({ "blocks": 1 })),
        ("/api/v1/dev/tower", json!({ "enabled": false })),
        (
            "/api/v1/dev/faucet",
            json!({ "address": "00", "amountSat": "1" }),
        ),
        ("/api/v1/auth/challenges", json!({ "address": "00" })),
    ];
    for (path, body) in rows {
        for origin in [
            "https://evil.example",
            "http://localhost.evil.example",
            "null",
        ] {
            // As a form would send it: without asking first.
            let answer = http
                .post(format!("{}{path}", world.url()))
                .header("origin", origin)
                .header("content-type", "text/plain")
                .body(body.to_string())
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status().as_u16(), 403, "{path} from {origin}");
            let problem: Value = answer.json().await.expect("a problem");
            assert_eq!(problem["code"], "origin-refused");
        }
    }
    assert_eq!(height().await, before);
    // A WebSocket has no such question either: its origin is looked at.
    let url = format!("{}/api/v1/ws", world.url().replace("http", "ws"));
    let mut request = url.into_client_request().expect("a request");
    let origin = "https://evil.example".parse().expect("a header");
    request.headers_mut().insert("origin", origin);
    match tokio_tungstenite::connect_async(request).await {
        Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status().as_u16(), 403),
        other => panic!("{other:?}"),
    }
}

/// Who is reached by https is never asked for by http again, and names no other origin than its own.
#[tokio::test]
async fn a_public_relay_insists_on_https() {
    let world = World::adjusted(|config| {
        config.public_url = Some("https://relay.example".into());
        config.allowed_origins = vec!["https://app.example/".into()];
    })
    .await;
    let http = reqwest::Client::new();
    let from = |origin: &'static str| {
        http.get(format!("{}/api/v1/info", world.url()))
            .header("origin", origin)
            .send()
    };
    for (origin, allowed) in [
        ("https://relay.example", true),
        ("https://app.example", true),
        ("https://evil.example", false),
        ("http://relay.example", false),
    ] {
        let answer = from(origin).await.expect("an answer");
        let headers = answer.headers();
        assert_eq!(headers["strict-transport-security"], "max-age=31536000");
        let named = headers.get("access-control-allow-origin");
        assert_eq!(
            named.is_some_and(|named| named == origin),
            allowed,
            "{origin}"
        );
        // Tokens travel in a header that a page sets itself: nothing goes along by itself.
        assert!(!headers.contains_key("access-control-allow-credentials"));
    }
    let plain = World::new().await;
    let answer = reqwest::get(format!("{}/api/v1/info", plain.url()))
        .await
        .expect("answers");
    assert!(!answer.headers().contains_key("strict-transport-security"));
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
    let policy: Vec<&str> = policy.split(';').map(str::trim).collect();
    for part in [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(&part), "{policy:?}");
    }
    assert!(!policy.concat().contains("unsafe-inline") && !policy.concat().contains('*'));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.headers()[name], value, "{name}");
    }
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
        "sparky_connections ",
        "sparky_connections_max ",
        "sparky_commit_queue_depth ",
        "sparky_tasks ",
        "sparky_rows{table=\"session\"}",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "process_max_fds ",
    ] {
        assert!(text.contains(name), "{name} is missing:\n{text}");
    }
    assert!(!text.contains(&alice.address) && !text.contains(&id.to_string()));
}
