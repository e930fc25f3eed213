//! Contracts: what happens to coins, gas and events.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{ALICE, BOB, BOB_HASH, Chain, probe};

/// 7,000 satoshi.
const VALUE: &str = "0.00007";

#[tokio::test]
async fn a_revert_is_mined_and_the_value_returns() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    let receipt = chain.send(&contract, probe("rev", &[]), VALUE).await;
    assert_eq!(
        (&receipt["excepted"], &receipt["exceptedMessage"]),
        (&json!("Revert"), &json!("nope"))
    );
    let block = chain
        .call("getblock", json!([receipt["blockHash"], 2]))
        .await;
    let refund = &block["tx"][2];
    assert_eq!(refund["vin"][0]["scriptSig"]["hex"], "c3");
    assert_eq!(refund["vout"][0]["valueSat"], 7_000);
    let sender = chain.call("fromhexaddress", json!([receipt["from"]])).await;
    assert_eq!(refund["vout"][0]["scriptPubKey"]["address"], sender);
    assert_eq!(
        chain.call("getaccountinfo", json!([contract])).await["balance"],
        0
    );
}

#[tokio::test]
async fn a_payout_is_an_ordinary_output() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    chain.send(&contract, probe("deposit", &[]), "1").await;
    let receipt = chain
        .send(&contract, probe("pay", &[BOB_HASH, "3039"]), "0")
        .await;
    assert_eq!(
        (&receipt["excepted"], &receipt["gasUsed"]),
        (&json!("None"), &json!(56_422))
    );
    let utxos = chain.call("getaddressutxos", json!([BOB])).await;
    assert_eq!(utxos[0]["satoshis"], 12_345);
    let txout = chain
        .call(
            "gettxout",
            json!([utxos[0]["txid"], utxos[0]["outputIndex"]]),
        )
        .await;
    assert_eq!(
        (&txout["coinbase"], &txout["confirmations"]),
        (&json!(false), &json!(1))
    );
    let info = chain.call("getaccountinfo", json!([contract])).await;
    assert_eq!(
        (&info["balance"], &info["vin"]["value"]),
        (&json!(99_987_655), &json!(99_987_655))
    );
}

#[tokio::test]
async fn unused_gas_waits_in_the_coinbase() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    let receipt = chain.send(&contract, probe("inc", &[]), "0").await;
    let block = chain
        .call("getblock", json!([receipt["blockHash"], 2]))
        .await;
    let gas_used = receipt["gasUsed"].as_i64().unwrap();
    let refund = &block["tx"][0]["vout"][1];
    assert_eq!(refund["valueSat"], (250_000 - gas_used) * 40);
    let txout = chain
        .call("gettxout", json!([block["tx"][0]["txid"], 1]))
        .await;
    assert_eq!(txout["coinbase"], true);
}

#[tokio::test]
async fn a_call_without_a_transaction_changes_nothing() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    let before = chain.call("getbestblockhash", json!([])).await;
    let call = json!([contract, probe("deposit", &[]), ALICE, 250_000, "1.5"]);
    let called = chain.call("callcontract", call).await;
    assert_eq!(called["executionResult"]["excepted"], "None");
    assert_eq!(
        called["transactionReceipt"]["log"][0]["data"]
            .as_str()
            .unwrap()
            .len(),
        64
    );
    let info = chain.call("getaccountinfo", json!([contract])).await;
    assert_eq!(info["balance"], 0);
    chain.call("dev_mine", json!([1])).await;
    assert_eq!(
        chain.call("getblockheader", json!([before])).await["confirmations"],
        2
    );
}

#[tokio::test]
async fn events_are_found_and_waited_for() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    let first = chain.send(&contract, probe("deposit", &[]), "1").await;
    let height = first["blockNumber"].as_i64().unwrap();
    let topic = first["log"][0]["topics"][0].clone();
    let found = chain
        .call("searchlogs", json!([0, -1, { "addresses": [contract] }]))
        .await;
    assert_eq!(
        (
            found.as_array().unwrap().len(),
            &found[0]["transactionHash"]
        ),
        (1, &first["transactionHash"])
    );
    let elsewhere = chain
        .call("searchlogs", json!([0, -1, { "addresses": [BOB_HASH] }]))
        .await;
    assert_eq!(elsewhere, json!([]));
    let prefixed = chain
        .try_call(
            "searchlogs",
            json!([0, -1, { "addresses": [format!("0x{contract}")] }]),
        )
        .await;
    assert_eq!(prefixed.unwrap_err().0, -32_602);

    let filter = json!([height + 1, null, { "addresses": [contract], "topics": [topic] }, 0]);
    let waiting = chain.call("waitforlogs", filter);
    let sending = async {
        // Waiting began first; nothing but a block with an event may end it.
        chain.call("dev_mine", json!([2])).await;
        chain.send(&contract, probe("deposit", &[]), "2").await
    };
    let (waited, second) = tokio::time::timeout(Duration::from_mins(1), async {
        tokio::join!(waiting, sending)
    })
    .await
    .expect("the event arrives");
    assert_eq!(
        (&waited["count"], &waited["entries"][0]["transactionHash"]),
        (&json!(1), &second["transactionHash"])
    );
    assert_eq!(
        waited["nextblock"],
        second["blockNumber"].as_i64().unwrap() + 1
    );
    assert!(waited["entries"][0].get("log").is_none());
}

