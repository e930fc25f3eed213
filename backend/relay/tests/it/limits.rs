//! What one client may take, under floods: the flooder is refused with the right code, and those who
//! behave go on.

use std::{net::IpAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::tungstenite::{self, Message};

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

/// A client at another address of this machine.
fn at(host: &str) -> reqwest::Client {
    let address: IpAddr = host.parse().expect("an address");
    reqwest::Client::builder()
        .local_address(address)
        .build()
        .expect("a client")
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

/// Events that somebody leaves lying have a bound. The flooder can not push out what is money.
#[tokio::test]
async fn what_an_account_leaves_lying_has_a_bound() {
    const KEPT: u32 = 50;
    let world = World::adjusted(|config| config.quotas.account_events = Some(KEPT)).await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    let proof = bob_owes(&mut alice, &mut bob, id).await;
    for refused in 0..200 {
        let nack = json!({ "channelId": id, "sender": "B", "refused": refused, "newest": 0, "code": "x", "reason": "x".repeat(500) });
        let (status, answer) = alice.post(&format!("/channels/{id}/nacks"), &nack).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }
    assert!(
        200 < bob.get("/events").await.1["last"]
            .as_i64()
            .expect("a number")
    );
    world.mine(1).await;
    let kept = eventually("the oldest are forgotten", || async {
        let (_, events) = bob.get("/events?after=0").await;
        (events["resyncRequired"] == true).then_some(())?;
        let items = events["items"].as_array()?.clone();
        (items.len() <= 1 + KEPT as usize).then_some(items)
    })
    .await;
    // The proof is older than all of them, and is here.
    assert_eq!(kept[0]["type"], "proof.received");
    assert_eq!(kept[0]["data"]["update"], proof);
    // Who comes back is told that something is gone, and goes on.
    let mut line = Line::open(&world, &bob, 0).await;
    line.hear("resync.required").await;
    alice.send(id, 1).await;
    let heard = line
        .wait(|frame| frame["data"]["update"]["proof"]["proof"]["nonce"] == 2)
        .await;
    assert_eq!(heard["type"], "proof.received");
}

/// A payment to Bob that he has not acknowledged.
async fn bob_owes(
    alice: &mut Participant,
    bob: &mut Participant,
    id: sparky_protocol::ChannelId,
) -> Value {
    let update = alice.send(id, 10).await;
    bob.accept(id, &update);
    json!(update)
}

#[tokio::test]
async fn sessions_of_an_account_have_a_bound() {
    let world = World::new().await;
    let mut alice = Participant::arrive(&world, 1).await;
    let bob = Participant::arrive(&world, 2).await;
    let mut tokens = Vec::new();
    for _ in 0..40 {
        alice.token.clear();
        alice.sign_in().await;
        tokens.push(alice.token.clone());
    }
    // The newest is good, and as many before it as are allowed.
    let mut good = Vec::new();
    for token in tokens {
        alice.token = token;
        good.push(alice.get("/channels").await.0 == StatusCode::OK);
    }
    assert_eq!(good, [vec![false; 8], vec![true; 32]].concat());
    assert_eq!(bob.get("/channels").await.0, StatusCode::OK);
}

/// Anybody can hand in what is mined already, for nothing: it may not fill the database.
#[tokio::test]
async fn transactions_that_wait_have_a_bound() {
    let world = World::new().await;
    let mallory = Participant::arrive(&world, 66).await;
    let (mut alice, bob) = (world.participant(1).await, world.participant(2).await);
    let mut mined = Vec::new();
    for _ in 0..101 {
        let txid = world
            .node
            .dev_faucet(&mallory.address, 1_000_000)
            .await
            .expect("a faucet");
        mined.push(txid);
    }
    // The relay has these blocks behind it: it will meet none of the transactions again.
    world.mine(1).await;
    let mut last = (StatusCode::ACCEPTED, Value::Null);
    for txid in mined {
        let known = world.node.get_raw_transaction(&txid).await;
        let hex = known.expect("answers").expect("a transaction").hex;
        last = mallory
            .post("/chain/transactions", &json!({ "hex": hex }))
            .await;
    }
    assert_eq!(last.1["code"], "quota-exceeded", "{}", last.1);
    assert_eq!(last.0, StatusCode::TOO_MANY_REQUESTS);
    alice.open(&world, &bob, 1_000).await;
}

/// Opening costs the stranger gas; the one who is named goes on as if nothing were.
#[tokio::test]
async fn channels_that_strangers_open_do_not_stand_in_the_way() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let mut mallory = world.participant(66).await;
    for _ in 0..10 {
        mallory.open(&world, &bob, 0).await;
    }
    assert_eq!(bob.ids().await.len(), 11);
    let mut line = Line::open(&world, &bob, 0).await;
    alice.send(id, 5).await;
    let heard = line.hear("proof.received").await;
    assert_eq!(heard["data"]["channelId"], json!(id));
}

/// Whoever asks for everything again and does not read it is closed like any other slow client, and
/// holds no more than one page meanwhile.
#[tokio::test]
async fn a_replay_that_nobody_reads_ends() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let mut line = Line::open(&world, &alice, 0).await;
    for _ in 0..600 {
        let nack = json!({ "channelId": id, "nack": { "channelId": id, "sender": "B", "refused": 1, "newest": 0, "code": "x", "reason": "x".repeat(500) } });
        line.request("nack.submit", nack).await;
    }
    for request in 4..=603 {
        assert_eq!(line.answer(request).await["type"], "ok");
    }
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let address = world
        .url()
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let stream = socket.connect(address).await.expect("connects");
    let url = format!("ws://{address}/api/v1/ws");
    let (mut slow, _) = tokio_tungstenite::client_async(url, stream)
        .await
        .expect("connects");
    for (kind, data) in [
        ("auth", json!({ "token": bob.token })),
        ("subscribe", json!({ "after": 0 })),
    ] {
        let text = json!({ "id": 1, "type": kind, "data": data }).to_string();
        slow.send(Message::Text(text.into())).await.expect("sends");
    }
    eventually("the slow one is there", || async {
        let online = alice.view(id).await["partnerOnline"].clone();
        (online == true).then_some(())
    })
    .await;
    // The relay counts it out; nobody reads until then.
    eventually("the slow one is gone", || async {
        let online = alice.view(id).await["partnerOnline"].clone();
        (online == false).then_some(())
    })
    .await;
    let mut told = 0;
    while let Some(Ok(message)) = slow.next().await {
        if message.is_close() {
            break;
        }
        told += 1;
    }
    assert!(told < 600, "{told}");
    alice.send(id, 1).await;
    let mut again = Line::open(&world, &bob, 0).await;
    again.hear("proof.received").await;
}
