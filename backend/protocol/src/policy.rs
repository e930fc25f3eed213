//! What participants ask of each other beyond the contract's rules (PROTOCOL §4.8).

use serde::{Deserialize, Serialize};

use crate::amount::Amount;

/// Windows below this are refused on mainnet: 24 hours at 32 seconds per block.
pub const MIN_WINDOW_MAINNET: u32 = 2_700;

/// How much the money of one block's fees protects: 0.05 QTUM, half of what keeps a counter-claim
/// out of a block.
pub const SAFE_CAPACITY_PER_BLOCK: Amount = Amount(5_000_000);

/// Where the chain stands and what is asked of the partner: the context of every rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tip {
    /// The height of the last block.
    pub height: u32,
    /// How many blocks a deposit must have to count, its own included.
    pub confirmations: u32,
    /// What a sender must always keep.
    #[serde(default)]
    pub reserve: Reserve,
}

impl Tip {
    /// Whether what was mined at `mined` has enough blocks to count.
    pub fn confirms(&self, mined: u32) -> bool {
        u64::from(mined) + u64::from(self.confirmations) <= u64::from(self.height) + 1
    }
}

/// What a sender must keep so that it always has something to lose: the larger of a share of the
/// capacity and a minimum. The default asks nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reserve {
    /// The share of the capacity, in 1/10,000.
    pub bps: u16,
    /// The least, in satoshi; asked of QTUM channels only.
    pub minimum: Amount,
}

impl Reserve {
    /// Nothing is asked: dev and regtest.
    pub const NONE: Self = Self {
        bps: 0,
        minimum: Amount::ZERO,
    };
    /// One percent, at least 0.1 QTUM.
    pub const MAINNET: Self = Self {
        bps: 100,
        minimum: Amount(10_000_000),
    };

    /// What is asked in a channel of this capacity.
    pub fn of(&self, capacity: Amount, is_native: bool) -> Amount {
        let share = Amount(capacity.0.saturating_mul(self.bps.into()) / 10_000);
        if is_native {
            share.max(self.minimum)
        } else {
            share
        }
    }
}

/// The largest capacity for which `window` blocks protect well; `None` while `capacity` is within.
///
/// On Qtum plain transactions are mined before contract calls, so fees of about 0.1 QTUM per block
/// keep a counter-claim out; a channel should not be worth that for its whole window.
pub fn capacity_warning(capacity: Amount, window: u32) -> Option<Amount> {
    let safe = safe_capacity(window);
    (safe < capacity).then_some(safe)
}

/// The largest capacity that `window` blocks protect well.
pub fn safe_capacity(window: u32) -> Amount {
    Amount(SAFE_CAPACITY_PER_BLOCK.0 * u128::from(window))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_itself_is_the_first_confirmation() {
        let tip = |height, confirmations| Tip {
            height,
            confirmations,
            reserve: Reserve::NONE,
        };
        assert!(tip(100, 1).confirms(100));
        assert!(!tip(100, 2).confirms(100));
        assert!(tip(109, 10).confirms(100));
        assert!(!tip(108, 10).confirms(100));
    }

    #[test]
    fn the_reserve_is_the_larger_of_one_percent_and_a_tenth() {
        assert_eq!(
            Reserve::MAINNET.of(Amount(100_0000_0000), true),
            Amount(1_0000_0000)
        );
        assert_eq!(
            Reserve::MAINNET.of(Amount(1_0000_0000), true),
            Amount(1000_0000)
        );
        assert_eq!(
            Reserve::MAINNET.of(Amount(1_0000_0000), false),
            Amount(100_0000)
        );
        assert_eq!(Reserve::NONE.of(Amount(1_0000_0000), true), Amount::ZERO);
    }

    #[test]
    fn a_day_protects_135_qtum() {
        assert_eq!(
            capacity_warning(Amount(135_0000_0000), MIN_WINDOW_MAINNET),
            None
        );
        assert_eq!(
            capacity_warning(Amount(135_0000_0001), MIN_WINDOW_MAINNET),
            Some(Amount(135_0000_0000))
        );
    }
}
