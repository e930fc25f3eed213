//! Locks: conditional payments as a proof commits to them (PROTOCOL §3).

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    hash::{Hash, PaymentHash},
};

/// The most locks that one proof may commit to.
pub const MAX_LOCKS: usize = 64;

/// The bytes of one lock in a packed list.
pub const PACKED_LOCK: usize = 56;

/// An amount that is owed if the preimage of `payment_hash` is known in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lock {
    /// Rises within a direction; see [`Channel::next_lock_id`](crate::Channel::next_lock_id).
    pub id: u64,
    /// How much, in smallest units of the asset.
    pub amount: Amount,
    /// The last block in which registering the preimage still pays.
    pub expiry: u32,
    /// SHA-256 of the preimage.
    pub payment_hash: PaymentHash,
}

/// The list as the contract reads it: `id u64 ‖ amount u96 ‖ expiry u32 ‖ paymentHash b32` each.
pub fn pack(locks: &[Lock]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(locks.len() * PACKED_LOCK);
    for lock in locks {
        packed.extend_from_slice(&lock.id.to_be_bytes());
        packed.extend_from_slice(&lock.amount.0.to_be_bytes()[4..]);
        packed.extend_from_slice(&lock.expiry.to_be_bytes());
        packed.extend_from_slice(&lock.payment_hash.0.0);
    }
    packed
}

/// `locksRoot`: zero for no locks, else the keccak of the packed list.
pub fn root(locks: &[Lock]) -> Hash {
    if locks.is_empty() {
        Hash::ZERO
    } else {
        Hash::keccak(&[&pack(locks)])
    }
}

/// What all of them together are worth.
pub fn total(locks: &[Lock]) -> Amount {
    locks.iter().map(|lock| lock.amount).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: Lock = Lock {
        id: 1,
        amount: Amount(2),
        expiry: 3,
        payment_hash: PaymentHash(Hash([4; 32])),
    };

    #[test]
    fn a_packed_lock_has_56_bytes_in_the_contract_s_order() {
        let packed = pack(&[LOCK]);
        assert_eq!(packed.len(), PACKED_LOCK);
        assert_eq!(
            packed[..24],
            [
                0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3
            ]
        );
        assert_eq!(packed[24..], [4; 32]);
    }

    #[test]
    fn no_locks_have_no_root_and_order_matters() {
        let second = Lock { id: 2, ..LOCK };
        assert_eq!(root(&[]), Hash::ZERO);
        assert_ne!(root(&[LOCK, second]), root(&[second, LOCK]));
        assert_eq!(total(&[LOCK, second]), Amount(4));
    }
}
