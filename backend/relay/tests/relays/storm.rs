//! Ten thousand payments while relays are killed and started again.

use std::time::Duration;

use sparky_protocol::{Amount, ContractCall, Side};
use tokio::{sync::watch, task::JoinSet, time::Instant};

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
/// How often a relay is killed while they pass: whenever another share of them has arrived, so that
/// a fast machine sees as many as a slow one.
const KILLS: u64 = 11;
/// How long a killed relay stays away.
const AWAY: Duration = Duration::from_millis(150);
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
    let (heard, mut arrived) = watch::channel(0);
    // Nobody runs ahead of the kills by more than their next share.
    let allowed = watch::Sender::new(each * 2 / (KILLS + 1));
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
            let gates = (allowed.subscribe(), heard.clone());
            let payer = Payer::new(who, id, urls.clone(), first, each, gates);
            payers.spawn_local(payer.run());
        }
    }

    let begin = Instant::now();
    let all = 2 * CHANNELS * each;
    let (mut done, mut kills) = (Vec::new(), 0);
    while done.len() < 2 * usize::try_from(CHANNELS).expect("few") {
        let due = (kills + 1) * all / (KILLS + 1);
        tokio::select! {
            payer = payers.join_next() => {
                done.push(payer.expect("some are left").expect("no event was lost, doubled or out of order"));
            }
            () = reached(&mut arrived, due), if kills < KILLS => {
                let victim = usize::try_from(kills).expect("few") % fleet.len();
                fleet.kill(victim);
                kills += 1;
                tokio::time::sleep(AWAY).await;
                fleet.start(victim);
                fleet.ready(victim).await;
                allowed.send_replace(each * (kills + 2) / (KILLS + 1));
            }
            () = tokio::time::sleep_until(begin + PATIENCE) => {
                panic!("{} of the clients are done", done.len());
            }
        }
    }
    let took = begin.elapsed();
    let reconnects: u32 = done.iter().map(|payer| payer.reconnects).sum();
    println!(
        "{all} payments in {:.1} s, {kills} kills, {reconnects} reconnections, {} refusals",
        took.as_secs_f32(),
        done.iter().map(|payer| payer.refusals.len()).sum::<usize>(),
    );
    assert_eq!(kills, KILLS);
    assert!(0 < reconnects, "nobody noticed anything");

    everybody_holds_the_same(&fleet, &done, each).await;
}

/// Everybody has the same channel in hand: both participants, and every relay.
async fn everybody_holds_the_same(fleet: &Fleet, done: &[Payer], each: u64) {
    for payer in done {
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

/// Waits until so many payments have arrived, and lets the number go.
async fn reached(arrived: &mut watch::Receiver<u64>, due: u64) {
    let reached = arrived.wait_for(|payments| due <= *payments).await;
    drop(reached.expect("the storm holds the sender"));
}
