//! Ending: together, alone, with an old state, with and without a tower.

use reqwest::{Method, StatusCode};
use serde_json::json;
use sparky_protocol::{
    Amount, Authorisation, ChannelId, ContractCall, CooperativeClose, Phase, Side, Signature,
};

use crate::{
    line::Line,
    participant::Participant,
    world::{QTUM, World, eventually},
};

/// Bob's close with what he knows; the partner's newest proof as he shows it.
fn close(who: &Participant, id: ChannelId) -> ContractCall {
    who.channel(id)
        .close_call(who.side(id), who.tip.height + 100)
}

/// Alice pays 200, gets 100 back, pays 300; the old state is the one after the first payment.
pub async fn story_of_400(world: &World) -> (Participant, Participant, ChannelId, ContractCall) {
    let (mut alice, mut bob, id) = world.channel(400).await;
    bob.accept(id, &alice.send(id, 200 * QTUM).await);
    alice.refresh(id).await;
    let old = close(&alice, id);
    alice.accept(id, &bob.send(id, 100 * QTUM).await);
    bob.accept(id, &alice.send(id, 300 * QTUM).await);
    (alice, bob, id, old)
}

async fn finalize_and_settle(world: &World, who: &mut Participant, id: ChannelId) {
    world.mine(21).await;
    who.refresh(id).await;
    assert!(matches!(
        who.channel(id).phase(who.tip.height + 1),
        Phase::Final { .. }
    ));
    let settle = who.channel(id).settle_call();
    who.call(world, &settle, "settle").await;
    who.refresh(id).await;
}

fn payout(who: &Participant, id: ChannelId) -> (Amount, Amount) {
    let settled = who.channel(id).facts().settled.expect("settled");
    (settled.pay_a, settled.pay_b)
}

const fn qtum(amount: u128) -> Amount {
    Amount(amount * QTUM as u128)
}

#[tokio::test]
async fn the_tower_answers_an_old_close_while_the_partner_sleeps() {
    let world = World::new().await;
    let (mut alice, bob, id, old) = story_of_400(&world).await;
    alice.call(&world, &old, "close").await;

    // Bob is not here. The relay knows his newest proof, and no permission is needed.
    let mut bobs_line = Line::open(&world, &bob, 0).await;
    let closing = bobs_line.hear("channel.closing").await;
    assert_eq!(
        closing["data"]["event"]["declared"],
        (200 * QTUM).to_string()
    );
    let acting = bobs_line.hear("watch.acting").await;
    assert_eq!(
        (&acting["data"]["call"], &acting["data"]["side"]),
        (&json!("raiseFloor"), &json!("B"))
    );
    bobs_line.hear("channel.floor-raised").await;
    let acted = bobs_line.hear("watch.acted").await;
    assert_eq!(acted["data"]["txid"], acting["data"]["txid"]);

    // Paying is over for both, in either direction.
    alice.refresh(id).await;
    let mut bob = bob;
    bob.refresh(id).await;
    let mut late = Participant::arrive(&world, 2).await;
    late.channels.insert(
        id,
        bob.channel(id).with_facts(sparky_protocol::Facts {
            closed: None,
            ..bob.channel(id).facts().clone()
        }),
    );
    let (status, refused) = late
        .submit(
            id,
            &late.sign(
                id,
                vec![sparky_protocol::Operation::Transfer { amount: Amount(1) }],
            ),
        )
        .await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("channel-closing")),
        "{refused}"
    );

    finalize_and_settle(&world, &mut bob, id).await;
    assert_eq!(payout(&bob, id), (Amount(0), qtum(400)));
    let actions = bob.view(id).await["watch"]["lastAction"].clone();
    assert_eq!(actions["call"], "raiseFloor");
    assert!(
        actions["minedAt"].is_number() && actions["failedAt"].is_null(),
        "{actions}"
    );
}

#[tokio::test]
async fn an_honest_close_needs_no_answer() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    bob.accept(id, &alice.send(id, 20 * QTUM).await);
    let close = close(&alice, id);
    alice.call(&world, &close, "close").await;
    // Let the tower look at several blocks: there is nothing to do.
    world.mine(3).await;
    eventually("the tower has looked", || async {
        let view = bob.view(id).await;
        (view["watch"]["lastCheckedHeight"] == view["height"]).then_some(())
    })
    .await;
    assert!(bob.view(id).await["watch"]["lastAction"].is_null());
    finalize_and_settle(&world, &mut alice, id).await;
    assert_eq!(payout(&alice, id), (qtum(80), qtum(20)));
}

