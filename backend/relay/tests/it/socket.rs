//! The WebSocket: limits, close codes, tickets, presence.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

use crate::{line::Line, world::World};

#[tokio::test]
async fn what_is_no_frame_closes_the_connection() {
    let world = World::new().await;
    for text in [
        "no JSON".to_owned(),
        "[1]".to_owned(),
        "x".repeat(64 * 1024 + 1),
        "x".repeat(1024 * 1024),
    ] {
        let mut line = Line::connect(&world).await;
        line.say(text).await;
        assert_eq!(line.close_code().await, 4400);
    }
    let mut line = Line::connect(&world).await;
    line.socket
        .send(Message::Binary(vec![0; 10].into()))
        .await
        .expect("sends");
    assert_eq!(line.close_code().await, 4400);
}

#[tokio::test]
async fn a_frame_of_an_unknown_kind_is_answered() {
    let world = World::new().await;
    let mut line = Line::connect(&world).await;
    assert_eq!(
        line.ask("dance", json!({})).await["data"]["code"],
        "bad-request"
    );
    assert_eq!(
        line.ask("subscribe", json!({})).await["data"]["code"],
        "not-signed-in"
    );
    assert_eq!(
        line.ask("ack", json!({ "seq": 1 })).await["data"]["code"],
        "not-signed-in"
    );
    assert_eq!(
        line.ask("auth", json!({ "token": "stolen" })).await["data"]["code"],
        "session-expired"
    );
    assert_eq!(
        line.ask("auth", json!({})).await["data"]["code"],
        "not-signed-in"
    );
    assert_eq!(
        line.ask("proof.submit", json!({ "channelId": 5 })).await["data"]["code"],
        "invalid-value"
    );
    line.ok("ping", json!({})).await;
}

#[tokio::test]
async fn a_ticket_opens_one_connection() {
    let world = World::new().await;
    let alice = world.participant(1).await;
    let (status, ticket) = alice.post("/auth/ws-tickets", &json!({})).await;
    assert_eq!(status.as_u16(), 201, "{ticket}");
    let mut line = Line::connect(&world).await;
    let answer = line.ok("auth", json!({ "ticket": ticket["ticket"] })).await;
    assert_eq!(answer["address"], alice.address);
    let mut again = Line::connect(&world).await;
    assert_eq!(
        again
            .ask("auth", json!({ "ticket": ticket["ticket"] }))
            .await["data"]["code"],
        "session-expired"
    );
}

#[tokio::test]
async fn a_token_may_travel_as_a_subprotocol() {
    let world = World::new().await;
    let alice = world.participant(1).await;
    let url = format!("{}/api/v1/ws", world.url().replace("http", "ws"));
    let mut request = url.as_str().into_client_request().expect("a request");
    let protocols = format!("sparky.v1, bearer.{}", alice.token);
    request.headers_mut().insert(
        "sec-websocket-protocol",
        protocols.parse().expect("a header"),
    );
    let (mut socket, answer) = tokio_tungstenite::connect_async(request)
        .await
        .expect("connects");
    assert_eq!(answer.headers()["sec-websocket-protocol"], "sparky.v1");
    socket
        .send(Message::Text(
            json!({ "id": 1, "type": "subscribe" }).to_string().into(),
        ))
        .await
        .expect("sends");
    let first = socket
        .next()
        .await
        .expect("a frame")
        .expect("a frame")
        .into_text()
        .expect("a text");
    assert!(first.contains(r#""type":"ok""#), "{first}");
}

#[tokio::test]
async fn partners_see_each_other_come_and_go() {
    let world = World::new().await;
    let (alice, bob, id) = world.channel(1).await;
    let mut line = Line::open(&world, &alice, 0).await;
    assert_eq!(alice.view(id).await["partnerOnline"], false);
    let mut bobs = Line::open(&world, &bob, 0).await;
    let came = line.hear("presence").await;
    assert_eq!(
        came["data"],
        json!({ "address": bob.address, "online": true })
    );
    assert_eq!(alice.view(id).await["partnerOnline"], true);
    bobs.socket.close(None).await.expect("closes");
    let went = line.hear("presence").await;
    assert_eq!(went["data"]["online"], false);
}

#[tokio::test]
async fn blocks_are_told_as_they_come() {
    let world = World::new().await;
    let alice = world.participant(1).await;
    let mut line = Line::open(&world, &alice, 0).await;
    world.mine(2).await;
    let (one, two) = (line.hear("block").await, line.hear("block").await);
    assert_eq!(
        one["data"]["height"].as_u64().map(|height| height + 1),
        two["data"]["height"].as_u64()
    );
}

/// A client that does not read holds a bounded amount of memory, is told to go, and misses nothing.
#[tokio::test]
async fn a_slow_client_is_closed_and_goes_on_later() {
    const PAYMENTS: u64 = 1_500;
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    // A small window at Bob's end, and he does not read.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let address = world
        .url()
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let stream = socket.connect(address).await.expect("connects");
    let url = format!("{}/api/v1/ws", world.url().replace("http", "ws"));
    let (mut slow, _) = tokio_tungstenite::client_async(url, stream)
        .await
        .expect("connects");
    for (kind, data) in [
        ("auth", json!({ "token": bob.token })),
        ("subscribe", json!({ "after": 0 })),
    ] {
        slow.send(Message::Text(
            json!({ "id": 1, "type": kind, "data": data })
                .to_string()
                .into(),
        ))
        .await
        .expect("sends");
    }

    let mut line = Line::open(&world, &alice, 0).await;
    let mut waiting = std::collections::VecDeque::new();
    for _ in 0..PAYMENTS {
        let data = json!({ "channelId": id, "update": alice.pay(id, 1) });
        waiting.push_back(line.request("proof.submit", data).await);
        if 500 <= waiting.len() {
            let request = waiting.pop_front().expect("one waits");
            assert_eq!(line.answer(request).await["type"], "ok");
        }
    }
    for request in waiting {
        assert_eq!(line.answer(request).await["type"], "ok");
    }
    let code = tokio::time::timeout(Duration::from_mins(1), async {
        loop {
            match slow.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| u16::from(frame.code)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    })
    .await
    .expect("closes");
    assert_eq!(code, Some(4413));

    let mut again = Line::open(&world, &bob, 0).await;
    for nonce in 1..=PAYMENTS {
        let heard = again.hear("proof.received").await;
        assert_eq!(heard["data"]["update"]["proof"]["proof"]["nonce"], nonce);
    }
}
