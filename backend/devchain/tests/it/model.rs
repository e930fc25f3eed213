//! Random sequences of transactions against a model of what must hold.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::client::{ALICE, BOB, BOB_HASH, Chain, decimals, probe};

/// The reward of a block.
const SUBSIDY: u64 = 20_000 * 100_000_000;
const PREMINE: u64 = 20_000_000 * 100_000_000;

#[derive(Clone, Debug)]
enum Step {
    Pay(u32),
    Deposit(u32),
    PayOut(u16),
    ToSink(u16),
    Revert(u32),
    Burn(u32),
    Mine,
    Reorganise,
    Return(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (72_800..1_000_000_u32).prop_map(Step::Pay),
        any::<u32>().prop_map(Step::Deposit),
        any::<u16>().prop_map(Step::PayOut),
        any::<u16>().prop_map(Step::ToSink),
        (0..9_u32).prop_map(Step::Revert),
        (0..9_u32).prop_map(Step::Burn),
        Just(Step::Mine),
        Just(Step::Reorganise),
        (1..5_u8).prop_map(Step::Return),
    ]
}

fn qtum(satoshi: u64) -> String {
    format!("{}.{:08}", satoshi / 100_000_000, satoshi % 100_000_000)
}

/// What the contract, its sink and Bob must own.
#[derive(Debug, Default)]
struct Model {
    probe: u64,
    sink: u64,
    bob: u64,
    alice: u64,
}

struct World {
    chain: Chain,
    contract: String,
    model: Model,
    /// Contract transactions: id and how each must have ended.
    sent: BTreeMap<String, &'static str>,
    /// Those with an event of the contract.
    told: BTreeSet<String>,
}

impl World {
    async fn play(&mut self, step: &Step) {
        match *step {
            Step::Pay(value) => {
                self.chain
                    .call("sendtoaddress", json!([ALICE, qtum(value.into())]))
                    .await;
                self.model.alice += u64::from(value);
            }
            Step::Deposit(value) => {
                let txid = self.call("deposit", &[], value.into(), "None").await;
                self.told.insert(txid);
                self.model.probe += u64::from(value);
            }
            Step::PayOut(value) => {
                let value = u64::from(value);
                let can = value <= self.model.probe;
                let ended = if can { "None" } else { "Revert" };
                self.call("pay", &[BOB_HASH, &format!("{value:x}")], 0, ended)
                    .await;
                if can {
                    self.model.probe -= value;
                    self.model.bob += value;
                }
            }
            Step::ToSink(value) => {
                let value = u64::from(value);
                let can = value <= self.model.probe;
                let ended = if can { "None" } else { "Revert" };
                self.call("toSink", &[&format!("{value:x}")], 0, ended)
                    .await;
                if can {
                    self.model.probe -= value;
                    self.model.sink += value;
                }
            }
            Step::Revert(value) => {
                self.call("rev", &[], value.into(), "Revert").await;
            }
            Step::Burn(value) => {
                self.call("invalid", &[], value.into(), "BadInstruction")
                    .await;
            }
            Step::Mine => {
                self.chain.call("dev_mine", json!([1])).await;
            }
            Step::Reorganise => self.reorganise().await,
            Step::Return(depth) => self.leave_and_return(depth).await,
        }
    }

    async fn call(
        &mut self,
        function: &str,
        words: &[&str],
        value: u64,
        ended: &'static str,
    ) -> String {
        let call = json!([self.contract, probe(function, words), qtum(value)]);
        let sent = self.chain.call("sendtocontract", call).await;
        let txid = sent["txid"].as_str().unwrap().to_owned();
        self.sent.insert(txid.clone(), ended);
        txid
    }

    /// Takes back the last block and mines its transactions again in another.
    async fn reorganise(&mut self) {
        if 1 < self.chain.height().await {
            let tip = self.chain.call("getbestblockhash", json!([])).await;
            self.chain.call("invalidateblock", json!([tip])).await;
            // To somebody else, or it would be the block that is invalid now.
            let miner = self.chain.call("getnewaddress", json!([])).await;
            self.chain
                .call("generatetoaddress", json!([2, miner]))
                .await;
        }
    }

    /// Leaves the last blocks and comes back to them: receipts, events and the address index go and return.
    async fn leave_and_return(&mut self, depth: u8) {
        let height = self.chain.height().await;
        let first = height - i64::from(depth) + 1;
        if first < 2 {
            return;
        }
        let hash = self.chain.call("getblockhash", json!([first])).await;
        let tip = self.chain.call("getbestblockhash", json!([])).await;
        self.chain.call("invalidateblock", json!([hash])).await;
        let height = self.best_without(&hash, first).await;
        let waiting = self.chain.call("getrawmempool", json!([])).await;
        for txid in waiting.as_array().unwrap() {
            let receipts = self
                .chain
                .call("gettransactionreceipt", json!([txid]))
                .await;
            assert_eq!(receipts, json!([]), "what is not mined has no receipt");
        }
        self.check_index(height).await;
        self.chain.call("reconsiderblock", json!([hash])).await;
        assert_eq!(self.chain.call("getbestblockhash", json!([])).await, tip);
        assert_eq!(
            self.chain.call("getrawmempool", json!([])).await,
            json!([]),
            "all of it is mined again"
        );
    }

