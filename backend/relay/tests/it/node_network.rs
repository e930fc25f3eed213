//! A bad network between relay and node. The table of these tests is in docs/TESTING.md.

use sparky_protocol::{Account, Amount, ContractCall, Side};
use sparky_relay::{Relay, SecretUrl};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    network::{ALICE, BOB, Stage, retry},
    person::Trouble,
    proxy::{Fault, Proxy, Way},
    world::{World, eventually},
};

/// The node's URL with a proxy in its place.
pub fn behind(world: &World, node: &Proxy) -> String {
    let real = world.chain.address().to_string();
    let url = world.chain.rpc_url();
    url.replace(&real, &node.address().to_string())
}

/// A relay in this world's place, with a bad network between it and the node.
pub async fn relay_behind(
    world: &mut World,
    node: &Proxy,
) -> (
    oneshot::Sender<()>,
    tokio::task::JoinHandle<anyhow::Result<()>>,
) {
    world.stop().await;
    let mut config = world.config();
    config.qtum_rpc_url = SecretUrl::from(behind(world, node));
    let listener = TcpListener::bind(config.bind)
        .await
        .expect("the port is free");
    let relay = Relay::open(config).await.expect("opens");
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(relay.serve(listener, axum::Router::new(), async {
        drop(stopped.await);
    }));
    world.ready().await;
    (stop, task)
}

/// Between relay and node everything may break, at every question that the relay asks: it follows the
/// chain all the same, and every event is told once.
#[tokio::test]
async fn t_r1_every_question_to_the_node_may_break() {
    let mut stage = Stage::new().await;
    let node = Proxy::before(stage.world.chain.address()).await;
    let _relay = relay_behind(&mut stage.world, &node).await;
    for method in [
        "getblockhash",
        "getblock",
        "searchlogs",
        "getaddressutxos",
        "gettransactionreceipt",
        "sendrawtransaction",
    ] {
        for way in [Way::Up, Way::Down] {
            for fault in [Fault::CutBefore, Fault::Halve] {
                node.break_next(way, &format!(r#""method":"{method}""#), fault);
                let before = node.broken();
                deposit(&mut stage).await;
                let what = format!("{method} {way:?} {fault:?} is broken");
                eventually(&what, || async { (before < node.broken()).then_some(()) }).await;
            }
        }
    }
    stage.play(1).await;
    let view = stage.world_view().await;
    let deposits = 24 * 7;
    assert_eq!(
        view.facts().net(Side::B),
        Amount(deposits).to_net(),
        "each deposit once"
    );
    for person in &mut stage.people {
        retry(person, async |person| person.catch_up().await).await;
        let told = person
            .kept
            .iter()
            .filter(|(_, kind)| kind == "channel.deposited")
            .count();
        assert_eq!(told, 24, "told once each");
    }
    assert_eq!(node.broken(), 24, "each question and each answer, twice");
}

/// Bob deposits 7 satoshi. The transaction is signed once and handed in until it is taken.
async fn deposit(stage: &mut Stage) {
    let id = stage.id;
    let params = *stage.people[BOB].channel(id).params();
    let call = ContractCall::Deposit {
        params,
        to: Side::B,
        amount: Amount(7),
    };
    let bob = &mut stage.people[BOB];
    let before = bob
        .kept
        .iter()
        .filter(|(_, kind)| kind == "channel.deposited")
        .count();
    let hex = eventually("a transaction", || async {
        bob.transaction(&call).await.ok()
    })
    .await;
    eventually("the network takes it", || async {
        match bob.broadcast(&hex, "deposit").await {
            Ok(_) => Some(()),
            Err(Trouble::Broken(_)) => None,
            Err(Trouble::Refused(why)) => panic!("refused: {why}"),
        }
    })
    .await;
    retry(bob, async |bob| {
        while bob
            .kept
            .iter()
            .filter(|(_, kind)| kind == "channel.deposited")
            .count()
            == before
        {
            bob.hear("channel.deposited").await?;
        }
        Ok(())
    })
    .await;
}

/// The node took the tower's transaction and the answer got lost: the need is still paid for once.
#[tokio::test]
async fn t_r2_the_answer_to_the_towers_transaction_is_lost() {
    for (way, fault) in [(Way::Up, Fault::Halve), (Way::Down, Fault::CutBefore)] {
        let mut stage = Stage::new().await;
        let id = stage.id;
        let old = stage.people[ALICE].channel(id).close_call(Side::A, 10_000);
        stage.play(2).await;
        let node = Proxy::before(stage.world.chain.address()).await;
        let _relay = relay_behind(&mut stage.world, &node).await;
        // No block comes between the transaction and the second look.
        stage
            .world
            .node
            .dev_automine(false)
            .await
            .expect("switches");
        let alice = &mut stage.people[ALICE];
        let hex = eventually("a transaction", || async {
            alice.transaction(&old).await.ok()
        })
        .await;
        alice.broadcast(&hex, "close").await.expect("is taken");
        // The next that is sent is the tower's.
        node.break_next(way, r#""method":"sendrawtransaction""#, fault);
        stage.world.mine(1).await;
        let floors = eventually("the tower has acted for both", || async {
            let waiting = calls_waiting(&stage.world, stage.world.deployment.contract).await;
            (waiting.len() >= 2).then_some(waiting)
        })
        .await;
        assert_eq!(node.broken(), 1, "{way:?} {fault:?}");
        // A few more looks, with blocks and without.
        stage.world.node.dev_withhold(2).await.expect("withholds");
        stage.world.mine(1).await;
        stage.world.mine(1).await;
        let still = calls_waiting(&stage.world, stage.world.deployment.contract).await;
        assert_eq!(
            floors.len(),
            still.len(),
            "{way:?} {fault:?}: one transaction per need, though it may be a dearer one"
        );
        stage.world.mine(2).await;
        for person in &mut stage.people {
            retry(person, async |person| {
                person.catch_up().await?;
                person.resync(id).await.map(drop)
            })
            .await;
        }
        let facts = stage.people[BOB].channel(id).facts().clone();
        assert_eq!(
            facts.posted[Side::A].owed(),
            stage.people[BOB].channel(id).street(Side::A).transferred()
        );
    }
}

/// The transactions in the mempool that call this contract.
async fn calls_waiting(world: &World, contract: Account) -> Vec<String> {
    let waiting: Vec<String> = world
        .node
        .call("getrawmempool", &[])
        .await
        .expect("answers");
    let mut calls = Vec::new();
    for txid in waiting {
        let Ok(id) = txid.parse() else { continue };
        let Ok(Some(found)) = world.node.get_raw_transaction(&id).await else {
            continue;
        };
        if found.hex.contains(&hex::encode(contract.0)) {
            calls.push(txid);
        }
    }
    calls.sort();
    calls
}
