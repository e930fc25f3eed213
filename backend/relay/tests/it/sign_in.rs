//! Signing in: a challenge is good once, for its page and its account.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sparky_protocol::{Login, SecretKey};

use crate::{participant::Participant, world::World};

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

#[tokio::test]
async fn a_token_is_kept_as_a_hash_only() {
    let world = World::new().await;
    let alice = Participant::arrive(&world, 1).await;
    let file = world
        .database
        .trim_start_matches("sqlite://")
        .split('?')
        .next()
        .expect("a file")
        .to_owned();
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
