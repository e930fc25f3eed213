//! A relay that fails in the middle, and one that shows what a partner should never have signed: what
//! is signed is not paid twice, and who must act on chain still can.

use serde_json::{Value, json};
use sparky_protocol::{Amount, BalanceProof, Channel, Side};
use sparky_qtum::{Network, wif};

use crate::proxy::{Fate, Proxy};
use crate::sandbox::{RealNode, Sandbox, qtum};

const ALICE: &str = "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ";

/// A relay of its own behind a proxy, without a tower: who wants an answer gives it.
fn behind(proxy: &Proxy) -> (RealNode, Sandbox) {
    let node = RealNode::bare();
    let sandbox = Sandbox::behind(&node, proxy, &["--tower", "false"]);
    (node, sandbox)
}

/// Refuses whatever is sent there, once per line, then lets everything pass.
fn refuse_once(proxy: &Proxy, path: &'static str, status: u16, code: &str) {
    let body =
        json!({ "code": code, "title": "No", "detail": "Nothing was sent.", "retryable": true });
    let mut left = 1;
    proxy.rule(move |line| {
        if left == 0 || !(line.starts_with("POST") && line.contains(path)) {
            return Fate::Pass;
        }
        left -= 1;
        Fate::Answer(status, body.to_string())
    });
}

#[test]
fn a_payment_that_the_relay_did_not_take_is_not_called_unsent() {
    let proxy = Proxy::start();
    let (_node, sandbox) = behind(&proxy);
    let number = sandbox.alice(&["channel", "open", "bob", "100"])["number"].to_string();
    for (status, code, paid) in [
        (500, "internal", 20),
        (409, "channel-frozen", 21),
        (429, "too-many-unacked", 22),
    ] {
        refuse_once(&proxy, "/proofs", status, code);
        let amount = if paid == 20 { "20" } else { "1" };
        let outcome = sandbox.run(&["--demo", "alice", "pay", &number, amount]);
        // Still pending, and nothing that a script would take for a reason to pay again.
        assert_eq!(outcome.code, 8, "{outcome:?}");
        assert_eq!(outcome.json["status"], "stored", "{outcome:?}");
        assert_eq!(outcome.json["reason"], code);
        let problem = &outcome.problem;
        assert_eq!(problem["code"], "payment-pending");
        assert_eq!(problem["retryable"], false);
        assert_eq!(problem["params"]["reason"], code);
        let words = problem["detail"].as_str().unwrap();
        assert!(
            words.contains("signed") && words.contains("sent again"),
            "{words}"
        );
        assert!(!words.contains("Nothing was sent"), "{words}");
        // The next command delivers it, once.
        sandbox.alice(&["channel", "list"]);
        assert_eq!(sandbox.channel_of("bob")["balanceSat"], qtum(paid));
    }
}

/// What the relay shows of a channel, with one more promise of Alice's that nothing covers, signed as it
/// should be.
fn overdrawn(view: &mut Value) {
    let channel: Channel = serde_json::from_value(view["channel"].clone()).unwrap();
    let street = channel.street(Side::A);
    let newest = street.newest().expect("she has paid").signed.proof;
    let proof = BalanceProof {
        nonce: newest.nonce + 1,
        transferred: Amount(newest.transferred.0 * 1_000),
        ..newest
    };
    let key = wif::decode(ALICE, Network::Regtest).unwrap();
    let signed = proof.signed(key.sign(&proof.digest(channel.domain())));
    let standing = view["channel"]["streets"][0]["standing"]
        .as_array_mut()
        .unwrap();
    let mut one = standing.last().expect("she has paid").clone();
    one["signed"] = serde_json::to_value(signed).unwrap();
    standing.push(one);
}

/// From now on the relay shows such a promise in a channel.
fn dishonest(proxy: &Proxy, number: &str) {
    let number: Value = number.parse::<u64>().unwrap().into();
    proxy.rule(move |line| {
        let number = number.clone();
        if !line.starts_with("GET /api/v1/channels") {
            return Fate::Pass;
        }
        Fate::Change(Box::new(move |text| {
            let mut shown: Value = serde_json::from_str(&text).unwrap();
            if let Some(items) = shown["items"].as_array_mut() {
                items
                    .iter_mut()
                    .filter(|view| view["number"] == number)
                    .for_each(overdrawn);
            } else if shown["number"] == number {
                overdrawn(&mut shown);
            }
            shown.to_string()
        }))
    });
}

