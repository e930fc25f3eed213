//! Ten thousand payments while relays are killed and started again.

use std::time::{Duration, Instant};

use sparky_protocol::{Amount, ContractCall, Side};
use tokio::task::JoinSet;

use crate::{
    fleet::Fleet,
    payer::Payer,
    world::{QTUM, eventually},
};

/// Payments on Postgres, in both directions of every channel together. On SQLite, whose single writer
/// three processes share, a tenth of them. `SPARKY_STORM_PAYMENTS` sets another number.
const PAYMENTS: u64 = 10_000;
/// Channels, with two clients each.
const CHANNELS: u64 = 5;
/// How long all relays live before one of them dies.
const LIFE: Duration = Duration::from_millis(600);
/// How long anything may take: the machine may be slow.
const PATIENCE: Duration = Duration::from_mins(8);

pub async fn payments_survive_relays_that_are_killed() {
    let mut fleet = Fleet::new(3).await;
    let payments = std::env::var("SPARKY_STORM_PAYMENTS").map_or_else(
        |_| {
            PAYMENTS
                / if fleet.world.database.url().starts_with("postgres") {
                    1
                } else {
                    10
                }
        },
        |text| text.parse().expect("a number"),
    );
    let each = payments / CHANNELS / 2;
    let urls: Vec<String> = (0..fleet.len())
        .map(|relay| format!("{}/api/v1/ws", fleet.url(relay).replace("http", "ws")))
        .collect();
    let mut payers = JoinSet::new();
    for pair in 0..CHANNELS {
        let seed = u8::try_from(2 * pair + 1).expect("few");
        let mut alice = fleet.world.participant(seed).await;
        let mut bob = fleet.world.participant(seed + 1).await;
        let id = alice.open(&fleet.world, &bob, QTUM).await;
        alice.refresh(id).await;
        let deposit = ContractCall::Deposit {
            params: *alice.channel(id).params(),
            to: Side::B,
            amount: Amount(QTUM.into()),
        };
        bob.call(&fleet.world, &deposit, "deposit").await;
        fleet.world.mine(1).await;
        alice.refresh(id).await;
        bob.refresh(id).await;
        for (who, first) in [(alice, pair), (bob, pair + 1)] {
            let first = usize::try_from(first).expect("few");
            payers.spawn_local(Payer::new(who, id, urls.clone(), first, each).run());
        }
    }

    let begin = Instant::now();
    let (mut done, mut kills) = (Vec::new(), 0);
    while done.len() < 2 * usize::try_from(CHANNELS).expect("few") {
        tokio::select! {
            payer = payers.join_next() => {
                done.push(payer.expect("some are left").expect("no event was lost, doubled or out of order"));
            }
            () = tokio::time::sleep(LIFE) => {
                let victim = kills % fleet.len();
                fleet.kill(victim);
                kills += 1;
                tokio::time::sleep(LIFE / 4).await;
                fleet.start(victim);
                fleet.ready(victim).await;
            }
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "{} of the clients are done",
            done.len()
        );
    }
    let took = begin.elapsed();
    let reconnects: u32 = done.iter().map(|payer| payer.reconnects).sum();
    println!(
        "{} payments in {:.1} s, {kills} kills, {reconnects} reconnections, {} refusals",
        2 * CHANNELS * each,
        took.as_secs_f32(),
        done.iter().map(|payer| payer.refusals.len()).sum::<usize>(),
    );
    assert!(1 < kills && 0 < reconnects, "nobody noticed anything");

    // Everybody has the same channel in hand: both participants, and every relay.
    for payer in &done {
        let (id, who) = (payer.id, &payer.who);
        let mine = who.channel(id);
        for relay in 0..fleet.len() {
            let mut shown = who.at(&fleet.url(relay));
            shown.refresh(id).await;
            for side in Side::BOTH {
                let (ours, theirs) = (mine.street(side), shown.channel(id).street(side));
                assert_eq!((ours.nonce(), theirs.nonce()), (each, each));
                assert_eq!(ours.transferred(), Amount(each.into()));
                assert_eq!(theirs.transferred(), Amount(each.into()));
            }
            for side in Side::BOTH {
                assert_eq!(
                    mine.balances(side, &shown.tip),
                    shown.channel(id).balances(side, &shown.tip)
                );
            }
        }
        // No event waits that nobody has heard, but for acks after the last payment.
        let last = eventually("the events are listed", || async {
            let (status, events) = who.at(&fleet.url(0)).get("/events").await;
            status.is_success().then(|| events["last"].as_i64())
        })
        .await
        .expect("a number");
        let acks = i64::try_from(each / 50 + 1).expect("few");
        assert!((payer.seen..=payer.seen + acks).contains(&last));
    }
}
