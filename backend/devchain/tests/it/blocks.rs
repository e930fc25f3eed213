//! Mining, reorganisations, persistence.

use std::io::Write as _;

use serde_json::json;

use crate::client::{ALICE, BOB, BOB_HASH, Chain, decimals, probe};

#[tokio::test]
async fn a_reward_waits_two_thousand_blocks() {
    let chain = Chain::empty().await;
    chain.call("createwallet", json!(["w"])).await;
    let own = chain.call("getnewaddress", json!([])).await;
    chain.call("generatetoaddress", json!([2_000, own])).await;
    assert_eq!(
        decimals(&chain.call("getbalance", json!([])).await),
        "0.00000000"
    );
    chain.call("generatetoaddress", json!([1, own])).await;
    assert_eq!(
        decimals(&chain.call("getbalance", json!([])).await),
        "20000.00000000"
    );
    chain.call("sendtoaddress", json!([ALICE, 1])).await;
    assert_eq!(
        chain.balance_of(ALICE).await,
        0,
        "an empty chain does not mine by itself"
    );
    assert_eq!(chain.call("getmempoolinfo", json!([])).await["size"], 1);
}

#[tokio::test]
async fn a_reorganisation_takes_back_what_it_took() {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    chain.send(&contract, probe("deposit", &[]), "3").await;
    let receipt = chain
        .send(&contract, probe("pay", &[BOB_HASH, "64"]), "0")
        .await;
    let (hash, txid) = (
        receipt["blockHash"].clone(),
        receipt["transactionHash"].clone(),
    );
    assert_eq!(chain.balance_of(BOB).await, 100);

    chain.call("invalidateblock", json!([hash])).await;
    assert_eq!(chain.balance_of(BOB).await, 0);
    assert_eq!(
        chain.call("gettransactionreceipt", json!([txid])).await,
        json!([])
    );
    assert_eq!(
        chain.call("getaccountinfo", json!([contract])).await["balance"],
        300_000_000
    );
    assert_eq!(chain.call("getrawmempool", json!([])).await, json!([txid]));
    assert_eq!(
        chain.call("getblockheader", json!([hash])).await["confirmations"],
        -1
    );

    chain.call("generatetoaddress", json!([1, ALICE])).await;
    let again = chain.call("gettransactionreceipt", json!([txid])).await;
    assert_eq!(
        (&again[0]["excepted"], &again[0]["gasUsed"]),
        (&json!("None"), &receipt["gasUsed"])
    );
    assert_ne!(again[0]["blockHash"], hash);
    assert_eq!(chain.balance_of(BOB).await, 100);

    // Both branches are equally high: the one that was first wins once it is valid again.
    chain.call("reconsiderblock", json!([hash])).await;
    assert_eq!(chain.call("getbestblockhash", json!([])).await, hash);
    assert_eq!(chain.balance_of(ALICE).await, 0);
    assert_eq!(chain.balance_of(BOB).await, 100);
}

#[tokio::test]
async fn an_invalid_block_is_not_mined_again() {
    let chain = Chain::empty().await;
    chain.call("setmocktime", json!([1_700_000_000])).await;
    let mined = chain.call("generatetoaddress", json!([2, ALICE])).await;
    chain.call("invalidateblock", json!([mined[1]])).await;
    assert_eq!(chain.height().await, 1);
    let refused = chain.try_call("generatetoaddress", json!([1, ALICE])).await;
    assert_eq!(refused.unwrap_err().0, -32_603);
    chain.call("generatetoaddress", json!([1, BOB])).await;
    assert_eq!(chain.height().await, 2);
}

#[tokio::test]
async fn time_follows_the_clock_and_never_stands_still() {
    let chain = Chain::empty().await;
    let time = async |height: i64| {
        let hash = chain.call("getblockhash", json!([height])).await;
        chain.call("getblockheader", json!([hash])).await["time"]
            .as_i64()
            .unwrap()
    };
    chain.call("setmocktime", json!([1_700_000_000])).await;
    chain.call("generatetoaddress", json!([13, ALICE])).await;
    assert_eq!(
        (time(1).await, time(13).await),
        (1_700_000_000, 1_700_000_003)
    );
    chain.call("setmocktime", json!([1_800_000_000])).await;
    chain.call("generatetoaddress", json!([1, ALICE])).await;
    assert_eq!(time(14).await, 1_800_000_000);
    assert_eq!(
        chain
            .try_call("setmocktime", json!([-1]))
            .await
            .unwrap_err()
            .0,
        -8
    );
}

#[tokio::test]
async fn a_chain_with_a_folder_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Chain::kept(folder.path()).await;
    chain.call("createwallet", json!(["tower"])).await;
    chain.call("unloadwallet", json!(["tower"])).await;
    let contract = chain.deploy_probe().await;
    let receipt = chain.send(&contract, probe("deposit", &[]), "2").await;
    let extra = chain.call("dev_mine", json!([2])).await;
    chain.call("invalidateblock", json!([extra[1]])).await;
    let tip = chain.call("getbestblockhash", json!([])).await;
    let supply = chain.call("gettxoutsetinfo", json!([])).await;
    chain.handle.shutdown().await;

    let log = folder.path().join("blocks.log");
    let whole = std::fs::metadata(&log).unwrap().len();
    // A crash in the middle of a write leaves half a record.
    std::fs::OpenOptions::new()
        .append(true)
        .open(&log)
        .unwrap()
        .write_all(&[200, 0, 0, 0, 1, 2, 3])
        .unwrap();

    let chain = Chain::kept(folder.path()).await;
    assert_eq!(std::fs::metadata(&log).unwrap().len(), whole);
    assert_eq!(chain.call("getbestblockhash", json!([])).await, tip);
    assert_eq!(chain.call("gettxoutsetinfo", json!([])).await, supply);
    assert_eq!(
        chain.call("getaccountinfo", json!([contract])).await["balance"],
        200_000_000
    );
    let again = chain
        .call("gettransactionreceipt", json!([receipt["transactionHash"]]))
        .await;
    assert_eq!(again[0], receipt);
    assert_eq!(chain.call("listwallets", json!([])).await, json!([""]));
    chain.call("loadwallet", json!(["tower"])).await;
    chain.call("reconsiderblock", json!([extra[1]])).await;
    assert_eq!(chain.call("getbestblockhash", json!([])).await, extra[1]);
}

#[tokio::test]
async fn a_log_of_another_chain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let chain = Chain::kept(folder.path()).await;
    chain.call("dev_mine", json!([1])).await;
    chain.handle.shutdown().await;
    let config = sparky_devchain::Config {
        data_dir: Some(folder.path().to_owned()),
        empty: true,
        ..sparky_devchain::Config::default()
    };
    let error = format!("{:#}", sparky_devchain::spawn(config).await.unwrap_err());
    assert!(error.contains("blocks.log is not of this chain"), "{error}");
}
