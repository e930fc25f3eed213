//! The client reads what a real qtumd said.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use sparky_protocol::Account;
use sparky_qtum::rpc::{CallRequest, Client, ContractSend, RpcError, explain_rejection};
use sparky_qtum::script::Gas;
use sparky_qtum::{Network, Txid, contract};

use crate::node::{Node, recorded, replay};

fn probe() -> Account {
    "0xd3d5408ab319aa0f6b6adaabf058d4893f4a974e"
        .parse()
        .unwrap()
}

fn txid() -> Txid {
    "932c9d691bcaf32615594d390cebeca5959f7da80c212a7a2f2a0c106aab3153"
        .parse()
        .unwrap()
}

#[tokio::test]
async fn chain_and_network() {
    let info = replay("blockchain")
        .await
        .client()
        .get_blockchain_info()
        .await
        .unwrap();
    assert_eq!(
        (info.chain.as_str(), info.blocks, info.headers),
        ("regtest", 2_027, 2_027)
    );
    let info = replay("network")
        .await
        .client()
        .get_network_info()
        .await
        .unwrap();
    assert_eq!((info.version, info.relay_fee), (270_100, 400_000));
    let dgp = replay("dgp").await.client().get_dgp_info().await.unwrap();
    assert_eq!((dgp.min_gas_price, dgp.block_gas_limit), (40, 40_000_000));
    assert_eq!(
        replay("quiet-fee")
            .await
            .client()
            .estimate_smart_fee(6)
            .await,
        Ok(None)
    );
    let rate = Node::saying(
        200,
        r#"{"result":{"feerate":0.00412345,"blocks":6},"error":null,"id":$id}"#,
    )
    .await;
    assert_eq!(rate.client().estimate_smart_fee(6).await, Ok(Some(412_345)));
}

#[tokio::test]
async fn blocks_and_transactions() {
    let hash = "5b8e72c493e2eed021e43b8fbb1e9f9c558f0f4d117c7d16dc8e54e464bcb616"
        .parse()
        .unwrap();
    let header = replay("header")
        .await
        .client()
        .get_block_header(&hash)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (header.hash, header.height, header.confirmations),
        (hash, 2_027, 1)
    );
    assert!(header.previous.is_some());
    assert_eq!(
        replay("no-block").await.client().get_block(&hash).await,
        Ok(None)
    );
    assert_eq!(
        replay("no-height")
            .await
            .client()
            .get_block_hash(999_999)
            .await,
        Ok(None)
    );
    let raw = replay("transaction")
        .await
        .client()
        .get_raw_transaction(&txid())
        .await
        .unwrap()
        .unwrap();
    let decoded = raw.decode().unwrap();
    assert_eq!((raw.txid, decoded.txid()), (txid(), txid()));
    for (said, read) in raw.outputs.iter().zip(&decoded.outputs) {
        assert_eq!(
            (said.value, &said.script.script),
            (read.value, &read.script)
        );
        assert_eq!(said.script.kind, read.script.kind().name());
    }
    assert_eq!(
        replay("no-transaction")
            .await
            .client()
            .get_raw_transaction(&txid())
            .await,
        Ok(None)
    );
}

#[tokio::test]
async fn receipts_tell_failure_from_success() {
    let receipts = replay("receipts-of-two-calls")
        .await
        .client()
        .get_transaction_receipt(&txid())
        .await
        .unwrap();
    assert_eq!(receipts.len(), 2);
    assert!(receipts[0].succeeded() && !receipts[1].succeeded());
    assert_eq!((receipts[0].output_index, receipts[1].output_index), (0, 1));
    assert_eq!(
        (receipts[1].excepted.as_str(), receipts[1].logs.len()),
        ("Revert", 0)
    );
    assert!(!receipts[0].logs.is_empty());
    assert_eq!(receipts[0].logs[0].address, probe());
    let receipts = replay("receipt-of-a-revert")
        .await
        .client()
        .get_transaction_receipt(&txid())
        .await
        .unwrap();
    assert!(!receipts[0].excepted_message.is_empty());
    let receipts = replay("receipt-of-a-custom-error")
        .await
        .client()
        .get_transaction_receipt(&txid())
        .await
        .unwrap();
    assert_eq!(
        (
            receipts[0].excepted.as_str(),
            receipts[0].excepted_message.as_str()
        ),
        ("Revert", "")
    );
}

