//! Signing in: a challenge is good once, for its page and its account.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sparky_protocol::{Login, SecretKey};

use crate::{
    dump::dump,
    line::Line,
    participant::Participant,
    two_relays,
    world::{World, eventually},
};

async fn challenge(who: &Participant) -> (Value, Login) {
    let (status, challenge) = who
        .post("/auth/challenges", &json!({ "address": who.address }))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{challenge}");
    let login = serde_json::from_value(challenge["login"].clone()).expect("a login");
    (challenge["challengeId"].clone(), login)
}

#[tokio::test]
async fn a_challenge_is_answered_once_and_by_its_account() {
    let world = World::new().await;
    let mut alice = Participant::arrive(&world, 1).await;
    let mallory = SecretKey::from_bytes(&[66; 32]).expect("a key");
    let session = std::mem::take(&mut alice.token);

    let (id, login) = challenge(&alice).await;
    let forged = json!({ "challengeId": id, "signature": mallory.sign(&login.digest()) });
    assert_eq!(
        alice.post("/auth/sessions", &forged).await.1["code"],
        "bad-signature"
    );
    // A wrong answer uses it up as well.
    let right = json!({ "challengeId": id, "signature": alice.key.sign(&login.digest()) });
    assert_eq!(
        alice.post("/auth/sessions", &right).await.1["code"],
        "login-refused"
    );

    let (id, login) = challenge(&alice).await;
    let right = json!({ "challengeId": id, "signature": alice.key.sign(&login.digest()) });
    assert_eq!(
        alice.post("/auth/sessions", &right).await.0,
        StatusCode::CREATED
    );
    assert_eq!(
        alice.post("/auth/sessions", &right).await.1["code"],
        "login-refused"
    );

    // Another login than the one that was asked for.
    let (id, login) = challenge(&alice).await;
    let other = Login {
        expires_at: login.expires_at + 1,
        ..login
    };
    let wrong = json!({ "challengeId": id, "signature": alice.key.sign(&other.digest()) });
    assert_eq!(
        alice.post("/auth/sessions", &wrong).await.1["code"],
        "bad-signature"
    );

    alice.token = session;
    assert_eq!(alice.get("/channels").await.0, StatusCode::OK);
    assert_eq!(
        alice.ask(Method::DELETE, "/auth/sessions", None).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(alice.get("/channels").await.1["code"], "session-expired");
}

#[tokio::test]
async fn a_challenge_is_bound_to_its_page() {
    let world = World::new().await;
    let alice = Participant::arrive(&world, 1).await;
    let http = reqwest::Client::new();
    let post = |path: &'static str, origin: &'static str, body: Value| {
        let (http, url) = (http.clone(), format!("{}/api/v1{path}", world.url()));
        async move {
            let answer = http
                .post(url)
                .header("origin", origin)
                .json(&body)
                .send()
                .await
                .expect("an answer");
            (answer.status(), answer.json::<Value>().await.expect("JSON"))
        }
    };
    let evil = post(
        "/auth/challenges",
        "https://evil.example",
        json!({ "address": alice.address }),
    )
    .await;
    assert_eq!(
        (evil.0, &evil.1["code"]),
        (StatusCode::FORBIDDEN, &json!("origin-refused"))
    );

    let (_, asked) = post(
        "/auth/challenges",
        "http://localhost:5173",
        json!({ "address": alice.address }),
    )
    .await;
    let login: Login = serde_json::from_value(asked["login"].clone()).expect("a login");
    assert_eq!(login.origin, "http://localhost:5173");
    let answer = json!({ "challengeId": asked["challengeId"], "signature": alice.key.sign(&login.digest()) });
    let (_, elsewhere) = post("/auth/sessions", "http://localhost:9999", answer).await;
    assert_eq!(elsewhere["code"], "login-refused");
}

/// Asks `url` for a challenge, and answers it there.
async fn post(url: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = reqwest::Client::new().post(format!("{url}/api/v1{path}"));
    let answer = request.json(body).send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_challenge_is_bound_to_its_relay() {
    let world = World::new().await;
    let alice = Participant::arrive(&world, 1).await;
    let (id, login) = challenge(&alice).await;
    let answer = json!({ "challengeId": id, "signature": alice.key.sign(&login.digest()) });

    // Another relay knows nothing of it.
    let elsewhere = World::new().await;
    let (status, refused) = post(&elsewhere.url(), "/auth/sessions", &answer).await;
    assert_eq!(
        (status.as_u16(), &refused["code"]),
        (401, &json!("login-refused"))
    );

    // One that shares the database and is reached under another name says so, and uses it up.
    let mut config = world.config();
    config.public_url = Some("https://other.example".into());
    let (other, _stop) = two_relays::serve(config).await;
    let (_, refused) = post(&other, "/auth/sessions", &answer).await;
    assert_eq!(refused["code"], "login-refused");
    let (_, refused) = post(&world.url(), "/auth/sessions", &answer).await;
    assert_eq!(refused["code"], "login-refused");

    // A signature over the name of another relay is not one over ours.
    let (id, login) = challenge(&alice).await;
    let renamed = Login {
        relay: "https://other.example".into(),
        ..login
    };
    let answer = json!({ "challengeId": id, "signature": alice.key.sign(&renamed.digest()) });
    let (_, refused) = post(&world.url(), "/auth/sessions", &answer).await;
    assert_eq!(refused["code"], "bad-signature");
}

#[tokio::test]
async fn a_challenge_and_a_session_end() {
    let world = World::adjusted(|config| {
        config.quotas.challenge_seconds = Some(2);
        config.quotas.session_seconds = Some(2);
    })
    .await;
    let alice = Participant::arrive(&world, 1).await;
    let (id, login) = challenge(&alice).await;
    let late = json!({ "challengeId": id, "signature": alice.key.sign(&login.digest()) });
    eventually("the challenge is too old", || async {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970");
        (login.expires_at < now.as_secs()).then_some(())
    })
    .await;
    let (_, refused) = post(&world.url(), "/auth/sessions", &late).await;
    assert_eq!(refused["code"], "login-refused");
    let ended = eventually("the session ends", || async {
        let (status, problem) = alice.get("/channels").await;
        (status == StatusCode::UNAUTHORIZED).then_some(problem)
    })
    .await;
    assert_eq!(ended["code"], "session-expired");
}

/// A mirrored signature (n − s) is as good in plain ECDSA. Here there is one signature per answer.
#[tokio::test]
async fn a_signature_with_a_high_s_is_refused() {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36,
        0x41, 0x41,
    ];
    let world = World::new().await;
    let alice = Participant::arrive(&world, 1).await;
    let mut highest = ORDER;
    highest[0] = 0x7f;
    for mirror in [true, false] {
        let (id, login) = challenge(&alice).await;
        let mut signature = alice.key.sign(&login.digest());
        if mirror {
            let mut borrow = 0;
            for at in (0..32).rev() {
                let of = signature.vs[at] & if at == 0 { 0x7f } else { 0xff };
                let (less, one) = ORDER[at].overflowing_sub(of);
                let (less, two) = less.overflowing_sub(borrow);
                borrow = u8::from(one || two);
                signature.vs[at] = less;
            }
        } else {
            signature.vs = highest;
        }
        let answer = json!({ "challengeId": id, "signature": signature });
        let (_, refused) = post(&world.url(), "/auth/sessions", &answer).await;
        assert_eq!(refused["code"], "bad-signature", "{refused}");
    }
}

/// Two processes on one database get the same answer at once: one session.
#[tokio::test]
async fn a_challenge_that_is_answered_twice_at_once_opens_one_session() {
    let world = World::new().await;
    let alice = Participant::arrive(&world, 1).await;
    let mut config = world.config();
    config.public_url = Some(world.url());
    let (other, _stop) = two_relays::serve(config).await;
    for round in 0..20 {
        let (id, login) = challenge(&alice).await;
        let answer = json!({ "challengeId": id, "signature": alice.key.sign(&login.digest()) });
        let (here, there) = (world.url(), other.clone());
        let (one, two) = tokio::join!(
            post(&here, "/auth/sessions", &answer),
            post(&there, "/auth/sessions", &answer)
        );
        let mut statuses = [one.0.as_u16(), two.0.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 401], "{round}: {} {}", one.1, two.1);
    }
    // The same for the ticket of a WebSocket.
    for round in 0..10 {
        let (_, ticket) = alice.post("/auth/ws-tickets", &json!({})).await;
        let mut lines = [Line::connect(&world).await, Line::connect(&world).await];
        let [one, two] = &mut lines;
        let data = json!({ "ticket": ticket["ticket"] });
        let (one, two) = tokio::join!(one.ask("auth", data.clone()), two.ask("auth", data));
        assert_ne!(one["type"], two["type"], "{round}: {one} {two}");
    }
}

