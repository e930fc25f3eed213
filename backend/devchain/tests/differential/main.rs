//! The bytecode against the model: random hostile sequences, played on both.
//!
//! `SPARKY_DIFFERENTIAL_CASES` sets how many; the default is what CI runs. A failure prints its seed
//! and the shortest sequence that still differs.
#![allow(missing_docs)]

mod both;
#[path = "../../../protocol/tests/it/contract.rs"]
mod contract;
#[path = "../../../protocol/tests/it/dice.rs"]
mod dice;
#[path = "../../../protocol/tests/it/dispute.rs"]
mod dispute;
#[path = "../../../protocol/tests/it/moves.rs"]
mod moves;
#[path = "../../../protocol/tests/it/participant.rs"]
mod participant;

use both::Both;
use dice::Dice;

#[test]
fn honest_participants_get_their_due_from_the_bytecode() {
    let mut both = Both::new();
    let start = std::time::Instant::now();
    for seed in 0..200 {
        both.reset();
        let (setup, moves) = moves::deal(&mut Dice(seed));
        let ended = dispute::play(&mut both, setup, &moves).and_then(|()| both.difference());
        if let Err(why) = ended {
            panic!("{seed} {why}");
        }
    }
    println!("{:?} {} {}", start.elapsed(), both.calls, both.reverts);
}
