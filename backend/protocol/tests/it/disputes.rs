//! Many disputes, each from its own seed.

use sparky_protocol::{Account, Domain};

use crate::{
    contract::Contract,
    dice::Dice,
    dispute::play,
    moves::{Move, Setup, deal, shorten},
};

const GAMES: u64 = 3_000;

fn contract() -> Contract {
    Contract::new(Domain {
        chain_id: 8_890,
        contract: Account([0xc0; 20]),
    })
}

#[test]
fn an_honest_participant_gets_its_due_whatever_the_other_does() {
    let mut chain = contract();
    let mut lost = |setup: Setup, moves: &[Move]| {
        chain.reset();
        play(&mut chain, setup, moves).err()
    };
    for seed in 0..GAMES {
        let (setup, moves) = deal(&mut Dice(seed));
        if let Some(why) = lost(setup, &moves) {
            let moves = shorten(&moves, |fewer| play(&mut contract(), setup, fewer).is_err());
            let why = lost(setup, &moves).unwrap_or(why);
            panic!("seed {seed}: {why}\n{setup:?}\n{moves:#?}");
        }
    }
}
