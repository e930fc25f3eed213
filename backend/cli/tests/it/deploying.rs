//! Deploying the contract: on the chain that was meant, once, and never a second one by mistake.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::proxy::{Fate, Proxy};
use crate::sandbox::{Outcome, RealNode, Sandbox};

fn database(sandbox: &Sandbox, name: &str) -> String {
    format!("sqlite://{}?mode=rwc", sandbox.path().join(name).display())
}

fn migrate(sandbox: &Sandbox, network: &str, url: &str, more: &[&str]) -> Outcome {
    let database = database(sandbox, "relay.sqlite");
    let place = ["--network", network, "--rpc-url", url];
    let mut all = vec!["migrate"];
    if !more.contains(&"--database-url") {
        all.extend(["--database-url", &database]);
    }
    sandbox.run(&[&all[..], &place, more].concat())
}

#[track_caller]
fn refused(outcome: &Outcome, code: &str) {
    assert_eq!(outcome.problem["code"], code, "{outcome:?}");
    assert_ne!(outcome.code, 0);
}

/// The dev chain as it would look if it were the public test network: blocks come from others.
fn public(node: &RealNode) -> Proxy {
    let proxy = Proxy::start();
    let address = node
        .url()
        .rsplit_once('@')
        .map_or(node.url(), |(_, rest)| rest);
    proxy.to(address);
    proxy.rule(|_| Fate::Change(Box::new(|text| as_public(&text))));
    proxy
}

fn as_public(text: &str) -> String {
    text.replace(": \"regtest\"", ":\"regtest\"")
        .replace("\"chain\":\"regtest\"", "\"chain\":\"test\"")
}

/// The proxy's address with the node's user and password.
fn url_of(proxy: &Proxy, node: &RealNode) -> String {
    let user = node.url().rsplit_once('@').map_or("", |(user, _)| user);
    format!("{user}@{}", proxy.url.trim_start_matches("http://"))
}

/// Transactions in these blocks that are no block's reward.
fn sent_in(node: &RealNode, blocks: std::ops::Range<u32>) -> usize {
    let in_block = |height: u32| {
        let hash = cli(node, &["getblockhash", &height.to_string()]);
        let block: Value = serde_json::from_str(&cli(node, &["getblock", &hash])).unwrap();
        block["tx"].as_array().unwrap().len() - 1
    };
    blocks.map(in_block).sum()
}

