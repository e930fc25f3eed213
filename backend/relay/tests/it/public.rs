//! What is different on public chains. The dev chain plays one: a proxy in front of it names another chain.

use reqwest::StatusCode;
use serde_json::json;
use sparky_protocol::{Amount, Operation};
use sparky_qtum::{Network, address, demo};
use sparky_relay::{Chain, Config, Deployment, Relay, SecretUrl, migrate, set_deployment};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    database::Database,
    node_network::behind,
    proxy::Proxy,
    world::{QTUM, World, eventually},
};

/// Settings for a relay on this public chain, and what must live as long as it.
async fn public(world: &World, chain: Chain) -> (Config, Proxy, Database) {
    let node = Proxy::before(world.chain.address()).await;
    let name = chain.network().rpc_chain();
    node.say_instead(r#""chain":"regtest""#, &format!(r#""chain":"{name}""#));
    let database = Database::new().await;
    migrate(database.url()).await.expect("migrates");
    let deployment = Deployment {
        network: chain.name().into(),
        ..world.deployment.clone()
    };
    set_deployment(database.url(), &deployment)
        .await
        .expect("notes the deployment");
    let mut config = world.config();
    config.network = chain;
    config.qtum_rpc_url = SecretUrl::from(behind(world, &node));
    config.database_url = SecretUrl::from(database.url().to_owned());
    (config, node, database)
}

/// The periods of this contract begin at ten blocks: long enough for play, and for nothing else.
#[tokio::test]
async fn on_mainnet_a_contract_with_short_periods_is_refused() {
    let world = World::new().await;
    let (config, _node, _database) = public(&world, Chain::Mainnet).await;
    let refused = Relay::open(config).await.err().expect("it does not open");
    assert!(
        refused.to_string().starts_with(
            "the contract takes finalization periods of 10 blocks, and on mainnet none below 2700"
        ),
        "{refused}"
    );
}

/// No coins and blocks at will, no switch for the tower, and no accounts whose keys everybody has.
#[tokio::test]
async fn a_public_relay_has_no_toys() {
    let world = World::new().await;
    let (config, _node, _database) = public(&world, Chain::Testnet).await;
    let relay = Relay::open(config).await.expect("opens");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!(
        "http://{}/api/v1",
        listener.local_addr().expect("an address")
    );
    let (_stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(relay.serve(listener, axum::Router::new(), async {
        drop(stopped.await);
    }));
    let http = reqwest::Client::new();
    let info = http.get(format!("{url}/info")).send().await;
    let info: serde_json::Value = info.expect("an answer").json().await.expect("JSON");
    assert_eq!(
        (&info["network"], &info["dev"], &info["confirmations"]),
        (&json!("testnet"), &json!(false), &json!(10))
    );
    let somebody = address::encode(&demo::PUBLISHED[0], Network::Testnet);
    let switch = json!({ "enabled": false });
    for (path, body) in [
        ("mine", json!({ "blocks": 1 })),
        ("faucet", json!({ "address": somebody, "amountSat": "1" })),
        ("automine", switch.clone()),
        ("tower", switch),
    ] {
        let asked = http.post(format!("{url}/dev/{path}")).json(&body);
        let answer = asked.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let answer = http.get(format!("{url}/dev/tower")).send().await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::NOT_FOUND);
    for account in demo::PUBLISHED {
        let address = address::encode(&account, Network::Testnet);
        let asked = http.post(format!("{url}/auth/challenges"));
        let answer = asked.json(&json!({ "address": address })).send().await;
        let refused: serde_json::Value = answer.expect("an answer").json().await.expect("JSON");
        assert_eq!(refused["code"], "demo-key-refused", "{refused}");
    }
}

/// Ten confirmations, as on public chains: a deposit can be spent in the tenth block and not before.
#[tokio::test]
async fn with_ten_confirmations_a_deposit_counts_in_the_tenth_block() {
    let world = World::adjusted(|config| config.confirmations = Some(10)).await;
    let (mut alice, _, id) = world.channel(100).await;
    let opened = alice.channel(id).facts().opened_at;
    let transfer = Operation::Transfer {
        amount: Amount(QTUM.into()),
    };
    let update = alice.sign(id, vec![transfer]);
    loop {
        alice.refresh(id).await;
        let confirmations = alice.tip.height - opened + 1;
        let (status, body) = alice.submit(id, &update).await;
        if 10 <= confirmations {
            assert_eq!(status, StatusCode::CREATED, "{confirmations}: {body}");
            break;
        }
        assert_eq!(
            body["code"], "insufficient-channel-balance",
            "{confirmations}: {body}"
        );
        world.mine(1).await;
    }
    eventually("it is stored", || async {
        let view = alice.view(id).await;
        view["channel"].is_object().then_some(())
    })
    .await;
}
