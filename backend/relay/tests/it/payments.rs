//! Paying: both ways at once, to a sleeping partner, over a restart. Nothing is lost or doubled.

use reqwest::StatusCode;
use serde_json::{Value, json};
use sparky_protocol::{Ack, Amount, Nack, Side, Update};

use crate::{
    line::Line,
    participant::Participant,
    world::{QTUM, World},
};

fn update_of(frame: &Value) -> Update {
    serde_json::from_value(frame["data"]["update"].clone()).expect("an update")
}

#[tokio::test]
async fn a_payment_reaches_the_partner_and_its_ack_comes_back() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    let mut to_bob = Line::open(&world, &bob, 0).await;
    let mut to_alice = Line::open(&world, &alice, 0).await;

    let update = alice.pay(id, 20 * QTUM);
    let stored = to_alice
        .ok("proof.submit", json!({ "channelId": id, "update": update }))
        .await;
    assert_eq!(stored["nonce"], 1);

    let heard = to_bob.hear("proof.received").await;
    assert_eq!(heard["data"]["channelId"], json!(id));
    bob.accept(id, &update_of(&heard));
    assert_eq!(
        bob.channel(id).balances(Side::B, &bob.tip).balance,
        Amount(u128::from(20 * QTUM))
    );

    let ack = bob.ack(id);
    to_bob
        .ok("ack.submit", json!({ "channelId": id, "ack": ack }))
        .await;
    let heard = to_alice.hear("proof.acked").await;
    let acked: Ack = serde_json::from_value(heard["data"]["ack"].clone()).expect("an ack");
    assert_eq!(acked, ack);
    assert_eq!(
        bob.view(id).await["balances"]["balance"],
        (20 * QTUM).to_string()
    );
}

#[tokio::test]
async fn both_pay_at_once_and_pipelined() {
    const EACH: u64 = 50;
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    bob.accept(id, &alice.send(id, 50 * QTUM).await);
    let mut lines = [
        Line::open(&world, &alice, 0).await,
        Line::open(&world, &bob, 0).await,
    ];

    let mut requests = [Vec::new(), Vec::new()];
    for _ in 0..EACH {
        for (who, payer) in [&mut alice, &mut bob].into_iter().enumerate() {
            let data = json!({ "channelId": id, "update": payer.pay(id, 1_000) });
            let request = lines[who].request("proof.submit", data).await;
            requests[who].push(request);
        }
    }
    for (line, requests) in lines.iter_mut().zip(requests) {
        for request in requests {
            let answer = line.answer(request).await;
            assert_eq!(answer["type"], "ok", "{answer}");
        }
    }
    // Each hears the other's payments in order, without gap, each once.
    for (line, first) in lines.iter_mut().zip([1, 2]) {
        for nonce in first..first + EACH {
            let heard = line.hear("proof.received").await;
            if update_of(&heard).proof.proof.nonce != nonce {
                // The payment that filled Bob's side came before.
                assert_eq!(update_of(&heard).proof.proof.nonce, 1);
                assert_eq!(
                    update_of(&line.hear("proof.received").await)
                        .proof
                        .proof
                        .nonce,
                    nonce
                );
            }
        }
    }
    alice.refresh(id).await;
    assert_eq!(alice.channel(id).street(Side::A).nonce(), EACH + 1);
    assert_eq!(alice.channel(id).street(Side::B).nonce(), EACH);
}

#[tokio::test]
async fn a_sleeping_partner_finds_everything_when_it_wakes() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    for _ in 0..3 {
        alice.send(id, QTUM).await;
    }
    let mut to_bob = Line::open(&world, &bob, 0).await;
    let mut last = 0;
    for nonce in 1..=3 {
        let heard = to_bob.hear("proof.received").await;
        let update = update_of(&heard);
        assert_eq!(update.proof.proof.nonce, nonce);
        bob.accept(id, &update);
        last = heard["seq"].as_i64().expect("a number");
    }
    // From where it was, nothing comes twice.
    let mut again = Line::open(&world, &bob, last).await;
    alice.send(id, QTUM).await;
    let heard = again.hear("proof.received").await;
    assert_eq!(heard["seq"], last + 1);
    assert_eq!(update_of(&heard).proof.proof.nonce, 4);
}

