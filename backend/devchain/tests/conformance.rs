//! Every request that was recorded from a real qtumd is sent to a fresh chain, and every answer must
//! be the recorded one, each transaction id and each unit of gas included.
//!
//! `golden.jsonl` holds one record a line. The comparison is stricter than the recording asks for:
//! block hashes, headers and state roots are compared as well.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sparky_devchain::{Config, Handle, spawn};

const GOLDEN: &str = include_str!("conformance/golden.jsonl");

/// Fields that are not compared, wherever they are: of the bloom filter the recording kept nothing,
/// and our blocks are not on a disk.
const IGNORED: &[&str] = &["bloom", "size_on_disk"];
const BLOCK_SECONDS: u64 = 32;

/// One chain and the clock of the recording.
struct Session {
    chain: Handle,
    http: reqwest::Client,
    time: u64,
    last_block: Value,
}

impl Session {
    /// The recording began with 2,010 blocks for one miner.
    async fn start(miner: &str) -> Self {
        let chain = spawn(Config {
            empty: true,
            ..Config::default()
        })
        .await
        .unwrap();
        let http = reqwest::Client::new();
        let mut session = Self {
            chain,
            http,
            time: 1_700_000_000,
            last_block: Value::Null,
        };
        session.call("setmocktime", &json!([session.time])).await;
        for count in [vec![100; 20], vec![10]].concat() {
            session
                .call("generatetoaddress", &json!([count, miner]))
                .await;
        }
        session
    }

    async fn call(&mut self, method: &str, params: &Value) -> Value {
        let request = json!({ "jsonrpc": "1.0", "id": 1, "method": method, "params": params });
        let sent = self
            .http
            .post(self.chain.rpc_url())
            .body(request.to_string())
            .send()
            .await
            .unwrap();
        let status = sent.status().as_u16();
        let answer: Value = serde_json::from_slice(&sent.bytes().await.unwrap()).unwrap();
        let mut record = json!({ "http": status });
        if answer["error"].is_null() {
            record["result"] = answer["result"].clone();
        } else {
            record["error"] = answer["error"].clone();
        }
        record
    }

    /// Sends what a record asks and returns what would have been recorded here.
    async fn replay(&mut self, golden: &Value) -> Value {
        let method = golden["method"].as_str().unwrap();
        match method {
            "generatetoaddress" => {
                self.time += BLOCK_SECONDS;
                self.call("setmocktime", &json!([self.time])).await;
                let mined = self.call(method, &golden["params"]).await;
                self.last_block = mined["result"][0].clone();
                mined
            }
            "getblock" if golden.get("summary").is_some() => {
                let block = self.call(method, &json!([self.last_block, 2])).await;
                json!({ "summary": summary(&block["result"]) })
            }
            _ => self.call(method, &golden["params"]).await,
        }
    }
}

/// The transactions of a block in short, as the recording keeps them.
fn summary(block: &Value) -> Value {
    let input = |input: &Value| {
        if input.get("coinbase").is_some() {
            return json!("coinbase");
        }
        let by = if input["scriptSig"]["hex"] == "c3" {
            "c3"
        } else {
            "sig"
        };
        json!([input["txid"], input["vout"], by])
    };
    let output = |output: &Value| {
        let script = output["scriptPubKey"]["hex"].as_str().unwrap();
        let short = if 200 < script.len() {
            format!("{} bytes", script.len() / 2)
        } else {
            script.to_owned()
        };
        json!([output["value"], output["scriptPubKey"]["type"], short])
    };
    let list = |value: &Value, each: &dyn Fn(&Value) -> Value| -> Value {
        value.as_array().unwrap().iter().map(each).collect()
    };
    let mut txs = Vec::new();
    for (index, tx) in block["tx"].as_array().unwrap().iter().enumerate() {
        let mut json = json!({ "i": index, "vin": list(&tx["vin"], &input), "vout": list(&tx["vout"], &output) });
        if 0 < index {
            json["txid"] = tx["txid"].clone();
        }
        txs.push(json);
    }
    txs.into()
}

/// Adds a line for every field that differs.
fn compare(golden: &Value, ours: &Value, path: &str, differences: &mut Vec<String>) {
    let key = path.rsplit('.').next().unwrap_or_default();
    if IGNORED.contains(&key) {
        return;
    }
    match (golden, ours) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                let (a, b) = (golden.get(key), ours.get(key));
                compare(
                    a.unwrap_or(&Value::Null),
                    b.unwrap_or(&Value::Null),
                    &format!("{path}.{key}"),
                    differences,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let (a, b) = (a.get(index), b.get(index));
                let path = format!("{path}.{index}");
                compare(
                    a.unwrap_or(&Value::Null),
                    b.unwrap_or(&Value::Null),
                    &path,
                    differences,
                );
            }
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        // Of an error message only the reason counts, not its figures.
        (Value::String(a), Value::String(b))
            if path.contains("error") && reason(a) == reason(b) => {}
        _ if golden == ours => {}
        _ => differences.push(format!("{path}: {golden} != {ours}")),
    }
}

fn reason(message: &str) -> &str {
    message
        .split([',', '(', '\n'])
        .next()
        .unwrap_or_default()
        .trim()
}

#[tokio::test]
async fn every_recorded_answer_is_given_again() {
    let records: Vec<Value> = GOLDEN
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (constants, records) = records.split_first().unwrap();
    let mut session = Session::start(constants["deployer"].as_str().unwrap()).await;
    let (mut compared, mut same, mut report) = ([1, 1], [0, 0], String::new());
    let mut contract = Value::Null;
    for golden in records {
        let ours = session.replay(golden).await;
        if contract.is_null() {
            contract = ours["result"][0]["contractAddress"].clone();
        }
        // The tool that came with the recording leaves these two methods out.
        let counted = usize::from(
            !["generatetoaddress", "getbestblockhash"]
                .contains(&golden["method"].as_str().unwrap()),
        );
        compared = [compared[0] + counted, compared[1] + 1];
        let mut differences = Vec::new();
        for key in ["http", "result", "error", "summary"] {
            let (golden, ours) = (golden.get(key), ours.get(key));
            let (golden, ours) = (golden.unwrap_or(&Value::Null), ours.unwrap_or(&Value::Null));
            // A summary has no status of its own.
            if !(key == "http" && golden.is_null()) {
                compare(golden, ours, key, &mut differences);
            }
        }
        if differences.is_empty() {
            same = [same[0] + counted, same[1] + 1];
        }
        for line in differences.iter().take(8) {
            let line: String = line.chars().take(300).collect();
            let _ = writeln!(
                report,
                "#{} {} {}: {line}",
                golden["n"], golden["note"], golden["method"]
            );
        }
    }
    let agrees = usize::from(contract == constants["contract"]);
    same = [same[0] + agrees, same[1] + agrees];
    session.chain.shutdown().await;
    let score = format!(
        "{report}conformance: same {} of {} records, with hashes {} of {}\n",
        same[0], compared[0], same[1], compared[1]
    );
    // Past the test runner, which would keep it to itself: the score is worth reading when all is well.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), score.as_bytes());
    assert_eq!((same, compared), ([119, 137], [119, 137]), "\n{report}");
}