#[test]
fn a_promise_that_breaks_a_rule_keeps_nobody_from_acting() {
    let proxy = Proxy::start();
    let (_node, sandbox) = behind(&proxy);
    let open = || sandbox.alice(&["channel", "open", "bob", "100"])["number"].to_string();
    let (bad, good) = (open(), open());
    sandbox.alice(&["pay", &bad, "20"]);
    sandbox.alice(&["pay", &good, "5"]);
    sandbox.bob(&["channel", "list"]);

    dishonest(&proxy, &bad);
    let list = sandbox.bob(&["channel", "list"]);
    let items = list["items"].as_array().unwrap();
    let row = |number: &str| {
        items
            .iter()
            .find(|row| row["number"].as_u64() == number.parse().ok())
            .unwrap()
    };
    assert_eq!(row(&good)["balanceSat"], qtum(5));
    assert_eq!(row(&good).get("refused"), None);
    // What is known stays; what is wrong is named.
    assert_eq!(row(&bad)["balanceSat"], qtum(20));
    assert_eq!(row(&bad)["refused"], "insufficient-channel-balance");
    sandbox.bob(&["pay", &good, "1"]);

    // She closes and shows nothing of what she promised. He answers.
    proxy.rule(|_| Fate::Pass);
    sandbox.alice(&["channel", "recover", &bad]);
    dishonest(&proxy, &bad);
    sandbox.bob(&["channel", "counter-claim", &bad]);
    sandbox.ok(&["mine", "300"]);
    sandbox.bob(&["channel", "settle", &bad]);
    let shown = sandbox.bob(&["channel", "show", &bad]);
    assert_eq!(shown["facts"]["settled"]["payB"], qtum(20), "{shown}");
}

/// Loses the next answer to a transaction, or the transaction itself.
fn lose_once(proxy: &Proxy, is_sent: bool) {
    let mut left = 1;
    proxy.rule(move |line| {
        if left == 0 || !line.starts_with("POST /api/v1/chain/transactions") {
            return Fate::Pass;
        }
        left -= 1;
        if is_sent {
            Fate::Lose(502)
        } else {
            Fate::Answer(502, String::new())
        }
    });
}

#[test]
fn what_was_sent_without_an_answer_is_not_sent_twice() {
    let proxy = Proxy::start();
    let (_node, sandbox) = behind(&proxy);
    let before = sandbox.on_chain("alice");
    for is_sent in [true, false] {
        lose_once(&proxy, is_sent);
        let alice = ["--demo", "alice"];
        let open = [&alice[..], &["channel", "open", "bob", "100"]].concat();
        sandbox.refused(&open, 3, "relay-unreachable");
        // Typed again, as one would.
        let opened = sandbox.ok(&open);
        assert_eq!(opened["resumed"], true, "{opened}");
        let number = opened["number"].to_string();

        lose_once(&proxy, is_sent);
        let deposit = [&alice[..], &["channel", "deposit", &number, "10"]].concat();
        sandbox.refused(&deposit, 3, "relay-unreachable");
        if !is_sent {
            // Another command in between sends what was lost.
            sandbox.alice(&["channel", "show", &number]);
        }
        let deposited = sandbox.ok(&deposit);
        assert_eq!(deposited["resumed"], true, "{deposited}");
        // What has ended is over: the next one is another one.
        let again = sandbox.ok(&deposit);
        assert_eq!(again.get("resumed"), None, "{again}");
    }
    let list = sandbox.alice(&["channel", "list"]);
    let balances: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["balanceSat"])
        .collect();
    assert_eq!(balances, [&Value::from(qtum(120)), &qtum(120).into()]);
    let spent = before - sandbox.on_chain("alice");
    assert!(spent < 242 * 100_000_000, "{spent}");
}