/// Whoever signs out is out, on the WebSocket too.
#[tokio::test]
async fn a_connection_ends_with_its_session() {
    let world = World::new().await;
    let mut alice = Participant::arrive(&world, 1).await;
    let mut line = Line::open(&world, &alice, 0).await;
    let old = alice.token.clone();
    alice.token.clear();
    alice.sign_in().await;
    let mut other = Line::open(&world, &alice, 0).await;
    alice.token = old;
    let (status, _) = alice.ask(Method::DELETE, "/auth/sessions", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(line.close_code().await, 4401);
    other.ok("ping", json!({})).await;
}

/// Also when that happens at another relay, or its time is over: thousands are asked after at once.
#[tokio::test]
async fn a_connection_ends_with_a_session_that_ended_elsewhere() {
    let world = World::new().await;
    let alice = Participant::arrive(&world, 1).await;
    let bob = Participant::arrive(&world, 2).await;
    let mut line = Line::open(&world, &alice, 0).await;
    let mut others = Line::open(&world, &bob, 0).await;
    let mut config = world.config();
    config.public_url = Some(world.url());
    let (other, _stop) = two_relays::serve(config).await;
    let signed_out = reqwest::Client::new()
        .delete(format!("{other}/api/v1/auth/sessions"))
        .bearer_auth(&alice.token);
    let answer = signed_out.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(line.close_code().await, 4401);
    others.ok("ping", json!({})).await;
}

#[tokio::test]
async fn a_token_is_kept_as_a_hash_only() {
    let world = World::new().await;
    let alice = Participant::arrive(&world, 1).await;
    let rows = dump(&mut world.database.connect().await).await;
    let hash = hex::encode(Sha256::digest(&alice.token));
    assert!(rows.contains(&hash), "the session is there");
    for secret in [alice.token.clone(), hex::encode(&alice.token)] {
        assert!(!rows.contains(&secret), "the token is there");
    }
}

/// What a row does not hold, a page of the file might.
#[tokio::test]
async fn a_token_is_nowhere_in_the_file() {
    let world = World::in_file().await;
    let alice = Participant::arrive(&world, 1).await;
    let file = world.database.url().trim_start_matches("sqlite://");
    let file = file.split('?').next().expect("a file");
    let mut found = 0;
    for suffix in ["", "-wal"] {
        let bytes = std::fs::read(format!("{file}{suffix}")).unwrap_or_default();
        found += bytes.len();
        assert!(
            !bytes
                .windows(alice.token.len())
                .any(|window| window == alice.token.as_bytes())
        );
    }
    assert!(0 < found);
}
