//! What the tests of disputes have in common: a channel in which Alice hides 50, its end, and how often
//! each need was paid for.

use std::collections::BTreeMap;

use sparky_protocol::{Amount, ChannelId, ContractCall, Phase, Side, Update};
use sparky_qtum::script::{Contract, Target};

use crate::{
    participant::Participant,
    world::{QTUM, World},
};

/// The window of the channels here, in blocks.
pub(crate) const WINDOW: u32 = 20;

pub(crate) const fn qtum(amount: u128) -> Amount {
    Amount(amount * QTUM as u128)
}

pub(crate) fn close(who: &Participant, id: ChannelId) -> ContractCall {
    who.channel(id)
        .close_call(who.side(id), who.tip.height + 100)
}

/// Of 400, Alice pays 50, keeps the close that says so, and pays 50 more.
pub(crate) async fn hidden_50(
    world: &World,
) -> (Participant, Participant, ChannelId, ContractCall) {
    let (alice, bob, id, old, _) = signed_50(world).await;
    (alice, bob, id, old)
}

/// The same, with what Alice signed.
pub(crate) async fn signed_50(
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
pub(crate) async fn settle(
    world: &World,
    who: &mut Participant,
    id: ChannelId,
) -> (Amount, Amount, Amount) {
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

pub(crate) async fn nobody_paid_twice(world: &World, height: u32) {
    let calls = calls_since(world, height).await;
    assert!(calls.values().all(|times| *times == 1), "{calls:?}");
}

/// Waits until the chain shows all that Alice has signed away.
pub(crate) async fn answered(bob: &mut Participant, id: ChannelId) {
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

pub(crate) async fn height(world: &World) -> u32 {
    world.node.get_block_count().await.expect("answers")
}
