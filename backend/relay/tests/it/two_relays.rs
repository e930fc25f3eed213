//! Two relay processes on one database: what one has accepted the other can not take back.

use std::collections::VecDeque;

use reqwest::StatusCode;
use serde_json::{Value, json};
use sparky_protocol::{Amount, ChannelId, Operation, Side, Update};
use sparky_relay::Relay;
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    line::Line,
    participant::Participant,
    world::{QTUM, World, eventually},
};

/// A second relay on the world's database, and where it is.
pub async fn second(world: &World) -> (String, oneshot::Sender<()>) {
    serve(world.config()).await
}

/// A relay with these settings, on a port of its own.
pub async fn serve(config: sparky_relay::Config) -> (String, oneshot::Sender<()>) {
    let relay = Relay::open(config).await.expect("opens");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(relay.serve(listener, axum::Router::new(), async { drop(stopped.await) }));
    let ready = format!("{url}/readyz");
    eventually("the second relay is ready", || async {
        reqwest::get(&ready)
            .await
            .ok()?
            .status()
            .is_success()
            .then_some(())
    })
    .await;
    (url, stop)
}

async fn submit(
    url: &str,
    who: &Participant,
    id: ChannelId,
    update: &Update,
) -> (StatusCode, Value) {
    let request = reqwest::Client::new().post(format!("{url}/api/v1/channels/{id}/proofs"));
    let answer = request
        .bearer_auth(&who.token)
        .json(update)
        .send()
        .await
        .expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn payments_may_go_through_either_relay() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    let (other, _stop) = second(&world).await;
    let here = world.url();
    // Each relay remembers the channel and is overtaken by the other again and again.
    for round in 0..10 {
        let relay = if round % 2 == 0 { &here } else { &other };
        let update = alice.pay(id, QTUM);
        assert_eq!(
            submit(relay, &alice, id, &update).await.0,
            StatusCode::CREATED
        );
        bob.accept(id, &update);
        let back = bob.pay(id, QTUM / 2);
        let relay = if round % 3 == 0 { &here } else { &other };
        assert_eq!(submit(relay, &bob, id, &back).await.0, StatusCode::CREATED);
        alice.accept(id, &back);
    }
    let numbers: Vec<Value> = bob.get("/events").await.1["items"]
        .as_array()
        .expect("items")
        .clone();
    let seqs: Vec<i64> = numbers
        .iter()
        .filter_map(|event| event["seq"].as_i64())
        .collect();
    assert_eq!(
        seqs,
        (1..=11).collect::<Vec<i64>>(),
        "the opening once, ten payments once each"
    );
}

/// Pays so often, sixteen payments ahead of their answers: none is refused.
async fn pay_ahead(mut line: Line, mut who: Participant, id: ChannelId, payments: usize) {
    let mut under_way = VecDeque::new();
    for _ in 0..payments {
        if 16 <= under_way.len() {
            let answer = line.answer(under_way.pop_front().expect("one")).await;
            assert_eq!(answer["type"], "ok", "{answer}");
        }
        let payment = json!({ "channelId": id, "update": who.pay(id, 1) });
        under_way.push_back(line.request("proof.submit", payment).await);
    }
    for last in under_way {
        let answer = line.answer(last).await;
        assert_eq!(answer["type"], "ok", "{answer}");
    }
}

/// Signs a receipt for each payment.
async fn acknowledge(mut line: Line, mut who: Participant, id: ChannelId, payments: usize) {
    for _ in 0..payments {
        let event = line.hear("proof.received").await;
        let update: Update =
            serde_json::from_value(event["data"]["update"].clone()).expect("an update");
        who.accept(id, &update);
        let receipt = json!({ "channelId": id, "ack": who.ack(id) });
        line.ok("ack.submit", receipt).await;
    }
}

/// What one client pays one after the other is not refused as if it had left one out, however often
/// another relay changes the same direction in between.
#[tokio::test]
async fn payments_under_way_go_on_in_order_while_receipts_come_through_another_relay() {
    const PAYMENTS: usize = 200;
    let world = World::new().await;
    let (alice, bob, id) = world.channel(100).await;
    let (other, _stop) = second(&world).await;
    let to = Line::open(&world, &alice, 0).await;
    let from = Line::open_at(&other, &bob, 0).await;
    tokio::join!(
        acknowledge(from, bob, id, PAYMENTS),
        pay_ahead(to, alice, id, PAYMENTS)
    );
}

/// The same for more people than the database has connections: who decides again needs one, and must
/// not hold it while its own connection waits for another.
#[tokio::test]
async fn many_who_pay_ahead_do_not_take_the_database_from_each_other() {
    const PAYMENTS: usize = 25;
    let world = World::new().await;
    let (other, _stop) = second(&world).await;
    let mut ready = Vec::new();
    for pair in 0..20 {
        let mut alice = world.participant(100 + pair).await;
        let mut bob = world.participant(150 + pair).await;
        let id = alice.open(&world, &bob, QTUM).await;
        alice.refresh(id).await;
        bob.refresh(id).await;
        let to = Line::open(&world, &alice, 0).await;
        let from = Line::open_at(&other, &bob, 0).await;
        ready.push(((to, alice), (from, bob), id));
    }
    let mut people = tokio::task::JoinSet::new();
    for ((to, alice), (from, bob), id) in ready {
        people.spawn(pay_ahead(to, alice, id, PAYMENTS));
        people.spawn(acknowledge(from, bob, id, PAYMENTS));
    }
    while let Some(done) = people.join_next().await {
        done.expect("nobody is refused");
    }
}

/// Two different proofs with one nonce, handed to two relays at once: one wins, the other is told.
#[tokio::test]
async fn one_nonce_has_one_winner() {
    let world = World::new().await;
    let (mut alice, _, id) = world.channel(100).await;
    let (other, _stop) = second(&world).await;
    let here = world.url();
    for round in 0..20 {
        let pay = |amount: u64| {
            vec![Operation::Transfer {
                amount: Amount(amount.into()),
            }]
        };
        let (left, right) = (alice.sign(id, pay(1)), alice.sign(id, pay(2)));
        let (one, two) = tokio::join!(
            submit(&here, &alice, id, &left),
            submit(&other, &alice, id, &right)
        );
        let (won, lost) = if one.0 == StatusCode::CREATED {
            (one, two)
        } else {
            (two, one)
        };
        assert_eq!(won.0, StatusCode::CREATED, "{round}: {}", won.1);
        assert_eq!(
            (lost.0, &lost.1["code"]),
            (StatusCode::CONFLICT, &json!("nonce-conflict")),
            "{round}: {}",
            lost.1
        );
        alice.refresh(id).await;
        assert_eq!(alice.channel(id).street(Side::A).nonce(), round + 1);
    }
}