fn cli(node: &RealNode, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sparky"))
        .args(["devchain", "cli", "--rpc-url", node.url()])
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn nothing_is_deployed_on_another_chain_than_was_meant() {
    let (node, sandbox) = (RealNode::bare(), Sandbox::empty());
    for network in ["testnet", "mainnet"] {
        refused(
            &migrate(&sandbox, network, node.url(), &[]),
            "wrong-network",
        );
    }
    assert_eq!(cli(&node, &["getblockcount"]), "0");
    // A database belongs to one network, even where two have one kind of chain.
    assert_eq!(migrate(&sandbox, "regtest", node.url(), &[]).code, 0);
    let height = cli(&node, &["getblockcount"]);
    refused(&migrate(&sandbox, "dev", node.url(), &[]), "wrong-network");
    assert_eq!(cli(&node, &["getblockcount"]), height);
}

#[test]
fn two_that_migrate_at_once_deploy_once() {
    let (node, sandbox) = (RealNode::bare(), Sandbox::empty());
    let outcomes = std::thread::scope(|scope| {
        let both = [(), ()].map(|()| scope.spawn(|| migrate(&sandbox, "regtest", node.url(), &[])));
        both.map(|one| one.join().unwrap())
    });
    let deployed: Vec<&Value> = outcomes.iter().map(|one| &one.json["deployed"]).collect();
    assert!(
        deployed.contains(&&true.into()) && deployed.contains(&&false.into()),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[0].json["contract"], outcomes[1].json["contract"]);
}

/// A wallet with coins that can be spent; answers with its address. The coins of two chains are the same where
/// the names are.
fn enrich(node: &RealNode, wallet: &str) -> String {
    cli(node, &["createwallet", wallet]);
    let address = cli(node, &["getnewaddress"]);
    cli(node, &["generatetoaddress", "2101", &address]);
    address
}

/// Begins to deploy on the public test network, and is ended while it waits for a block.
fn begin(sandbox: &Sandbox, url: &str) {
    let database_url = database(sandbox, "relay.sqlite");
    let mut first = Command::new(env!("CARGO_BIN_EXE_sparky"))
        .args(["--output", "table", "migrate"])
        .args(["--network", "testnet", "--rpc-url", url])
        .args(["--database-url", &database_url])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(first.stderr.take().unwrap()).lines();
    let said = lines.find_map(|line| line.ok().filter(|line| line.contains("is sent")));
    assert!(said.is_some(), "it says what it waits for");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn an_interrupted_deployment_is_waited_for_and_not_repeated() {
    let (node, sandbox) = (RealNode::bare(), Sandbox::empty());
    let address = enrich(&node, "sparky");
    let proxy = public(&node);
    let url = url_of(&proxy, &node);
    begin(&sandbox, &url);

    // A node that has not come so far knows neither the transaction nor its coins: nothing new is paid.
    let other = RealNode::bare();
    let behind = public(&other);
    refused(
        &migrate(&sandbox, "testnet", &url_of(&behind, &other), &[]),
        "tx-not-confirming",
    );
    assert_eq!(cli(&other, &["getrawmempool"]), "[]");

    // One block is not enough on a public chain.
    let again = std::thread::scope(|scope| {
        let again = scope.spawn(|| migrate(&sandbox, "testnet", &url, &[]));
        cli(&node, &["generatetoaddress", "9", &address]);
        std::thread::sleep(std::time::Duration::from_secs(3));
        assert!(!again.is_finished(), "nine blocks are not ten");
        cli(&node, &["generatetoaddress", "1", &address]);
        again.join().unwrap()
    });
    assert_eq!(again.json["deployed"], true, "{again:?}");
    assert_eq!(again.json["height"], 2102);
    assert_eq!(cli(&node, &["getrawmempool"]), "[]");
    assert_eq!(sent_in(&node, 2102..2112), 1);
    assert_eq!(
        migrate(&sandbox, "testnet", &url, &[]).json["deployed"],
        false
    );

    // A node that does not have the contract, not synchronised perhaps, is no reason for a second one.
    refused(
        &migrate(&sandbox, "testnet", &url_of(&behind, &other), &[]),
        "contract-missing",
    );
    assert_eq!(cli(&other, &["getrawmempool"]), "[]");
}

#[test]
fn a_deployment_is_given_up_only_when_its_coins_are_spent() {
    let (node, sandbox) = (RealNode::bare(), Sandbox::empty());
    enrich(&node, "sparky");
    let proxy = public(&node);
    begin(&sandbox, &url_of(&proxy, &node));
    let waiting: Vec<String> = serde_json::from_str(&cli(&node, &["getrawmempool"])).unwrap();
    let [txid] = &waiting[..] else {
        panic!("one deployment waits: {waiting:?}");
    };
    let abandon = |url: &str, txid: &str| migrate(&sandbox, "testnet", url, &["--abandon", txid]);

    // It waits for a block.
    refused(&abandon(&url_of(&proxy, &node), txid), "tx-not-confirming");
    // No such deployment was begun.
    let other = RealNode::bare();
    let address = enrich(&other, "another");
    let elsewhere = public(&other);
    let url = url_of(&elsewhere, &other);
    refused(&abandon(&url, &"11".repeat(32)), "not-found");
    // A node that still loads the chain can not know, and one that finds it too cheap does not say that it
    // never comes.
    let words: [&[(&str, &str)]; 2] = [
        &[(
            "\"initialblockdownload\":false",
            "\"initialblockdownload\":true",
        )],
        &[
            ("bad-txns-inputs-missingorspent", "mempool min fee not met"),
            ("-25", "-26"),
        ],
    ];
    for (words, code) in words.into_iter().zip(["chain-behind", "tx-not-confirming"]) {
        elsewhere.rule(move |_| {
            Fate::Change(Box::new(move |text| {
                let text = as_public(&text);
                words
                    .iter()
                    .fold(text, |text, (from, to)| text.replace(from, to))
            }))
        });
        refused(&abandon(&url, txid), code);
    }
    assert_eq!(cli(&other, &["getrawmempool"]), "[]");

    // On this chain its coins are not there: another deployment is paid for, once.
    let elsewhere = public(&other);
    let url = url_of(&elsewhere, &other);
    refused(
        &migrate(&sandbox, "testnet", &url, &[]),
        "tx-not-confirming",
    );
    let done = std::thread::scope(|scope| {
        let done = scope.spawn(|| abandon(&url, txid));
        while cli(&other, &["getrawmempool"]) == "[]" && !done.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        cli(&other, &["generatetoaddress", "10", &address]);
        done.join().unwrap()
    });
    assert_eq!(done.json["deployed"], true, "{done:?}");
    assert_eq!(sent_in(&other, 2102..2112), 1);
    refused(&abandon(&url, txid), "not-found");
}

#[test]
fn a_contract_that_is_there_can_be_joined() {
    let (node, sandbox) = (RealNode::bare(), Sandbox::empty());
    let first = migrate(&sandbox, "regtest", node.url(), &[]);
    let contract = first.json["contract"].as_str().unwrap();
    let height = first.json["height"].to_string();
    let second = database(&sandbox, "second.sqlite");
    let join = |contract: &str, height: &str| {
        let more = [
            "--database-url",
            &second,
            "--contract",
            contract,
            "--height",
            height,
        ];
        migrate(&sandbox, "regtest", node.url(), &more)
    };
    refused(
        &join("0x1111111111111111111111111111111111111111", &height),
        "not-our-contract",
    );
    // A later block would hide the channels before it.
    refused(&join(contract, "1"), "not-our-contract");
    let joined = join(contract, &height);
    assert_eq!(joined.json["deployed"], false, "{joined:?}");
    assert_eq!(
        (&joined.json["contract"], &joined.json["height"]),
        (&first.json["contract"], &first.json["height"])
    );
    let known = migrate(
        &sandbox,
        "regtest",
        node.url(),
        &["--database-url", &second],
    );
    assert_eq!(known.json["contract"], first.json["contract"]);
    refused(
        &migrate(&sandbox, "regtest", node.url(), &["--contract", contract]),
        "usage",
    );
}
