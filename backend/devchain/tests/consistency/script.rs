//! A case is bytes. Any bytes are a case, so mutating and shortening need no care.

use sparky_protocol::{RemoveReason, Side};

/// The finalization period: short, so that every edge is met often.
pub const WINDOW: u32 = 20;

/// The bytes of the setup.
pub const HEAD: usize = 3;
/// The bytes of an action.
pub const RECORD: usize = 3;

const AMOUNTS: [u128; 8] = [1, 2, 5, 10, 20, 40, 60, 100];
const DEPOSITS: [u128; 8] = [0, 10, 40, 60, 100, 100, 150, 200];

/// How a case begins, and how it ends.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// How many blocks a deposit must have to count.
    pub confirmations: u32,
    /// Who stops being honest on the chain, if anybody does.
    pub cunning: Option<Side>,
    /// Whose money a watchtower alone guards while it sleeps; else it wakes itself in time.
    pub tower_only: [bool; 2],
    /// What is put in at first.
    pub deposits: [u128; 2],
    /// The price of hiding.
    pub penalty_bps: u16,
    /// How two honest ones end it.
    pub ending: Ending,
}

/// How two honest participants end a channel that is still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both agree.
    Together,
    /// One closes alone.
    Alone(Side),
    /// One has lost its data and nobody answers.
    Recovered(Side),
}

/// What a participant notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The relay and the chain.
    Awake,
    /// The relay, but no new block.
    Behind,
    /// Nothing.
    Asleep,
}

/// Where in a dispute to go.
#[derive(Clone, Copy, Debug)]
pub enum Edge {
    /// The next block is the last one for counter-claims.
    Deadline,
    /// The next block is the last one for refuting.
    Refutable,
    /// The next block can settle.
    Final,
    /// From the next block on empty lists settle.
    ListsExpire,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    Pay(Side, u128),
    Several(Side, u128, u128),
    LockAdd {
        side: Side,
        amount: u128,
        by: u32,
        /// Whether its recipient can open it.
        known: bool,
    },
    LockSettle(Side, usize),
    LockRemove(Side, usize, RemoveReason),
    Ack(Side),
    Deliver {
        at: usize,
        count: usize,
    },
    DeliverAll,
    Lose(usize),
    Repeat(usize),
    /// With the memory that was written last.
    Restart {
        side: Side,
        /// Whether what it had sent and nobody had received yet is lost.
        lost: bool,
    },
    /// With an older copy of the memory.
    Restore {
        side: Side,
        at: usize,
        lost: bool,
    },
    Meet(Side),
    MeetPartner(Side),
    Mode(Side, Mode),
    Tower(bool),
    Mine {
        blocks: u32,
        reversed: bool,
    },
    MineTo(Edge),
    /// Blocks that no contract call gets into.
    Withhold(u32),
    Reorganise {
        depth: u32,
        /// Whether the replaced calls wait again or are gone.
        kept: bool,
        reversed: bool,
    },
    Deposit(Side, u128),
    AskWithdraw {
        side: Side,
        amount: u128,
        blocks: u32,
    },
    AskClose {
        side: Side,
        blocks: u32,
    },
    /// Sends what both have signed.
    Broadcast(usize),
    Close {
        side: Side,
        blocks: u32,
    },
    CloseBoth,
    Recover(Side),
    /// The cunning one closes with what suits it.
    CloseFalsely {
        declared: usize,
        incoming: usize,
    },
    PostOld {
        at: usize,
        acked: bool,
    },
    PostOwnOld(usize),
    PostForged(u128),
    RaiseFloor(usize),
    Register(usize),
    SettleWith {
        empty: bool,
    },
    /// The cunning one promises more than it has.
    Overspend {
        beyond: u128,
        directly: bool,
    },
}

impl Setup {
    /// From the first bytes; missing ones are 0.
    pub fn read(bytes: &[u8]) -> Self {
        let [first, second, third] = triple(bytes);
        let penalty_bps = [0, 5_000, 10_000, u16::MAX][usize::from(first >> 6)];
        Self {
            confirmations: 1 + u32::from(first & 3) % 3,
            cunning: match (first >> 2) & 3 {
                2 => Some(Side::A),
                3 => Some(Side::B),
                _ => None,
            },
            tower_only: [first & 16 != 0, first & 32 != 0],
            deposits: [second & 7, (second >> 3) & 7].map(|at| DEPOSITS[usize::from(at)]),
            penalty_bps,
            ending: match third & 7 {
                0..=3 => Ending::Together,
                4 => Ending::Alone(Side::A),
                5 => Ending::Alone(Side::B),
                6 => Ending::Recovered(Side::A),
                _ => Ending::Recovered(Side::B),
            },
        }
    }
}

/// The actions of a case.
pub fn actions(bytes: &[u8], cunning: bool) -> impl Iterator<Item = Action> + '_ {
    let records = bytes.get(HEAD..).unwrap_or_default().chunks(RECORD);
    records.map(move |record| read(triple(record), cunning))
}

