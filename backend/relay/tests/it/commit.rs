//! What is written when the database refuses: one proof of many, or what follows a block.

use std::time::Duration;

use reqwest::StatusCode;
use sparky_protocol::{Amount, Operation};
use sqlx::AnyConnection;

use crate::{
    participant::Participant,
    world::{QTUM, World},
};

async fn execute(database: &mut AnyConnection, sql: &'static str) {
    let done = sqlx::raw_sql(sql).execute(database).await;
    done.expect("executes");
}

/// One proof that the database refuses for what it is, in a batch with another: it fails, the other
/// does not.
#[tokio::test]
async fn a_proof_that_can_not_be_written_fails_alone() {
    let world = World::in_file().await;
    let (mut alice, mut bob, first) = world.channel(100).await;
    let carol = world.participant(3).await;
    let dave = world.participant(4).await;
    let second = alice.open(&world, &carol, 100 * QTUM).await;
    let third = alice.open(&world, &dave, 100 * QTUM).await;
    for (id, payments) in [(first, 2), (second, 1), (third, 3)] {
        alice.refresh(id).await;
        for _ in 0..payments {
            let update = alice.send(id, QTUM).await;
            if id == first {
                bob.accept(id, &update);
            }
        }
    }
    // Of two directions with this nonce the second one breaks a rule of the schema.
    let mut database = world.database.connect().await;
    let rule = "create unique index refuse on direction (nonce) where nonce = 2";
    execute(&mut database, rule).await;

    // While the database is taken, everything that comes waits and becomes one batch.
    execute(&mut database, "begin immediate").await;
    let (plug, bad, good) = (
        bob.pay(first, QTUM),
        alice.pay(second, QTUM),
        alice.pay(third, QTUM),
    );
    let later = |who: &Participant, millis, id, update| {
        let who = who.at(&world.url());
        async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            who.submit(id, &update).await
        }
    };
    let (plug, bad, good, ()) = tokio::join!(
        later(&bob, 0, first, plug),
        later(&alice, 500, second, bad),
        later(&alice, 500, third, good),
        async {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            execute(&mut database, "commit").await;
        }
    );
    assert_eq!(plug.0, StatusCode::CREATED, "{}", plug.1);
    assert!(bad.0.is_server_error(), "{}: {}", bad.0, bad.1);
    assert_eq!(good.0, StatusCode::CREATED, "{}", good.1);

    // The channel itself is as before, and goes on once the cause is gone.
    execute(&mut database, "drop index refuse").await;
    alice.refresh(second).await;
    alice.send(second, QTUM).await;
}

/// A server hangs up on everybody, on whom it has just served too: the next payment is written all the same.
/// (A file hangs up on nobody.)
#[tokio::test]
async fn a_server_that_hangs_up_costs_no_payment() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    for _ in 0..3 {
        let update = alice.send(id, QTUM).await;
        bob.accept(id, &update);
        if world.database.url().starts_with("postgres") {
            let mut database = world.database.connect().await;
            let hang_up = "
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()";
            execute(&mut database, hang_up).await;
        }
    }
    let update = alice.send(id, QTUM).await;
    bob.accept(id, &update);
}

/// A block is written, and the database fails before it is in memory: it gets there all the same.
#[tokio::test]
async fn a_block_that_was_written_and_not_taken_up_is_taken_up_later() {
    let world = World::in_file().await;
    let (alice, _, id) = world.channel(100).await;
    let late = alice.sign(
        id,
        vec![Operation::Transfer {
            amount: Amount(QTUM.into()),
        }],
    );
    let mut database = world.database.connect().await;
    // What a block writes is elsewhere; what is read after it is here.
    execute(&mut database, "alter table direction rename to away").await;
    let close = alice
        .channel(id)
        .close_call(alice.side(id), alice.tip.height + 100);
    world.node.dev_automine(false).await.expect("switches");
    alice.broadcast(&close, "close").await;
    world.node.dev_mine(1).await.expect("mines");
    world
        .readiness("the failure is seen", |status, _| status == 503)
        .await;
    execute(&mut database, "alter table away rename to direction").await;
    world.followed().await;
    let (status, body) = alice.submit(id, &late).await;
    assert_eq!(body["code"], "channel-closing", "{status}: {body}");
}
