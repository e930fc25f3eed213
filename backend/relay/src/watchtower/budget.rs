//! What the tower may spend.
//!
//! A budget protects the operator from somebody who makes channels only to have them watched. It never
//! stands between a client and its money: while all that a channel has cost is far below what the next
//! call saves, that call is made. What was spent counts, too: whoever owns both sides could otherwise
//! have every block another call made, each of them cheap beside the same stake.

use sparky_protocol::{Amount, Channel, ContractCall, Side};

use crate::config::TowerLimits;

/// A call that saves at least so many times what the channel has cost with it is made, budgets or not.
const FAR_ABOVE: u128 = 10;

/// Blocks of a day.
pub(super) const DAY: u32 = 2_700;

/// What was spent so far, in satoshi.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    /// By all channels within a day.
    pub(super) day: u64,
    /// By this channel, ever.
    pub(super) channel: u64,
}

/// Which budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UsedUp {
    Channel,
    Day,
}

impl UsedUp {
    /// For people: what happened and what to do.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Channel => {
                "the watchtower's budget for this channel is used up, and the call saves little: answer yourself, or \
                 have the operator raise SPARKY_TOWER_BUDGET_CHANNEL"
            }
            Self::Day => {
                "the watchtower's budget of the day is used up, and the call saves little: answer yourself, or have \
                 the operator raise SPARKY_TOWER_BUDGET_DAY"
            }
        }
    }
}

/// Whether a call that costs at most `cost` and saves `stake` may be made.
///
/// # Errors
/// The budget that stands in the way.
pub(super) fn check(
    limits: &TowerLimits,
    spent: Spent,
    cost: u64,
    stake: Amount,
) -> Result<(), UsedUp> {
    let together = u128::from(spent.channel).saturating_add(cost.into());
    if together.saturating_mul(FAR_ABOVE) <= stake.0 {
        Ok(())
    } else if limits.budget_channel < spent.channel.saturating_add(cost) {
        Err(UsedUp::Channel)
    } else if limits.budget_day < spent.day.saturating_add(cost) {
        Err(UsedUp::Day)
    } else {
        Ok(())
    }
}

/// What the guarded participant may lose without the call, in satoshi. Nothing for a QRC20: nobody knows
/// its price here, so budgets always hold for it.
pub(super) fn stake(channel: &Channel, guarded: Side, call: &ContractCall) -> Amount {
    let facts = channel.facts();
    if !channel.params().is_native() {
        return Amount::ZERO;
    }
    // What is in it now: what was put in and taken out again is no stake.
    let capacity = facts.net(Side::A).plus(facts.net(Side::B)).to_amount();
    let sender = guarded.other();
    let owed = facts.posted[sender].owed();
    let gained = match call {
        ContractCall::RaiseFloor { proof, .. } => proof.proof.transferred.minus(owed),
        ContractCall::CounterClaim { proof, .. } => channel
            .street(sender)
            .acked()
            .filter(|(standing, _)| standing.signed == *proof)
            .map(|(standing, _)| {
                let locks: Amount = standing.locks.iter().map(|lock| lock.amount).sum();
                let all = proof.proof.transferred.0.saturating_add(locks.0);
                Amount(all.saturating_sub(owed.0))
            })
            // A proof of the guarded one's own that takes back locks, whose list nobody has to know.
            .or(Some(capacity)),
        _ => Some(capacity),
    };
    gained.unwrap_or(Amount::ZERO).min(capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QTUM: u64 = 100_000_000;

    fn limits() -> TowerLimits {
        TowerLimits {
            budget_day: 10 * QTUM,
            budget_channel: QTUM,
            ..TowerLimits::default()
        }
    }

    #[test]
    fn budgets_hold_where_little_is_saved() {
        let check = |day, channel, expected| {
            let spent = Spent { day, channel };
            assert_eq!(check(&limits(), spent, QTUM / 10, Amount(1)), expected);
        };
        check(0, 0, Ok(()));
        check(0, QTUM * 9 / 10, Ok(()));
        check(0, QTUM * 9 / 10 + 1, Err(UsedUp::Channel));
        check(10 * QTUM - QTUM / 10 + 1, 0, Err(UsedUp::Day));
    }

    /// Whoever owns both sides and asks for a call in every block gets a tenth of what is in the channel
    /// spent for it, or the budget.
    #[test]
    fn what_a_channel_costs_in_all_is_bounded() {
        let stake = Amount(u128::from(100 * QTUM));
        let mut spent = Spent::default();
        while check(&limits(), spent, QTUM / 10, stake).is_ok() {
            spent.channel += QTUM / 10;
            spent.day += QTUM / 10;
        }
        assert_eq!(spent.channel, 10 * QTUM);
    }

    #[test]
    fn nobody_loses_much_for_a_budget() {
        let spent = Spent {
            day: u64::MAX,
            channel: 0,
        };
        let stake = Amount(u128::from(QTUM));
        assert_eq!(check(&limits(), spent, QTUM / 10, stake), Ok(()));
        assert_eq!(
            check(&limits(), spent, QTUM / 10 + 1, stake),
            Err(UsedUp::Day)
        );
    }
}
