//! Losing a machine, and coming back from a file or from the relay.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use sparky_backup::Kept;
use sparky_protocol::{Amount, Operation, Reserve, Side, Tip, Update};
use sparky_qtum::{Network, wif};

use crate::sandbox::{Outcome, Sandbox, qtum};

const PASSPHRASE: &str = "correct horse";
const ALICE: &str = "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ";

fn me(sandbox: &Sandbox, profile: &str, arguments: &[&str]) -> Outcome {
    let variables = [("SPARKY_PASSPHRASE", PASSPHRASE)];
    sandbox.run_with(
        &[&["--profile", profile], arguments].concat(),
        &variables,
        "",
    )
}

#[track_caller]
fn ok(sandbox: &Sandbox, profile: &str, arguments: &[&str]) -> Value {
    let outcome = me(sandbox, profile, arguments);
    assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.problem);
    outcome.json
}

#[track_caller]
fn refused(sandbox: &Sandbox, profile: &str, arguments: &[&str], code: &str) -> Value {
    let outcome = me(sandbox, profile, arguments);
    assert_eq!(outcome.problem["code"], code, "{arguments:?}: {outcome:?}");
    assert_ne!(outcome.code, 0);
    outcome.problem
}

fn path(sandbox: &Sandbox, name: &str) -> (PathBuf, String) {
    let path = sandbox.path().join(name);
    let text = path.to_string_lossy().into_owned();
    (path, text)
}

/// Somebody with a new key to whom Alice opened a channel and paid 20.
fn with_channel(sandbox: &Sandbox) -> String {
    let address = ok(sandbox, "me", &["wallet", "create"])["address"].clone();
    let address = address.as_str().expect("an address").to_owned();
    let opened = sandbox.alice(&["channel", "open", &address, "100"]);
    let number = opened["number"].to_string();
    sandbox.alice(&["pay", &number, "20"]);
    number
}

#[test]
fn a_lost_profile_comes_back_from_a_file_and_goes_on() {
    let sandbox = Sandbox::running();
    let number = with_channel(&sandbox);
    ok(&sandbox, "me", &["pay", &number, "5"]);
    let (file, name) = path(&sandbox, "me.backup");
    let written = ok(&sandbox, "me", &["wallet", "backup", &name]);
    assert_eq!(written["channels"], 1);
    ok(&sandbox, "me", &["pay", &number, "1"]);

    // What is older than what is here changes nothing.
    refused(
        &sandbox,
        "me",
        &["wallet", "restore", &name],
        "backup-older",
    );
    let whole = fs::read_to_string(&file).expect("a file");
    let wif = ok(&sandbox, "me", &["wallet", "export"])["wif"].clone();
    assert!(!whole.contains(wif.as_str().expect("a key")));

    // Somewhere else, from the older file: the next nonce is free all the same.
    let restored = ok(&sandbox, "new", &["wallet", "restore", &name]);
    assert_eq!(restored["channels"], 1);
    assert_eq!(ok(&sandbox, "new", &["pay", &number, "2"])["nonce"], 3);
    assert_eq!(sandbox.channel_of("alice")["balanceSat"], qtum(88));

    // What is wrong with a file has a name each.
    let (_, bad) = path(&sandbox, "bad.backup");
    for (text, code) in [
        ("a holiday photo".to_owned(), "backup-not-one"),
        (whole[..whole.len() / 2].to_owned(), "backup-damaged"),
        (whole.replace("\"dev\"", "\"mainnet\""), "backup-damaged"),
        (
            whole.replace("\"version\": 1", "\"version\": 2"),
            "backup-newer-version",
        ),
    ] {
        fs::write(&bad, text).expect("writes");
        refused(&sandbox, "none", &["wallet", "restore", &bad], code);
    }
    let wrong = sandbox.run_with(
        &["--profile", "none", "wallet", "restore", &name],
        &[("SPARKY_PASSPHRASE", "wrong horse")],
        "",
    );
    assert_eq!(
        (wrong.code, &wrong.problem["code"]),
        (4, &"wrong-passphrase".into())
    );
    refused(
        &sandbox,
        "none",
        &["--network", "testnet", "wallet", "restore", &name],
        "backup-other-network",
    );
    refused(&sandbox, "none", &["wallet", "address"], "no-wallet");
    let other = sandbox.run_with(
        &["--demo", "alice", "wallet", "restore", &name],
        &[("SPARKY_PASSPHRASE", PASSPHRASE)],
        "",
    );
    assert_eq!(other.problem["code"], "wallet-exists", "{other:?}");
}

