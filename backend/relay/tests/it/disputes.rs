//! Disputes on the chain, with a real tower: whatever happens to tower, blocks and calls, nobody
//! honest loses, and one need is paid for once. The table of these tests is in docs/TESTING.md; the
//! ordinary closes are in `closing`.

use std::collections::BTreeMap;

use serde_json::json;
use sparky_protocol::{
    Amount, ChannelId, ContractCall, Lock, Operation, Phase, Preimage, RemoveReason, Side, Update,
};
use sparky_qtum::script::{Contract, Target};
use sparky_relay::{Relay, SecretUrl};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    database::Database,
    line::Line,
    participant::Participant,
    world::{QTUM, World, eventually},
};

/// The window of the channels here, in blocks.
const WINDOW: u32 = 20;

const fn qtum(amount: u128) -> Amount {
    Amount(amount * QTUM as u128)
}

fn close(who: &Participant, id: ChannelId) -> ContractCall {
    who.channel(id)
        .close_call(who.side(id), who.tip.height + 100)
}

/// Of 400, Alice pays 50, keeps the close that says so, and pays 50 more.
async fn hidden_50(world: &World) -> (Participant, Participant, ChannelId, ContractCall) {
    let (alice, bob, id, old, _) = signed_50(world).await;
    (alice, bob, id, old)
}

/// The same, with what Alice signed.
async fn signed_50(
    world: &World,
) -> (
    Participant,
    Participant,
    ChannelId,
    ContractCall,
    [Update; 2],
) {
    let (mut alice, mut bob, id) = world.channel(400).await;
    let first = alice.send(id, 50 * QTUM).await;
    bob.accept(id, &first);
    alice.refresh(id).await;
    let old = close(&alice, id);
    let second = alice.send(id, 50 * QTUM).await;
    bob.accept(id, &second);
    (alice, bob, id, old, [first, second])
}

/// Mines until it can be settled, settles, and answers with what A and B got and the penalty.
async fn settle(world: &World, who: &mut Participant, id: ChannelId) -> (Amount, Amount, Amount) {
    world.node.dev_automine(true).await.expect("switches");
    who.refresh(id).await;
    while !matches!(
        who.channel(id).phase(who.tip.height + 1),
        Phase::Final { .. }
    ) {
        world.mine(1).await;
        who.refresh(id).await;
    }
    let call = who.channel(id).settle_call();
    who.call(world, &call, "settle").await;
    who.refresh(id).await;
    let settled = who.channel(id).facts().settled.expect("settled");
    (settled.pay_a, settled.pay_b, settled.penalty)
}

/// What a call is for. Two that raise a floor or claim for one direction of one channel have one purpose,
/// however their figures differ: its name, the proof's channel, and the key of who signed the proof.
fn purpose(data: Vec<u8>) -> Vec<u8> {
    const WORD: usize = 32;
    let word = |at: usize| 4 + at * WORD..4 + (at + 1) * WORD;
    // Six words of parameters, then proof and signature, four each.
    if data.len() < word(13).end {
        return data;
    }
    let parts = [0..4, word(6), word(12), word(13)];
    parts
        .iter()
        .flat_map(|part| &data[part.clone()])
        .copied()
        .collect()
}

/// How often each purpose stands in the blocks from `height` on or waits for one.
async fn calls_since(world: &World, height: u32) -> BTreeMap<Vec<u8>, usize> {
    let mut calls = BTreeMap::new();
    let mut txids = Vec::new();
    for height in height..=world.node.get_block_count().await.expect("answers") {
        let hash = world.node.get_block_hash(height).await.expect("answers");
        let block = world.node.get_block(&hash.expect("a block")).await;
        txids.extend(block.expect("answers").expect("a block").txids);
    }
    let waiting: Vec<sparky_qtum::Txid> = world
        .node
        .call("getrawmempool", &[])
        .await
        .expect("answers");
    txids.extend(waiting);
    for txid in txids {
        let found = world.node.get_raw_transaction(&txid).await;
        let transaction = found.expect("answers").expect("known").decode();
        for output in transaction.expect("a transaction").outputs {
            if let Some(call) = Contract::parse(&output.script.0)
                && call.target == Target::Call(world.deployment.contract)
            {
                *calls.entry(purpose(call.data)).or_default() += 1;
            }
        }
    }
    calls
}

async fn nobody_paid_twice(world: &World, height: u32) {
    let calls = calls_since(world, height).await;
    assert!(calls.values().all(|times| *times == 1), "{calls:?}");
}