#[tokio::test]
async fn with_the_tower_off_the_participant_answers_alone() {
    let world = World::without_tower().await;
    let (alice, mut bob, id, old) = story_of_400(&world).await;
    assert_eq!(bob.view(id).await["watch"]["armed"], false);
    alice.call(&world, &old, "close").await;
    world.mine(2).await;
    bob.refresh(id).await;
    assert_eq!(bob.view(id).await["watch"]["lastAction"], json!(null));
    let action = sparky_protocol::watch::watch(
        bob.channel(id),
        Side::B,
        sparky_protocol::watch::Caller::Participant,
        bob.tip.height,
    )
    .expect("something to do");
    bob.call(&world, &action.call, "counter-claim").await;
    // A counter-claim opens the refute phase: half a window more.
    world.mine(10).await;
    finalize_and_settle(&world, &mut bob, id).await;
    assert_eq!(payout(&bob, id), (Amount(0), qtum(400)));
}

#[tokio::test]
async fn a_switched_off_watch_stays_off_for_that_side_only() {
    let world = World::new().await;
    let (alice, bob, id, old) = story_of_400(&world).await;
    let (status, watch) = bob
        .put(
            &format!("/channels/{id}/watch"),
            &json!({ "enabled": false }),
        )
        .await;
    assert_eq!(
        (status, &watch["armed"]),
        (StatusCode::OK, &json!(false)),
        "{watch}"
    );
    assert_eq!(alice.view(id).await["watch"]["armed"], true);
    alice.call(&world, &old, "close").await;
    world.mine(2).await;
    eventually("the tower has looked", || async {
        let view = bob.view(id).await;
        (view["watch"]["lastCheckedHeight"] == view["height"]).then_some(())
    })
    .await;
    assert!(bob.view(id).await["watch"]["lastAction"].is_null());
    // On again: the tower does not wait for a block.
    bob.put(
        &format!("/channels/{id}/watch"),
        &json!({ "enabled": true }),
    )
    .await;
    let mut line = Line::open(&world, &bob, 0).await;
    line.hear("watch.armed").await;
    line.hear("watch.acted").await;
}

/// The tower's answer is thrown out by a reorganisation: it comes back, and is not paid twice.
#[tokio::test]
async fn a_reorganised_answer_is_given_again() {
    let world = World::new().await;
    let (alice, mut bob, id, old) = story_of_400(&world).await;
    alice.call(&world, &old, "close").await;
    let mut line = Line::open(&world, &bob, 0).await;
    let raised = line.hear("channel.floor-raised").await;
    line.hear("watch.acted").await;
    world.node.dev_automine(false).await.expect("switches");
    let height =
        u32::try_from(raised["data"]["height"].as_u64().expect("a height")).expect("a height");
    let block = world
        .node
        .get_block_hash(height)
        .await
        .expect("answers")
        .expect("a block");
    world
        .node
        .invalidate_block(&block)
        .await
        .expect("invalidates");
    line.hear("channel.reorged").await;
    world.mine_anew(2).await;
    line.hear("channel.floor-raised").await;
    bob.refresh(id).await;
    finalize_and_settle_by_hand(&world, &mut bob, id).await;
    assert_eq!(payout(&bob, id), (Amount(0), qtum(400)));
}

async fn finalize_and_settle_by_hand(world: &World, who: &mut Participant, id: ChannelId) {
    world.node.dev_automine(true).await.expect("switches");
    finalize_and_settle(world, who, id).await;
}

fn proposal(who: &Participant, id: ChannelId) -> (CooperativeClose, serde_json::Value) {
    let channel = who.channel(id);
    let close = channel
        .cooperative_close(who.tip.height + 10, &who.tip)
        .expect("possible");
    let signature = who.key.sign(&close.digest(channel.domain()));
    let body = json!({
        "kind": "close", "netToA": close.net_to_a, "validUntil": close.valid_until,
        "sequence": close.sequence, "signature": signature,
    });
    (close, body)
}

