//! Who gets what when a closed channel is settled: PROTOCOL §3, to the letter.

use serde::{Deserialize, Serialize};

use crate::{
    amount::{Amount, Net},
    facts::{Facts, Posted},
    hash::PaymentHash,
    lock::Lock,
    side::Side,
};

/// All that the outcome depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleInput {
    /// Deposits minus withdrawals, A first.
    pub net: [Net; 2],
    /// What stands in each direction, A's first.
    pub owed: [Owed; 2],
    /// Who closed.
    pub closer: Side,
    /// What the closer declared; `None` after `recover`.
    pub declared: Option<Amount>,
    /// The price of hiding, in 1/10,000.
    pub penalty_bps: u16,
}

/// What stands in one direction when it is settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owed {
    /// Of the agreed proof; 0 without one.
    pub transferred: Amount,
    /// What the sender owes at least.
    pub floor: Amount,
    /// The sum of the agreed proof's locks that were opened in time.
    pub unlocked: Amount,
}

/// The outcome. `pay_a + pay_b` is the channel's total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payout {
    /// What A gets, penalty included.
    pub pay_a: Amount,
    /// What B gets, penalty included.
    pub pay_b: Amount,
    /// What the closer paid its partner for hiding.
    pub penalty: Amount,
}

/// The `penalty_bps` that takes all that the closer would get, however little it hid.
pub const EVERYTHING: u16 = u16::MAX;

/// Computes the payout. Total: defined for every input, exact for all that the contract can hold.
pub fn settle(input: &SettleInput) -> Payout {
    let closer = input.closer;
    let floor = |side: Side| {
        let declared = input
            .declared
            .filter(|_| side == closer)
            .unwrap_or(Amount::ZERO);
        input.owed[side].floor.max(declared)
    };
    let owed = |side: Side| {
        let Owed {
            transferred,
            unlocked,
            ..
        } = input.owed[side];
        floor(side).max(Amount(transferred.0.saturating_add(unlocked.0)))
    };

    let total = input.net[0].plus(input.net[1]).to_amount();
    let share = input.net[0]
        .plus(owed(Side::B).to_net())
        .minus(owed(Side::A).to_net());
    let pay_a = share.to_amount().min(total);
    let mut pay = [pay_a, total.saturating_minus(pay_a)];

    let hidden = input.declared.map_or(Amount::ZERO, |declared| {
        input.owed[closer]
            .transferred
            .max(floor(closer))
            .saturating_minus(declared)
    });
    let fine = if input.penalty_bps == EVERYTHING && hidden != Amount::ZERO {
        pay[closer]
    } else {
        Amount(hidden.0.saturating_mul(input.penalty_bps.into()) / 10_000)
    };
    let penalty = fine.min(pay[closer]);
    pay[closer] = pay[closer].saturating_minus(penalty);
    pay[closer.other()] = Amount(pay[closer.other()].0.saturating_add(penalty.0));

    let [pay_a, pay_b] = pay;
    Payout {
        pay_a,
        pay_b,
        penalty,
    }
}

/// Whether a lock pays its recipient: opened at a block not after its expiry and the deadline.
/// `registered` is the block in which the registry first saw its preimage.
pub fn is_paid(lock: &Lock, registered: Option<u32>, deadline: u32) -> bool {
    registered.is_some_and(|block| block <= lock.expiry.min(deadline))
}

