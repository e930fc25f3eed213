//! Disputes on the chain, with a real tower: whatever is hidden, posted or reorganised away, nobody
//! honest loses. The table of these tests is in docs/TESTING.md; a tower in trouble is in `answering`
//! and `two_towers`, the ordinary closes are in `closing`.

use serde_json::json;
use sparky_protocol::{
    Amount, ChannelId, ContractCall, Lock, Operation, Phase, Preimage, RemoveReason, Side,
};

use crate::{
    dispute::{WINDOW, answered, close, height, hidden_50, nobody_paid_twice, qtum, settle},
    participant::Participant,
    world::{QTUM, World, eventually},
};

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