#[tokio::test]
async fn logs_come_as_whole_receipts() {
    let node = replay("logs").await;
    let receipts = node
        .client()
        .search_logs(2_010, 2_027, &probe())
        .await
        .unwrap();
    assert!(!receipts.is_empty());
    assert_eq!(
        node.asked()[0].params,
        json!([2010, 2027, {"addresses": [hex::encode(probe().0)]}])
    );
    let error = replay("logs-of-nothing")
        .await
        .client()
        .search_logs(0, 0, &probe())
        .await
        .unwrap_err();
    assert!(matches!(error, RpcError::Rejected { code: -8, .. }) && !error.is_not_found());
}

#[tokio::test]
async fn trials_bring_the_output_of_a_revert() {
    let node = replay("trial-custom-error").await;
    let alice: Account = "0x2352be3db3177f0a07efbe6da5857615b8c9901d"
        .parse()
        .unwrap();
    let request = CallRequest {
        contract: &probe(),
        data: &[0xb4, 0xf0, 0x7d, 0x85],
        sender: Some(&alice),
        gas_limit: None,
        value: 0,
    };
    let outcome = node.client().call_contract(&request).await.unwrap();
    assert!(!outcome.succeeded() && 4 <= outcome.output.len());
    assert_eq!(contract::explain(&outcome.output).code, "unknown-error");
    assert_eq!(
        node.asked()[0].params,
        json!([hex::encode(probe().0), "b4f07d85", hex::encode(alice.0)])
    );

    let node = replay("trial-with-value").await;
    let request = CallRequest {
        value: 150_000_000,
        gas_limit: Some(250_000),
        ..request
    };
    assert!(
        node.client()
            .call_contract(&request)
            .await
            .unwrap()
            .succeeded()
    );
    let params = &node.asked()[0].params;
    assert_eq!(
        (params[3].clone(), params[4].to_string().parse()),
        (json!(250_000), Ok(1.5))
    );

    let error = replay("trial-without-contract")
        .await
        .client()
        .call_contract(&request)
        .await
        .unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(
        replay("no-account").await.client().get_code(&probe()).await,
        Ok(None)
    );
}

#[tokio::test]
async fn coins_are_checked_one_by_one() {
    let utxos = recorded("utxos");
    let node = Node::start(move |asked| {
        let body = match asked.method.as_str() {
            "getblockcount" => r#"{"result":2027,"error":null,"id":$id}"#.to_owned(),
            "getaddressutxos" => utxos.body(),
            // A row that a replaced transaction left behind, and one that spends.
            "getaddressmempool" => format!(
                r#"{{"result":[{{"address":"q","txid":"{0}","index":7,"satoshis":5,"timestamp":1}},
                   {{"address":"q","txid":"{0}","index":0,"satoshis":-5,"timestamp":1}}],"error":null,"id":$id}}"#,
                txid()
            ),
            "gettxout" if asked.params[1] == json!(7) => recorded("spent-output").body(),
            "gettxout" => recorded("immature-reward").body(),
            other => panic!("{other} was not expected"),
        };
        (200, body)
    })
    .await;
    let bob: Account = "0x7926223070547d2d15b2ef5e7383e541c338ffe9"
        .parse()
        .unwrap();
    let (coins, height) = node.client().unspent(&bob, Network::Regtest).await.unwrap();
    assert_eq!(height, 2_027);
    assert!(!coins.is_empty());
    for coin in &coins {
        assert_eq!(
            (coin.value, coin.confirmations, coin.height),
            (2_000_000_000_000, 1_912, Some(116))
        );
        assert!(coin.coinbase && coin.is_immature() && !coin.spendable);
    }
    let checked = node
        .asked()
        .iter()
        .filter(|asked| asked.method == "gettxout")
        .count();
    assert_eq!(checked, coins.len() + 1);
}

#[tokio::test]
async fn the_address_index_is_read() {
    let balance = replay("balance")
        .await
        .client()
        .get_address_balance(&["q"])
        .await
        .unwrap();
    assert_eq!(balance.balance, 899_998_228_325);
    let rows = replay("mempool")
        .await
        .client()
        .get_address_mempool(&["q"])
        .await
        .unwrap();
    assert_eq!((rows[0].index, rows[0].satoshis), (0, -899_899_600_000));
}