#[tokio::test]
async fn calls_can_be_withheld() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    chain.call("dev_withhold", json!([2])).await;
    let sent = chain
        .call("sendtocontract", json!([contract, probe("inc", &[])]))
        .await;
    let plain = chain.call("sendtoaddress", json!([BOB, 1])).await;
    assert_eq!(
        chain.call("getrawtransaction", json!([plain, true])).await["confirmations"],
        1
    );
    assert_eq!(
        chain
            .call("gettransactionreceipt", json!([sent["txid"]]))
            .await,
        json!([])
    );
    chain.call("dev_mine", json!([1])).await;
    let receipt = chain
        .call("gettransactionreceipt", json!([sent["txid"]]))
        .await;
    assert_eq!(receipt[0]["excepted"], "None");
}

/// Plain, then deployments, then calls, these by gas price; a child comes after its parent.
#[tokio::test]
async fn the_order_of_a_block_is_qtumds() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    chain.call("dev_automine", json!([false])).await;
    let inc = probe("inc", &[]);
    let call = async |price: &str| {
        let sent = chain
            .call("sendtocontract", json!([contract, inc, 0, 250_000, price]))
            .await;
        sent["txid"].clone()
    };
    let (cheap, dear) = (call("0.00000040").await, call("0.00000090").await);
    let create = chain
        .call("createcontract", json!(["6001600055", 100_000]))
        .await["txid"]
        .clone();
    let plain = chain.call("sendtoaddress", json!([BOB, 1])).await;
    chain.call("dev_mine", json!([1])).await;
    let block = chain
        .call(
            "getblock",
            json!([chain.call("getbestblockhash", json!([])).await]),
        )
        .await;
    assert_eq!(
        block["tx"].as_array().unwrap()[1..],
        [plain, create, dear, cheap]
    );
}

/// Enough signature checks in plain outputs, and no call fits beside them.
#[tokio::test]
async fn a_stuffed_block_takes_no_calls() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    chain.call("dev_automine", json!([false])).await;
    let sent = chain
        .call("sendtocontract", json!([contract, probe("inc", &[])]))
        .await;
    for _ in 0..6 {
        stuff(&chain).await;
    }
    chain.call("dev_mine", json!([1])).await;
    assert_eq!(
        chain
            .call("gettransactionreceipt", json!([sent["txid"]]))
            .await,
        json!([])
    );
    chain.call("dev_mine", json!([1])).await;
    assert_eq!(
        chain
            .call("gettransactionreceipt", json!([sent["txid"]]))
            .await[0]["excepted"],
        "None"
    );
}

/// A plain transaction with 200 outputs: 800 signature checks.
async fn stuff(chain: &Chain) {
    use sparky_protocol::Account;
    use sparky_qtum::script::p2pkh;
    use sparky_qtum::tx::{OutPoint, Transaction, TxIn, TxOut};

    let unspent = chain.call("listunspent", json!([])).await;
    let coin = &unspent[0];
    let txid = coin["txid"].as_str().unwrap().parse().unwrap();
    let vout = u32::try_from(coin["vout"].as_u64().unwrap()).unwrap();
    let value = 1_000_000_000_000 / 200;
    let mut outputs = vec![
        TxOut {
            value,
            script: p2pkh(&Account([7; 20]))
        };
        200
    ];
    outputs[0].value = 2_000_000_000_000 - 199 * value - 3_000_000;
    let tx = Transaction {
        version: 2,
        inputs: vec![TxIn::unsigned(OutPoint { txid, vout })],
        outputs,
        lock_time: 0,
    };
    let signed = chain
        .call("signrawtransactionwithwallet", json!([tx.to_hex()]))
        .await;
    assert_eq!(signed["complete"], true);
    chain
        .call("sendrawtransaction", json!([signed["hex"], 0]))
        .await;
}

#[tokio::test]
async fn governance_contracts_exist_but_do_not_run() {
    let chain = Chain::rich().await;
    let address = format!("{:0>40}", "80");
    assert_eq!(
        chain.call("getaccountinfo", json!([address])).await["balance"],
        0
    );
    let receipt = chain.send(&address, "00".to_owned(), VALUE).await;
    assert_eq!(
        (&receipt["excepted"], &receipt["gasUsed"]),
        (&json!("Unknown"), &json!(250_000))
    );
    let contracts = chain.call("listcontracts", json!([])).await;
    assert_eq!(contracts.as_object().map(serde_json::Map::len), Some(6));
    assert_ne!(contracts.get(&address), Some(&Value::Null));
}
