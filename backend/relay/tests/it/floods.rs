//! How often one client may ask: a flood is refused with the right code, and those who behave go on.

use std::net::IpAddr;

use futures_util::SinkExt as _;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{line::Line, participant::Participant, world::World};

/// A client at another address of this machine.
fn at(host: &str) -> reqwest::Client {
    let address: IpAddr = host.parse().expect("an address");
    reqwest::Client::builder()
        .local_address(address)
        .build()
        .expect("a client")
}

/// Frames cost little, and yet there is an end to them: of any kind, also those of the protocol below.
#[tokio::test]
async fn a_flood_of_frames_is_closed_and_others_go_on() {
    let world = World::with_rate_limit(600).await;
    let (alice, mallory) = (
        Participant::arrive(&world, 1).await,
        Participant::arrive(&world, 66).await,
    );
    let mut honest = Line::open(&world, &alice, 0).await;
    let mut flooder = Line::open(&world, &mallory, 0).await;
    for _ in 0..7_000 {
        // It may be closed before the last one.
        let ping = Message::Text(r#"{"id":1,"type":"ping"}"#.into());
        if flooder.socket.send(ping).await.is_err() {
            break;
        }
    }
    assert_eq!(flooder.close_code().await, 4429);
    let mut pinger = Line::connect(&world).await;
    for _ in 0..7_000 {
        if pinger
            .socket
            .send(Message::Ping(vec![0].into()))
            .await
            .is_err()
        {
            break;
        }
    }
    assert_eq!(pinger.close_code().await, 4429);
    honest.ok("ping", json!({})).await;
}

/// What asks the database counts as a request, over the WebSocket too.
#[tokio::test]
async fn a_flood_of_subscriptions_is_answered_with_a_wait() {
    let world = World::with_rate_limit(600).await;
    let (alice, mallory) = (
        Participant::arrive(&world, 1).await,
        Participant::arrive(&world, 66).await,
    );
    let mut flooder = Line::open(&world, &mallory, 0).await;
    // The allowance fills up again while it is used, more of it on a slower database.
    let mut last = Value::Null;
    for _ in 0..5_000 {
        last = flooder.ask("subscribe", json!({ "after": 0 })).await;
        if last["type"] == "error" {
            break;
        }
    }
    assert_eq!(last["data"]["code"], "rate-limited");
    let mut honest = Line::open(&world, &alice, 0).await;
    honest.ok("subscribe", json!({ "after": 0 })).await;

    // Guessing tokens is a request of the host, before anybody is asked for them.
    let mut guesser = Line::connect(&world).await;
    let mut last = Value::Null;
    for guess in 0..100 {
        last = guesser
            .ask("auth", json!({ "token": format!("{guess}") }))
            .await;
    }
    assert_eq!(last["data"]["code"], "rate-limited");
}

#[tokio::test]
async fn guessed_tokens_are_limited_by_host() {
    let world = World::with_rate_limit(600).await;
    let alice = Participant::arrive(&world, 1).await;
    assert_eq!(alice.get("/channels").await.0, StatusCode::OK);
    let http = at("127.0.0.9");
    let mut seen = Vec::new();
    for guess in 0..100 {
        let answer = http
            .get(format!("{}/api/v1/channels", world.url()))
            .bearer_auth(format!("{guess:064}"))
            .send()
            .await
            .expect("an answer");
        seen.push(answer.status().as_u16());
    }
    assert_eq!((seen[0], seen[99]), (401, 429), "{seen:?}");
    assert_eq!(alice.get("/channels").await.0, StatusCode::OK);
}

/// The anonymous are limited by host, and who signs in is not kept out by them.
#[tokio::test]
async fn one_hosts_flood_is_not_anothers() {
    let world = World::with_rate_limit(600).await;
    let flooder = at("127.0.0.9");
    let mut last = 0;
    for _ in 0..100 {
        let answer = flooder
            .post(format!("{}/api/v1/auth/challenges", world.url()))
            .json(&json!({ "address": "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW" }))
            // Nobody here trusts what it says of itself.
            .header("x-forwarded-for", format!("10.0.0.{last}"))
            .send()
            .await
            .expect("an answer");
        last = answer.status().as_u16();
    }
    assert_eq!(last, 429);
    for path in ["metrics", "readyz"] {
        let answer = flooder.get(format!("{}/{path}", world.url())).send().await;
        assert_eq!(answer.expect("an answer").status().as_u16(), 429, "{path}");
    }
    let alice = Participant::arrive(&world, 1).await;
    assert_eq!(alice.get("/channels").await.0, StatusCode::OK);
}

#[tokio::test]
async fn behind_a_proxy_the_host_that_it_names_counts() {
    let world = World::adjusted(|config| {
        config.quotas.rate_limit = Some(600);
        config.quotas.trusted_proxies = vec!["127.0.0.9".parse().expect("an address")];
    })
    .await;
    let proxy = at("127.0.0.9");
    let through = |host: &'static str| {
        proxy
            .get(format!("{}/api/v1/info", world.url()))
            .header("x-forwarded-for", host)
            .send()
    };
    let mut last = 0;
    for _ in 0..100 {
        last = through("203.0.113.5")
            .await
            .expect("an answer")
            .status()
            .as_u16();
    }
    assert_eq!(last, 429);
    let other = through("203.0.113.6").await.expect("an answer");
    assert_eq!(other.status().as_u16(), 200);
}