    /// The height that is left when the block `hash` at height `first` is invalid.
    ///
    /// One below it, unless a fork beside it counts: to reconsider a block also
    /// takes the mark from all that was invalid above it.
    async fn best_without(&self, hash: &Value, first: i64) -> i64 {
        let height = self.chain.height().await;
        assert!(first - 1 <= height);
        if first <= height {
            let other = self.chain.call("getblockhash", json!([first])).await;
            assert_ne!(other, *hash, "an invalid block counts");
        }
        height
    }

    /// The address index adds up, and events are those of the active chain.
    async fn check_index(&self, height: i64) {
        for address in [ALICE, BOB] {
            let deltas = self
                .chain
                .call("getaddressdeltas", json!([{ "addresses": [address] }]))
                .await;
            let deltas: &Vec<Value> = deltas.as_array().unwrap();
            let moved: i64 = deltas
                .iter()
                .map(|one| one["satoshis"].as_i64().unwrap())
                .sum();
            let utxos = self.chain.call("getaddressutxos", json!([address])).await;
            let utxos: &Vec<Value> = utxos.as_array().unwrap();
            let unspent: i64 = utxos
                .iter()
                .map(|one| one["satoshis"].as_i64().unwrap())
                .sum();
            let balance = self.chain.balance_of(address).await;
            assert_eq!((moved, unspent), (balance, balance));
            assert!(
                deltas
                    .iter()
                    .all(|one| one["height"].as_i64().unwrap() <= height)
            );
        }
        let filter = json!({ "addresses": [self.contract] });
        let found = self.chain.call("searchlogs", json!([1, -1, filter])).await;
        let mut txids = BTreeSet::new();
        for receipt in found.as_array().unwrap() {
            let number = &receipt["blockNumber"];
            assert_eq!(
                self.chain.call("getblockhash", json!([number])).await,
                receipt["blockHash"],
                "an event of a block that is gone"
            );
            assert!(
                txids.insert(receipt["transactionHash"].as_str().unwrap().to_owned()),
                "an event is told once"
            );
        }
        assert!(txids.is_subset(&self.told));
        if height == self.chain.height().await && self.is_all_mined().await {
            assert_eq!(txids, self.told);
        }
    }

    async fn is_all_mined(&self) -> bool {
        self.chain.call("getrawmempool", json!([])).await == json!([])
    }

    async fn check(&self) {
        self.check_index(self.chain.height().await).await;
        let balance = async |contract: &str| {
            let info = self.chain.call("getaccountinfo", json!([contract])).await;
            let balance = info["balance"].as_u64().unwrap();
            let coin = info["vin"]["value"].as_u64().unwrap_or(0);
            assert_eq!(balance, coin, "a contract owns one output with its balance");
            let address = self.chain.call("fromhexaddress", json!([contract])).await;
            let utxos = self.chain.call("getaddressutxos", json!([address])).await;
            let listed: u64 = utxos
                .as_array()
                .unwrap()
                .iter()
                .map(|utxo| utxo["satoshis"].as_u64().unwrap())
                .sum();
            assert_eq!(listed, balance, "and no other");
            balance
        };
        assert_eq!(balance(&self.contract).await, self.model.probe);
        let sink = self
            .chain
            .call("callcontract", json!([self.contract, probe("sink", &[])]))
            .await;
        let sink = sink["executionResult"]["output"].as_str().unwrap()[24..].to_owned();
        assert_eq!(balance(&sink).await, self.model.sink);
        assert_eq!(
            u64::try_from(self.chain.balance_of(BOB).await).unwrap(),
            self.model.bob
        );
        assert_eq!(
            u64::try_from(self.chain.balance_of(ALICE).await).unwrap(),
            self.model.alice
        );

        // Fees only move within the coinbase: nothing is made or lost.
        let set = self.chain.call("gettxoutsetinfo", json!([])).await;
        let height = set["height"].as_u64().unwrap();
        assert_eq!(
            decimals(&set["total_amount"]),
            qtum(PREMINE + height * SUBSIDY)
        );

        for (txid, ended) in &self.sent {
            let receipts = self
                .chain
                .call("gettransactionreceipt", json!([txid]))
                .await;
            let receipts: &Vec<Value> = receipts.as_array().unwrap();
            assert_eq!(receipts.len(), 1, "a receipt for every contract output");
            assert_eq!(receipts[0]["excepted"], *ended);
        }
    }
}

async fn play(steps: &[Step]) {
    let chain = Chain::rich().await;
    let contract = chain.deploy_probe().await;
    let mut world = World {
        chain,
        contract,
        model: Model::default(),
        sent: BTreeMap::new(),
        told: BTreeSet::new(),
    };
    for step in steps {
        world.play(step).await;
    }
    world.check().await;
    world.chain.handle.shutdown().await;
}

/// Here the block that the reorganisation left counts again, and is as high as its rival.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_fork_beside_the_block_that_is_left_counts() {
    let all_but_genesis = Step::Return(3);
    play(&[
        Step::Deposit(1),
        Step::Mine,
        Step::Reorganise,
        all_but_genesis,
        Step::Return(2),
        Step::Reorganise,
        Step::Return(1),
    ])
    .await;
}

#[test]
fn coins_are_neither_made_nor_lost() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases: 12,
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    runner
        .run(&proptest::collection::vec(step(), 1..25), |steps| {
            runtime.block_on(play(&steps));
            Ok(())
        })
        .unwrap();
}
