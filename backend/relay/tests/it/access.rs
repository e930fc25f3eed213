//! Who may see and do what: one table for every endpoint, and one for every frame.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json, value::RawValue};
use sparky_protocol::SecretKey;
use sparky_qtum::{Network, wif};

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
