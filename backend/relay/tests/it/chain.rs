//! The chain window, and what blocks and reorganisations change.

use reqwest::StatusCode;
use serde_json::json;
use sparky_protocol::{Amount, ContractCall, Operation, Side};
use sparky_qtum::contract::View;

use crate::{
    line::Line,
    world::{QTUM, WEALTH, World},
};

#[tokio::test]
async fn a_wallet_sees_its_coins_and_what_became_of_its_transactions() {
    let world = World::new().await;
    let (alice, bob, id) = world.channel(100).await;
    let (_, coins) = bob.get(&format!("/chain/utxos/{}", bob.address)).await;
    assert_eq!(coins["items"][0]["amountSat"], WEALTH.to_string());
    assert_eq!(coins["items"][0]["spendable"], true);
    // By hexadecimal digits too.
    assert_eq!(
        bob.get(&format!("/chain/utxos/{}", bob.account)).await.1["items"],
        coins["items"]
    );

    let mut line = Line::open(&world, &alice, 0).await;
    let confirmed = line.hear("tx.confirmed").await;
    assert_eq!(
        (
            &confirmed["data"]["purpose"],
            &confirmed["data"]["reverted"]
        ),
        (&json!("open"), &json!(null))
    );
    let opened = line.hear("channel.opened").await;
    assert_eq!(opened["data"]["txid"], confirmed["data"]["txid"]);
    assert_eq!(opened["data"]["event"]["amount"], (100 * QTUM).to_string());
    let (status, timeline) = bob.get(&format!("/channels/{id}/timeline")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(timeline["items"][0]["type"], "opened");
    let by_number = bob.get("/channels/by-number/1").await.1;
    assert_eq!(by_number["channelId"], json!(id), "{by_number}");
    assert_eq!(bob.get("/channels/1").await.1["channelId"], json!(id));
}

#[tokio::test]
async fn trial_calls_go_to_listed_contracts_only() {
    let world = World::new().await;
    let (alice, _, id) = world.channel(1).await;
    let ours = world.deployment.contract;
    let data = format!("0x{}", hex::encode(View::Channel(id).encode()));
    let (status, answer) = alice
        .post("/chain/call", &json!({ "to": ours, "data": data }))
        .await;
    assert_eq!(
        (status, &answer["excepted"]),
        (StatusCode::OK, &json!("None")),
        "{answer}"
    );
    let output = hex::decode(&answer["output"].as_str().expect("hex")[2..]).expect("hex");
    assert_eq!(
        View::channel(&output).expect("a channel").net_a,
        Amount(u128::from(QTUM)).to_net()
    );

    // What the contract would refuse is told with its reason before anything is signed.
    let recover = ContractCall::Recover {
        params: *alice.channel(id).params(),
        valid_until: 1,
    };
    let data = hex::encode(sparky_qtum::contract::encode(&recover));
    let (_, answer) = alice
        .post(
            "/chain/call",
            &json!({ "to": ours, "data": data, "sender": alice.address }),
        )
        .await;
    assert_eq!(answer["excepted"], "Revert", "{answer}");
    assert!(
        answer["code"].is_string() && answer["exceptedMessage"] != "",
        "{answer}"
    );

    for (body, code) in [
        (
            json!({ "to": format!("0x{}", "11".repeat(20)), "data": "0x01020304" }),
            "contract-not-listed",
        ),
        (
            json!({ "to": format!("0x{}", "00".repeat(20)), "data": "0x01020304" }),
            "contract-not-listed",
        ),
        (json!({ "to": ours, "data": "0x" }), "invalid-value"),
        (json!({ "to": ours, "data": "0xzz" }), "invalid-value"),
        (
            json!({ "to": "nobody", "data": "0x01020304" }),
            "invalid-address",
        ),
    ] {
        assert_eq!(
            alice.post("/chain/call", &body).await.1["code"],
            code,
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_the_network_refuses_is_said_in_words() {
    let world = World::new().await;
    let (alice, bob, _) = world.channel(1).await;
    for (hex, code) in [
        ("", "invalid-value"),
        ("zz", "invalid-value"),
        ("0102", "invalid-value"),
    ] {
        assert_eq!(
            alice
                .post("/chain/transactions", &json!({ "hex": hex }))
                .await
                .1["code"],
            code
        );
    }
    // The same coin twice.
    let call = |amount| ContractCall::Open {
        account_b: bob.account,
        token: sparky_protocol::Account::ZERO,
        amount: Amount(amount),
        window: 20,
        penalty_bps: 10_000,
    };
    let (first, second) = (
        alice.transaction(&call(1)).await,
        alice.transaction(&call(2)).await,
    );
    let (status, sent) = alice
        .post("/chain/transactions", &json!({ "hex": first }))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{sent}");
    assert_eq!(
        alice
            .post("/chain/transactions", &json!({ "hex": first }))
            .await
            .0,
        StatusCode::ACCEPTED,
        "again is harmless"
    );
    let (status, refused) = alice
        .post("/chain/transactions", &json!({ "hex": second }))
        .await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("tx-rejected")),
        "{refused}"
    );
    assert!(
        refused["detail"]
            .as_str()
            .is_some_and(|text| text.contains("coin")),
        "{refused}"
    );
    let unknown = format!("/chain/transactions/{}", "ab".repeat(32));
    assert_eq!(alice.get(&unknown).await.1["code"], "unknown-transaction");
}

#[tokio::test]
async fn a_deposit_is_spendable_once_it_is_mined_and_not_after_a_reorganisation() {
    let world = World::new().await;
    let (alice, mut bob, id) = world.channel(10).await;
    let deposit = ContractCall::Deposit {
        params: *alice.channel(id).params(),
        to: Side::B,
        amount: Amount(u128::from(5 * QTUM)),
    };
    bob.call(&world, &deposit, "deposit").await;
    let mut line = Line::open(&world, &alice, 0).await;
    let deposited = line.hear("channel.deposited").await;
    bob.refresh(id).await;
    assert_eq!(
        bob.view(id).await["balances"]["available"],
        (5 * QTUM).to_string()
    );

    // Its block goes, and the deposit with it.
    world.node.dev_automine(false).await.expect("switches");
    let height =
        u32::try_from(deposited["data"]["height"].as_u64().expect("a height")).expect("a height");
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
    world.followed().await;
    let payment = bob.pay(id, QTUM);
    let (status, refused) = bob.submit(id, &payment).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("insufficient-channel-balance")),
        "{refused}"
    );
    assert_eq!(refused["params"]["maxSat"], "0");
    let mut bobs_line = Line::open(&world, &bob, 0).await;
    bobs_line.hear("tx.reorged").await;

    // It is mined again in another block, and counts again.
    world.mine_anew(1).await;
    line.hear("channel.deposited").await;
    assert_eq!(bob.submit(id, &payment).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn an_opening_that_is_reorganised_away_is_no_channel_until_it_comes_back() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(10).await;
    alice.send(id, QTUM).await;
    world.node.dev_automine(false).await.expect("switches");
    let opened = alice.channel(id).facts().opened_at;
    let block = world
        .node
        .get_block_hash(opened)
        .await
        .expect("answers")
        .expect("a block");
    world
        .node
        .invalidate_block(&block)
        .await
        .expect("invalidates");
    world.followed().await;
    assert_eq!(
        alice.get(&format!("/channels/{id}")).await.1["code"],
        "unknown-channel"
    );
    assert_eq!(alice.get("/channels").await.1["items"], json!([]));
    let more = alice.sign(id, vec![Operation::Transfer { amount: Amount(1) }]);
    assert_eq!(alice.submit(id, &more).await.1["code"], "unknown-channel");
    world.mine_anew(1).await;
    // Everything that was signed is still there.
    assert_eq!(bob.view(id).await["balances"]["balance"], QTUM.to_string());
    assert_eq!(alice.submit(id, &more).await.0, StatusCode::CREATED);
}

/// What happened while the relay was away, reorganisations included, is found when it comes back.
#[tokio::test]
async fn a_relay_that_was_away_finds_out() {
    let mut world = World::new().await;
    let (alice, bob, id) = world.channel(10).await;
    let deposit = ContractCall::Deposit {
        params: *alice.channel(id).params(),
        to: Side::B,
        amount: Amount(7),
    };
    let transaction = bob.transaction(&deposit).await;
    let opened = alice.channel(id).facts().opened_at;
    world.stop().await;
    world
        .node
        .send_raw_transaction(&transaction)
        .await
        .expect("takes it");
    world.node.dev_automine(false).await.expect("switches");
    let block = world
        .node
        .get_block_hash(opened)
        .await
        .expect("answers")
        .expect("a block");
    world
        .node
        .invalidate_block(&block)
        .await
        .expect("invalidates");
    let address = world.node.get_new_address().await.expect("an address");
    world
        .node
        .generate_to_address(3, &address)
        .await
        .expect("mines");
    world.start().await;
    world.followed().await;
    let mut alice = alice;
    alice.refresh(id).await;
    let facts = alice.channel(id).facts();
    assert_eq!(facts.net(Side::B), Amount(7).to_net());
    // Told once, although the newest blocks are looked at again after a start.
    world.stop().await;
    world.start().await;
    let (_, events) = alice.get("/events").await;
    let kinds: Vec<&str> = events["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| **kind == "channel.deposited")
            .count(),
        1,
        "{kinds:?}"
    );
}
