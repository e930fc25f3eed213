//! The node's wallets.

use serde_json::{Value, json};

use crate::client::{ALICE, ALICE_WIF, BOB, Chain, decimals, probe, probe_code};

#[tokio::test]
async fn a_rich_chain_can_pay_at_once() {
    let chain = Chain::rich().await;
    assert_eq!(
        decimals(&chain.call("getbalance", json!([])).await),
        "20000000.00000000"
    );
    let txid = chain.call("sendtoaddress", json!([ALICE, 100])).await;
    assert_eq!(chain.height().await, 1);
    assert_eq!(chain.balance_of(ALICE).await, 10_000_000_000);
    let tx = chain.call("gettransaction", json!([txid])).await;
    assert_eq!(tx["confirmations"], 1);
    let faucet = chain.call("dev_faucet", json!([BOB, 2.5])).await;
    assert_eq!(chain.balance_of(BOB).await, 250_000_000);
    assert_eq!(
        chain.call("getrawtransaction", json!([faucet, true])).await["confirmations"],
        1
    );
}

#[tokio::test]
async fn wallets_have_their_own_path() {
    let chain = Chain::rich().await;
    assert_eq!(chain.call("listwallets", json!([])).await, json!([""]));
    assert_eq!(
        chain
            .try_call("loadwallet", json!(["tower"]))
            .await
            .unwrap_err()
            .0,
        -18
    );
    chain.call("createwallet", json!(["tower"])).await;
    assert_eq!(
        chain
            .try_call("createwallet", json!(["tower"]))
            .await
            .unwrap_err()
            .0,
        -4
    );
    assert_eq!(
        chain
            .try_call("getnewaddress", json!([]))
            .await
            .unwrap_err()
            .0,
        -19
    );
    assert_eq!(
        chain
            .try_call_at("/wallet/none", "getnewaddress", json!([]))
            .await
            .unwrap_err()
            .0,
        -18
    );
    let tower = async |method: &str, params: Value| {
        chain.try_call_at("/wallet/tower", method, params).await
    };
    let first = tower("getnewaddress", json!([])).await.unwrap();
    assert_ne!(first, tower("getnewaddress", json!([])).await.unwrap());
    assert_eq!(
        tower("sendtoaddress", json!([ALICE, 1])).await.unwrap_err(),
        (-6, "Insufficient funds".to_owned())
    );
    chain.call("dev_faucet", json!([first, 10])).await;
    assert_eq!(
        decimals(&tower("getbalance", json!([])).await.unwrap()),
        "10.00000000"
    );
    let unspent = tower("listunspent", json!([])).await.unwrap();
    assert_eq!(
        (unspent.as_array().unwrap().len(), &unspent[0]["address"]),
        (1, &first)
    );
    tower("sendtoaddress", json!([ALICE, 9, "", "", true]))
        .await
        .unwrap();
    assert!(
        (899_000_000..900_000_000).contains(&chain.balance_of(ALICE).await),
        "the fee came off the amount"
    );
    chain.call("unloadwallet", json!(["tower"])).await;
    assert_eq!(tower("getbalance", json!([])).await.unwrap_err().0, -18);
    assert_eq!(
        chain.call("loadwallet", json!(["tower"])).await["name"],
        "tower"
    );
}

#[tokio::test]
async fn a_key_can_be_imported() {
    let chain = Chain::rich().await;
    chain.call("dev_faucet", json!([ALICE, 5])).await;
    let descriptor = format!("pkh({ALICE_WIF})");
    let refused = chain
        .call(
            "importdescriptors",
            json!([[{ "desc": descriptor, "timestamp": "now" }]]),
        )
        .await;
    let message = refused[0]["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "Missing checksum");
    let wrong = json!([[{ "desc": format!("{descriptor}#aaaaaaaa"), "timestamp": "now" }]]);
    let refused = chain.call("importdescriptors", wrong).await;
    let message = refused[0]["error"]["message"].as_str().unwrap().to_owned();
    let checksum = message.rsplit('\'').nth(1).unwrap();
    let right = json!([[{ "desc": format!("{descriptor}#{checksum}"), "timestamp": "now" }]]);
    assert_eq!(
        chain.call("importdescriptors", right).await[0]["success"],
        true
    );
    assert_eq!(
        chain.call("getaddressinfo", json!([ALICE])).await["ismine"],
        true
    );
    chain
        .call(
            "sendtoaddress",
            json!([
                BOB, 1, "", "", false, true, 1, "unset", false, null, false, ALICE
            ]),
        )
        .await;
    assert!(
        chain.balance_of(ALICE).await < 400_000_000,
        "Alice's coin paid"
    );
    assert_eq!(
        chain
            .try_call("importprivkey", json!([ALICE_WIF]))
            .await
            .unwrap_err()
            .0,
        -4
    );
}

#[tokio::test]
async fn contracts_are_sent_with_op_sender() {
    let chain = Chain::rich().await;
    let created = chain
        .call("createcontract", json!([probe_code(), 2_500_000]))
        .await;
    let tx = chain
        .call("getrawtransaction", json!([created["txid"], true]))
        .await;
    assert_eq!(tx["vout"][1]["scriptPubKey"]["type"], "create_sender");
    let receipt = chain
        .call("gettransactionreceipt", json!([created["txid"]]))
        .await;
    assert_eq!(
        (&receipt[0]["contractAddress"], &receipt[0]["excepted"]),
        (&created["address"], &json!("None"))
    );
    assert_eq!(
        (&receipt[0]["from"], &receipt[0]["outputIndex"]),
        (&created["hash160"], &json!(1))
    );
    let contract = created["address"].as_str().unwrap();
    let receipt = chain.send(contract, probe("deposit", &[]), "5").await;
    assert_eq!(
        (&receipt["excepted"], &receipt["gasUsed"]),
        (&json!("None"), &json!(46_628))
    );
    assert_eq!(
        chain.call("getaccountinfo", json!([contract])).await["balance"],
        500_000_000
    );
}

#[tokio::test]
async fn a_wallet_refuses_what_qtumds_refuses() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    let data = probe("inc", &[]);
    let refused = async |params: Value| {
        chain
            .try_call("sendtocontract", params)
            .await
            .unwrap_err()
            .0
    };
    assert_eq!(refused(json!(["00".repeat(20), data])).await, -5);
    assert_eq!(refused(json!(["zz", data])).await, -5);
    assert_eq!(refused(json!([contract, "0"])).await, -3);
    assert_eq!(refused(json!([contract, data, 0, 9_999])).await, -3);
    assert_eq!(refused(json!([contract, data, 0, 40_000_001])).await, -3);
    assert_eq!(
        refused(json!([contract, data, 0, 250_000, "0.00000039"])).await,
        -3
    );
    assert_eq!(
        refused(json!([contract, data, 0, 250_000, "0.00000101"])).await,
        -3
    );
    assert_eq!(
        refused(json!([contract, data, 0, 250_000, "0.0000004", ALICE])).await,
        -4
    );
    assert_eq!(refused(json!([contract, data, 99_999_999])).await, -6);
    let raw = chain
        .call(
            "sendtocontract",
            json!([contract, data, 0, 250_000, "0.0000004", null, false]),
        )
        .await;
    assert!(raw["raw transaction"].is_string());
    assert_eq!(chain.height().await, 1, "nothing was sent");
}