#[tokio::test]
async fn amounts_are_sent_as_exact_numbers() {
    let body = format!(
        r#"{{"result":{{"txid":"{}","sender":"q","hash160":"{}"}},"error":null,"id":$id}}"#,
        txid(),
        "11".repeat(20)
    );
    let node = Node::saying(200, &body).await;
    let send = ContractSend {
        contract: &probe(),
        data: &[1, 2, 3, 4],
        value: 29_000_000,
        gas: Gas {
            limit: 250_000,
            price: 60,
        },
        sender: Some("qWwbyHadbwKtCTZtTBjwRmv1hW27Bi11bc"),
    };
    let made = node
        .client()
        .for_wallet("tower")
        .send_to_contract(&send)
        .await
        .unwrap();
    assert_eq!(made.hash160, Account([0x11; 20]));
    let asked = &node.asked()[0];
    assert!(
        asked.head.starts_with("POST /wallet/tower "),
        "{}",
        asked.head
    );
    let expected: serde_json::Value = serde_json::from_str(
        r#"["d3d5408ab319aa0f6b6adaabf058d4893f4a974e","01020304",0.29000000,250000,0.00000060,"qWwbyHadbwKtCTZtTBjwRmv1hW27Bi11bc"]"#,
    )
    .unwrap();
    assert_eq!(asked.params, expected);
    // "qtum:te@st": the escape in the URL is undone.
    assert!(
        asked.head.contains("Basic cXR1bTp0ZUBzdA=="),
        "{}",
        asked.head
    );
}

#[tokio::test]
async fn refusals_are_explained() {
    let error = replay("dust")
        .await
        .client()
        .send_raw_transaction("00")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "tx-rejected");
    assert!(error.what_to_do().contains("0.000728"));
    let error = replay("already-mined")
        .await
        .client()
        .send_raw_transaction("00")
        .await
        .unwrap_err();
    assert!(error.is_already_mined());
    assert_eq!(error.what_to_do(), explain_rejection(-27, ""));
    let error = replay("no-method")
        .await
        .client()
        .call::<u32>("nosuchmethod", &[])
        .await
        .unwrap_err();
    assert_eq!(error, RpcError::UnknownMethod("nosuchmethod".to_owned()));
}

#[tokio::test]
async fn a_busy_node_is_asked_again_and_a_refusal_is_not() {
    let count = AtomicUsize::new(0);
    let node = Node::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => (503, "Work queue depth exceeded".to_owned()),
        1 => (
            500,
            r#"{"result":null,"error":{"code":-28,"message":"Loading block index…"},"id":$id}"#
                .to_owned(),
        ),
        _ => (200, r#"{"result":7,"error":null,"id":$id}"#.to_owned()),
    })
    .await;
    assert_eq!(node.client().get_block_count().await, Ok(7));
    assert_eq!(node.asked().len(), 3);

    let node = Node::saying(503, "").await;
    assert_eq!(node.client().get_block_count().await, Err(RpcError::Busy));
    assert_eq!(
        node.asked().len(),
        4,
        "as many attempts as the client has patience for"
    );

    let node = Node::saying(401, "").await;
    let error = node.client().get_block_count().await.unwrap_err();
    assert_eq!(
        (error.code(), node.asked().len()),
        ("chain-unauthorized", 1)
    );
    assert!(!error.is_temporary());
}

#[tokio::test]
async fn a_missing_index_is_named() {
    let body =
        r#"{"result":null,"error":{"code":-32603,"message":"Events indexing disabled"},"id":$id}"#;
    let error = Node::saying(500, body)
        .await
        .client()
        .get_transaction_receipt(&txid())
        .await
        .unwrap_err();
    assert_eq!(error, RpcError::MissingIndex { flag: "-logevents" });
    assert!(error.what_to_do().contains("-logevents"));
}

#[tokio::test]
async fn strange_answers_are_errors_and_not_panics() {
    for (status, body) in [
        (200, ""),
        (200, "<html>"),
        (200, "[]"),
        (200, r#"{"result":"x","error":null,"id":$id}"#),
        (200, r#"{"result":-1,"error":null,"id":$id}"#),
        (200, r#"{"result":null,"error":null,"id":$id}"#),
        (200, r#"{"result":7,"error":null,"id":999999}"#),
        (502, "Bad Gateway"),
    ] {
        let error = Node::saying(status, body)
            .await
            .client()
            .get_block_count()
            .await
            .unwrap_err();
        assert_eq!(error.code(), "chain-protocol", "{body}");
    }
}

#[tokio::test]
async fn a_node_that_is_not_there_is_said_to_be_so_without_the_password() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://qtum:secret@{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::new(&url)
        .unwrap()
        .get_block_count()
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.is_temporary()),
        ("chain-unreachable", true)
    );
    assert!(!format!("{error} {error:?}").contains("secret"));
    assert!(!format!("{:?}", Client::new(&url).unwrap()).contains("secret"));
    for wrong in ["", "localhost:3889", "ftp://a:b@c"] {
        assert!(
            matches!(Client::new(wrong), Err(RpcError::Url(_))),
            "{wrong}"
        );
    }
}