/// What the facts lead to, given the lists of the posted proofs' locks (A's direction first) and
/// the registry; `None` while nobody closed.
pub fn outcome(
    facts: &Facts,
    locks: [&[Lock]; 2],
    registered: impl Fn(&PaymentHash) -> Option<u32>,
) -> Option<Payout> {
    let closed = facts.closed?;
    let owed = Side::BOTH.map(|side| {
        let Posted {
            transferred, floor, ..
        } = facts.posted[side];
        let paid = locks[side]
            .iter()
            .filter(|lock| is_paid(lock, registered(&lock.payment_hash), closed.deadline));
        Owed {
            transferred,
            floor,
            unlocked: paid.map(|lock| lock.amount).sum(),
        }
    });
    Some(settle(&SettleInput {
        net: Side::BOTH.map(|side| facts.net(side)),
        owed,
        closer: closed.by,
        declared: closed.declared,
        penalty_bps: facts.params.penalty_bps,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `deposits`, `transferred` in agreed proofs, what closer A `declared`; penalty 10,000 bps.
    #[track_caller]
    fn check(
        net: [i128; 2],
        transferred: [u128; 2],
        declared: Option<u128>,
        pay: [u128; 2],
        fine: u128,
    ) {
        let input = SettleInput {
            net: net.map(Net),
            owed: transferred.map(|sum| Owed {
                transferred: Amount(sum),
                ..Owed::default()
            }),
            closer: Side::A,
            declared: declared.map(Amount),
            penalty_bps: 10_000,
        };
        let [pay_a, pay_b] = pay.map(Amount);
        assert_eq!(
            settle(&input),
            Payout {
                pay_a,
                pay_b,
                penalty: Amount(fine)
            }
        );
    }

    /// The story: 200 to Bob, 100 back, 300 to Bob; Alice had 400.
    #[test]
    fn alice_ends_empty_and_bob_with_everything() {
        check([400, 0], [500, 100], Some(200), [0, 400], 0);
    }

    /// She still has 50 of 100 and hides her last 30: she pays the lie twice.
    #[test]
    fn who_hides_thirty_pays_thirty_more() {
        check([100, 0], [50, 0], Some(20), [20, 80], 30);
    }

    #[test]
    fn who_tells_the_truth_or_has_lost_its_data_pays_nothing() {
        check([100, 0], [50, 0], Some(50), [50, 50], 0);
        check([100, 0], [50, 0], None, [50, 50], 0);
    }

    #[test]
    fn the_full_penalty_takes_everything_from_who_hides_anything() {
        let mut input = SettleInput {
            net: [Net(100), Net(0)],
            owed: [
                Owed {
                    transferred: Amount(21),
                    ..Owed::default()
                },
                Owed::default(),
            ],
            closer: Side::A,
            declared: Some(Amount(20)),
            penalty_bps: EVERYTHING,
        };
        assert_eq!(settle(&input).penalty, Amount(79));
        input.declared = Some(Amount(21));
        assert_eq!(settle(&input).penalty, Amount(0));
    }

    #[test]
    fn a_declaration_binds_without_any_proof() {
        check([100, 0], [0, 0], Some(40), [60, 40], 0);
    }

    #[test]
    fn nobody_gets_more_than_there_is() {
        check([10, 5], [90, 0], Some(90), [0, 15], 0);
        check([10, 5], [0, 90], Some(0), [15, 0], 0);
        check([-10, 25], [0, 20], Some(0), [10, 5], 0);
    }

    /// Raiden's old-state case: 30 and 6 there, 32 and 4 here.
    #[test]
    fn truncation_is_not_charged_to_the_honest() {
        let input = SettleInput {
            net: [Net(21), Net(64)],
            owed: [
                Owed {
                    transferred: Amount(9),
                    floor: Amount(15),
                    unlocked: Amount(6),
                },
                Owed {
                    transferred: Amount(26),
                    floor: Amount(0),
                    unlocked: Amount(0),
                },
            ],
            closer: Side::A,
            declared: Some(Amount(15)),
            penalty_bps: 10_000,
        };
        let payout = settle(&input);
        assert_eq!((payout.pay_a, payout.pay_b), (Amount(32), Amount(53)));
    }

    #[test]
    fn a_lock_pays_up_to_the_earlier_of_expiry_and_deadline() {
        let lock = Lock {
            id: 1,
            amount: Amount(1),
            expiry: 100,
            payment_hash: PaymentHash::default(),
        };
        for (registered, deadline, paid) in [
            (None, 200, false),
            (Some(100), 200, true),
            (Some(101), 200, false),
            (Some(100), 100, true),
            (Some(100), 99, false),
        ] {
            assert_eq!(
                is_paid(&lock, registered, deadline),
                paid,
                "{registered:?} {deadline}"
            );
        }
    }
}
