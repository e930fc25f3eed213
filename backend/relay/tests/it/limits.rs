//! How long, deep and slow a request may be, and how many connections one client may hold. How often it
//! may ask is in `floods`, what it may leave behind in `filling`.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::tungstenite;

use crate::{
    line::Line,
    participant::Participant,
    world::{World, eventually},
};

/// A connection that speaks for itself.
async fn raw(world: &World) -> TcpStream {
    TcpStream::connect(world.url().trim_start_matches("http://"))
        .await
        .expect("connects")
}

/// Everything until the relay closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let reading = stream.read_to_end(&mut text);
    let read = tokio::time::timeout(Duration::from_mins(1), reading).await;
    // A reset is an end too.
    let _: std::io::Result<usize> = read.expect("the connection ends");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let world = World::new().await;
    let mut stream = raw(&world).await;
    let head = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "y".repeat(64 * 1024)
    );
    // It may be refused before all of it was sent.
    let _ = stream.write_all(head.as_bytes()).await;
    let answer = rest(stream).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );

    let mut stream = raw(&world).await;
    let many = "x: y\r\n".repeat(200);
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    stream.write_all(head.as_bytes()).await.expect("sends");
    assert!(rest(stream).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn json_may_be_deep_only_so_far() {
    let world = World::new().await;
    let alice = world.participant(1).await;
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    for path in ["/auth/challenges", "/channels/1/proofs", "/chain/call"] {
        let answer = reqwest::Client::new()
            .post(format!("{}/api/v1{path}", world.url()))
            .bearer_auth(&alice.token)
            .body(deep.clone())
            .send()
            .await
            .expect("an answer");
        let status = answer.status();
        assert!(status.is_client_error(), "{path}: {status}");
    }
    let mut line = Line::open(&world, &alice, 0).await;
    line.say(format!(r#"{{"id":1,"type":"proof.submit","data":{deep}}}"#))
        .await;
    let answer = line.answer(1).await;
    assert_eq!(answer["type"], "error", "{answer}");
    // The number of a request is given back, so it may not be deep either.
    line.say(format!(r#"{{"id":{deep},"type":"ping"}}"#)).await;
    assert_eq!(line.close_code().await, 4400);
    Line::open(&world, &alice, 0)
        .await
        .ok("ping", json!({}))
        .await;
}

/// Connections that send their request byte by byte are let go, one that asks properly is answered
/// meanwhile.
#[tokio::test]
async fn who_does_not_finish_a_request_is_let_go() {
    let world = World::adjusted(|config| config.quotas.request_seconds = Some(1)).await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = raw(&world).await;
        stream
            .write_all(b"GET /api/v1/info HTTP/1.1\r\nhost: x\r\nx-")
            .await
            .expect("sends");
        slow.push(stream);
    }
    let mut half = raw(&world).await;
    half.write_all(
        b"POST /api/v1/auth/challenges HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{",
    )
    .await
    .expect("sends");
    let alice = Participant::arrive(&world, 1).await;
    assert_eq!(alice.get("/channels").await.0, StatusCode::OK);
    for stream in slow {
        let answer = rest(stream).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{answer}"
        );
    }
    let answer = rest(half).await;
    assert!(
        answer.starts_with("HTTP/1.1 408") && answer.contains("\"too-slow\""),
        "{answer}"
    );
}

#[tokio::test]
async fn a_websocket_that_does_not_sign_in_is_closed() {
    let world = World::adjusted(|config| config.quotas.sign_in_seconds = Some(1)).await;
    let alice = Participant::arrive(&world, 1).await;
    let mut honest = Line::open(&world, &alice, 0).await;
    let mut silent = Line::connect(&world).await;
    let mut polite = Line::connect(&world).await;
    polite.ok("hello", json!({})).await;
    polite.ok("ping", json!({})).await;
    assert_eq!(silent.close_code().await, 4401);
    assert_eq!(polite.close_code().await, 4401);
    honest.ok("ping", json!({})).await;
}

#[tokio::test]
async fn a_websocket_too_many_closes_the_oldest_of_its_account() {
    let world = World::adjusted(|config| config.quotas.account_connections = Some(2)).await;
    let (alice, bob) = (
        Participant::arrive(&world, 1).await,
        Participant::arrive(&world, 2).await,
    );
    let mut bobs = Line::open(&world, &bob, 0).await;
    let mut first = Line::open(&world, &alice, 0).await;
    let mut second = Line::open(&world, &alice, 0).await;
    let mut third = Line::open(&world, &alice, 0).await;
    assert_eq!(first.close_code().await, 4409);
    for line in [&mut second, &mut third, &mut bobs] {
        line.ok("ping", json!({})).await;
    }
}

#[tokio::test]
async fn a_host_with_too_many_connections_is_told_and_others_come_in() {
    let world = World::adjusted(|config| config.quotas.host_connections = Some(8)).await;
    let address = world
        .url()
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let from_flooder = || async {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind("127.0.0.9:0".parse().expect("an address"))
            .expect("an address of this machine");
        socket.connect(address).await.expect("connects")
    };
    let mut held = Vec::new();
    for _ in 0..8 {
        let url = format!("ws://{address}/api/v1/ws");
        let (socket, _) = tokio_tungstenite::client_async(url, from_flooder().await)
            .await
            .expect("connects");
        held.push(socket);
    }
    // One too many is told why.
    let url = format!("ws://{address}/api/v1/ws");
    let refused = tokio_tungstenite::client_async(url.clone(), from_flooder().await).await;
    match refused {
        Err(tungstenite::Error::Http(answer)) => {
            assert_eq!(answer.status().as_u16(), 429);
            assert!(answer.headers().contains_key("retry-after"));
        }
        other => panic!("{other:?}"),
    }
    // Hundreds more are not even that.
    let mut more = Vec::new();
    for _ in 0..200 {
        more.push(from_flooder().await);
    }
    for stream in more.drain(..).skip(10) {
        assert_eq!(rest(stream).await, "");
    }
    let alice = Participant::arrive(&world, 1).await;
    Line::open(&world, &alice, 0)
        .await
        .ok("ping", json!({}))
        .await;
    // Whoever leaves makes room.
    drop(held);
    eventually("there is room again", || async {
        tokio_tungstenite::client_async(url.clone(), from_flooder().await)
            .await
            .ok()
    })
    .await;
}
