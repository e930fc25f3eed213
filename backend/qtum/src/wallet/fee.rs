//! What bytes and gas cost.

/// Plain outputs below this are refused as dust: 182 bytes × 400 satoshi (72,799 is refused, 72,800
/// is not). Contract outputs are exempt.
pub const DUST: u64 = 72_800;

/// The least gas price that Qtum's governance contract allows by default, in satoshi.
pub const GAS_PRICE: u64 = 40;

/// Largest transaction that is relayed: weight 400,000.
pub const MAX_STANDARD_SIZE: usize = 100_000;

/// Bytes of a signed P2PKH input: outpoint 36, length 1, signature 1 + 72, key 1 + 33, sequence 4.
/// A signature can be shorter by chance, never longer.
pub(super) const INPUT_SIZE: usize = 148;

/// Price of transaction bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeRate {
    satoshi_per_kilobyte: u64,
}

impl FeeRate {
    /// The least that Qtum Core relays and mines: 0.004 QTUM for 1,000 bytes. On a quiet chain
    /// `estimatesmartfee` knows no rate and this is the right one.
    pub const MINIMUM: Self = Self {
        satoshi_per_kilobyte: 400_000,
    };

    /// A rate in satoshi for 1,000 bytes, raised to the minimum and cut at a hundred times of it: a
    /// wrong estimate must not burn a fortune.
    pub fn per_kilobyte(satoshi: u64) -> Self {
        let least = Self::MINIMUM.satoshi_per_kilobyte;
        Self {
            satoshi_per_kilobyte: satoshi.clamp(least, 100 * least),
        }
    }

    /// The fee of `size` bytes with 5 % on top, so that rounding on the other side never refuses it.
    pub fn fee(self, size: usize) -> u64 {
        let size = size as u64;
        size.saturating_mul(self.satoshi_per_kilobyte)
            .saturating_mul(105)
            .div_ceil(100_000)
    }

    /// What it costs to spend one more coin. A smaller coin is not worth spending: at the minimum
    /// rate 59,200 satoshi without and 62,160 with the 5 %.
    pub(super) fn input_fee(self) -> u64 {
        self.fee(INPUT_SIZE)
    }
}

/// What a waiting transaction pays, and for how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The whole fee in satoshi, gas included.
    pub fee: u64,
    /// Bytes.
    pub size: usize,
}

impl Paid {
    /// What a replacement must pay on top for its own bytes, in satoshi for 1,000.
    const INCREMENT: u64 = 10_000;

    /// Whether a node takes this one in the place of `old`: more for each byte, and more in all by what
    /// relaying it costs. Gas counts.
    pub fn outbids(self, old: Self) -> bool {
        let rate = |fee: u64, size: usize| u128::from(fee) * size as u128;
        let relay = (self.size as u64)
            .saturating_mul(Self::INCREMENT)
            .div_ceil(1_000);
        rate(old.fee, self.size) < rate(self.fee, old.size)
            && old.fee.saturating_add(relay) <= self.fee
    }
}

impl Default for FeeRate {
    fn default() -> Self {
        Self::MINIMUM
    }
}

/// Bytes that a length takes in front of a list or a script.
pub(super) const fn length_size(length: usize) -> usize {
    match length {
        0..0xfd => 1,
        0xfd..=0xffff => 3,
        _ => 5,
    }
}

/// Bytes of an output.
pub(super) const fn output_size(script: usize) -> usize {
    8 + length_size(script) + script
}