/// Waits until the chain shows all that Alice has signed away.
async fn answered(bob: &mut Participant, id: ChannelId) {
    for _ in 0..6_000 {
        bob.refresh(id).await;
        let channel = bob.channel(id);
        if channel.street(Side::A).transferred() <= channel.facts().posted[Side::A].owed() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never answered");
}

async fn height(world: &World) -> u32 {
    world.node.get_block_count().await.expect("answers")
}

async fn invalidate(world: &World, height: u32) {
    let hash = world.node.get_block_hash(height).await.expect("answers");
    let hash = hash.expect("a block");
    world.node.invalidate_block(&hash).await.expect("it goes");
    world.followed().await;
}

/// T-C1: hiding 50 costs 50. The partner gets what is owed and as much again.
#[tokio::test]
async fn t_c1_hiding_payments_costs_what_was_hidden() {
    let world = World::new().await;
    let (alice, mut bob, id, old) = hidden_50(&world).await;
    alice.call(&world, &old, "close").await;
    answered(&mut bob, id).await;
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(250), qtum(150), qtum(50))
    );
}

/// Who recovers declares nothing, waits three windows, and pays no penalty.
#[tokio::test]
async fn a_recovery_is_answered_and_costs_no_penalty() {
    let world = World::new().await;
    let (alice, mut bob, id, _) = hidden_50(&world).await;
    let recover = alice.channel(id).recover_call(alice.tip.height + 100);
    let before = height(&world).await;
    alice.call(&world, &recover, "recover").await;
    answered(&mut bob, id).await;
    let closed = bob.channel(id).facts().closed.expect("closing");
    assert_eq!(closed.deadline, closed.height + 3 * WINDOW);
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(300), qtum(100), Amount(0))
    );
    nobody_paid_twice(&world, before).await;
}

/// T-W13: the tower stops right after it has sent, and again after it was mined.
#[tokio::test]
async fn t_w13_a_tower_that_restarts_inside_the_window_goes_on() {
    let mut world = World::new().await;
    let (alice, mut bob, id, old) = hidden_50(&world).await;
    world.node.dev_automine(false).await.expect("switches");
    let before = height(&world).await;
    alice.broadcast(&old, "close").await;
    world.mine(1).await;
    Line::open(&world, &bob, 0).await.hear("watch.acting").await;
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

/// T-W14: two towers that know nothing of each other, each with a database and a wallet of its own, see
/// the same close in the same block. Bob is guarded once, and neither tower tries twice.
#[tokio::test]
async fn t_w14_of_two_towers_one_answers() {
    let world = World::new().await;
    let (alice, mut bob, id, old, updates) = signed_50(&world).await;
    let second = second_tower(&world).await;
    for who in [&alice, &bob] {
        let mut there = who.at(&second.url);
        there.token.clear();
        there.sign_in().await;
        eventually("the second relay knows the channel", || async {
            let (status, _) = there.get(&format!("/channels/{id}")).await;
            status.is_success().then_some(())
        })
        .await;
        if who.account == alice.account {
            for update in &updates {
                let (status, body) = there.submit(id, update).await;
                assert_eq!(status.as_u16(), 201, "{body}");
            }
        }
    }
    let mut there = bob.at(&second.url);
    there.token.clear();
    there.sign_in().await;
    world.node.dev_automine(false).await.expect("switches");
    alice.broadcast(&old, "close").await;
    world.mine(1).await;
    // Both have time to look, before the answer's block and after it.
    world.node.dev_withhold(2).await.expect("withholds");
    for _ in 0..6 {
        world.mine(1).await;
        let height = height(&world).await;
        for who in [&bob, &there] {
            eventually("both towers have looked", || async {
                let view = who.view(id).await;
                (view["watch"]["lastCheckedHeight"] == height).then_some(())
            })
            .await;
        }
    }
    answered(&mut bob, id).await;
    let (_, timeline) = bob.get(&format!("/channels/{id}/timeline")).await;
    let items = timeline["items"].as_array().expect("items").iter();
    let raised = items.filter(|item| item["type"] == "floor-raised").count();
    assert_eq!(raised, 1, "{timeline}");
    for who in [&bob, &there] {
        let (_, events) = who.get("/events").await;
        let events = events["items"].as_array().expect("items").iter();
        let acted = events.filter(|event| event["type"] == "watch.acting");
        let coins: Vec<_> = acted.map(|event| event["data"]["txid"].clone()).collect();
        assert!(coins.len() <= 2, "one, and one in its place: {coins:?}");
    }
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(250), qtum(150), qtum(50))
    );
}

