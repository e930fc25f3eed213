//! Money, and the signed sums of money that a channel keeps.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text;

/// An amount in the asset's smallest unit: satoshi for QTUM (1 QTUM = 100,000,000).
///
/// Adding and subtracting can fail, so an overflow is a value that the caller must handle, never a
/// wrap and never a panic. There is no `From<u128>`: every place that makes money out of a number
/// says so. JSON: a decimal string of at most [`Amount::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount that the contract can store (`uint96`).
    pub const MAX: Self = Self((1 << 96) - 1);

    /// The sum, or `None` above [`Amount::MAX`].
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0
            .checked_add(other.0)
            .map(Self)
            .filter(|sum| *sum <= Self::MAX)
    }

    /// The difference, or `None` if `other` is larger.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The difference, or nothing if `other` is larger.
    #[must_use]
    pub fn saturating_minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// As a signed amount.
    pub fn to_net(self) -> Net {
        // Saturating is exact: whatever the protocol accepts is below 2^96.
        Net(i128::try_from(self.0).unwrap_or(i128::MAX))
    }

    /// Whether there is none.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// What adds up: wide enough that no list of amounts in memory can overflow it.
impl core::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(0, |sum, amount| sum.saturating_add(amount.0)))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidAmount);
        }
        text.parse()
            .map(Self)
            .ok()
            .filter(|amount| *amount <= Self::MAX)
            .ok_or(InvalidAmount)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer)
    }
}

/// A signed amount: a side's deposits minus its withdrawals, or a transfer seen from one side
/// (`int96` in the contract). JSON: a decimal string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Net(pub i128);

impl Net {
    /// The largest that the contract can store (`int96`).
    pub const MAX: Self = Self((1 << 95) - 1);
    /// The smallest that the contract can store (`int96`).
    pub const MIN: Self = Self(-(1 << 95));

    /// The sum. Never overflows for values that the protocol accepts, saturates for all others.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference. Never overflows for values that the protocol accepts, saturates otherwise.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// As an amount; nothing if it is negative.
    pub fn to_amount(self) -> Amount {
        Amount(u128::try_from(self.0).unwrap_or(0))
    }

    /// Whether the contract can store it.
    pub fn fits(self) -> bool {
        Self::MIN <= self && self <= Self::MAX
    }
}

impl fmt::Display for Net {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for Net {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidAmount);
        }
        text.parse()
            .map(Self)
            .ok()
            .filter(|net| net.fits())
            .ok_or(InvalidAmount)
    }
}

impl Serialize for Net {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Net {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer)
    }
}

/// A text that is not a whole number of smallest units within 96 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a whole number of the asset's smallest unit below 2^96")]
pub struct InvalidAmount;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_plain_number_is_no_amount() {
        for text in [
            "",
            "+1",
            "-1",
            "1.0",
            "1e8",
            " 1",
            "0x1",
            "79228162514264337593543950336",
        ] {
            assert_eq!(text.parse::<Amount>(), Err(InvalidAmount), "{text}");
        }
        assert_eq!("79228162514264337593543950335".parse(), Ok(Amount::MAX));
    }

    #[test]
    fn a_net_keeps_its_sign_within_96_bits() {
        assert_eq!("-5".parse(), Ok(Net(-5)));
        assert_eq!("-39614081257132168796771975168".parse(), Ok(Net::MIN));
        for text in ["", "-", "--1", "+1", "39614081257132168796771975168"] {
            assert_eq!(text.parse::<Net>(), Err(InvalidAmount), "{text}");
        }
    }

    #[test]
    fn adding_stops_at_what_the_contract_can_store() {
        assert_eq!(Amount::MAX.plus(Amount(1)), None);
        assert_eq!(Amount(1).minus(Amount(2)), None);
        assert_eq!(Amount(1).saturating_minus(Amount(2)), Amount::ZERO);
        assert_eq!(Net(-3).to_amount(), Amount::ZERO);
    }
}
