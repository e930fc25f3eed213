//! The follower against a node whose chain is reorganised.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sparky_protocol::{Account, Amount, ChainEvent, ChannelId, Hash, Side};
use sparky_qtum::BlockHash;
use sparky_qtum::contract::topic;
use sparky_qtum::follow::{BlockRef, Event, FollowError, Follower, Start};

use crate::node::{Asked, Node};

const CONTRACT: Account = Account([0xcc; 20]);

/// One name for each block, one log of ours in each.
#[derive(Default)]
struct Chain(Vec<u8>);

fn hash(name: u8) -> BlockHash {
    BlockHash([name; 32])
}

fn at(height: u32, name: u8) -> BlockRef {
    BlockRef {
        height,
        hash: hash(name),
    }
}

fn receipt(height: usize, name: u8) -> Value {
    let deposited = topic("Deposited").unwrap();
    let ours = json!({
        "address": hex::encode(CONTRACT.0),
        "topics": [hex::encode(deposited.0), "07".repeat(32)],
        "data": format!("{:064x}{:064x}", 1, name),
    });
    let foreign = json!({"address": "11".repeat(20), "topics": [], "data": ""});
    json!({
        "blockHash": hash(name).to_string(), "blockNumber": height, "transactionHash": "ab".repeat(32),
        "transactionIndex": 1, "outputIndex": 0, "from": "22".repeat(20), "to": "cc".repeat(20),
        "cumulativeGasUsed": 1, "gasUsed": 1, "contractAddress": "cc".repeat(20), "excepted": "None",
        "exceptedMessage": "", "log": [foreign, ours],
    })
}

impl Chain {
    fn answer(&self, asked: &Asked) -> (u16, String) {
        let ok = |result: Value| (200, json!({"result": result, "error": null}).to_string());
        let no = |code: i32, message: &str| {
            (
                500,
                json!({"result": null, "error": {"code": code, "message": message}}).to_string(),
            )
        };
        let height = usize::try_from(asked.params[0].as_u64().unwrap_or(0)).unwrap();
        match asked.method.as_str() {
            "getblockhash" => match self.0.get(height) {
                Some(name) => ok(json!(hash(*name).to_string())),
                None => no(-8, "Block height out of range"),
            },
            "getblockheader" => {
                let height = self
                    .0
                    .iter()
                    .position(|name| asked.params[0] == json!(hash(*name).to_string()));
                let Some(height) = height else {
                    return no(-5, "Block not found");
                };
                ok(json!({
                    "hash": asked.params[0], "height": height, "confirmations": 1, "time": 1_000 + height,
                    "previousblockhash": hash(self.0[height - 1]).to_string(),
                }))
            }
            "searchlogs" => ok(json!([receipt(height, self.0[height])])),
            other => panic!("{other} was not expected"),
        }
    }
}

async fn node(chain: &Arc<Mutex<Chain>>) -> Node {
    let chain = Arc::clone(chain);
    Node::start(move |asked| chain.lock().unwrap().answer(asked)).await
}

fn start(base: BlockRef, known: Vec<BlockRef>) -> Start {
    Start {
        interval: Duration::from_millis(1),
        rescan: 1,
        ..Start::at(base, known)
    }
}

async fn drain(follower: &mut Follower) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(event) = follower.poll().await.unwrap() {
        said.push(match event {
            Event::Connected(block) => {
                assert_eq!(block.time, u64::from(1_000 + block.at.height));
                let name = block.at.hash.0[0];
                let [log] = block.logs.as_slice() else {
                    panic!("one log in each block")
                };
                let (channel_id, amount) = (ChannelId(Hash([7; 32])), Amount(name.into()));
                assert_eq!(
                    log.event,
                    ChainEvent::Deposited {
                        channel_id,
                        to: Side::B,
                        amount
                    }
                );
                assert_eq!((log.log_index, log.sender), (1, Account([0x22; 20])));
                format!("+{name}")
            }
            Event::Disconnected(block) => format!("-{}", block.hash.0[0]),
            Event::Rewound(to) => format!("<{}", to.height),
        });
    }
    said
}

#[tokio::test]
async fn blocks_come_in_order_and_leave_in_reverse() {
    let chain = Arc::new(Mutex::new(Chain(vec![10, 11, 12, 13])));
    let node = node(&chain).await;
    let mut follower = Follower::new(node.client(), CONTRACT, start(at(0, 10), vec![]));
    assert_eq!(drain(&mut follower).await, ["+11", "+12", "+13"]);
    chain.lock().unwrap().0 = vec![10, 11, 22, 23, 24];
    assert_eq!(
        drain(&mut follower).await,
        ["-13", "-12", "+22", "+23", "+24"]
    );
    assert_eq!(follower.position(), at(4, 24));
}

#[tokio::test]
async fn a_start_undoes_what_vanished_and_repeats_the_newest() {
    let chain = Arc::new(Mutex::new(Chain(vec![10, 11, 12, 33])));
    let node = node(&chain).await;
    let known = vec![at(1, 11), at(2, 12), at(3, 13), at(4, 14)];
    let mut follower = Follower::new(node.client(), CONTRACT, start(at(0, 10), known));
    assert_eq!(drain(&mut follower).await, ["-14", "-13", "+12", "+33"]);
}

#[tokio::test]
async fn what_is_forgotten_is_rewound_to_the_base() {
    let chain = Arc::new(Mutex::new(Chain(vec![10, 11, 12, 13])));
    let node = node(&chain).await;
    let start = Start {
        memory: 2,
        ..start(at(0, 10), vec![])
    };
    let mut follower = Follower::new(node.client(), CONTRACT, start);
    assert_eq!(drain(&mut follower).await, ["+11", "+12", "+13"]);
    chain.lock().unwrap().0 = vec![10, 21, 22];
    assert_eq!(drain(&mut follower).await, ["-13", "<0", "+21", "+22"]);
}

#[tokio::test]
async fn another_chain_is_noticed() {
    let chain = Arc::new(Mutex::new(Chain(vec![10, 11])));
    let node = node(&chain).await;
    let mut follower = Follower::new(node.client(), CONTRACT, start(at(1, 99), vec![]));
    let error = follower.next().await.unwrap_err();
    assert_eq!(
        (error.code(), error),
        ("chain-replaced", FollowError::Lost(at(1, 99)))
    );
}

#[tokio::test]
async fn waiting_ends_with_the_next_block() {
    let chain = Arc::new(Mutex::new(Chain(vec![10])));
    let node = node(&chain).await;
    let mut follower = Follower::new(node.client(), CONTRACT, start(at(0, 10), vec![]));
    let growing = Arc::clone(&chain);
    let (event, ()) = tokio::join!(follower.next(), async move {
        growing.lock().unwrap().0.push(11);
    });
    assert!(matches!(event, Ok(Event::Connected(block)) if block.at == at(1, 11)));
}