/// A relay with a tower that has nothing in common with the world's.
struct SecondTower {
    url: String,
    #[expect(dead_code, reason = "dropped with it")]
    database: Database,
    #[expect(dead_code, reason = "it stops when this is dropped")]
    stop: oneshot::Sender<()>,
}

async fn second_tower(world: &World) -> SecondTower {
    world.node.create_wallet("second").await.expect("is made");
    let wallet = world.node.for_wallet("second");
    let address = wallet.get_new_address().await.expect("an address");
    let paid = world.node.dev_faucet(&address, 100 * QTUM).await;
    paid.expect("pays");
    let database = Database::new().await;
    sparky_relay::migrate(database.url())
        .await
        .expect("migrates");
    sparky_relay::set_deployment(database.url(), &world.deployment)
        .await
        .expect("notes the deployment");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut config = world.config();
    config.bind = listener.local_addr().expect("an address");
    let url = format!("http://{}", config.bind);
    config.database_url = SecretUrl::from(database.url().to_owned());
    config.tower_wallet = Some("second".to_owned());
    let relay = Relay::open(config).await.expect("opens");
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(relay.serve(listener, axum::Router::new(), async {
        drop(stopped.await);
    }));
    SecondTower {
        url,
        database,
        stop,
    }
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
    let (alice, mut bob, id, old) = hidden_50(&world).await;
    world.node.dev_automine(false).await.expect("switches");
    let before = height(&world).await;
    alice.broadcast(&old, "close").await;
    world.mine(1).await;
    Line::open(&world, &bob, 0).await.hear("watch.acting").await;
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

/// Fees rise after the tower has sent its answer: it waits for ever in the mempool, and a raise by half
/// would not be enough. The tower offers what is asked for now, and is in time.
#[tokio::test]
async fn fees_that_rise_under_a_waiting_answer_do_not_stop_it() {
    let world = World::new().await;
    let (alice, mut bob, id, old) = hidden_50(&world).await;
    world.node.dev_automine(false).await.expect("switches");
    let before = height(&world).await;
    alice.broadcast(&old, "close").await;
    world.mine(1).await;
    Line::open(&world, &bob, 0).await.hear("watch.acting").await;
    let fees = ["200", "2000000"]
        .map(|text| serde_json::value::RawValue::from_string(text.to_owned()).expect("JSON"));
    let risen = world.node.call::<serde_json::Value>("dev_fees", &fees);
    risen.await.expect("rises");
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
    world
        .node
        .call::<serde_json::Value>("dev_fees", &[])
        .await
        .expect("falls");
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(250), qtum(150), qtum(50))
    );
}

/// The close is reorganised away together with its answer, and both come back.
#[tokio::test]
async fn a_close_that_is_reorganised_away_opens_the_channel_until_it_comes_back() {
    let world = World::new().await;
    let (mut alice, mut bob, id, old) = hidden_50(&world).await;
    alice.call(&world, &old, "close").await;
    answered(&mut bob, id).await;
    alice.refresh(id).await;
    let closed = alice.channel(id).facts().closed.expect("closing").height;
    world.node.dev_automine(false).await.expect("switches");
    invalidate(&world, closed).await;
    alice.refresh(id).await;
    assert_eq!(alice.channel(id).phase(alice.tip.height + 1), Phase::Open);
    // The close waits in the mempool: it comes back, and so does its answer.
    world.mine_anew(1).await;
    bob.refresh(id).await;
    assert!(bob.channel(id).facts().closed.is_some(), "it came back");
    // If the answer came before the close in that block it was refused: then it is given once more.
    world.node.dev_automine(true).await.expect("switches");
    world.mine_anew(1).await;
    answered(&mut bob, id).await;
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(250), qtum(150), qtum(50))
    );
}

/// Both close in one block: the first counts, the second is refused, and the split is the same.
#[tokio::test]
async fn of_two_closes_in_one_block_the_first_counts() {
    let world = World::new().await;
    let (mut alice, mut bob, id, _) = hidden_50(&world).await;
    alice.refresh(id).await;
    bob.refresh(id).await;
    world.node.dev_automine(false).await.expect("switches");
    let mut txids = Vec::new();
    for who in [&alice, &bob] {
        txids.push(who.broadcast(&close(who, id), "close").await);
    }
    world.mine(1).await;
    let mut excepted = Vec::new();
    for txid in &txids {
        let (_, seen) = alice.get(&format!("/chain/transactions/{txid}")).await;
        assert_eq!(seen["confirmations"], 1, "{seen}");
        excepted.push(seen["receipts"][0]["excepted"] == "None");
    }
    excepted.sort_unstable();
    assert_eq!(excepted, [false, true], "one of them counts");
    // Bob, if it was he, declared nothing of what Alice owes him: the tower shows it.
    for _ in 0..3 {
        world.mine(1).await;
    }
    answered(&mut bob, id).await;
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(300), qtum(100), Amount(0))
    );
}

