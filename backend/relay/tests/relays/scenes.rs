//! What several relays promise together.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sparky_protocol::{Amount, Authorisation, ChannelId, Operation, Side, Update};

use crate::{
    fleet::Fleet,
    line::Line,
    participant::Participant,
    world::{QTUM, eventually},
};

async fn submit(
    fleet: &Fleet,
    relay: usize,
    who: &Participant,
    id: ChannelId,
    update: &Update,
) -> (StatusCode, Value) {
    let path = format!("/channels/{id}/proofs");
    who.at(&fleet.url(relay))
        .ask(Method::POST, &path, Some(&json!(update)))
        .await
}

fn transfer(amount: u64) -> Vec<Operation> {
    vec![Operation::Transfer {
        amount: Amount(amount.into()),
    }]
}

/// Payments, blocks, presence and a sign-out cross from relay to relay.
pub async fn what_one_stores_the_others_tell() {
    let fleet = Fleet::new(3).await;
    let (mut alice, mut bob, id) = fleet.channel(100).await;
    let mut bobs_line = Line::open_at(&fleet.url(1), &bob, 0).await;
    let mut alices_line = Line::open_at(&fleet.url(2), &alice, 0).await;

    // The opening was written by whoever follows the chain, and is told once by each.
    for line in [&mut bobs_line, &mut alices_line] {
        assert_eq!(line.hear("channel.opened").await["data"]["number"], 1);
    }
    for nonce in 1..=20 {
        let update = alice.pay(id, QTUM);
        let (status, body) = submit(&fleet, nonce % fleet.len(), &alice, id, &update).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let heard = bobs_line.hear("proof.received").await;
        assert_eq!(heard["data"]["update"], json!(update));
        bob.accept(id, &update);
    }
    let ack = bob.ack(id);
    bobs_line
        .ok("ack.submit", json!({ "channelId": id, "ack": ack }))
        .await;
    assert_eq!(
        alices_line.hear("proof.acked").await["data"]["ack"]["nonce"],
        20
    );
    // A block reaches all of them, and so does what it did.
    fleet.world.node.dev_mine(1).await.expect("mines");
    let height = fleet.world.node.get_block_count().await.expect("answers");
    for line in [&mut bobs_line, &mut alices_line] {
        line.wait(|frame| frame["type"] == "block" && frame["data"]["height"] == height)
            .await;
    }
    // Bob leaves one relay and Alice, at another, hears it; he comes back at the third.
    drop(bobs_line);
    let is = |online: bool| {
        let address = bob.address.clone();
        move |frame: &Value| {
            frame["type"] == "presence"
                && frame["data"]["address"] == address
                && frame["data"]["online"] == online
        }
    };
    alices_line.heard.clear();
    alices_line.wait(is(false)).await;
    let _bobs_line = Line::open_at(&fleet.url(0), &bob, 0).await;
    alices_line.wait(is(true)).await;
    let view = alice.at(&fleet.url(2)).view(id).await;
    assert_eq!(view["partnerOnline"], true);
    // Signed out at one, out at all, at once.
    assert_eq!(
        alice.at(&fleet.url(1)).get("/channels").await.0,
        StatusCode::OK
    );
    let (status, body) = alice
        .at(&fleet.url(0))
        .ask(Method::DELETE, "/auth/sessions", None)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    for relay in 0..3 {
        let (status, _) = alice.at(&fleet.url(relay)).get("/channels").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}

/// Two different proofs with one nonce, handed to two processes at once: one wins.
pub async fn one_nonce_has_one_winner() {
    let fleet = Fleet::new(2).await;
    let (mut alice, _, id) = fleet.channel(100).await;
    for round in 0..100 {
        let (left, right) = (alice.sign(id, transfer(1)), alice.sign(id, transfer(2)));
        let (one, two) = tokio::join!(
            submit(&fleet, 0, &alice, id, &left),
            submit(&fleet, 1, &alice, id, &right)
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

/// What was signed at one relay binds at another that has the channel in memory from before.
pub async fn a_proposal_binds_at_every_relay() {
    let fleet = Fleet::new(2).await;
    let (mut alice, _, id) = fleet.channel(100).await;
    for relay in 0..2 {
        let update = alice.pay(id, QTUM);
        assert_eq!(
            submit(&fleet, relay, &alice, id, &update).await.0,
            StatusCode::CREATED
        );
    }
    let close = alice
        .channel(id)
        .cooperative_close(alice.tip.height + 10, &alice.tip)
        .expect("possible");
    let signature = alice.key.sign(&close.digest(alice.channel(id).domain()));
    let proposal = json!({
        "kind": "close", "netToA": close.net_to_a, "sequence": close.sequence,
        "validUntil": close.valid_until, "signature": signature,
    });
    // Signed before the proposal, by the same hand: it contradicts it.
    let update = alice.sign(id, transfer(1));
    let (status, body) = alice
        .at(&fleet.url(0))
        .post(&format!("/channels/{id}/proposals"), &proposal)
        .await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let authorised = Authorisation::CooperativeClose(close);
    assert!(
        alice
            .channel(id)
            .authorise(authorised, &alice.tip)
            .expect("it agrees with the proofs")
            .accept(&update, &alice.tip)
            .is_err(),
        "the rule of the protocol"
    );
    let (here, first) = submit(&fleet, 0, &alice, id, &update).await;
    let (there, second) = submit(&fleet, 1, &alice, id, &update).await;
    assert_ne!(here, StatusCode::CREATED, "{first}");
    assert_eq!((there, &second["code"]), (here, &first["code"]), "{second}");
}

/// How many hints the second relay has heard from the others.
async fn hints_heard(fleet: &Fleet) -> u64 {
    let said = reqwest::get(format!("{}/metrics", fleet.url(1))).await;
    let said = said.expect("an answer").text().await.expect("a text");
    said.lines()
        .find_map(|line| line.strip_prefix("sparky_hints_heard_total "))
        .map_or(0, |count| count.parse().expect("a number"))
}

/// NATS dies, payments go on; it comes back, and nothing is missing and nothing comes twice.
pub async fn without_nats_events_still_come() {
    let mut fleet = Fleet::new(2).await;
    let (mut alice, mut bob, id) = fleet.channel(100).await;
    let mut line = Line::open_at(&fleet.url(1), &bob, 0).await;
    let mut seq = 0;
    for phase in 0..3 {
        let hints = hints_heard(&fleet).await;
        for _ in 0..10 {
            let update = alice.pay(id, QTUM);
            assert_eq!(
                submit(&fleet, 0, &alice, id, &update).await.0,
                StatusCode::CREATED
            );
            let heard = line.wait(|frame| frame["seq"].is_number()).await;
            let heard = if heard["type"] == "channel.opened" {
                seq += 1;
                line.wait(|frame| frame["seq"].is_number()).await
            } else {
                heard
            };
            seq += 1;
            assert_eq!(
                (&heard["seq"], &heard["type"]),
                (&json!(seq), &json!("proof.received"))
            );
            bob.accept(id, &update);
        }
        // Where there is NATS it is what brought them, and not the look every few seconds.
        let heard = hints_heard(&fleet).await - hints;
        if fleet.nats.is_none() || phase == 1 {
            assert_eq!(heard, 0, "phase {phase}");
        } else {
            assert!(5 <= heard, "phase {phase}: {heard} hints were heard");
        }
        let connected = |url: String, wanted: bool| async move {
            let line = format!("sparky_nats_connected {}", u8::from(wanted));
            eventually("the relay knows about NATS", || async {
                let said = reqwest::get(format!("{url}/metrics"))
                    .await
                    .ok()?
                    .text()
                    .await
                    .ok()?;
                said.lines().any(|one| one == line).then_some(())
            })
            .await;
        };
        let Some(nats) = &mut fleet.nats else {
            continue;
        };
        match phase {
            0 => nats.kill(),
            1 => nats.start(),
            _ => continue,
        }
        for relay in 0..2 {
            connected(fleet.url(relay), phase == 1).await;
            let answer = reqwest::get(format!("{}/readyz", fleet.url(relay)))
                .await
                .expect("an answer");
            // It is said, and it is no reason to send clients away.
            assert_eq!(answer.status(), StatusCode::OK);
            let said: Value = answer.json().await.expect("JSON");
            assert_eq!(said["nats"].is_null(), phase == 1, "{said}");
        }
    }
}

/// The tower that acts is stopped in the very moment: another one acts before the next block, and when
/// the first one wakes up it does nothing.
pub async fn one_tower_acts_and_another_takes_over() {
    let fleet = Fleet::new(3).await;
    let world = &fleet.world;
    let (mut alice, mut bob, id) = world.channel(400).await;
    bob.accept(id, &alice.send(id, 200 * QTUM).await);
    let old = alice
        .channel(id)
        .close_call(alice.side(id), alice.tip.height + 100);
    bob.accept(id, &alice.send(id, 100 * QTUM).await);

    let holder = fleet.holder("tower").await;
    fleet.pause(holder);
    let other = (holder + 1) % 3;
    let node = &world.node;
    let transaction = alice.at(&fleet.url(other)).transaction(&old).await;
    node.send_raw_transaction(&transaction)
        .await
        .expect("sends");
    let mut line = Line::open_at(&fleet.url(other), &bob, 0).await;
    let closing = line.hear("channel.closing").await["data"]["height"].clone();
    let acting = line.hear("watch.acting").await;
    assert_eq!(acting["data"]["call"], "raiseFloor");
    assert_eq!(
        acting["data"]["height"], closing,
        "no block came between the close and the answer"
    );
    let heir = fleet.holder("tower").await;
    assert_ne!(heir, holder);
    line.hear("watch.acted").await;

    fleet.resume(holder);
    fleet.ready(holder).await;
    node.dev_mine(3).await.expect("mines");
    let height = node.get_block_count().await.expect("answers");
    eventually("the towers have looked", || async {
        for relay in 0..3 {
            let view = bob.at(&fleet.url(relay)).view(id).await;
            (view["watch"]["lastCheckedHeight"] == height).then_some(())?;
        }
        Some(())
    })
    .await;
    // One answer in all, on the chain and in what the participants heard.
    let (status, timeline) = bob
        .at(&fleet.url(other))
        .get(&format!("/channels/{id}/timeline"))
        .await;
    assert_eq!(status, StatusCode::OK);
    let raised = timeline["items"].as_array().expect("items").iter();
    let raised = raised.filter(|item| item["type"] == "floor-raised").count();
    assert_eq!(raised, 1, "{timeline}");
    let (_, events) = bob.at(&fleet.url(other)).get("/events").await;
    let events = events["items"].as_array().expect("items");
    for (kind, times) in [
        ("channel.opened", 1),
        ("channel.closing", 1),
        ("channel.floor-raised", 1),
        ("watch.acting", 1),
        ("watch.acted", 1),
    ] {
        let told = events.iter().filter(|event| event["type"] == kind).count();
        assert_eq!(told, times, "{kind}: {events:?}");
    }
}
