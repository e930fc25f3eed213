//! The tower's answer to an old close comes in time and is paid for once, whatever happens to the tower,
//! to blocks and to fees.

use sparky_protocol::{ChannelId, Side};
use sparky_qtum::tx::Transaction;

use crate::{
    dispute::{WINDOW, answered, height, hidden_50, nobody_paid_twice, qtum, settle},
    line::Line,
    participant::Participant,
    tower::{coins, give, mempool, rich_tower},
    world::{QTUM, World, eventually},
};

/// Alice has closed with an old state, and the tower's answer waits for a block: Bob, the channel, and the
/// height before.
async fn an_answer_waits(world: &World) -> (Participant, ChannelId, u32) {
    let (alice, bob, id, old) = hidden_50(world).await;
    world.node.dev_automine(false).await.expect("switches");
    let before = height(world).await;
    alice.broadcast(&old, "close").await;
    world.mine(1).await;
    Line::open(world, &bob, 0).await.hear("watch.acting").await;
    (bob, id, before)
}

/// T-W13: the tower stops right after it has sent, and again after it was mined.
#[tokio::test]
async fn t_w13_a_tower_that_restarts_inside_the_window_goes_on() {
    let mut world = World::new().await;
    let (mut bob, id, before) = an_answer_waits(&world).await;
    for _ in 0..3 {
        world.stop().await;
        world.start().await;
        world.mine(1).await;
    }
    answered(&mut bob, id).await;
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(250), qtum(150), qtum(50))
    );
    nobody_paid_twice(&world, before).await;
}

/// T-W15: the tower was away, and comes back when one block is left.
#[tokio::test]
async fn t_w15_a_tower_that_was_away_answers_in_the_last_block() {
    let mut world = World::new().await;
    let (alice, mut bob, id, old) = hidden_50(&world).await;
    world.node.dev_automine(false).await.expect("switches");
    let transaction = alice.transaction(&old).await;
    world.stop().await;
    world
        .node
        .send_raw_transaction(&transaction)
        .await
        .expect("takes it");
    world.node.dev_mine(1).await.expect("mines");
    let closed = height(&world).await;
    let deadline = closed + WINDOW;
    world
        .node
        .dev_mine(deadline - closed - 1)
        .await
        .expect("mines");
    world.start().await;
    world.followed().await;
    Line::open(&world, &bob, 0).await.hear("watch.acting").await;
    world.mine(1).await;
    assert_eq!(height(&world).await, deadline);
    answered(&mut bob, id).await;
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(250), qtum(150), qtum(50))
    );
}

/// Contract calls are kept out of blocks, as long as the window allows.
#[tokio::test]
async fn calls_kept_out_of_blocks_until_the_last_one_are_still_in_time() {
    let world = World::new().await;
    let (mut bob, id, before) = an_answer_waits(&world).await;
    world
        .node
        .dev_withhold(WINDOW - 1)
        .await
        .expect("withholds");
    world.mine(WINDOW - 1).await;
    bob.refresh(id).await;
    assert_eq!(bob.channel(id).facts().posted[Side::A].owed(), qtum(50));
    world.mine(1).await;
    answered(&mut bob, id).await;
    let posted = bob.channel(id).facts().closed.expect("closing").deadline;
    assert_eq!(posted, height(&world).await);
    nobody_paid_twice(&world, before).await;
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(250), qtum(150), qtum(50))
    );
}

/// What is asked for rises: satoshi for one gas, and ten thousand times as many for a thousand bytes.
async fn fees_rise(world: &World, price: u64) {
    let fees = [price, price * 10_000]
        .map(|fee| serde_json::value::RawValue::from_string(fee.to_string()).expect("JSON"));
    let risen = world.node.call::<serde_json::Value>("dev_fees", &fees);
    risen.await.expect("rises");
}

async fn fees_fall(world: &World) {
    let fallen = world.node.call::<serde_json::Value>("dev_fees", &[]);
    fallen.await.expect("falls");
}

/// Fees rise after the tower has sent its answer: it waits for ever in the mempool, and a raise by half
/// would not be enough. The tower offers what is asked for now, and is in time.
#[tokio::test]
async fn fees_that_rise_under_a_waiting_answer_do_not_stop_it() {
    let world = World::new().await;
    let (mut bob, id, before) = an_answer_waits(&world).await;
    fees_rise(&world, 200).await;
    let closed = before + 1;
    while height(&world).await < closed + WINDOW {
        world.mine(1).await;
        bob.refresh(id).await;
        let seen = height(&world).await;
        eventually("the tower has looked", || async {
            let view = bob.view(id).await;
            (view["watch"]["lastCheckedHeight"] == seen).then_some(())
        })
        .await;
    }
    answered(&mut bob, id).await;
    nobody_paid_twice(&world, before).await;
    fees_fall(&world).await;
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(250), qtum(150), qtum(50))
    );
}

/// The node forgets the answer and, because fees have risen, does not take it again. Answers with what waits
/// a block later.
async fn forgotten_and_refused(world: &mut World, price: u64) -> Vec<Transaction> {
    world.stop().await;
    world.restart_node(|_| {}).await;
    world.node.dev_automine(false).await.expect("switches");
    assert_eq!(mempool(world).await, []);
    fees_rise(world, price).await;
    world.start().await;
    world.mine(1).await;
    eventually("another answer waits", || async {
        let waiting = mempool(world).await;
        (!waiting.is_empty()).then_some(waiting)
    })
    .await
}

/// Other nodes may have what this one has forgotten. What the tower sends instead spends its coins: one of
/// them is mined at most. When that goes wrong as well, other coins are better than no answer.
#[tokio::test]
async fn an_answer_that_was_forgotten_and_is_refused_is_not_paid_for_beside_the_next() {
    let mut world = World::new().await;
    // Two coins, and the smaller one would be the better choice.
    let tower = rich_tower(&mut world, 500 * QTUM).await;
    let (mut bob, id, before) = an_answer_waits(&world).await;
    let first = mempool(&world).await;
    let [answer] = &first[..] else {
        panic!("one answer waits: {first:?}");
    };
    world.node.dev_withhold(1).await.expect("withholds");
    give(&world, &tower, 100 * QTUM).await;
    world.mine(1).await;

    let second = forgotten_and_refused(&mut world, 100).await;
    assert!(
        coins(&first).is_subset(&coins(&second)),
        "{second:?} must spend what {first:?} does"
    );
    // A node that has the first one gives it back once fees have fallen: too late.
    fees_fall(&world).await;
    let again = world.node.send_raw_transaction(&answer.to_hex()).await;
    assert!(again.is_err(), "{again:?}");

    let third = forgotten_and_refused(&mut world, 200).await;
    assert!(
        coins(&first).is_disjoint(&coins(&third)),
        "{third:?} must spend something else than {first:?}"
    );
    fees_fall(&world).await;
    world.mine(1).await;
    answered(&mut bob, id).await;
    nobody_paid_twice(&world, before).await;
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(250), qtum(150), qtum(50))
    );
}
