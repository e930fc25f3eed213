//! A node is examined: each trouble has its words.

use sparky_qtum::Network;

use crate::node::{Asked, Node};

const NOW: u64 = 1_700_000_000;

/// A node of the public test network whose answers differ in one thing.
async fn examine(change: fn(&str) -> Option<(u16, String)>, network: Network) -> Vec<String> {
    let node = Node::start(move |asked: &Asked| {
        if let Some(answer) = change(&asked.method) {
            return answer;
        }
        let hash = "00".repeat(32);
        let result = match asked.method.as_str() {
            "getblockchaininfo" => format!(
                r#"{{"chain":"test","blocks":1000,"headers":1000,"bestblockhash":"{hash}"}}"#
            ),
            "getblockheader" => {
                format!(r#"{{"hash":"{hash}","height":1000,"confirmations":1,"time":{NOW}}}"#)
            }
            "getindexinfo" => r#"{"txindex":{"synced":true,"best_block_height":1000}}"#.to_owned(),
            _ => "[]".to_owned(),
        };
        good(&result)
    })
    .await;
    let findings = node.client().examine(network, NOW).await;
    let texts = findings
        .into_iter()
        .filter_map(|finding| finding.result.err());
    texts.collect()
}

fn good(result: &str) -> (u16, String) {
    (
        200,
        format!(r#"{{"result":{result},"error":null,"id":$id}}"#),
    )
}

fn bad(code: i32, message: &str) -> (u16, String) {
    let body =
        format!(r#"{{"result":null,"error":{{"code":{code},"message":"{message}"}},"id":$id}}"#);
    (500, body)
}

fn info(blocks: u32, headers: u32) -> (u16, String) {
    let hash = "00".repeat(32);
    good(&format!(
        r#"{{"chain":"test","blocks":{blocks},"headers":{headers},"bestblockhash":"{hash}"}}"#
    ))
}

#[track_caller]
fn only(troubles: &[String], words: &str) {
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert!(troubles[0].contains(words), "{troubles:?}");
}

#[tokio::test]
async fn a_healthy_node_has_no_trouble() {
    assert_eq!(examine(|_| None, Network::Testnet).await, [""; 0]);
}

#[tokio::test]
async fn each_trouble_is_found() {
    let of = |change| examine(change, Network::Testnet);
    let wrong = examine(|_| None, Network::Mainnet).await;
    only(&wrong, r#"follows the chain "test""#);
    let syncing = of(|method| (method == "getblockchaininfo").then(|| info(10, 1000))).await;
    only(&syncing, "syncing: 10 of 1000 blocks");
    let old = of(|method| {
        let hash = "00".repeat(32);
        let time = NOW - 2 * 60 * 60;
        let header =
            format!(r#"{{"hash":"{hash}","height":1000,"confirmations":1,"time":{time}}}"#);
        (method == "getblockheader").then(|| good(&header))
    })
    .await;
    only(&old, "120 minutes old");
    let no_transactions = of(|method| (method == "getindexinfo").then(|| good("{}"))).await;
    only(&no_transactions, "-txindex");
    let no_addresses = of(|method| {
        let missing = || bad(-5, "No information available for address");
        (method == "getaddressutxos").then(missing)
    })
    .await;
    only(&no_addresses, "-addrindex");
    let no_events = of(|method| {
        let missing = || bad(-32603, "Events indexing disabled");
        (method == "searchlogs").then(missing)
    })
    .await;
    only(&no_events, "-logevents");
    let starting = of(|_| Some(bad(-28, "Loading block index"))).await;
    only(&starting, "still starting");
    let busy = of(|_| Some((503, String::new()))).await;
    only(&busy, "busy");
    let stranger = of(|_| Some((401, String::new()))).await;
    only(&stranger, "user name or the password");
    for text in [wrong, syncing, old, no_transactions, starting].concat() {
        assert!(
            text.contains("safe") || text.contains("Nothing was sent"),
            "{text}"
        );
    }
}