#[tokio::test]
async fn closing_together_pays_both_in_one_transaction() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    bob.accept(id, &alice.send(id, 20 * QTUM).await);
    let (close, body) = proposal(&alice, id);
    let path = format!("/channels/{id}/proposals");
    let (status, created) = alice.post(&path, &body).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    assert_eq!(
        alice.post(&path, &body).await.0,
        StatusCode::OK,
        "the same again is no second one"
    );

    let mut bobs_line = Line::open(&world, &bob, 0).await;
    let heard = bobs_line.hear("proposal.created").await;
    assert_eq!(heard["data"]["proposal"]["id"], created["id"]);
    // What Alice has signed binds: nothing may contradict it.
    let (status, refused) = bob
        .submit(
            id,
            &bob.sign(
                id,
                vec![sparky_protocol::Operation::Transfer { amount: Amount(1) }],
            ),
        )
        .await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("channel-frozen"))
    );

    let one = format!("{path}/{}", created["id"].as_str().expect("an id"));
    let forged = alice.key.sign(&close.digest(bob.channel(id).domain()));
    assert_eq!(
        bob.put(&one, &json!({ "signature": forged })).await.1["code"],
        "bad-signature"
    );
    assert_eq!(
        alice.put(&one, &json!({ "signature": forged })).await.1["code"],
        "proposal-refused"
    );
    let agreed = bob.key.sign(&close.digest(bob.channel(id).domain()));
    let (status, accepted) = bob.put(&one, &json!({ "signature": agreed })).await;
    assert_eq!(status, StatusCode::OK, "{accepted}");
    let heard = Line::open(&world, &alice, 0)
        .await
        .hear("proposal.accepted")
        .await;
    let countersignature: Signature =
        serde_json::from_value(heard["data"]["proposal"]["countersignature"].clone())
            .expect("a signature");

    let before = bob.on_chain(&world).await;
    let call = alice
        .channel(id)
        .cooperative_close_call(&close, [None, Some(countersignature)]);
    alice.call(&world, &call, "close").await;
    bobs_line.hear("channel.settled").await;
    bob.refresh(id).await;
    assert_eq!(payout(&bob, id), (qtum(80), qtum(20)));
    assert_eq!(bob.on_chain(&world).await - before, 20 * QTUM);
}

#[tokio::test]
async fn a_proposal_expires_by_height_and_binds_until_then() {
    let mut world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let path = format!("/channels/{id}/proposals");
    let (_, body) = proposal(&alice, id);
    let (_, created) = alice.post(&path, &body).await;
    let one = format!("{path}/{}", created["id"].as_str().expect("an id"));
    let (status, _) = bob.ask(Method::DELETE, &one, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(bob.view(id).await["proposals"], json!([]));
    // Declined is not unsigned: it binds, also over a restart.
    world.stop().await;
    world.start().await;
    let frozen = alice.sign(
        id,
        vec![sparky_protocol::Operation::Transfer { amount: Amount(1) }],
    );
    assert_eq!(alice.submit(id, &frozen).await.1["code"], "channel-frozen");
    world.mine(12).await;
    assert_eq!(alice.submit(id, &frozen).await.0, StatusCode::CREATED);

    alice.refresh(id).await;
    let (_, body) = proposal(&alice, id);
    assert_eq!(alice.post(&path, &body).await.0, StatusCode::CREATED);
    world.mine(12).await;
    let mut line = Line::open(&world, &bob, 0).await;
    line.hear("proposal.expired").await;
    line.hear("proposal.expired").await;
}

#[tokio::test]
async fn a_proposal_must_say_what_the_proofs_say() {
    let world = World::new().await;
    let (mut alice, _, id) = world.channel(100).await;
    let (close, _) = proposal(&alice, id);
    alice.send(id, QTUM).await;
    let sign = |close: &CooperativeClose| {
        json!({
            "kind": "close", "netToA": close.net_to_a, "validUntil": close.valid_until,
            "sequence": close.sequence, "signature": alice.key.sign(&close.digest(alice.channel(id).domain())),
        })
    };
    let path = format!("/channels/{id}/proposals");
    let cases = [
        (sign(&close), "wrong-split"),
        (
            sign(&CooperativeClose {
                sequence: 9,
                ..close
            }),
            "wrong-sequence",
        ),
        (
            sign(&CooperativeClose {
                valid_until: 1,
                ..close
            }),
            "valid-until-out-of-range",
        ),
        (json!({ "kind": "close" }), "invalid-value"),
        (json!({ "kind": "merge" }), "invalid-value"),
    ];
    for (body, code) in cases {
        assert_eq!(alice.post(&path, &body).await.1["code"], code);
    }
    let withdraw = alice
        .channel(id)
        .cooperative_withdraw(Side::A, qtum(10), alice.tip.height + 10, &alice.tip)
        .expect("possible");
    let body = json!({
        "kind": "withdraw", "fromB": false, "amountSat": withdraw.amount, "validUntil": withdraw.valid_until,
        "sequence": withdraw.sequence, "signature": alice.key.sign(&withdraw.digest(alice.channel(id).domain())),
    });
    assert_eq!(alice.post(&path, &body).await.0, StatusCode::CREATED);
    // Until it is mined or too old, what it takes out can not be sent.
    alice.refresh(id).await;
    assert!(
        alice
            .channel(id)
            .authorisations()
            .contains(&Authorisation::CooperativeWithdraw(withdraw))
    );
    assert_eq!(
        alice.view(id).await["balances"]["available"],
        (89 * QTUM).to_string()
    );
}