#[tokio::test]
async fn a_restart_loses_nothing_and_doubles_nothing() {
    let mut world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    let first = alice.send(id, 5 * QTUM).await;
    bob.accept(id, &first);
    let ack = bob.ack(id);
    let (status, _) = bob.post(&format!("/channels/{id}/acks"), &json!(ack)).await;
    assert_eq!(status, StatusCode::CREATED);
    let before = alice.view(id).await["channel"].clone();

    world.stop().await;
    world.start().await;

    assert_eq!(alice.view(id).await["channel"], before);
    // The same bytes again are no new payment, the next ones are.
    assert_eq!(alice.submit(id, &first).await.0, StatusCode::OK);
    let second = alice.send(id, QTUM).await;
    let mut to_bob = Line::open(&world, &bob, 0).await;
    let nonces: Vec<u64> = [
        to_bob.hear("proof.received").await,
        to_bob.hear("proof.received").await,
    ]
    .iter()
    .map(|heard| update_of(heard).proof.proof.nonce)
    .collect();
    assert_eq!(nonces, [1, 2]);
    bob.accept(id, &second);
}

#[tokio::test]
async fn events_have_numbers_without_gap_and_go_when_they_were_heard() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    for _ in 0..10 {
        let update = alice.send(id, QTUM).await;
        bob.accept(id, &update);
    }
    let ack = bob.ack(id);
    assert_eq!(
        bob.post(&format!("/channels/{id}/acks"), &json!(ack))
            .await
            .0,
        StatusCode::CREATED
    );

    let numbers = numbers(&bob, 0).await;
    assert_eq!(
        numbers,
        (1..=11).collect::<Vec<i64>>(),
        "the opening and ten payments"
    );

    let mut line = Line::open(&world, &bob, 11).await;
    line.ok("ack", json!({ "seq": 11 })).await;
    line.socket.close(None).await.expect("closes");
    // The newest proof stays: no newer acknowledged one has replaced it.
    crate::world::eventually("what was heard is gone", || async {
        (self::numbers(&bob, 0).await == [11]).then_some(())
    })
    .await;
    let mut wiped = Line::connect(&world).await;
    wiped.ok("auth", json!({ "token": bob.token })).await;
    wiped.ok("subscribe", json!({ "after": 0 })).await;
    let resync = wiped.hear("resync.required").await;
    assert_eq!(resync["data"]["after"], 0);
    assert_eq!(wiped.hear("proof.received").await["seq"], 11);
    // A client that knows more than the database starts at its end.
    let mut ahead = Line::connect(&world).await;
    ahead.ok("auth", json!({ "token": bob.token })).await;
    let answer = ahead.ok("subscribe", json!({ "after": 99 })).await;
    assert_eq!(
        (&answer["after"], &answer["last"]),
        (&json!(11), &json!(11))
    );
    ahead.hear("resync.required").await;
}

async fn numbers(who: &Participant, after: i64) -> Vec<i64> {
    let (status, events) = who.get(&format!("/events?after={after}")).await;
    assert_eq!(status, StatusCode::OK, "{events}");
    let items = events["items"].as_array().expect("items");
    items
        .iter()
        .map(|event| event["seq"].as_i64().expect("a number"))
        .collect()
}

#[tokio::test]
async fn a_wiped_client_gets_its_own_state_back() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    for _ in 0..3 {
        alice.send(id, QTUM).await;
    }
    let mut wiped = Participant::arrive(&world, 1).await;
    wiped.refresh(id).await;
    assert_eq!(wiped.channel(id).street(Side::A).nonce(), 3);
    wiped.send(id, QTUM).await;
    let (status, updates) = bob
        .get(&format!("/channels/{id}/updates?direction=A&after=2"))
        .await;
    assert_eq!(status, StatusCode::OK, "{updates}");
    let nonces: Vec<&Value> = updates["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|update| &update["proof"]["proof"]["nonce"])
        .collect();
    assert_eq!(nonces, [&json!(3), &json!(4)]);
}

#[tokio::test]
async fn a_refusal_of_the_recipient_reaches_the_sender() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    alice.send(id, QTUM).await;
    let nack = Nack {
        channel_id: id,
        sender: Side::A,
        refused: 1,
        newest: 0,
        code: "storage-unavailable".into(),
        reason: "I can not keep it".into(),
    };
    let (status, body) = bob
        .post(&format!("/channels/{id}/nacks"), &json!(nack))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let heard = Line::open(&world, &alice, 0)
        .await
        .hear("proof.refused")
        .await;
    assert_eq!(heard["data"]["nack"]["code"], "storage-unavailable");
    // Only the recipient can refuse.
    let (status, body) = alice
        .post(&format!("/channels/{id}/nacks"), &json!(nack))
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid-value"))
    );
}
