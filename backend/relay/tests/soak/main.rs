//! Load: idle connections and busy channels, minutes of them in as long as they take, on a relay in a
//! process of its own. What it holds must not grow, and what has gone must be gone: memory, tasks,
//! sockets, rows.
//!
//! As one of many tests it is short. `make soak` is the whole of it: ten thousand connections, a
//! thousand channels, an hour; `make soak MINUTES=600` goes on for as long as one likes.
//!
//! This program is the relay, too: with the argument `relay` it serves as one. What it logs is shown
//! when `RUST_LOG` asks.
// Participants sign, so their key may be named here; the relay itself may not.
#![allow(clippy::disallowed_types)]

mod busy;
#[path = "../it/database.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod database;
mod growth;
mod idle;
#[path = "../it/line.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod line;
#[path = "../it/participant.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod participant;
mod size;
mod watched;
#[path = "../it/world.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod world;

use std::{process::ExitCode, time::Instant};

use futures_util::FutureExt as _;
use sparky_relay::Quotas;

use crate::{
    busy::Pairs,
    growth::Growth,
    size::{PHASES, Size},
    watched::{Seen, Watched},
    world::World,
};

/// Blocks are heard by everybody; they come a little more seldom than on the chain.
const BLOCK_EVERY: u32 = 4;

/// Tasks and files that may be in the middle of something whenever one looks.
const TASKS: f64 = 20.0;
const FILES: f64 = 50.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Silent unless `RUST_LOG` asks.
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off")),
        )
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if arguments.first().is_some_and(|first| first == "relay") {
        runtime.block_on(watched::serve(&arguments));
        return ExitCode::SUCCESS;
    }
    let name = "load_leaves_nothing_behind";
    let wanted = arguments.iter().find(|word| !word.starts_with('-'));
    let (mut passed, mut failed) = (0, 0);
    if wanted.is_none_or(|wanted| name.contains(wanted.as_str())) {
        let begin = Instant::now();
        let test = std::panic::AssertUnwindSafe(load_leaves_nothing_behind(Size::wanted()));
        let ok = runtime.block_on(test.catch_unwind()).is_ok();
        *(if ok { &mut passed } else { &mut failed }) += 1;
        let mark = if ok { "ok" } else { "FAILED" };
        println!(
            "test {name} ... {mark} ({:.1} s)",
            begin.elapsed().as_secs_f32()
        );
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    ExitCode::from(u8::from(failed != 0))
}

async fn load_leaves_nothing_behind(size: Size) {
    let mut world = World::in_file().await;
    let mut pairs = Pairs::meet(&world, size).await;
    // From here on it is served by a process of its own, so that what it takes can be read.
    world.stop().await;
    let quotas = Quotas {
        account_connections: Some(2 * size.idle),
        ..Quotas::default()
    };
    let relay = Watched::start(&world, &quotas);
    world.ready().await;
    // A relay counts WebSockets from the first one on.
    drop(idle::connect(&world, 1).await);
    let before = relay.look(&world).await;

    let begin = Instant::now();
    let idle = idle::connect(&world, relay.room().min(size.idle)).await;
    pairs.connect(&world).await;
    let settled = relay.look(&world).await;
    println!(
        "{} idle connections, {} channels in {:.0} s; {:.1} KiB for each connection",
        idle.len(),
        pairs.channels(),
        begin.elapsed().as_secs_f32(),
        (settled.memory - before.memory)
            / 1_024.0
            / f64::from(u32::try_from(idle.len()).unwrap_or(1)),
    );

    let begin = Instant::now();
    let mut growth = Growth::default();
    for minute in 0..size.minutes {
        if size.is_end_of_phase(minute) {
            world.followed().await;
            growth.note(pairs.payments(), relay.look(&world).await);
        }
        pairs.pay(minute).await;
        if minute.is_multiple_of(BLOCK_EVERY) {
            world.node.dev_mine(1).await.expect("mines");
        }
        pairs.come_and_go(&world, minute).await;
    }
    world.followed().await;
    growth.note(pairs.payments(), relay.look(&world).await);
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{} payments in {seconds:.0} s, {} minutes of load; {growth}",
        pairs.payments(),
        size.minutes,
    );
    let (payments, channels) = (pairs.payments(), pairs.channels());
    let people = f64::from(size.pairs) * 2.0;
    let end = growth.is_flat(PHASES, people);
    // Nobody was sent away, however much there was to do.
    let connected = f64::from(u32::try_from(idle.len() + pairs.lines()).expect("not so many"));
    assert!(
        connected <= end.websockets,
        "of {connected} connections: {end:?}"
    );
    pairs.everything_arrived().await;

    // Everybody leaves; nothing of them stays.
    drop((idle, pairs));
    let after = relay.look_until(&world, |seen| left(&before, seen)).await;
    // A session for each who came; a challenge that was answered is gone.
    assert!(
        after.challenges < 1.0 && after.tickets < 1.0,
        "rows stay behind: {after:?}"
    );
    assert!(after.sessions <= end.sessions, "{after:?}");
    // What was heard is gone. Of each channel its payee's newest proof stays: it may be all that the
    // payee has.
    let newest = f64::from(u32::try_from(channels).expect("not so many"));
    assert!(after.events <= newest, "events stay behind: {after:?}");
    assert!(0 < payments, "nobody paid: this said nothing");
}

/// Whether everybody's connections, tasks, files and unheard events are gone. What each has kept is
/// noted when it leaves, and there was nothing else.
fn left(before: &Seen, seen: &Seen) -> bool {
    seen.websockets < 1.0
        && seen.outbox < 1.0
        && seen.tasks < before.tasks + TASKS
        && seen.files < before.files + FILES
}
