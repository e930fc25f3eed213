//! The tower's transactions: confirmed coins, replacement, budgets, never two for one need.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sparky_protocol::{
    Side,
    watch::{Caller, watch},
};
use sparky_qtum::{
    Txid,
    script::Contract,
    tx::{OutPoint, Transaction},
};

use crate::{
    closing::story_of_400,
    line::Line,
    participant::Participant,
    world::{QTUM, World, eventually},
};

async fn mempool(world: &World) -> Vec<Transaction> {
    let txids: Vec<Txid> = world
        .node
        .call("getrawmempool", &[])
        .await
        .expect("answers");
    let mut transactions = Vec::new();
    for txid in txids {
        let raw = world
            .node
            .get_raw_transaction(&txid)
            .await
            .expect("answers");
        // One that was replaced meanwhile is gone.
        if let Some(raw) = raw {
            transactions.push(raw.decode().expect("a transaction"));
        }
    }
    transactions
}

fn coins(transactions: &[Transaction]) -> BTreeSet<OutPoint> {
    let inputs = transactions
        .iter()
        .flat_map(|transaction| &transaction.inputs);
    inputs.map(|input| input.previous).collect()
}

fn gas_price(transaction: &Transaction) -> u64 {
    let outputs = transaction.outputs.iter();
    let mut calls = outputs.filter_map(|output| Contract::parse(&output.script.0));
    calls.next().expect("a call").gas.price
}

/// Waits until exactly so many calls wait, each dearer than that.
async fn waiting_above(world: &World, price: u64, count: usize) -> Vec<Transaction> {
    eventually("dearer calls wait", || async {
        let waiting = mempool(world).await;
        let all = waiting.iter().all(|waiting| price < gas_price(waiting));
        (all && waiting.len() == count).then_some(waiting)
    })
    .await
}

/// Alice publishes an old state in a block, and nothing is mined by itself from now on.
async fn old_close(world: &World) -> (Participant, Participant, sparky_protocol::ChannelId) {
    let (alice, bob, id, old) = story_of_400(world).await;
    world.node.dev_automine(false).await.expect("switches");
    alice.broadcast(&old, "close").await;
    world.mine(1).await;
    (alice, bob, id)
}

/// Calls kept out of blocks, restarts in between. The old close hides what Alice paid, and what Bob paid
/// too, so that each of them is guarded: two needs, two transactions at any time, and two that are mined.
#[tokio::test]
async fn a_late_answer_is_replaced_and_never_paid_twice() {
    let mut world = World::new().await;
    let (_, bob, _) = old_close(&world).await;
    let first = waiting_above(&world, 0, 2).await;
    world.node.dev_withhold(100).await.expect("withholds");
    let mut price = gas_price(&first[0]);
    for round in 0..3 {
        world.mine(3).await;
        if round == 1 {
            world.stop().await;
            world.start().await;
        }
        let waiting = waiting_above(&world, price, 2).await;
        // Whatever is mined in the end, it takes the coin that all of them need.
        let shared = coins(&waiting);
        assert!(
            coins(&first).is_subset(&shared),
            "{shared:?} must spend {first:?}"
        );
        price = waiting.iter().map(gas_price).min().expect("two");
    }
    world.node.dev_withhold(0).await.expect("lets through");
    world.mine(1).await;
    let mut line = Line::open(&world, &bob, 0).await;
    let acted = line.hear("watch.acted").await;
    world.mine(3).await;
    assert_eq!(mempool(&world).await, []);
    let mut mined = BTreeSet::new();
    let told = line
        .heard
        .iter()
        .filter(|frame| frame["type"] == "watch.acting");
    for frame in told {
        let txid: Txid = frame["data"]["txid"]
            .as_str()
            .expect("a txid")
            .parse()
            .expect("one");
        let found = world
            .node
            .get_raw_transaction(&txid)
            .await
            .expect("answers");
        if found.is_some_and(|found| found.block_hash.is_some()) {
            mined.insert(txid.to_string());
        }
    }
    let expected = acted["data"]["txid"].as_str().expect("a txid").to_owned();
    assert_eq!(mined, BTreeSet::from([expected]));
}

