//! What keeps a visitor's browser safe: origins, headers, and https.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

use crate::world::World;

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