fn triple(bytes: &[u8]) -> [u8; 3] {
    let at = |index| bytes.get(index).copied().unwrap_or_default();
    [at(0), at(1), at(2)]
}

fn read([kind, x, y]: [u8; 3], cunning: bool) -> Action {
    let side = Side::from_flag(x & 1 == 1);
    let amount = AMOUNTS[usize::from(y & 7)];
    let (flag, other_flag) = (x & 2 != 0, x & 4 != 0);
    let (at, by) = (usize::from(y), u32::from(y));
    match kind % 64 {
        0..=11 => Action::Pay(side, amount),
        12 => Action::Several(side, amount, AMOUNTS[usize::from((y >> 3) & 7)]),
        13..=16 => Action::LockAdd {
            side,
            amount: AMOUNTS[usize::from((x >> 3) & 7)],
            by: by % (WINDOW + 2),
            known: flag,
        },
        17..=18 => Action::LockSettle(side, at),
        19 => Action::LockRemove(side, at, RemoveReason::Failed),
        20 => Action::LockRemove(side, at, RemoveReason::Expired),
        21..=23 => Action::Ack(side),
        24..=29 => Action::Deliver {
            at: usize::from(x),
            count: 1 + at % 4,
        },
        30..=31 => Action::DeliverAll,
        32 => Action::Lose(at),
        33 => Action::Repeat(at),
        34 => Action::Restart { side, lost: flag },
        35 => Action::Restore {
            side,
            at,
            lost: flag,
        },
        36..=37 => Action::Meet(side),
        38 => Action::MeetPartner(side),
        39 => Action::Mode(side, [Mode::Asleep, Mode::Behind, Mode::Awake][at % 3]),
        40 => Action::Tower(flag),
        41..=45 => Action::Mine {
            blocks: 1 + by % 4,
            reversed: flag,
        },
        46 => Action::MineTo(
            [
                Edge::Deadline,
                Edge::Refutable,
                Edge::Final,
                Edge::ListsExpire,
            ][at % 4],
        ),
        47 => Action::Withhold(1 + by % 6),
        48..=49 => Action::Reorganise {
            depth: 1 + by % 3,
            kept: flag,
            reversed: other_flag,
        },
        50 => Action::Deposit(side, amount),
        51 => Action::AskWithdraw {
            side,
            amount,
            blocks: 1 + u32::from(x >> 3) % 10,
        },
        52 => Action::AskClose {
            side,
            blocks: 1 + by % 10,
        },
        53 => Action::Broadcast(at),
        _ => dispute([kind, x, y], cunning),
    }
}

fn dispute([kind, x, y]: [u8; 3], cunning: bool) -> Action {
    let side = Side::from_flag(x & 1 == 1);
    let (flag, at, by) = (x & 2 != 0, usize::from(y), u32::from(y));
    let amount = AMOUNTS[usize::from(y & 7)];
    match kind % 64 {
        ..=54 => Action::Close {
            side,
            blocks: 1 + by % 8,
        },
        55 if by.is_multiple_of(4) => Action::Recover(side),
        55 => Action::CloseBoth,
        at if !cunning => match at {
            // Two honest ones talk more instead.
            ..=58 => Action::Pay(side, amount),
            59 | 60 => Action::Ack(side),
            _ => Action::DeliverAll,
        },
        56 | 57 => Action::CloseFalsely {
            declared: usize::from(x),
            incoming: at,
        },
        58..=59 => Action::PostOld { at, acked: flag },
        60 if flag => Action::PostOwnOld(at),
        60 => Action::PostForged(amount * 5),
        61 if flag => Action::RaiseFloor(at),
        61 => Action::Register(at),
        62 => Action::SettleWith { empty: flag },
        63.. => Action::Overspend {
            beyond: amount,
            directly: flag,
        },
    }
}

/// Bytes that still fail, with fewer actions and smaller numbers.
pub fn shorten(bytes: &[u8], mut fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut chunk = 16;
    while 0 < chunk {
        let mut changed = false;
        let mut at = bytes.len().saturating_sub(HEAD) / RECORD;
        while 0 < at {
            at = at.saturating_sub(chunk);
            let from = HEAD + at * RECORD;
            let until = (from + chunk * RECORD).min(bytes.len());
            let mut fewer = bytes.clone();
            fewer.drain(from..until);
            if fails(&fewer) {
                (bytes, changed) = (fewer, true);
            }
        }
        if !changed {
            chunk /= 2;
        }
    }
    for at in 0..bytes.len() {
        for smaller in [
            0,
            bytes[at] & 1,
            bytes[at] & 3,
            bytes[at] & 7,
            bytes[at] & 63,
        ] {
            let mut simpler = bytes.clone();
            simpler[at] = smaller;
            if smaller < bytes[at] && fails(&simpler) {
                bytes = simpler;
                break;
            }
        }
    }
    bytes
}
