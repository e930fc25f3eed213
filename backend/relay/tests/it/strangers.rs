//! What others do with a channel reaches no stranger, and no stranger touches it.

use serde_json::{Value, json};

use crate::{line::Line, world::World};

/// A cursor is a place in one's own events, wherever it points; an acknowledgement removes one's own.
#[tokio::test]
async fn nobody_reads_or_removes_anothers_events() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let mallory = world.participant(66).await;
    alice.send(id, 10).await;
    let bobs = bob.get("/events?after=0").await.1;
    assert!(!bobs["items"].as_array().expect("items").is_empty());
    for after in [
        "-1",
        "0",
        "1",
        "9223372036854775807",
        "-9223372036854775808",
    ] {
        let (status, events) = mallory.get(&format!("/events?after={after}")).await;
        assert_eq!(
            (status.as_u16(), &events["items"]),
            (200, &json!([])),
            "{after}"
        );
    }
    for after in [i64::MIN, -1, 0, 1, i64::MAX] {
        let mut line = Line::open(&world, &mallory, after).await;
        line.ok("ack", json!({ "seq": i64::MAX })).await;
        line.ok("ping", json!({})).await;
        assert!(
            line.heard.iter().all(|frame| frame.get("seq").is_none()),
            "{:?}",
            line.heard
        );
    }
    // One connection belongs to one account.
    let mut line = Line::open(&world, &mallory, 0).await;
    let switched = line.ask("auth", json!({ "token": bob.token })).await;
    assert_eq!(switched["data"]["code"], "login-refused");
    assert_eq!(bob.get("/events?after=0").await.1["items"], bobs["items"]);
}

/// The same over the WebSocket, and nothing of a channel reaches a stranger.
#[tokio::test]
async fn a_stranger_hears_and_does_nothing() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let mallory = world.participant(66).await;
    let mut line = Line::open(&world, &mallory, 0).await;
    let update = alice.pay(id, 10);
    let answer = line
        .ask("proof.submit", json!({ "channelId": id, "update": update }))
        .await;
    assert_eq!(answer["data"]["code"], "not-participant", "{answer}");
    alice.submit(id, &update).await;
    let mut bobs = Line::open(&world, &bob, 0).await;
    bobs.hear("proof.received").await;
    // A block later everything of before has been told.
    world.mine(1).await;
    line.hear("block").await;
    let foreign: Vec<&Value> = line
        .heard
        .iter()
        .filter(|frame| frame.get("seq").is_some())
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert_eq!(mallory.get("/events").await.1["items"], json!([]));
    assert_eq!(mallory.get("/channels").await.1["items"], json!([]));
}
