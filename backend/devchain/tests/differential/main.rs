//! The bytecode against the model: random hostile sequences, played on both.
//!
//! `SPARKY_DIFFERENTIAL_CASES` sets how many; the default is what CI runs. One in sixteen is a whole
//! game of an honest participant against a hostile one. A failure prints its seed and the shortest
//! sequence that still differs.
#![allow(missing_docs)]

mod both;
mod chaos;
#[path = "../../../protocol/tests/it/contract/mod.rs"]
mod contract;
#[path = "../../../protocol/tests/it/dice.rs"]
mod dice;
#[path = "../../../protocol/tests/it/dispute/mod.rs"]
mod dispute;
#[path = "../../../protocol/tests/it/moves.rs"]
mod moves;
#[path = "../../../protocol/tests/it/participant.rs"]
mod participant;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use both::Both;
use chaos::Cast;
use dice::Dice;

const CASES: u64 = 100_000;

/// What a good mixture reaches.
const CORNERS: [&str; 16] = [
    "opened",
    "deposited",
    "withdrawn",
    "agreed",
    "agreed in a dispute",
    "closed without a proof",
    "closed with a proof",
    "recovered",
    "counter-claimed",
    "refuted",
    "floor raised",
    "registered",
    "settled",
    "settled with a penalty",
    "settled with opened locks",
    "settled without a lost list",
];

#[test]
fn the_bytecode_does_what_the_rules_say() {
    let cases = std::env::var("SPARKY_DIFFERENTIAL_CASES").ok();
    let cases = cases.map_or(CASES, |text| text.parse().expect("a number of cases"));
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let counts = thread::scope(|scope| {
        let worker = || scope.spawn(|| work(&next, cases));
        let workers: Vec<_> = (0..threads).map(|_| worker()).collect();
        workers
            .into_iter()
            .map(|one| one.join().expect("no difference"))
            .collect::<Vec<_>>()
    });
    let mut seen = BTreeMap::<_, u64>::new();
    let (mut calls, mut reverts) = (0, 0);
    for one in &counts {
        calls += one.calls;
        reverts += one.reverts;
        for (name, count) in &one.seen {
            *seen.entry(*name).or_default() += count;
        }
    }
    println!("{cases} sequences, {calls} calls, {reverts} of them reverted; {seen:#?}");
    if 5_000 <= cases {
        assert!(
            CORNERS.iter().all(|name| seen.contains_key(name)),
            "a dull mixture: {seen:?}"
        );
        assert!(
            calls / 10 < reverts && reverts < calls / 10 * 9,
            "a dull mixture"
        );
    }
}

/// Plays sequences until there are no more.
fn work(next: &AtomicU64, cases: u64) -> Both {
    let (mut both, mut cast) = (Both::new(), Cast::new());
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if cases <= seed {
            return both;
        }
        let played = if seed.is_multiple_of(16) {
            game(&mut both, seed)
        } else {
            sequence(&mut both, &mut cast, seed)
        };
        if let Err(why) = played {
            // The others need not go on.
            next.store(cases, Ordering::Relaxed);
            panic!("{why}");
        }
    }
}

fn sequence(both: &mut Both, cast: &mut Cast, seed: u64) -> Result<(), String> {
    let steps = chaos::deal(seed);
    if chaos::play(both, cast, &steps).is_ok() {
        return Ok(());
    }
    let steps = chaos::shorten(&steps, |fewer| chaos::play(both, cast, fewer).is_err());
    let why = chaos::play(both, cast, &steps).expect_err("it still fails");
    let calls = both.history().join("\n");
    Err(format!("seed {seed}, steps {steps:?}\n{calls}\n{why}"))
}

fn game(both: &mut Both, seed: u64) -> Result<(), String> {
    let (setup, moves) = moves::deal(&mut Dice(seed));
    let mut lost = |moves: &[moves::Move]| {
        both.reset();
        let played = dispute::play(both, setup, moves);
        played.and_then(|()| both.difference()).err()
    };
    let Some(first) = lost(&moves) else {
        return Ok(());
    };
    let moves = moves::shorten(&moves, |fewer| lost(fewer).is_some());
    let why = lost(&moves).unwrap_or(first);
    Err(format!("game {seed}: {why}\n{setup:?}\n{moves:#?}"))
}
