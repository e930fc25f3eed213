//! What the relay keeps of a channel: little, whatever is paid; all that somebody may still ask for;
//! and what an older program wrote.

use reqwest::StatusCode;
use serde_json::{Value, json};
use sparky_protocol::{ChannelId, Street, UnsignedAck, Update};
use sqlx::{Connection as _, Row as _, any::AnyRow};

use crate::{
    line::Line,
    participant::Participant,
    world::{QTUM, World},
};

/// A direction without an ack is one proof, with its channel and its sender's key: bytes.
const STREET: usize = 300;

/// An event that carries a payment of one transfer: bytes.
const EVENT: i64 = 1_000;

/// The row of A's direction.
async fn direction(world: &World, id: ChannelId) -> AnyRow {
    let mut connection = world.database.connect().await;
    sqlx::query("select revision, body, street from direction where channel_id = $1 and sender = 0")
        .bind(id.0.0.to_vec())
        .fetch_one(&mut connection)
        .await
        .expect("a row")
}

/// So many payments, one after the other.
async fn pay(who: &mut Participant, id: ChannelId, count: usize) -> Vec<Update> {
    let mut sent = Vec::with_capacity(count);
    for _ in 0..count {
        sent.push(who.send(id, 1).await);
    }
    sent
}

/// The recipient's ack of one of several proofs.
fn ack_of(bob: &Participant, id: ChannelId, update: &Update) -> Value {
    let unsigned = UnsignedAck {
        channel_id: id,
        sender: sparky_protocol::Side::A,
        nonce: update.proof.proof.nonce,
        proof_hash: update.proof.proof.struct_hash(),
    };
    let digest = unsigned.digest(bob.channel(id).domain());
    json!(unsigned.signed(bob.key.sign(&digest)))
}

/// Not a duration but what is written: a regression shows on any machine.
#[tokio::test]
async fn a_payment_writes_few_bytes_however_many_came_before() {
    let world = World::new().await;
    let (mut alice, _bob, id) = world.channel(100).await;
    for _ in 0..40 {
        alice.send(id, 1).await;
    }
    let row = direction(&world, id).await;
    let (body, street): (String, Vec<u8>) = (row.get("body"), row.get("street"));
    assert_eq!(body, "");
    assert!(street.len() <= STREET, "{} bytes", street.len());
    let mut connection = world.database.connect().await;
    let longest: i64 = sqlx::query_scalar(
        "select cast(max(length(body)) as bigint) from account_event where nonce is not null",
    )
    .fetch_one(&mut connection)
    .await
    .expect("events");
    assert!(longest <= EVENT, "{longest} bytes");
}

#[tokio::test]
async fn an_ack_of_a_proof_that_many_have_followed_counts() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let sent = pay(&mut alice, id, 40).await;
    let ack = ack_of(&bob, id, &sent[9]);
    let (status, answer) = bob.post(&format!("/channels/{id}/acks"), &ack).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let view = bob.view(id).await;
    let street: Street =
        serde_json::from_value(view["channel"]["streets"][0].clone()).expect("a street");
    assert_eq!((street.acked_nonce(), street.nonce()), (10, 40));
    // Older ones are revoked; later ones can still be acked, and a second time changes nothing.
    let (status, answer) = bob.post(&format!("/channels/{id}/acks"), &ack).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let older = ack_of(&bob, id, &sent[4]);
    let (status, answer) = bob.post(&format!("/channels/{id}/acks"), &older).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let later = ack_of(&bob, id, &sent[29]);
    let (status, answer) = bob.post(&format!("/channels/{id}/acks"), &later).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    // One that was never sent is refused as before.
    let mut forged = ack_of(&bob, id, &sent[35]);
    forged["proofHash"] = json!(sparky_protocol::Hash([7; 32]));
    let (status, answer) = bob.post(&format!("/channels/{id}/acks"), &forged).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
}

#[tokio::test]
async fn a_repeated_proof_that_many_have_followed_is_known() {
    let world = World::new().await;
    let (mut alice, _bob, id) = world.channel(100).await;
    let sent = pay(&mut alice, id, 3).await;
    for update in &sent {
        let (status, answer) = alice.submit(id, update).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

/// The nonces of the proofs that still lie in a mailbox.
async fn mailbox(world: &World, of: &Participant) -> Vec<i64> {
    let mut connection = world.database.connect().await;
    sqlx::query_scalar(
        "select nonce from account_event where account = $1 and nonce is not null order by nonce",
    )
    .bind(of.account.0.to_vec())
    .fetch_all(&mut connection)
    .await
    .expect("nonces")
}

/// Says that all events so far are kept, and waits until the relay has written that.
async fn keep(world: &World, who: &Participant) {
    let mut connection = world.database.connect().await;
    let mut newest = async |column: &str| -> i64 {
        let sql = format!("select {column} from account_sequence where account = $1");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(who.account.0.to_vec())
            .fetch_one(&mut connection)
            .await
            .expect("a number")
    };
    let last = newest("seq").await;
    let mut line = Line::open(world, who, 0).await;
    line.ok("ack", json!({ "seq": last })).await;
    // What is kept is written when a connection ends, at the latest.
    drop(line);
    while newest("acked").await < last {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// A proof may go once it was heard and a later one was acknowledged, whichever was said first: each
/// order is written by another statement.
#[tokio::test]
async fn a_mailbox_gets_lighter_whichever_is_said_first() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let sent = pay(&mut alice, id, 6).await;
    let acks = format!("/channels/{id}/acks");
    // A receipt alone: nobody has said yet that the older ones were heard.
    let (status, answer) = bob.post(&acks, &ack_of(&bob, id, &sent[2])).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(mailbox(&world, &bob).await, [1, 2, 3, 4, 5, 6]);
    keep(&world, &bob).await;
    assert_eq!(mailbox(&world, &bob).await, [3, 4, 5, 6]);
    // Heard before, and a receipt now.
    let (status, answer) = bob.post(&acks, &ack_of(&bob, id, &sent[4])).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(mailbox(&world, &bob).await, [5, 6]);
    // Neither touches what came after.
    alice.send(id, 1).await;
    keep(&world, &bob).await;
    assert_eq!(mailbox(&world, &bob).await, [5, 6, 7]);
}

/// A database of 0.1.0 holds its directions as text.
#[tokio::test]
async fn what_an_older_program_wrote_is_read_and_replaced_by_the_next_payment() {
    let mut world = World::new().await;
    let (mut alice, _bob, id) = world.channel(100).await;
    alice.send(id, 5 * QTUM).await;
    world.stop().await;
    let street: Vec<u8> = direction(&world, id).await.get("street");
    let street = Street::from_bytes(&street).expect("its own form");
    let text = serde_json::to_string(&street).expect("text");
    let mut connection = world.database.connect().await;
    sqlx::query("update direction set street = null, body = $1 where sender = 0")
        .bind(text)
        .execute(&mut connection)
        .await
        .expect("writes");
    connection.close().await.expect("closes");

    world.start().await;
    alice.refresh(id).await;
    assert_eq!(alice.channel(id).street(sparky_protocol::Side::A), &street);
    alice.send(id, QTUM).await;
    let row = direction(&world, id).await;
    let (body, street): (String, Vec<u8>) = (row.get("body"), row.get("street"));
    assert_eq!(body, "");
    assert_eq!(
        Street::from_bytes(&street).expect("its own form").nonce(),
        2
    );
}
