//! A node that was started with less, that is troubled, and that keeps transactions waiting.

use serde_json::{Value, json};
use sparky_devchain::{Config, Indexes};

use crate::client::{ALICE, BOB, Chain, probe};

async fn without(change: fn(&mut Indexes)) -> Chain {
    let mut config = Config::default();
    change(&mut config.indexes);
    Chain::start(config).await
}

#[tokio::test]
async fn a_missing_index_is_answered_as_by_qtumd() {
    let chain = without(|indexes| indexes.addresses = false).await;
    let missing = (-5, "No information available for address".to_owned());
    for method in ["getaddressutxos", "getaddressbalance", "getaddresstxids"] {
        assert_eq!(
            chain.try_call(method, json!([ALICE])).await,
            Err(missing.clone())
        );
    }
    assert_eq!(
        chain.call("getaddressmempool", json!([ALICE])).await,
        json!([])
    );

    let chain = without(|indexes| indexes.events = false).await;
    let missing = (-32603, "Events indexing disabled".to_owned());
    let none = "0".repeat(64);
    assert_eq!(
        chain.try_call("gettransactionreceipt", json!([none])).await,
        Err(missing.clone())
    );
    assert_eq!(
        chain.try_call("searchlogs", json!([1, 1])).await,
        Err(missing)
    );

    let chain = without(|indexes| indexes.transactions = false).await;
    let txid = chain.call("sendtoaddress", json!([ALICE, 1])).await;
    let (code, message) = chain
        .try_call("getrawtransaction", json!([txid, true]))
        .await
        .unwrap_err();
    assert_eq!(code, -5);
    assert!(message.contains("Use -txindex"), "{message}");
    let tip = chain.call("getbestblockhash", json!([])).await;
    chain
        .call("getrawtransaction", json!([txid, true, tip]))
        .await;
    assert_eq!(chain.call("getindexinfo", json!([])).await, json!({}));
}

#[tokio::test]
async fn an_empty_chain_knows_no_method_that_qtumd_does_not_have() {
    let chain = Chain::empty().await;
    for method in ["dev_mine", "dev_faucet", "dev_fault"] {
        assert_eq!(
            chain.try_call(method, json!([])).await.unwrap_err().0,
            -32601
        );
    }
}

#[tokio::test]
async fn troubles_are_switched_on_and_off() {
    let chain = Chain::rich().await;
    chain.call("dev_fault", json!(["warmup"])).await;
    assert_eq!(
        chain
            .try_call("getblockcount", json!([]))
            .await
            .unwrap_err()
            .0,
        -28
    );
    chain.call("dev_fault", json!(["busy", 2])).await;
    let question = json!({ "id": 1, "method": "getblockcount", "params": [] }).to_string();
    for expected in [503, 503, 200] {
        assert_eq!(chain.post("/", question.clone()).await.0, expected);
    }
    chain.call("dev_headers", json!([500])).await;
    let info = chain.call("getblockchaininfo", json!([])).await;
    assert_eq!(
        (
            &info["blocks"],
            &info["headers"],
            &info["initialblockdownload"]
        ),
        (&json!(0), &json!(500), &json!(true))
    );
    chain
        .try_call("dev_fault", json!(["fire"]))
        .await
        .unwrap_err();
}

/// Each class alone is kept waiting, and comes when the time is over.
#[tokio::test]
async fn what_is_withheld_waits_in_the_mempool() {
    let cases: [(&str, [bool; 3]); 5] = [
        ("contract", [false, true, true]),
        ("call", [false, false, true]),
        ("create", [false, true, false]),
        ("plain", [true, false, false]),
        ("all", [true, true, true]),
    ];
    for (class, waits) in cases {
        let chain = Chain::rich().await;
        let contract = chain.deploy_probe().await;
        chain.call("dev_automine", json!([false])).await;
        // Coins of its own for each, so that none waits for another.
        for _ in 0..3 {
            let address = chain.call("getnewaddress", json!([])).await;
            chain.call("dev_faucet", json!([address, 10])).await;
        }
        chain.call("dev_mine", json!([1])).await;
        chain.call("dev_withhold", json!([1, class])).await;
        let plain = chain.call("sendtoaddress", json!([BOB, 1])).await;
        let create = chain
            .call("createcontract", json!(["6001600055", 100_000]))
            .await;
        let call = chain
            .call("sendtocontract", json!([contract, probe("inc", &[])]))
            .await;
        let sent = [plain, create["txid"].clone(), call["txid"].clone()];
        chain.call("dev_mine", json!([1])).await;
        let waiting = chain.call("getrawmempool", json!([])).await;
        let waiting: &Vec<Value> = waiting.as_array().unwrap();
        assert_eq!(
            sent.each_ref().map(|txid| waiting.contains(txid)),
            waits,
            "{class}"
        );
        chain.call("dev_mine", json!([1])).await;
        assert_eq!(chain.call("getrawmempool", json!([])).await, json!([]));
    }
}
