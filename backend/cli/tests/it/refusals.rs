//! Bad input: each gets its code and its exit code, and nothing is lost.

use crate::sandbox::{Sandbox, qtum};

#[test]
fn bad_input_costs_nothing() {
    let sandbox = Sandbox::running();
    let number = sandbox.alice(&["channel", "open", "bob", "100"])["number"].to_string();
    sandbox.alice(&["pay", &number, "20"]);
    let before = sandbox.channel_of("alice");
    let pay = |amount: &str, exit, code: &str| {
        sandbox.refused(&["--demo", "alice", "pay", &number, amount], exit, code);
    };
    pay("0.123456789", 7, "amount-too-precise");
    pay("-1", 7, "amount-negative");
    pay("1e-8", 7, "amount-invalid");
    pay("twenty", 7, "amount-invalid");
    pay("0", 7, "amount-zero");
    pay("80.00000001", 6, "insufficient-channel-balance");
    pay("792281625142643375935.43950336", 7, "amount-too-large");

    let alice = |arguments: &[&str], exit, code: &str| {
        sandbox.refused(&[&["--demo", "alice"], arguments].concat(), exit, code);
    };
    alice(&["pay", "999", "1"], 5, "unknown-channel");
    alice(&["channel", "show", "nonsense"], 5, "unknown-channel");
    alice(
        &["channel", "open", "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Ug", "1"],
        7,
        "invalid-address",
    );
    alice(
        &["channel", "open", "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf", "1"],
        7,
        "own-address",
    );
    alice(
        &["channel", "open", "bob", "1000000000"],
        6,
        "insufficient-onchain-balance",
    );
    alice(
        &["channel", "open", "bob", "1", "--window", "1"],
        7,
        "window-out-of-range",
    );
    alice(&["channel", "settle", &number], 7, "not-closing");
    alice(&["channel", "agree", &number], 7, "no-proposal");
    alice(
        &["pay", "qWwbyHadbwKtCTZtTBjwRmv1hW27Bi11bc", "1"],
        7,
        "no-route",
    );
    assert_eq!(sandbox.channel_of("alice"), before);
    assert_eq!(sandbox.channel_of("bob")["balanceSat"], qtum(20));
}

#[test]
fn strangers_see_nothing() {
    let sandbox = Sandbox::running();
    let number = sandbox.alice(&["channel", "open", "bob", "100"])["number"].to_string();
    let secret = [("SPARKY_PASSPHRASE", "carol's")];
    assert_eq!(
        sandbox
            .run_with(&["--profile", "carol", "wallet", "create"], &secret, "")
            .code,
        0
    );
    for verb in [
        &["channel", "show", &number][..],
        &["channel", "join", &number],
        &["pay", &number, "1"],
    ] {
        let outcome = sandbox.run_with(&[&["--profile", "carol"], verb].concat(), &secret, "");
        assert_eq!(
            (outcome.code, outcome.problem["code"].as_str()),
            (4, Some("not-participant")),
            "{outcome:?}"
        );
    }
    let list = sandbox.run_with(
        &["--profile", "carol", "channel", "list", "--all"],
        &secret,
        "",
    );
    assert_eq!(list.json["items"].as_array().unwrap().len(), 0);
}

#[test]
fn a_command_line_that_makes_no_sense_is_usage() {
    let sandbox = Sandbox::empty();
    sandbox.refused(&["pay"], 2, "usage");
    sandbox.refused(&["mine", "many"], 2, "usage");
    sandbox.refused(&["fly"], 2, "usage");
}

#[test]
fn without_a_relay_nothing_is_signed() {
    let sandbox = Sandbox::empty();
    let nobody = ["--relay", "http://127.0.0.1:1", "--demo", "alice"];
    sandbox.refused(
        &[&nobody[..], &["pay", "1", "1"]].concat(),
        3,
        "relay-unreachable",
    );
    sandbox.refused(
        &["mine", "--rpc-url", "http://127.0.0.1:1"],
        3,
        "chain-unreachable",
    );
}

#[test]
fn a_dry_run_changes_nothing() {
    let sandbox = Sandbox::running();
    let number = sandbox.alice(&["channel", "open", "bob", "100"])["number"].to_string();
    sandbox.refused(
        &["--demo", "alice", "--dry-run", "pay", &number, "20"],
        10,
        "dry-run",
    );
    sandbox.refused(
        &["--demo", "alice", "--dry-run", "channel", "close", &number],
        10,
        "dry-run",
    );
    sandbox.refused(
        &[
            "--demo",
            "alice",
            "--dry-run",
            "channel",
            "open",
            "bob",
            "1",
        ],
        10,
        "dry-run",
    );
    assert_eq!(sandbox.channel_of("bob")["balanceSat"], qtum(0));
    sandbox.alice(&["pay", &number, "20"]);
    assert_eq!(sandbox.channel_of("bob")["balanceSat"], qtum(20));
}

#[test]
fn one_profile_has_one_writer() {
    let sandbox = Sandbox::running();
    let folder = sandbox.path().join("profiles/dev/alice");
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    sandbox.refused(
        &["--demo", "alice", "channel", "open", "bob", "1"],
        7,
        "second-tab",
    );
    drop(lock);
    sandbox.alice(&["channel", "open", "bob", "1"]);
}

/// Settings of a container, or of a file of settings, may all be named and left empty.
#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    let sandbox = Sandbox::empty();
    let empty = [
        "SPARKY_CONFIRMATIONS",
        "SPARKY_ALLOWED_CONTRACTS",
        "SPARKY_TOWER",
        "SPARKY_TOWER_BUDGET_DAY",
        "SPARKY_RATE_LIMIT",
        "SPARKY_NETWORK",
        "SPARKY_PUBLIC_URL",
        "SPARKY_NATS_URL",
    ]
    .map(|name| (name, ""));
    let relay = ["relay", "--bind", "127.0.0.1:0", "--database-url", "none:"];
    let outcome = sandbox.run_with(&relay, &empty, "");
    assert_eq!(
        outcome.code, 1,
        "the database is refused, not a setting: {outcome:?}"
    );
    let some = [("SPARKY_CONFIRMATIONS", "some")];
    assert_eq!(sandbox.run_with(&relay, &some, "").code, 2);
}

/// A deposit that a reorganisation takes back must not have been spent already.
#[test]
fn a_relay_on_mainnet_waits_for_ten_blocks() {
    let sandbox = Sandbox::empty();
    let database = ["--bind", "127.0.0.1:0", "--database-url", "none:"];
    let relay = |more: &[&str]| sandbox.run(&[&["relay"][..], &database, more].concat());
    for few in ["1", "9"] {
        let outcome = relay(&["--network", "mainnet", "--confirmations", few]);
        let last = outcome.problem.to_string();
        assert!(
            outcome.code == 7 && last.contains("too-few-confirmations"),
            "{outcome:?}"
        );
    }
    for enough in [
        &["--network", "mainnet", "--confirmations", "10"][..],
        &["--network", "mainnet"],
        &["--network", "testnet", "--confirmations", "1"],
    ] {
        assert_eq!(relay(enough).code, 1, "{enough:?}");
    }
}
