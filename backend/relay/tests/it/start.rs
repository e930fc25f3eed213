//! Starting: what a relay refuses to start on, each with what to do about it.

use serde_json::Value;
use sparky_qtum::rpc::Client;
use sparky_relay::{Chain, Relay, SecretUrl, deployment, migrate, set_deployment};

use crate::database::Database;
use crate::{
    line::Line,
    world::{QTUM, World},
};

async fn refusal(config: sparky_relay::Config) -> String {
    match Relay::open(config).await {
        Ok(_) => panic!("it opened"),
        Err(cause) => cause.to_string(),
    }
}

#[tokio::test]
async fn a_relay_needs_schema_deployment_network_and_contract() {
    let world = World::new().await;
    let database = Database::new().await;
    let empty = database.url();
    let mut config = world.config();
    config.database_url = SecretUrl::from(empty.to_owned());

    assert!(
        refusal(config.clone())
            .await
            .contains("run `sparky migrate` first")
    );
    migrate(empty).await.expect("migrates");
    assert_eq!(deployment(empty).await.expect("opens"), None);
    assert_eq!(
        refusal(config.clone()).await,
        "no contract is deployed yet: run `sparky migrate` first"
    );

    let mut elsewhere = world.deployment.clone();
    elsewhere.contract = sparky_protocol::Account([7; 20]);
    set_deployment(empty, &elsewhere).await.expect("notes");
    assert!(
        refusal(config.clone())
            .await
            .contains("the node has no contract at 0x0707")
    );

    set_deployment(empty, &world.deployment)
        .await
        .expect("replaces one without channels");
    config.network = Chain::Testnet;
    assert_eq!(
        refusal(config.clone()).await,
        "the database belongs to the network dev, the configuration says testnet"
    );
    config.network = Chain::Dev;
    Relay::open(config).await.expect("opens now");
}

#[tokio::test]
async fn a_deployment_with_channels_is_not_replaced() {
    let world = World::new().await;
    world.channel(1).await;
    let mut other = world.deployment.clone();
    other.contract = sparky_protocol::Account([7; 20]);
    let refused = set_deployment(world.database.url(), &other)
        .await
        .expect_err("channels hang on it")
        .to_string();
    assert!(
        refused.starts_with("this database holds channels of another contract"),
        "{refused}"
    );
    set_deployment(world.database.url(), &world.deployment)
        .await
        .expect("the same again is fine");
}

/// The node may come and go: payments do not need it, and `/readyz` says what is wrong.
#[tokio::test]
async fn without_the_node_payments_work_and_readyz_says_why() {
    let world = World::new().await;
    let (mut alice, _, id) = world.channel(10).await;
    let node: &Client = &world.node;
    node.call::<String>("stop", &[]).await.expect("stops");
    let url = format!("{}/readyz", world.url());
    let why = crate::world::eventually("the relay notices", || async {
        let answer = reqwest::get(&url).await.ok()?;
        (answer.status().as_u16() == 503).then_some(())?;
        answer.json::<Value>().await.ok()
    })
    .await;
    assert!(
        why["chain"]
            .as_str()
            .is_some_and(|text| text.contains("not reachable")),
        "{why}"
    );
    alice.send(id, QTUM).await;
    let (status, problem) = alice.get(&format!("/chain/utxos/{}", alice.address)).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (503, &serde_json::json!("chain-unreachable"))
    );
    assert!(
        !problem["detail"]
            .as_str()
            .expect("a text")
            .contains("127.0.0.1"),
        "the node's address is ours: {problem}"
    );
}

/// After a start the last blocks are read again; nobody may take that for the present.
#[tokio::test]
async fn a_restart_does_not_take_the_tip_back() {
    let mut world = World::new().await;
    let alice = world.participant(1).await;
    world.mine(60).await;
    let url = format!("{}/api/v1/chain/tip", world.url());
    let height = || async {
        // Often enough to see every block, and not so often that nothing else is done.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        let tip: Value = reqwest::get(&url).await.ok()?.json().await.ok()?;
        tip["height"].as_u64()
    };
    let before = height().await.expect("it runs");
    world.stop().await;

    let mut least = before;
    {
        let starting = world.start();
        tokio::pin!(starting);
        loop {
            tokio::select! {
                () = &mut starting => break,
                seen = height() => least = least.min(seen.unwrap_or(before)),
            }
        }
    }
    assert_eq!(least, before);

    // Whoever connects between two blocks is told where the chain stands.
    let mut line = Line::open(&world, &alice, 0).await;
    assert_eq!(line.hear("block").await["data"]["height"], before);
}
