//! Starting, stopping, starting again.

use std::net::TcpListener;

use crate::sandbox::{Sandbox, Service, qtum};

#[test]
fn starting_twice_is_starting_once() {
    let sandbox = Sandbox::empty();
    let first = sandbox.start();
    assert_eq!(first["alreadyRunning"], false);
    let second = sandbox.start();
    assert_eq!(second["alreadyRunning"], true);
    assert_eq!(first["pid"], second["pid"]);
    let status = sandbox.ok(&["status"]);
    assert_eq!(status["ready"], true);
    assert_eq!(status["pid"], first["pid"]);

    let pid = first["pid"].to_string();
    let process = std::path::Path::new("/proc").join(pid);
    assert!(process.exists());
    sandbox.ok(&["stop"]);
    // Where nobody reaps it, what is left of a process is its exit code.
    let state = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    assert!(
        state.is_empty() || state.contains(") Z "),
        "a process stayed behind: {state}"
    );
    sandbox.refused(&["status"], 3, "not-running");
    assert_eq!(sandbox.ok(&["stop"])["wasRunning"], false);
}

#[test]
fn nothing_is_lost_by_a_restart_or_a_kill() {
    let sandbox = Sandbox::empty();
    let pid = sandbox.start()["pid"].to_string();
    let opened = sandbox.alice(&["channel", "open", "bob", "100"]);
    let number = opened["number"].to_string();
    sandbox.alice(&["pay", &number, "20"]);
    assert!(
        std::process::Command::new("kill")
            .args(["-9", &pid])
            .status()
            .unwrap()
            .success()
    );
    // The lock ends with the process, so whoever starts next finds the folder free.
    while sandbox.run(&["status"]).code == 0 {}
    sandbox.start();
    assert_eq!(sandbox.channel_of("bob")["balanceSat"], qtum(20));
    sandbox.ok(&["stop"]);
    sandbox.start();
    sandbox.bob(&["pay", &number, "1"]);
    assert_eq!(sandbox.channel_of("alice")["balanceSat"], qtum(81));
}

#[test]
fn migrate_and_prefund_change_nothing_the_second_time() {
    let sandbox = Sandbox::running();
    let before = [sandbox.on_chain("alice"), sandbox.on_chain("bob")];
    assert_eq!(before, [1_000_000 * 100_000_000; 2]);
    let contract = sandbox.ok(&["status"])["info"]["contract"].clone();
    let migrated = sandbox.ok(&["migrate"]);
    assert_eq!(migrated["deployed"], false);
    assert_eq!(migrated["contract"], contract);
    sandbox.ok(&["prefund"]);
    assert_eq!([sandbox.on_chain("alice"), sandbox.on_chain("bob")], before);
}

#[test]
fn a_busy_port_is_named() {
    let sandbox = Sandbox::empty();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let problem = sandbox.refused(&["dev", "--detach", "--bind", &address], 7, "start-failed");
    assert!(
        problem["detail"].as_str().unwrap().contains(&address),
        "{problem}"
    );
    sandbox.refused(&["dev", "--bind", &address], 7, "port-in-use");
}

#[test]
fn doctor_finds_a_healthy_house_healthy_and_an_empty_one_not() {
    let sandbox = Sandbox::running();
    let report = sandbox.ok(&["doctor"]);
    assert_eq!(report["ok"], true, "{report}");
    let elsewhere = Sandbox::empty();
    let nobody = "http://127.0.0.1:1";
    let outcome = elsewhere.run(&["doctor", "--rpc-url", nobody, "--relay", nobody]);
    assert_eq!(outcome.json["ok"], false);
    assert_eq!(outcome.problem["code"], "unhealthy");
}

/// As with a fresh `qtumd -regtest`: no wallet, no coins, no block but the first, nobody mines.
#[test]
fn a_bare_node_becomes_a_place_to_pay() {
    let node = Service::start(&["devchain", "--rpc-port", "0", "--empty"]);
    let sandbox = Sandbox::empty();
    let database = format!(
        "sqlite://{}?mode=rwc",
        sandbox.path().join("relay.sqlite").display()
    );
    let on_node = ["--network", "regtest", "--rpc-url", &node.url];
    let migrated = sandbox.ok(&[&["migrate", "--database-url", &database][..], &on_node].concat());
    assert_eq!(migrated["deployed"], true);
    sandbox.ok(&[&["prefund"][..], &on_node].concat());
    sandbox.ok(&[&["prefund"][..], &on_node].concat());

    let place = ["--bind", "127.0.0.1:0", "--database-url", &database];
    let relay = Service::start(
        &[
            &["relay", "--network", "regtest", "--qtum-rpc-url", &node.url][..],
            &place,
        ]
        .concat(),
    );
    let alice = ["--relay", &relay.url, "--demo", "alice"];
    let opened = std::thread::scope(|scope| {
        let opening =
            scope.spawn(|| sandbox.ok(&[&alice[..], &["channel", "open", "bob", "100"]].concat()));
        while !opening.is_finished() {
            sandbox.ok(&[&["mine", "1", "--relay", &relay.url][..], &on_node].concat());
        }
        opening.join().unwrap()
    });
    let number = opened["number"].to_string();
    sandbox.ok(&[&alice[..], &["pay", &number, "20"]].concat());
    let list = sandbox.ok(&["--relay", &relay.url, "--demo", "bob", "channel", "list"]);
    assert_eq!(list["items"][0]["balanceSat"], qtum(20));
    sandbox.ok(&[&["doctor", "--relay", &relay.url][..], &on_node].concat());
}

/// What is wrong with a node is found without a relay, and told part by part.
#[test]
fn doctor_names_what_a_node_lacks() {
    let sandbox = Sandbox::empty();
    let nobody = "http://127.0.0.1:1";
    let wrong = |url: &str, part: &str, words: &str| {
        let outcome = sandbox.run(&["doctor", "--rpc-url", url, "--relay", nobody]);
        assert_eq!(outcome.problem["code"], "unhealthy");
        let items = outcome.json["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["part"] == part);
        let item = item.unwrap_or_else(|| panic!("no {part} in {items:?}"));
        assert_eq!(item["ok"], false, "{item}");
        let text = item["text"].as_str().unwrap();
        assert!(text.contains(words), "{text}");
    };
    let node = Service::start(&[
        "devchain",
        "--rpc-port",
        "0",
        "--empty",
        "--without",
        "txindex",
    ]);
    wrong(&node.url, "transaction index", "-txindex");
    wrong(&node.url, "tower wallet", "loadwallet");
    wrong(&node.url.replace("test@", "guess@"), "node", "rpcpassword");
    sandbox.ok(&["mine", "1", "--rpc-url", &node.url]);
    wrong(&node.url, "tower wallet", "is empty");
    let others = "addrindex,logevents";
    let node = Service::start(&["devchain", "--rpc-port", "0", "--without", others]);
    wrong(&node.url, "address index", "-addrindex");
    wrong(&node.url, "event index", "-logevents");
    let elsewhere = [("SPARKY_NETWORK", "testnet")];
    let outcome = sandbox.run_with(
        &["doctor", "--rpc-url", &node.url, "--relay", nobody],
        &elsewhere,
        "",
    );
    let items = outcome.json["items"].to_string();
    assert!(items.contains("follows the chain"), "{items}");
}
