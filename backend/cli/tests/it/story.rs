//! The README's story, played with the command line: on the dev chain, and on a node that is not ours.

use crate::sandbox::{RealNode, Sandbox, qtum};

/// Every scene on a node that knows no `dev_` method: the one that `QTUMD_URL` names (regtest, with a
/// wallet that may mine), else a bare dev chain of its own, which behaves as a fresh `qtumd -regtest`.
#[test]
fn the_story_is_the_same_on_a_real_node() {
    let node = RealNode::find();
    for scene in [together, alone, filled_and_emptied, lost_data, recovered] {
        scene(&Sandbox::on(&node));
    }
}

#[test]
fn alice_pays_bob_and_they_close_together() {
    together(&Sandbox::running());
}

fn together(sandbox: &Sandbox) {
    let before = [sandbox.on_chain("alice"), sandbox.on_chain("bob")];
    let opened = sandbox.alice(&[
        "channel",
        "open",
        "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW",
        "100",
    ]);
    let number = opened["number"].to_string();
    sandbox.alice(&["pay", &number, "20"]);
    assert_eq!(sandbox.channel_of("bob")["balanceSat"], qtum(20));
    assert_eq!(sandbox.channel_of("alice")["balanceSat"], qtum(80));

    // Bob pays some back, to the address this time, and joins by number: nothing changes by that.
    sandbox.bob(&["channel", "join", &number]);
    sandbox.bob(&["pay", "alice", "5qtum"]);
    assert_eq!(sandbox.channel_of("alice")["balanceSat"], qtum(85));

    let proposed = sandbox.alice(&["channel", "close", &number]);
    assert_eq!(proposed["status"], "proposed");
    sandbox.bob(&["channel", "agree", &number]);
    assert_eq!(sandbox.channel_of("alice")["phase"]["type"], "settled");

    let after = [sandbox.on_chain("alice"), sandbox.on_chain("bob")];
    let fees = 100_000_000;
    assert!(
        before[0] - after[0] > 15 * 100_000_000,
        "{before:?} {after:?}"
    );
    assert!(
        before[0] - after[0] < 15 * 100_000_000 + fees,
        "{before:?} {after:?}"
    );
    assert!(
        after[1] - before[1] > 15 * 100_000_000 - fees,
        "{before:?} {after:?}"
    );
    assert!(
        after[1] - before[1] < 15 * 100_000_000,
        "{before:?} {after:?}"
    );
}

#[test]
fn alice_closes_alone_and_both_are_paid_after_the_period() {
    alone(&Sandbox::running());
}

fn alone(sandbox: &Sandbox) {
    let opened = sandbox.alice(&["channel", "open", "bob", "100"]);
    let number = opened["number"].to_string();
    sandbox.alice(&["pay", "bob", "20"]);
    sandbox.bob(&["channel", "list"]);
    sandbox.alice(&["channel", "close", &number, "--alone"]);
    sandbox.refused(
        &["--demo", "alice", "pay", &number, "1"],
        7,
        "channel-closing",
    );
    sandbox.refused(
        &["--demo", "bob", "channel", "settle", &number],
        8,
        "not-final",
    );
    sandbox.refused(
        &["--demo", "bob", "channel", "counter-claim", &number],
        7,
        "nothing-newer",
    );
    sandbox.ok(&["mine", "100"]);
    let before = sandbox.on_chain("alice");
    sandbox.bob(&["channel", "settle", &number]);
    assert_eq!(sandbox.on_chain("alice") - before, 80 * 100_000_000);
    let shown = sandbox.bob(&["channel", "show", &number]);
    assert_eq!(shown["facts"]["settled"]["payA"], qtum(80));
    assert_eq!(shown["facts"]["settled"]["payB"], qtum(20));
}

#[test]
fn a_channel_opened_empty_is_filled_from_both_sides_and_partly_emptied() {
    filled_and_emptied(&Sandbox::running());
}

fn filled_and_emptied(sandbox: &Sandbox) {
    let opened = sandbox.alice(&["channel", "open", "bob"]);
    let number = opened["number"].to_string();
    sandbox.alice(&["channel", "deposit", &number, "10"]);
    sandbox.bob(&["channel", "deposit", &number, "4"]);
    sandbox.alice(&[
        "channel",
        "deposit",
        &number,
        "100000000sat",
        "--to-partner",
    ]);
    assert_eq!(sandbox.channel_of("alice")["balanceSat"], qtum(10));
    assert_eq!(sandbox.channel_of("bob")["balanceSat"], qtum(5));
    sandbox.alice(&["channel", "withdraw", &number, "3"]);
    sandbox.bob(&["channel", "agree", &number]);
    let channel = sandbox.channel_of("alice");
    assert_eq!(
        (&channel["balanceSat"], &channel["phase"]["type"]),
        (&qtum(7).into(), &"open".into())
    );
    // All that is left can be paid, and not a satoshi more.
    sandbox.refused(
        &["--demo", "alice", "pay", &number, "700000001sat"],
        6,
        "insufficient-channel-balance",
    );
    sandbox.alice(&["pay", &number, "7"]);
    assert_eq!(sandbox.channel_of("bob")["balanceSat"], qtum(12));
}

#[test]
fn who_lost_its_data_goes_on_where_it_was() {
    lost_data(&Sandbox::running());
}

fn lost_data(sandbox: &Sandbox) {
    let opened = sandbox.alice(&["channel", "open", "bob", "100"]);
    let number = opened["number"].to_string();
    sandbox.alice(&["pay", &number, "20"]);
    sandbox.alice(&["pay", &number, "1"]);
    std::fs::remove_dir_all(sandbox.path().join("profiles")).unwrap();
    let paid = sandbox.alice(&["pay", &number, "2"]);
    assert_eq!(paid["nonce"], 3);
    assert_eq!(sandbox.channel_of("bob")["balanceSat"], qtum(23));
}

#[test]
fn who_recovers_declares_nothing_and_waits_longer() {
    recovered(&Sandbox::running());
}

fn recovered(sandbox: &Sandbox) {
    let opened = sandbox.alice(&["channel", "open", "bob", "100"]);
    let number = opened["number"].to_string();
    sandbox.alice(&["pay", &number, "30"]);
    sandbox.alice(&["channel", "recover", &number]);
    sandbox.ok(&["mine", "100"]);
    sandbox.refused(
        &["--demo", "alice", "channel", "settle", &number],
        8,
        "not-final",
    );
    // The watchtower or Bob himself has shown what Alice owes, by now or with this.
    sandbox.run(&["--demo", "bob", "channel", "counter-claim", &number]);
    sandbox.ok(&["mine", "100"]);
    sandbox.alice(&["channel", "settle", &number]);
    let shown = sandbox.alice(&["channel", "show", &number]);
    assert_eq!(shown["facts"]["settled"]["payB"], qtum(30));
}