#[test]
fn the_relay_keeps_a_backup_and_renews_it() {
    let sandbox = Sandbox::running();
    let number = with_channel(&sandbox);
    refused(
        &sandbox,
        "me",
        &["wallet", "restore", "--from-relay"],
        "no-backup",
    );
    let first = ok(&sandbox, "me", &["wallet", "backup", "--at-relay"]);
    ok(&sandbox, "me", &["pay", &number, "5"]);
    let wif = ok(&sandbox, "me", &["wallet", "export"])["wif"].clone();

    let imported = sandbox.run_with(
        &["--profile", "new", "wallet", "import"],
        &[("SPARKY_PASSPHRASE", PASSPHRASE)],
        wif.as_str().expect("a key"),
    );
    assert_eq!(imported.code, 0, "{imported:?}");
    ok(&sandbox, "new", &["wallet", "restore", "--from-relay"]);
    assert_eq!(ok(&sandbox, "new", &["pay", &number, "1"])["nonce"], 2);

    // The old machine wakes up: it can not overwrite the newer backup, it takes it up.
    let again = ok(&sandbox, "me", &["wallet", "backup", "--at-relay"]);
    assert!(
        again["revision"].as_u64() > first["revision"].as_u64(),
        "{first} {again}"
    );
    assert_eq!(ok(&sandbox, "me", &["pay", &number, "1"])["nonce"], 3);
    assert_eq!(sandbox.channel_of("alice")["balanceSat"], qtum(87));
}

/// Takes the relay's database back to what it was at `copy`.
fn go_back(sandbox: &Sandbox, copy: &[u8]) {
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(sandbox.path().join(format!("relay.sqlite{ending}")));
    }
    fs::write(sandbox.path().join("relay.sqlite"), copy).expect("writes");
}

#[test]
fn an_old_backup_under_a_forgetful_relay_waits_for_the_partner() {
    let sandbox = Sandbox::running();
    let number = with_channel(&sandbox);
    sandbox.ok(&["stop"]);
    let copy = fs::read(sandbox.path().join("relay.sqlite")).expect("the database");
    sandbox.start();
    ok(&sandbox, "me", &["pay", &number, "1"]);
    let (_, name) = path(&sandbox, "me.backup");
    ok(&sandbox, "me", &["wallet", "backup", &name]);
    ok(&sandbox, "me", &["pay", &number, "1"]);
    // Alice has heard all of it.
    assert_eq!(sandbox.channel_of("alice")["balanceSat"], qtum(82));
    sandbox.ok(&["stop"]);
    go_back(&sandbox, &copy);
    sandbox.start();

    ok(&sandbox, "new", &["wallet", "restore", &name]);
    let problem = refused(&sandbox, "new", &["pay", &number, "1"], "recovering");
    assert_eq!(problem["retryable"], true);
    refused(
        &sandbox,
        "new",
        &["channel", "close", &number, "--alone"],
        "recovering",
    );
    // Money is shown, and it is asked for again without harm.
    refused(&sandbox, "new", &["pay", &number, "1"], "recovering");
    // Alice looks in: the relay learns what it forgot, and she answers.
    sandbox.alice(&["channel", "list"]);
    assert_eq!(ok(&sandbox, "new", &["pay", &number, "3"])["nonce"], 3);
    assert_eq!(sandbox.channel_of("alice")["balanceSat"], qtum(85));
}

#[test]
fn a_relay_that_says_it_was_restored_is_not_believed_alone() {
    let sandbox = Sandbox::running();
    let number = with_channel(&sandbox);
    ok(&sandbox, "me", &["pay", &number, "1"]);
    sandbox.ok(&["migrate", "--restored"]);
    sandbox.ok(&["stop"]);
    sandbox.start();
    // Whoever has its memory needs nobody.
    ok(&sandbox, "me", &["pay", &number, "1"]);
    fs::remove_dir_all(sandbox.path().join("profiles/dev/me/channels")).expect("forgets");
    refused(&sandbox, "me", &["pay", &number, "1"], "recovering");
    sandbox.alice(&["channel", "list"]);
    assert_eq!(ok(&sandbox, "me", &["pay", &number, "1"])["nonce"], 3);
}

