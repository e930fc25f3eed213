//! The moves of a game between an honest and a hostile participant, dealt from a seed.

use sparky_protocol::{MAX_NONCE, Side, watch::Caller};

use crate::dice::Dice;

/// Short, so that every boundary is met often.
pub const WINDOW: u32 = 20;

/// What the hostile one, or the honest one while nothing is wrong yet, does next.
#[derive(Clone, Copy, Debug)]
pub enum Move {
    HonestPays(u128),
    HonestLocks(u128, u32),
    HonestSettles(usize),
    HonestRemoves(usize),
    HonestAcks,
    HostilePays(u128),
    HostileLocks {
        amount: u128,
        by: u32,
        known: bool,
    },
    HostileSettles(usize),
    HostileRemoves(usize),
    HostileAcks(usize),
    Dust(Side, u128),
    Mine(u32),
    HonestCloses {
        recover: bool,
    },
    HostileCloses {
        declared: usize,
        incoming: usize,
        recover: bool,
    },
    PostsOld {
        at: usize,
        acked: bool,
    },
    PostsOwnOld {
        at: usize,
    },
    PostsForged {
        nonce: u64,
        transferred: u128,
    },
    RaisesFloor(usize),
    RaisesForged(u128),
    Registers(usize),
    SettlesWith {
        empty: bool,
    },
}

/// How the game is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub honest: Side,
    /// Who answers for the honest one once it is closed.
    pub caller: Caller,
    pub deposits: [u128; 2],
    pub penalty_bps: u16,
    /// Whether the honest one, or its tower, acts before or after the hostile one in each block.
    pub late: bool,
}

/// A setup and moves from a seed.
pub fn deal(dice: &mut Dice) -> (Setup, Vec<Move>) {
    let setup = Setup {
        honest: Side::from_flag(dice.below(2) == 1),
        caller: [Caller::Participant, Caller::Tower][dice.below(2)],
        deposits: [dice.amount(200), dice.amount(200)],
        penalty_bps: [0, 5_000, 10_000, u16::MAX][dice.below(4)],
        late: dice.below(2) == 1,
    };
    let mut moves: Vec<Move> = (0..4 + dice.below(28)).map(|_| traffic(dice)).collect();
    moves.push(match dice.below(3) {
        0 => Move::HonestCloses {
            recover: dice.below(4) == 0,
        },
        _ => Move::HostileCloses {
            declared: dice.below(64),
            incoming: dice.below(64),
            recover: dice.below(5) == 0,
        },
    });
    moves.extend((0..dice.below(16)).map(|_| attack(dice)));
    (setup, moves)
}

fn traffic(dice: &mut Dice) -> Move {
    let (at, amount) = (dice.below(64), 1 + dice.amount(60));
    let by = u32::try_from(dice.below(u64::from(WINDOW) + 2)).expect("small");
    match dice.below(24) {
        0..=3 => Move::HonestPays(amount),
        4..=7 => Move::HostilePays(amount),
        8..=10 => Move::HonestLocks(amount, by),
        11..=13 => Move::HostileLocks {
            amount,
            by,
            known: dice.below(3) != 0,
        },
        14 => Move::HonestSettles(at),
        15..=16 => Move::HonestRemoves(at),
        17 => Move::HostileSettles(at),
        18 => Move::HostileRemoves(at),
        19 => Move::HonestAcks,
        20..=21 => Move::HostileAcks(at),
        22 => Move::Dust(Side::from_flag(dice.below(2) == 1), 1 + dice.amount(9)),
        _ => Move::Mine(1 + by / 4),
    }
}

fn attack(dice: &mut Dice) -> Move {
    let at = dice.below(64);
    match dice.below(16) {
        0..=3 => Move::PostsOld {
            at,
            acked: dice.below(2) == 1,
        },
        4..=5 => Move::PostsOwnOld { at },
        6 => Move::PostsForged {
            nonce: [1, 7, MAX_NONCE][dice.below(3)],
            transferred: dice.amount(300),
        },
        7 => Move::RaisesFloor(at),
        8 => Move::RaisesForged(dice.amount(1_000)),
        9..=11 => Move::Registers(at),
        12 => Move::SettlesWith {
            empty: dice.below(2) == 1,
        },
        _ => Move::Mine([1, 1, 2, WINDOW / 2 - 1, WINDOW / 2, WINDOW - 1, WINDOW][dice.below(7)]),
    }
}

/// The longest prefix-and-subset search that is cheap: drops moves one by one while it still fails.
pub fn shorten(moves: &[Move], mut fails: impl FnMut(&[Move]) -> bool) -> Vec<Move> {
    let mut moves = moves.to_vec();
    let mut at = moves.len();
    while 0 < at {
        at -= 1;
        let mut fewer = moves.clone();
        fewer.remove(at);
        if fails(&fewer) {
            moves = fewer;
        }
    }
    moves
}