/// A close that was signed and not mined in time is worth nothing later, whoever sends it.
#[tokio::test]
async fn a_zombie_close_is_refused() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(400).await;
    bob.accept(id, &alice.send(id, 50 * QTUM).await);
    alice.refresh(id).await;
    let call = alice.channel(id).close_call(Side::A, alice.tip.height + 2);
    let zombie = alice.transaction(&call).await;
    world.mine(3).await;
    alice.refresh(id).await;
    bob.refresh(id).await;
    bob.accept(id, &alice.send(id, 50 * QTUM).await);
    let (status, sent) = bob
        .post("/chain/transactions", &json!({ "hex": zombie }))
        .await;
    assert_eq!(status.as_u16(), 202, "{sent}");
    world.followed().await;
    let txid = sent["txid"].as_str().expect("a txid");
    let seen = eventually("it is mined", || async {
        let (_, seen) = bob.get(&format!("/chain/transactions/{txid}")).await;
        (seen["confirmations"] != 0).then_some(seen)
    })
    .await;
    assert_ne!(seen["receipts"][0]["excepted"], "None", "{seen}");
    alice.refresh(id).await;
    assert_eq!(alice.channel(id).phase(alice.tip.height + 1), Phase::Open);
    bob.accept(id, &alice.send(id, QTUM).await);
}

/// T-C4: Bob failed a lock and agreed to its removal; then he posts the proof that still carries it,
/// so late that only the refute phase is left. Alice's tower posts the newer agreed proof.
#[tokio::test]
async fn t_c4_a_cancelled_lock_that_is_posted_is_refuted() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(400).await;
    bob.accept(id, &alice.send(id, 50 * QTUM).await);
    let preimage = Preimage([7; 32]);
    let lock = Lock {
        id: alice.channel(id).next_lock_id(Side::A),
        amount: qtum(30),
        expiry: alice.tip.height + WINDOW,
        payment_hash: preimage.payment_hash(),
    };
    let add = Operation::LockAdd {
        lock,
        onion: Vec::new(),
    };
    agree_on(&mut alice, &mut bob, id, add).await;
    let revoked = bob
        .channel(id)
        .street(Side::A)
        .newest()
        .expect("one")
        .signed;
    let remove = Operation::LockRemove {
        id: lock.id,
        reason: RemoveReason::Failed,
    };
    agree_on(&mut alice, &mut bob, id, remove).await;

    alice.refresh(id).await;
    let honest = close(&alice, id);
    alice.call(&world, &honest, "close").await;
    bob.refresh(id).await;
    let register = ContractCall::RegisterPreimages {
        preimages: vec![preimage],
    };
    bob.call(&world, &register, "register").await;
    let deadline = bob.channel(id).facts().closed.expect("closing").deadline;
    let left = deadline - height(&world).await - 1;
    world.mine(left).await;
    let old = ContractCall::CounterClaim {
        params: *bob.channel(id).params(),
        proof: revoked,
        ack: None,
    };
    bob.call(&world, &old, "counter-claim").await;
    assert_eq!(height(&world).await, deadline, "the last block");
    // Alice sleeps; her tower has half a window.
    let newest = alice.channel(id).street(Side::A).nonce();
    for _ in 0..6_000 {
        bob.refresh(id).await;
        if bob.channel(id).facts().posted[Side::A].nonce == newest {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(
        settle(&world, &mut alice, id).await,
        (qtum(350), qtum(50), Amount(0)),
        "the cancelled lock pays nothing"
    );
}

/// Alice signs an operation, Bob accepts and acks it, and the relay knows all of it.
async fn agree_on(alice: &mut Participant, bob: &mut Participant, id: ChannelId, what: Operation) {
    let update = alice.sign(id, vec![what]);
    alice.accept(id, &update);
    let (status, body) = alice.submit(id, &update).await;
    assert_eq!(status.as_u16(), 201, "{body}");
    bob.accept(id, &update);
    let ack = bob.ack(id);
    let (status, body) = bob.post(&format!("/channels/{id}/acks"), &json!(ack)).await;
    assert_eq!(status.as_u16(), 201, "{body}");
}