/// The tower spends what is confirmed, so that nothing unconfirmed can hold its answer back.
#[tokio::test]
async fn the_tower_spends_confirmed_coins_only() {
    let mut world = World::new().await;
    world.node.create_wallet("tower").await.expect("is made");
    let tower = world.node.for_wallet("tower");
    let mut addresses = Vec::new();
    for _ in 0..2 {
        addresses.push(tower.get_new_address().await.expect("an address"));
    }
    world
        .node
        .dev_faucet(&addresses[0], 20 * QTUM)
        .await
        .expect("pays");
    world.stop().await;
    world.tower_wallet = Some("tower".to_owned());
    world.start().await;
    let (alice, _, _, old) = story_of_400(&world).await;
    world.node.dev_automine(false).await.expect("switches");
    // The richer coin is not confirmed, and the next blocks take no payments.
    world
        .node
        .call::<Value>(
            "dev_withhold",
            &["100", "\"plain\""].map(|text| {
                serde_json::value::RawValue::from_string(text.to_owned()).expect("JSON")
            }),
        )
        .await
        .expect("withholds");
    world
        .node
        .dev_faucet(&addresses[1], 500 * QTUM)
        .await
        .expect("pays");
    alice.broadcast(&old, "close").await;
    world.mine(1).await;
    let mut line = Line::open(&world, &alice, 0).await;
    line.hear("watch.acting").await;
    world.mine(1).await;
    line.hear("watch.acted").await;
}

/// Somebody else's call that would help, but never comes into a block, does not hold the tower back.
#[tokio::test]
async fn a_call_of_somebody_else_is_waited_for_and_not_for_ever() {
    let world = World::without_tower().await;
    let (_, mut bob, id) = old_close(&world).await;
    bob.refresh(id).await;
    let channel = bob.channel(id);
    let action = watch(channel, Side::B, Caller::Tower, bob.tip.height).expect("a need");
    let foreign = bob.broadcast(&action.call, "counter-claim").await;
    world.node.dev_withhold(100).await.expect("withholds");
    let (status, _) = bob.post("/dev/tower", &json!({ "enabled": true })).await;
    assert!(status.is_success());
    eventually("the tower has looked", || async {
        let seen = bob.view(id).await["watch"]["lastCheckedHeight"].as_u64()?;
        (u64::from(bob.tip.height) <= seen).then_some(())
    })
    .await;
    assert!(bob.view(id).await["watch"]["lastAction"].is_null());
    world.mine(3).await;
    let mut line = Line::open(&world, &bob, 0).await;
    let acting = line.hear("watch.acting").await;
    assert_ne!(acting["data"]["txid"], foreign);
}

/// What saves little is not worth everything; what saves much is done whatever was spent.
#[tokio::test]
async fn a_budget_holds_where_little_is_saved_and_nowhere_else() {
    let mut world = World::new().await;
    world.stop().await;
    world.tower_limits.budget_day = 0;
    world.start().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    bob.accept(id, &alice.send(id, 1_000).await);
    alice.refresh(id).await;
    let old = alice
        .channel(id)
        .close_call(Side::A, alice.tip.height + 100);
    bob.accept(id, &alice.send(id, 1_000).await);
    alice.call(&world, &old, "close").await;
    let mut line = Line::open(&world, &bob, 0).await;
    let failed = line.hear("watch.failed").await;
    assert!(
        failed["data"]["reason"]
            .as_str()
            .expect("a reason")
            .contains("SPARKY_TOWER_BUDGET_DAY"),
        "{failed}"
    );
    assert!(bob.view(id).await["watch"]["lastAction"].is_null());
    // The next channel is worth an answer.
    let id = alice.open(&world, &bob, 400 * QTUM).await;
    alice.refresh(id).await;
    bob.refresh(id).await;
    bob.accept(id, &alice.send(id, QTUM).await);
    alice.refresh(id).await;
    let old = alice
        .channel(id)
        .close_call(Side::A, alice.tip.height + 100);
    bob.accept(id, &alice.send(id, 300 * QTUM).await);
    alice.call(&world, &old, "close").await;
    line.hear("watch.acted").await;
}