#[test]
fn when_neither_answers_recover_is_the_way_out() {
    let sandbox = Sandbox::running();
    let opened = sandbox.alice(&["channel", "open", "bob", "100"]);
    let number = opened["number"].to_string();
    sandbox.alice(&["pay", &number, "20"]);
    sandbox.bob(&["channel", "list"]);
    sandbox.ok(&["migrate", "--restored"]);
    sandbox.ok(&["stop"]);
    sandbox.start();
    fs::remove_dir_all(sandbox.path().join("profiles/dev/bob/channels")).expect("forgets");
    let problem = sandbox.refused(&["--demo", "bob", "pay", &number, "1"], 8, "recovering");
    let words = problem["detail"].as_str().expect("words");
    assert!(words.contains("sparky channel recover"), "{problem}");
    let closing = sandbox.bob(&["channel", "recover", &number]);
    assert_eq!(closing["status"], "closing");
}

#[test]
fn two_copies_of_one_profile_have_a_way_out() {
    let sandbox = Sandbox::running();
    let opened = sandbox.alice(&["channel", "open", "bob", "100"]);
    let number = opened["number"].to_string();
    sandbox.alice(&["pay", &number, "1"]);
    // The twin pays 7 that never leave its machine; meanwhile the other one pays 2.
    let profiles = sandbox.path().join("profiles/dev");
    let twin = profiles.join("twin/channels");
    fs::create_dir_all(&twin).expect("a folder");
    let name = fs::read_dir(profiles.join("alice/channels"))
        .expect("a folder")
        .filter_map(|entry| entry.ok().map(|entry| entry.file_name()))
        .find(|name| name.to_string_lossy().ends_with(".json"))
        .expect("a channel");
    let text = fs::read_to_string(profiles.join("alice/channels").join(&name)).expect("reads");
    fs::write(twin.join(&name), with_unsent_payment(&text)).expect("writes");
    sandbox.alice(&["pay", &number, "2"]);

    let as_twin = |arguments: &[&str]| {
        let who = ["--demo", "alice", "--profile", "twin"];
        sandbox.run(&[&who[..], arguments].concat())
    };
    let refused = as_twin(&["pay", &number, "1"]);
    assert_eq!(refused.problem["code"], "nonce-conflict", "{refused:?}");
    sandbox.refused(
        &["--demo", "alice", "channel", "give-way", &number],
        7,
        "nothing-to-give-way",
    );
    let gave = as_twin(&["channel", "give-way", &number]);
    assert_eq!(
        (&gave.json["dropped"], &gave.json["balanceSat"]),
        (&1.into(), &qtum(97).into()),
        "{gave:?}"
    );
    let paid = as_twin(&["pay", &number, "1"]);
    assert_eq!(paid.json["nonce"], 3, "{paid:?}");
    assert_eq!(sandbox.channel_of("bob")["balanceSat"], qtum(4));
}

/// Alice's channel with one more payment of 7 that she signed and could not send.
fn with_unsent_payment(text: &str) -> String {
    let mut kept: Kept = serde_json::from_str(text).expect("a channel");
    let key = wif::decode(ALICE, Network::Regtest).expect("a key");
    let tip = Tip {
        height: kept.channel.facts().opened_at + 5,
        confirmations: 1,
        reserve: Reserve::NONE,
    };
    let amount = Amount(700_000_000);
    let operations = vec![Operation::Transfer { amount }];
    let proof = kept
        .channel
        .propose(Side::A, &operations, &tip)
        .expect("possible");
    let proof = proof.signed(key.sign(&proof.digest(kept.channel.domain())));
    let update = Update { operations, proof };
    kept.channel = kept.channel.accept(&update, &tip).expect("by the rules");
    kept.outbox.push(update);
    serde_json::to_string(&kept).expect("JSON")
}
