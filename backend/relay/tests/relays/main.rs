//! Several relays on one database, each a process of its own that can be killed.
//!
//! On SQLite and without NATS unless `SPARKY_TEST_DATABASE_URL` names a Postgres server and
//! `SPARKY_TEST_NATS_SERVER` the program of a NATS server: the relays promise the same in both cases.
//! This program is the relay, too: with the argument `relay` it serves as one.
// Participants sign, so their key may be named here; the relay itself may not.
#![allow(clippy::disallowed_types)]

#[allow(dead_code, reason = "shared with the tests of a single relay")]
#[path = "../it/database.rs"]
mod database;
mod fleet;
#[allow(dead_code, reason = "shared with the tests of a single relay")]
#[path = "../it/line.rs"]
mod line;
#[allow(dead_code, reason = "shared with the tests of a single relay")]
#[path = "../it/participant.rs"]
mod participant;
mod payer;
mod scenes;
mod storm;
#[allow(dead_code, reason = "shared with the tests of a single relay")]
#[path = "../it/world.rs"]
mod world;

use std::{panic::AssertUnwindSafe, process::ExitCode, time::Instant};

use futures_util::{FutureExt as _, future::LocalBoxFuture};

/// A test: its name and what it does.
type Scene = (&'static str, fn() -> LocalBoxFuture<'static, ()>);

const SCENES: [Scene; 6] = [
    ("what_one_stores_the_others_tell", || {
        scenes::what_one_stores_the_others_tell().boxed_local()
    }),
    ("one_nonce_has_one_winner", || {
        scenes::one_nonce_has_one_winner().boxed_local()
    }),
    ("a_proposal_binds_at_every_relay", || {
        scenes::a_proposal_binds_at_every_relay().boxed_local()
    }),
    ("without_nats_events_still_come", || {
        scenes::without_nats_events_still_come().boxed_local()
    }),
    ("one_tower_acts_and_another_takes_over", || {
        scenes::one_tower_acts_and_another_takes_over().boxed_local()
    }),
    ("payments_survive_relays_that_are_killed", || {
        storm::payments_survive_relays_that_are_killed().boxed_local()
    }),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if arguments.first().is_some_and(|first| first == "relay") {
        runtime.block_on(fleet::serve(&arguments));
        return ExitCode::SUCCESS;
    }
    let wanted = arguments.iter().find(|word| !word.starts_with('-'));
    let (mut passed, mut failed) = (0, 0);
    for (name, scene) in SCENES {
        if wanted.is_some_and(|wanted| !name.contains(wanted.as_str())) {
            continue;
        }
        let begin = Instant::now();
        let local = tokio::task::LocalSet::new();
        let played = runtime.block_on(local.run_until(AssertUnwindSafe(scene()).catch_unwind()));
        let mark = if played.is_ok() { "ok" } else { "FAILED" };
        println!(
            "test {name} ... {mark} ({:.1} s)",
            begin.elapsed().as_secs_f32()
        );
        *(if played.is_ok() {
            &mut passed
        } else {
            &mut failed
        }) += 1;
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    ExitCode::from(u8::from(failed != 0))
}
