//! What people ask a node by hand.

use serde_json::json;

use crate::client::{ALICE, BOB, Chain, decimals, probe};

#[tokio::test]
async fn a_wallet_tells_what_it_received_and_sent() {
    let chain = Chain::rich().await;
    chain.call("createwallet", json!(["shop"])).await;
    let shop = async |method: &str, params| {
        chain
            .try_call_at("/wallet/shop", method, params)
            .await
            .unwrap()
    };
    let address = shop("getnewaddress", json!([])).await;
    chain.call("dev_faucet", json!([address, 10])).await;
    shop("sendtoaddress", json!([ALICE, 2.5])).await;
    chain.call("dev_automine", json!([false])).await;
    shop("sendtoaddress", json!([BOB, 1])).await;

    let list = shop("listtransactions", json!([])).await;
    let told: Vec<(String, String, i64)> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["category"].as_str().unwrap().to_owned(),
                decimals(&entry["amount"]),
                entry["confirmations"].as_i64().unwrap(),
            )
        })
        .collect();
    let row = |category: &str, amount: &str, confirmations| {
        (category.to_owned(), amount.to_owned(), confirmations)
    };
    assert_eq!(
        told,
        [
            row("receive", "10.00000000", 2),
            row("send", "-2.50000000", 1),
            row("send", "-1.00000000", 0)
        ]
    );
    assert!(list[1]["fee"].as_f64().unwrap() < 0.0);
    assert_eq!(list[2]["address"], BOB);
    let newest = shop("listtransactions", json!(["*", 1, 1])).await;
    assert_eq!(newest.as_array().unwrap(), &list.as_array().unwrap()[1..2]);
}

#[tokio::test]
async fn a_transaction_can_be_made_by_hand() {
    let chain = Chain::rich().await;
    let coin = chain.call("listunspent", json!([])).await[0].clone();
    let change = chain.call("getnewaddress", json!([])).await;
    let inputs = json!([{ "txid": coin["txid"], "vout": coin["vout"] }]);
    let mut outputs = json!([{ ALICE: 1 }, { "data": "6869" }]);
    outputs
        .as_array_mut()
        .unwrap()
        .push(json!({ change.as_str().unwrap(): "19998.99" }));
    let raw = chain
        .call("createrawtransaction", json!([inputs, outputs]))
        .await;
    let signed = chain
        .call("signrawtransactionwithwallet", json!([raw]))
        .await;
    assert_eq!(signed["complete"], true);
    chain
        .call("sendrawtransaction", json!([signed["hex"], 0]))
        .await;
    assert_eq!(chain.balance_of(ALICE).await, 100_000_000);
    let refused = chain
        .try_call(
            "createrawtransaction",
            json!([[{ "txid": "00", "vout": 0 }], {}]),
        )
        .await;
    assert_eq!(refused.unwrap_err().0, -8);
}

#[tokio::test]
async fn a_locked_wallet_shows_and_does_not_sign() {
    let chain = Chain::rich().await;
    let unneeded = chain.try_call("walletpassphrase", json!(["x", 1])).await;
    assert_eq!(unneeded.unwrap_err().0, -15);
    chain.call("encryptwallet", json!(["secret"])).await;
    let info = chain.call("getwalletinfo", json!([])).await;
    assert_eq!(info["unlocked_until"], 0);
    chain.call("getbalance", json!([])).await;
    let locked = chain.try_call("sendtoaddress", json!([ALICE, 1])).await;
    assert_eq!(locked.unwrap_err().0, -13);
    let wrong = chain
        .try_call("walletpassphrase", json!(["wrong", 60]))
        .await;
    assert_eq!(wrong.unwrap_err().0, -14);
    chain.call("walletpassphrase", json!(["secret", 600])).await;
    chain.call("sendtoaddress", json!([ALICE, 1])).await;
    chain.call("walletlock", json!([])).await;
    let locked = chain.try_call("sendtoaddress", json!([ALICE, 1])).await;
    assert_eq!(locked.unwrap_err().0, -13);
}

#[tokio::test]
async fn storage_is_there_as_it_was() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    let before = chain.height().await;
    let empty = chain.call("getstorage", json!([contract])).await;
    chain.send(&contract, probe("inc", &[]), "0").await;
    let now = chain.call("getstorage", json!([contract])).await;
    assert_ne!(now, empty);
    assert_eq!(
        chain.call("getstorage", json!([contract, before])).await,
        empty
    );
    assert_eq!(
        chain
            .call("getstorage", json!([contract, before + 1]))
            .await,
        now
    );
}

/// A contract that answers every question with one word: seven.
#[tokio::test]
async fn tokens_are_asked_for_their_figures() {
    let chain = Chain::rich().await;
    // PUSH1 7 PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN, deployed by a copy of itself.
    let runtime = "600760005260206000f3";
    let code = format!("69{runtime}600052600a6016f3");
    let created = chain.call("createcontract", json!([code])).await;
    let token = &created["address"];
    assert_eq!(chain.call("qrc20decimals", json!([token])).await, 7);
    let seven = json!("0.0000007");
    assert_eq!(chain.call("qrc20totalsupply", json!([token])).await, seven);
    assert_eq!(
        chain.call("qrc20balanceof", json!([token, ALICE])).await,
        seven
    );
    assert_eq!(
        chain
            .call("qrc20allowance", json!([token, ALICE, BOB]))
            .await,
        seven
    );
    // Seven is no text.
    let refused = chain.try_call("qrc20name", json!([token])).await;
    assert_eq!(refused, Err((-1, "Fail to get token name".to_owned())));
}
