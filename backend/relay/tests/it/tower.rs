//! The tower's transactions: confirmed coins, replacement, budgets, never two for one need.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sparky_protocol::{
    Amount, Lock, Operation, Preimage, Side,
    watch::{Caller, watch},
};
use sparky_qtum::{
    Txid,
    rpc::Client,
    script::Contract,
    tx::{OutPoint, Transaction},
    wallet::Utxo,
};

use crate::{
    closing::story_of_400,
    line::Line,
    participant::Participant,
    world::{QTUM, World, eventually},
};

pub(crate) async fn mempool(world: &World) -> Vec<Transaction> {
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

pub(crate) fn coins(transactions: &[Transaction]) -> BTreeSet<OutPoint> {
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

/// A wallet for the tower alone, with this coin.
pub(crate) async fn rich_tower(world: &mut World, satoshi: u64) -> Client {
    world.node.create_wallet("tower").await.expect("is made");
    let tower = world.node.for_wallet("tower");
    give(world, &tower, satoshi).await;
    world.stop().await;
    world.tower_wallet = Some("tower".to_owned());
    world.start().await;
    tower
}

pub(crate) async fn give(world: &World, to: &Client, satoshi: u64) {
    let address = to.get_new_address().await.expect("an address");
    let paid = world.node.dev_faucet(&address, satoshi).await;
    paid.expect("pays");
}

/// The tower spends what is confirmed, so that nothing unconfirmed can hold its answer back: not even
/// the coin that would be the best choice, the smallest that is enough.
#[tokio::test]
async fn the_tower_spends_confirmed_coins_only() {
    let mut world = World::new().await;
    let tower = rich_tower(&mut world, 500 * QTUM).await;
    let (alice, _, _, old) = story_of_400(&world).await;
    let confirmed = tower.list_confirmed_unspent().await.expect("coins");
    let confirmed: BTreeSet<OutPoint> = confirmed.iter().map(Utxo::outpoint).collect();
    assert_eq!(confirmed.len(), 1);
    world.node.dev_automine(false).await.expect("switches");
    // The next blocks take no payments.
    let switch = ["100", "\"plain\""]
        .map(|text| serde_json::value::RawValue::from_string(text.to_owned()).expect("JSON"));
    let withheld = world.node.call::<Value>("dev_withhold", &switch).await;
    withheld.expect("withholds");
    give(&world, &tower, 20 * QTUM).await;
    alice.broadcast(&old, "close").await;
    world.mine(1).await;
    let mut line = Line::open(&world, &alice, 0).await;
    let acting = line.hear("watch.acting").await;
    let txid: Txid = acting["data"]["txid"]
        .as_str()
        .expect("a txid")
        .parse()
        .expect("one");
    let sent = world.node.get_raw_transaction(&txid).await;
    let sent = sent.expect("answers").expect("waits").decode();
    assert_eq!(coins(&[sent.expect("a transaction")]), confirmed);
    world.mine(1).await;
    line.hear("watch.acted").await;
}

/// Whoever owns both sides has another agreed list to be posted in every block of the window. What that
/// costs the tower in all is a tenth of what is in the channel, or the budget; not a tenth a call.
#[tokio::test]
async fn many_needs_of_one_channel_cost_no_more_than_one() {
    const DEPOSIT: u64 = 4;
    let mut world = World::new().await;
    world.tower_limits.budget_channel = QTUM / 10;
    let tower = rich_tower(&mut world, 500 * QTUM).await;
    let (mut alice, mut bob, id) = world.channel(DEPOSIT).await;
    let mut acks = Vec::new();
    for round in 0..18_u8 {
        let lock = Lock {
            id: alice.channel(id).next_lock_id(Side::A),
            // The first is worth a call, the others are there to need one.
            amount: Amount(if round == 0 { 3 * u128::from(QTUM) } else { 1 }),
            expiry: alice.tip.height + 20,
            payment_hash: Preimage([round; 32]).payment_hash(),
        };
        let onion = Vec::new();
        let update = alice.sign(id, vec![Operation::LockAdd { lock, onion }]);
        alice.accept(id, &update);
        let (status, body) = alice.submit(id, &update).await;
        assert_eq!(status.as_u16(), 201, "{body}");
        bob.accept(id, &update);
        acks.push(bob.ack(id));
    }
    let before = tower.get_confirmed_balance(1).await.expect("a balance");
    world.node.dev_automine(false).await.expect("switches");
    let close = alice
        .channel(id)
        .close_call(Side::A, alice.tip.height + 100);
    alice.broadcast(&close, "close").await;
    world.mine(1).await;
    for ack in acks {
        let (status, body) = bob.post(&format!("/channels/{id}/acks"), &json!(ack)).await;
        assert_eq!(status.as_u16(), 201, "{body}");
        world.mine(1).await;
        checked(&world, &bob, id).await;
    }
    // Gas that was not used comes back in what a block creates, and that must mature.
    let (status, _) = bob.post("/dev/tower", &json!({ "enabled": false })).await;
    assert!(status.is_success());
    let maturity = sparky_qtum::COINBASE_MATURITY + 1;
    world.node.dev_mine(maturity).await.expect("mines");
    let after = tower.get_confirmed_balance(1).await.expect("a balance");
    let spent = before - after;
    assert!(0 < spent, "the first list was posted");
    let most = (QTUM / 10).max(DEPOSIT * QTUM / 10);
    assert!(spent <= most, "{spent} spent, {most} at most");
}

/// Waits until the tower has looked at the newest block.
async fn checked(world: &World, who: &Participant, id: sparky_protocol::ChannelId) {
    let height = world.node.get_block_count().await.expect("answers");
    eventually("the tower has looked", || async {
        let seen = who.view(id).await["watch"]["lastCheckedHeight"].as_u64()?;
        (u64::from(height) <= seen).then_some(())
    })
    .await;
}

/// A stranger's call waits, and three blocks are left: the tower does not rely on it.
#[tokio::test]
async fn near_the_end_nobody_elses_call_is_waited_for() {
    let world = World::without_tower().await;
    let (_, mut bob, id) = old_close(&world).await;
    bob.refresh(id).await;
    let closed = bob.channel(id).facts().closed.expect("closing");
    let height = bob.tip.height;
    let need = watch(bob.channel(id), Side::B, Caller::Tower, height).expect("a need");
    let foreign = bob.broadcast(&need.call, "counter-claim").await;
    world.node.dev_withhold(100).await.expect("withholds");
    world.mine(closed.deadline - 3 - bob.tip.height).await;
    let (status, _) = bob.post("/dev/tower", &json!({ "enabled": true })).await;
    assert!(status.is_success());
    checked(&world, &bob, id).await;
    let mut line = Line::open(&world, &bob, 0).await;
    let acting = line.hear("watch.acting").await;
    assert_ne!(acting["data"]["txid"], foreign);
    assert_eq!(acting["data"]["height"], closed.deadline - 3);
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
