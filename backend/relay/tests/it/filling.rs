//! What one client may leave at the relay or have it remember: it has a bound, and those who behave go
//! on.

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    line::Line,
    participant::Participant,
    world::{World, eventually},
};

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
