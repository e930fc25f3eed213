//! What the tower may spend.
//!
//! A budget protects the operator from somebody who makes channels only to have them watched. It never
//! stands between a client and its money: a call that saves far more than it costs is always made.

use sparky_protocol::{Amount, Channel, ContractCall, Side};

use crate::config::TowerLimits;

/// A call that saves at least so many times its cost is made whatever was spent before.
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
    if u128::from(cost).saturating_mul(FAR_ABOVE) <= stake.0 {
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
    let deposits = facts.deposits.iter().map(|deposit| deposit.amount);
    let capacity: Amount = deposits.sum();
    let owed = facts.posted[guarded.other()].owed();
    let hidden = match call {
        ContractCall::RaiseFloor { proof, .. } => proof.proof.transferred.minus(owed),
        // Locks are worth what they may pay: no more than there is.
        _ => Some(capacity),
    };
    hidden.unwrap_or(Amount::ZERO).min(capacity)
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

    #[test]
    fn nobody_loses_much_for_a_budget() {
        let spent = Spent {
            day: u64::MAX,
            channel: u64::MAX,
        };
        let stake = Amount(u128::from(QTUM));
        assert_eq!(check(&limits(), spent, QTUM / 10, stake), Ok(()));
        assert_eq!(
            check(&limits(), spent, QTUM / 10 + 1, stake),
            Err(UsedUp::Channel)
        );
    }
}
