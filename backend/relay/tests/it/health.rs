//! What `/readyz` says when the node or the tower's wallet is in trouble, and that it ends with it.

use serde_json::{Value, json};
use sparky_devchain::Indexes;
use sparky_relay::{Relay, SecretUrl};

use crate::{
    node_network::{behind, relay_behind},
    proxy::Proxy,
    world::World,
};

/// How the node names its chain, and how another one would.
const REGTEST: &str = r#""chain":"regtest""#;
const MAIN: &str = r#""chain":"main""#;

async fn fault(world: &World, kind: &str) {
    world
        .node
        .call::<Value>("dev_fault", &[raw(kind)])
        .await
        .expect("switches");
}

fn raw(value: impl serde::Serialize) -> Box<serde_json::value::RawValue> {
    serde_json::value::to_raw_value(&value).expect("JSON")
}

/// Waits until the relay is not ready because of the chain, and says so with these words.
async fn not_ready(world: &World, words: &str) {
    let body = world
        .readiness(words, |status, body| {
            status == 503
                && body["chain"]
                    .as_str()
                    .is_some_and(|text| text.contains(words))
        })
        .await;
    let text = body["chain"].as_str().expect("a text");
    assert!(text.contains("money in them is safe"), "{text}");
}

#[tokio::test]
async fn a_node_in_trouble_is_told_and_forgotten() {
    let world = World::new().await;
    fault(&world, "warmup").await;
    not_ready(&world, "still starting").await;
    fault(&world, "busy").await;
    not_ready(&world, "raise -rpcworkqueue").await;
    fault(&world, "none").await;
    world.ready().await;
    world
        .node
        .call::<Value>("dev_headers", &[raw(500)])
        .await
        .expect("switches");
    not_ready(&world, "The node is syncing").await;
    world
        .node
        .call::<Value>("dev_headers", &[raw(0)])
        .await
        .expect("switches");
    world.ready().await;
}

/// What the relay says, and what was switched off.
type Case = (&'static str, fn(&mut Indexes));

#[tokio::test]
async fn each_missing_index_is_named_with_its_flag() {
    let mut world = World::new().await;
    let cases: [Case; 3] = [
        ("without -txindex", |indexes| indexes.transactions = false),
        ("without -addrindex", |indexes| indexes.addresses = false),
        ("without -logevents", |indexes| indexes.events = false),
    ];
    for (words, change) in cases {
        world.restart_node(change).await;
        not_ready(&world, words).await;
    }
    world.restart_node(|_| {}).await;
    world.ready().await;
}

#[tokio::test]
async fn wrong_credentials_and_the_wrong_chain_are_refused_at_once() {
    let world = World::new().await;
    let mut config = world.config();
    let wrong = world.chain.rpc_url().replace("test@", "guess@");
    config.qtum_rpc_url = SecretUrl::from(wrong);
    let refused = Relay::open(config).await.err().expect("it does not open");
    assert!(
        refused
            .to_string()
            .contains("refuses the user name or the password"),
        "{refused}"
    );
    let mut config = world.config();
    let node = Proxy::before(world.chain.address()).await;
    node.say_instead(REGTEST, MAIN);
    config.qtum_rpc_url = SecretUrl::from(behind(&world, &node));
    let refused = Relay::open(config).await.err().expect("it does not open");
    assert!(
        refused
            .to_string()
            .starts_with("the node follows the chain main, and the configuration says dev"),
        "{refused}"
    );
}

/// The same while the relay runs: somebody exchanges the node, or its password.
#[tokio::test]
async fn a_node_that_is_exchanged_under_a_running_relay_is_told() {
    let mut world = World::new().await;
    let node = Proxy::before(world.chain.address()).await;
    let _relay = relay_behind(&mut world, &node).await;
    node.say_instead(REGTEST, MAIN);
    let of = |words: &'static str| {
        move |status: u16, body: &Value| {
            let chain = body["chain"].as_str().unwrap_or_default();
            status == 503 && chain.contains(words)
        }
    };
    let words = "follows the chain \"main\"";
    world.readiness("another chain", of(words)).await;
    node.be_honest();
    world.ready().await;
    node.say_instead(": Basic ", ": Wrong ");
    node.cut_all();
    let words = "user name or the password";
    world.readiness("a wrong password", of(words)).await;
    node.be_honest();
    world.ready().await;
}

/// The tower's wallet: a relay that can not answer old closes says so and takes payments all the same.
#[tokio::test]
async fn the_towers_wallet_is_watched() {
    let mut world = World::new().await;
    let warns = |words: &'static str| {
        move |status: u16, body: &Value| {
            let warnings = body["warnings"].to_string();
            status == 200 && warnings.contains(words)
        }
    };
    let quiet = |status: u16, body: &Value| status == 200 && body["warnings"] == json!([]);
    world.readiness("no warning", quiet).await;

    world.stop().await;
    world.tower_wallet = Some("tower".to_owned());
    world.start().await;
    world
        .readiness("a wallet is missing", warns("can not be used"))
        .await;
    world.node.create_wallet("tower").await.expect("is made");
    world.readiness("it is empty", warns("is empty")).await;
    let tower = world.node.for_wallet("tower");
    let address = tower.get_new_address().await.expect("an address");
    world
        .node
        .dev_faucet(&address, 100_000_000)
        .await
        .expect("pays");
    world
        .readiness("it is low", warns("holds only 1 QTUM"))
        .await;
    world
        .node
        .dev_faucet(&address, 10_000_000_000)
        .await
        .expect("pays");
    world.readiness("it is rich", quiet).await;
    tower
        .call::<Value>("encryptwallet", &[raw("secret")])
        .await
        .expect("locks");
    world.readiness("it is locked", warns("is locked")).await;
    tower
        .call::<Value>("walletpassphrase", &[raw("secret"), raw(1_000)])
        .await
        .expect("unlocks");
    world.readiness("it is unlocked", quiet).await;
}
