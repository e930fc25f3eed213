//! Load: ten thousand idle connections and a thousand busy channels, an hour of them in as long as it
//! takes, on a relay in a process of its own. What it holds must not grow, and what has gone must be
//! gone: memory, tasks, sockets, rows.
//!
//! `make soak MINUTES=60` goes on for as long as one likes.
#![allow(clippy::disallowed_types, reason = "participants sign")]

mod busy;
#[path = "../it/database.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod database;
mod idle;
#[path = "../it/line.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod line;
#[path = "../it/participant.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod participant;
mod watched;
#[path = "../it/world.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod world;

use std::time::{Duration, Instant};

use sparky_relay::{Chain, Config, Quotas, Relay, SecretUrl, TowerLimits};
use tokio::net::TcpListener;

use crate::{busy::Pairs, watched::Watched, world::World};

/// Connections that only listen, where the system has files for them.
const IDLE: usize = 10_000;

/// Pairs of participants, and channels of each.
const PAIRS: u8 = 100;
const CHANNELS: usize = 10;

/// Minutes of the hour that is compressed. In each every fifth channel pays, and some people come
/// and go.
const HOUR: u32 = 60;

/// Blocks are heard by everybody; they come a little more seldom than on the chain.
const BLOCK_EVERY: u32 = 4;

/// Minutes before what is held is looked at: caches fill first.
const WARM_UP: u32 = 20;

/// How much more the relay may hold at the end than after warming up: what an allocator keeps back, not
/// what grows with every payment.
const SLACK: f64 = 16.0 * 1_048_576.0;

/// The same process as the test, asked to be the relay.
const DATABASE: &str = "SPARKY_SOAK_DATABASE";
const NODE: &str = "SPARKY_SOAK_NODE";
const BIND: &str = "SPARKY_SOAK_BIND";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "`make soak` runs it"]
async fn an_hour_of_load_leaves_nothing_behind() {
    let mut world = World::in_file().await;
    let mut pairs = Pairs::meet(&world).await;
    // From here on it is served by a process of its own, so that what it takes can be read.
    world.stop().await;
    let relay = Watched::start(&world);
    world.ready().await;
    let before = relay.look(&world).await;

    let idle = idle::connect(&world, relay.room().min(IDLE)).await;
    pairs.connect(&world).await;
    let settled = relay.look(&world).await;
    println!(
        "{} idle connections, {} channels; {:.1} KiB for each connection",
        idle.len(),
        pairs.channels(),
        (settled.memory - before.memory)
            / 1_024.0
            / f64::from(u32::try_from(idle.len()).unwrap_or(1)),
    );

    let longer = minutes();
    let begin = Instant::now();
    let (mut minute, mut warm) = (0, None);
    while minute < HOUR || longer.is_some_and(|longer| begin.elapsed() < longer) {
        pairs.pay(minute).await;
        if minute.is_multiple_of(BLOCK_EVERY) {
            world.node.dev_mine(1).await.expect("mines");
        }
        pairs.come_and_go(&world, minute).await;
        minute += 1;
        if minute == WARM_UP {
            warm = Some(relay.look(&world).await);
        }
    }
    pairs.everything_arrived().await;
    world.followed().await;
    let (warm, end) = (warm.expect("it is warm"), relay.look(&world).await);
    println!(
        "{} payments in {:.0} s; {:.1} MiB when warm, {:.1} MiB at the end",
        pairs.payments(),
        begin.elapsed().as_secs_f32(),
        warm.memory / 1_048_576.0,
        end.memory / 1_048_576.0,
    );
    assert!(
        end.memory < warm.memory + SLACK,
        "memory grows: {warm:?} {end:?}"
    );
    assert!(
        (end.tasks - warm.tasks).abs() < 20.0 && (end.files - warm.files).abs() < 50.0,
        "tasks or sockets grow: {warm:?} {end:?}"
    );

    // Everybody leaves; nothing of them stays.
    drop((idle, pairs));
    let after = relay
        .look_until(&world, |seen| {
            // What each has kept is noted when it leaves, and there was nothing else.
            seen.websockets < 1.0
                && seen.outbox < 1.0
                && seen.tasks < before.tasks + 20.0
                && seen.files < before.files + 50.0
        })
        .await;
    // A session for each who came; a challenge that was answered is gone.
    assert!(
        after.challenges < 1.0 && after.tickets < 1.0,
        "rows stay behind: {after:?}"
    );
    assert!(after.sessions <= end.sessions, "{after:?}");
}

/// How long to go on, when somebody says so.
fn minutes() -> Option<Duration> {
    let minutes: u64 = std::env::var("SPARKY_SOAK_MINUTES").ok()?.parse().ok()?;
    Some(Duration::from_mins(minutes))
}

/// Not a test: the relay, when this program is started to be one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is started by the test above"]
async fn serve() {
    let Ok(database) = std::env::var(DATABASE) else {
        return;
    };
    let variable = |name| std::env::var(name).expect("it is set");
    let bind = variable(BIND).parse().expect("an address");
    let config = Config {
        bind,
        database_url: SecretUrl::from(database),
        nats_url: None,
        qtum_rpc_url: SecretUrl::from(variable(NODE)),
        network: Chain::Dev,
        public_url: None,
        allowed_origins: Vec::new(),
        confirmations: None,
        tower: true,
        tower_wallet: None,
        tower_limits: TowerLimits::default(),
        allowed_contracts: Vec::new(),
        quotas: Quotas {
            account_connections: Some(2 * IDLE),
            ..Quotas::default()
        },
    };
    let relay = Relay::open(config).await.expect("opens");
    let listener = TcpListener::bind(bind).await.expect("the port is free");
    relay
        .serve(listener, axum::Router::new(), std::future::pending())
        .await
        .expect("serves");
}
