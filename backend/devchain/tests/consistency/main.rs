//! The consistency fuzzer: two participants, a relay with a watchtower, a bad wire, lost memories and
//! a chain that takes blocks back, over the real bytecode. Bytes decide everything.
//!
//! `SPARKY_CONSISTENCY_CASES` sets how many random cases are played (`endless` until stopped),
//! `SPARKY_CONSISTENCY_SEED` where they begin, and `SPARKY_CONSISTENCY_REPLAY` plays the case that
//! its hex digits are and tells it. A failure prints the shortest bytes that still fail.
#![allow(missing_docs)]

mod client;
mod laws;
mod ledger;
mod play;
mod script;
mod world;

#[path = "../../../protocol/tests/it/dice.rs"]
mod dice;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use client::Signer;
use dice::Dice;
use ledger::Ledger;
use play::{Corners, play};

const CASES: u64 = 100_000;

/// Cases that found something once, or that reach far: bytes in hex, and why.
const CORPUS: &str = include_str!("corpus.txt");

/// What a good mixture reaches.
const REACHED: [&str; 24] = [
    "sent",
    "acked",
    "locked",
    "lock paid",
    "lock removed",
    "lost",
    "repeated",
    "restarted",
    "restored",
    "learned again",
    "withheld",
    "reorganised",
    "asked",
    "agreed",
    "closes",
    "recovers",
    "cheated",
    "overspent",
    "registered",
    "the tower acts",
    "guarded by a tower",
    "calm",
    "ended with a penalty",
    "ended together",
];

struct Player {
    ledger: Ledger,
    signer: Signer,
    corners: Corners,
}

impl Player {
    fn new() -> Self {
        Self {
            ledger: Ledger::new(),
            signer: Signer::new(),
            corners: Corners::new(),
        }
    }

    /// A panic of the core is a failure like any other.
    fn play(&mut self, bytes: &[u8], tell: bool) -> Result<Corners, String> {
        let (ledger, signer) = (&mut self.ledger, &mut self.signer);
        let played = catch_unwind(AssertUnwindSafe(|| play(bytes, ledger, signer, tell)));
        played.unwrap_or_else(|_| Err("it panics".into()))
    }

    fn run(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self.play(bytes, false) {
            Ok(corners) => {
                for (name, count) in corners {
                    *self.corners.entry(name).or_default() += count;
                }
                Ok(())
            }
            Err(first) => {
                let short = script::shorten(bytes, |fewer| self.play(fewer, false).is_err());
                let why = self.play(&short, true).err().unwrap_or(first);
                Err(format!(
                    "{why}\nSPARKY_CONSISTENCY_REPLAY={}",
                    hex::encode(short)
                ))
            }
        }
    }
}

/// The corpus, without comments.
fn corpus() -> Vec<Vec<u8>> {
    let lines = CORPUS.lines().map(|line| {
        let digits = line.split('#').next().unwrap_or_default().trim();
        hex::decode(digits).expect("hex in corpus.txt")
    });
    lines.filter(|bytes| !bytes.is_empty()).collect()
}

/// Random bytes, or a case of the corpus with some bytes changed.
fn deal(seed: u64, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut dice = Dice(seed.wrapping_mul(0x9e6c_63d0_876a_3f6b));
    let actions = 4 + dice.below(40);
    let mut bytes = Vec::new();
    if let Some(old) = corpus.get(dice.below(4 * corpus.len().max(1) as u64)) {
        bytes.clone_from(old);
        for _ in 0..=dice.below(4) {
            let at = dice.below(bytes.len().max(1) as u64);
            match dice.below(4) {
                0 => drop(bytes.splice(at..at, random(&mut dice, script::RECORD))),
                1 => bytes.truncate(at.max(script::HEAD)),
                _ => bytes.splice(at..=at, random(&mut dice, 1)).for_each(drop),
            }
        }
        bytes.extend(random(&mut dice, script::RECORD * 4));
    } else {
        bytes.extend(random(&mut dice, script::HEAD + script::RECORD * actions));
    }
    bytes
}

fn random(dice: &mut Dice, length: usize) -> Vec<u8> {
    let bytes = (0..length).map(|_| u8::try_from(dice.amount(255)).expect("a byte"));
    bytes.collect()
}

#[test]
fn nobody_honest_loses_whatever_happens() {
    if let Ok(digits) = env::var("SPARKY_CONSISTENCY_REPLAY") {
        let bytes = hex::decode(digits.trim()).expect("hex digits");
        let played = Player::new().play(&bytes, true);
        println!("{played:#?}");
        assert!(played.is_ok(), "see above");
        return;
    }
    let cases = match env::var("SPARKY_CONSISTENCY_CASES").as_deref() {
        Ok("endless") => u64::MAX,
        Ok(text) => text.parse().expect("a number of cases, or endless"),
        Err(_) => CASES,
    };
    let first = env::var("SPARKY_CONSISTENCY_SEED").ok();
    let first: u64 = first.map_or(0, |text| text.parse().expect("a seed"));
    let corpus = corpus();
    let mut player = Player::new();
    for bytes in &corpus {
        if let Err(why) = player.run(bytes) {
            panic!("{why}");
        }
    }
    let (next, begin) = (AtomicU64::new(0), Instant::now());
    let all = Mutex::new((0_u64, Corners::new()));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&next, [first, cases], &corpus, &all, begin));
        }
    });
    let (total, seen) = all.into_inner().expect("nobody failed");
    println!("{total} cases, {seen:#?}");
    if 5_000 <= cases {
        let missing: Vec<_> = REACHED
            .iter()
            .filter(|name| !seen.contains_key(*name))
            .collect();
        assert!(missing.is_empty(), "a dull mixture lacks {missing:?}");
    }
}

/// Plays cases until there are no more.
fn work(
    next: &AtomicU64,
    [first, cases]: [u64; 2],
    corpus: &[Vec<u8>],
    all: &Mutex<(u64, Corners)>,
    begin: Instant,
) {
    const ROUND: u64 = 256;
    let mut player = Player::new();
    loop {
        let from = next.fetch_add(ROUND, Ordering::Relaxed);
        if cases <= from {
            return;
        }
        for case in from..(from + ROUND).min(cases) {
            let seed = first.wrapping_add(case);
            if let Err(why) = player.run(&deal(seed, corpus)) {
                // The others need not go on.
                next.store(cases, Ordering::Relaxed);
                panic!("seed {seed}, case {case}: {why}");
            }
        }
        let mut all = all.lock().expect("nobody failed");
        all.0 += (from + ROUND).min(cases) - from;
        for (name, count) in std::mem::take(&mut player.corners) {
            *all.1.entry(name).or_default() += count;
        }
        if cases == u64::MAX && (from / ROUND).is_multiple_of(64) {
            let (total, seconds) = (all.0, begin.elapsed().as_secs().max(1));
            println!(
                "from seed {first}: {total} cases, {} per second, {:?}",
                total / seconds,
                all.1
            );
        }
    }
}
