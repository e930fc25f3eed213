//! Two towers that know nothing of each other guard one channel.

use sparky_relay::{Relay, SecretUrl};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    database::Database,
    dispute::{answered, height, qtum, settle, signed_50},
    world::{QTUM, World, eventually},
};

/// T-W14: two towers that know nothing of each other, each with a database and a wallet of its own, see
/// the same close in the same block. Bob is guarded once, and neither tower tries twice.
#[tokio::test]
async fn t_w14_of_two_towers_one_answers() {
    let world = World::new().await;
    let (alice, mut bob, id, old, updates) = signed_50(&world).await;
    let second = second_tower(&world).await;
    for who in [&alice, &bob] {
        let mut there = who.at(&second.url);
        there.token.clear();
        there.sign_in().await;
        eventually("the second relay knows the channel", || async {
            let (status, _) = there.get(&format!("/channels/{id}")).await;
            status.is_success().then_some(())
        })
        .await;
        if who.account == alice.account {
            for update in &updates {
                let (status, body) = there.submit(id, update).await;
                assert_eq!(status.as_u16(), 201, "{body}");
            }
        }
    }
    let mut there = bob.at(&second.url);
    there.token.clear();
    there.sign_in().await;
    world.node.dev_automine(false).await.expect("switches");
    alice.broadcast(&old, "close").await;
    world.mine(1).await;
    // Both have time to look, before the answer's block and after it.
    world.node.dev_withhold(2).await.expect("withholds");
    for _ in 0..6 {
        world.mine(1).await;
        let height = height(&world).await;
        for who in [&bob, &there] {
            eventually("both towers have looked", || async {
                let view = who.view(id).await;
                (view["watch"]["lastCheckedHeight"] == height).then_some(())
            })
            .await;
        }
    }
    answered(&mut bob, id).await;
    let (_, timeline) = bob.get(&format!("/channels/{id}/timeline")).await;
    let items = timeline["items"].as_array().expect("items").iter();
    let raised = items.filter(|item| item["type"] == "floor-raised").count();
    assert_eq!(raised, 1, "{timeline}");
    for who in [&bob, &there] {
        let (_, events) = who.get("/events").await;
        let events = events["items"].as_array().expect("items").iter();
        let acted = events.filter(|event| event["type"] == "watch.acting");
        let coins: Vec<_> = acted.map(|event| event["data"]["txid"].clone()).collect();
        assert!(coins.len() <= 2, "one, and one in its place: {coins:?}");
    }
    assert_eq!(
        settle(&world, &mut bob, id).await,
        (qtum(250), qtum(150), qtum(50))
    );
}

/// A relay with a tower that has nothing in common with the world's.
struct SecondTower {
    url: String,
    #[expect(dead_code, reason = "dropped with it")]
    database: Database,
    #[expect(dead_code, reason = "it stops when this is dropped")]
    stop: oneshot::Sender<()>,
}

async fn second_tower(world: &World) -> SecondTower {
    world.node.create_wallet("second").await.expect("is made");
    let wallet = world.node.for_wallet("second");
    let address = wallet.get_new_address().await.expect("an address");
    let paid = world.node.dev_faucet(&address, 100 * QTUM).await;
    paid.expect("pays");
    let database = Database::new().await;
    sparky_relay::migrate(database.url())
        .await
        .expect("migrates");
    sparky_relay::set_deployment(database.url(), &world.deployment)
        .await
        .expect("notes the deployment");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut config = world.config();
    config.bind = listener.local_addr().expect("an address");
    let url = format!("http://{}", config.bind);
    config.database_url = SecretUrl::from(database.url().to_owned());
    config.tower_wallet = Some("second".to_owned());
    let relay = Relay::open(config).await.expect("opens");
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(relay.serve(listener, axum::Router::new(), async {
        drop(stopped.await);
    }));
    SecondTower {
        url,
        database,
        stop,
    }
}
