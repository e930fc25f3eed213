//! The short form of a street for those who write one at every payment: bytes, not text.
//!
//! The first byte is the version: 1, or 2 where the amount follows that lost proofs had promised. A proof is written with its channel and its sender's key only where
//! they differ from those of the proof before, so a plain one has 89 bytes. Everything is big-endian.

use alloc::vec::Vec;

use super::{Standing, Street};
use crate::{
    ack::Ack,
    amount::Amount,
    balance_proof::BalanceProof,
    hash::{ChannelId, Hash, PaymentHash},
    lock::Lock,
    side::Side,
    signature::Signature,
};

const VERSION: u8 = 1;
/// As version 1, with the forgone amount before everything else.
const WITH_FORGONE: u8 = 2;

/// Proofs for which there is room before one is read: what the bytes say of their number may be a lie.
const ROOM: usize = 64;

/// What follows a proof or an ack: set for what is written.
const CHANNEL: u8 = 1;
const KEY: u8 = 2;
const ROOT: u8 = 4;
const LOCKS: u8 = 8;
const BY_B: u8 = 16;

/// The bytes are not a street as this version or an older one writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a stored street")]
pub struct InvalidStreet;

impl Street {
    /// The short form. [`Street::from_bytes`] gives back exactly this street.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer {
            bytes: Vec::with_capacity(512),
            channel: ChannelId(Hash::ZERO),
            key: [[0; 32]; 2],
        };
        if self.forgone.is_zero() {
            to.bytes.push(VERSION);
        } else {
            to.bytes.push(WITH_FORGONE);
            to.put(&self.forgone.0.to_be_bytes());
        }
        to.count(self.standing.len());
        self.standing.iter().for_each(|one| to.standing(one));
        if let Some(ack) = &self.ack {
            to.ack(ack);
        }
        to.bytes
    }

    /// Reads the short form. Nothing is verified: who stored it has.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidStreet> {
        let mut from = Reader {
            bytes,
            channel: ChannelId(Hash::ZERO),
            key: [[0; 32]; 2],
        };
        read(&mut from).ok_or(InvalidStreet)
    }
}

fn read(from: &mut Reader<'_>) -> Option<Street> {
    let forgone = match from.take()? {
        [VERSION] => Amount::ZERO,
        [WITH_FORGONE] => from.amount()?,
        _ => return None,
    };
    let count = from.count()?;
    // Nearly always there is one, and a relay holds very many streets: room for no more than there are.
    let mut standing = Vec::with_capacity(count.min(ROOM));
    for _ in 0..count {
        standing.push(from.standing()?);
    }
    let ack = if from.bytes.is_empty() {
        None
    } else {
        Some(from.ack()?)
    };
    from.bytes.is_empty().then_some(Street {
        standing,
        ack,
        forgone,
    })
}

struct Writer {
    bytes: Vec<u8>,
    channel: ChannelId,
    key: [[u8; 32]; 2],
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Streets and locks are few; what is beyond sixteen bits can not be.
    fn count(&mut self, count: usize) {
        let count = u16::try_from(count).expect("invariant: a street is bounded");
        self.put(&count.to_be_bytes());
    }

    /// Channel and key where they are new, and the half of the signature that always is.
    fn signed(&mut self, flags: u8, channel: ChannelId, signature: &Signature) {
        let key = [signature.x, signature.y];
        let mut flags = flags;
        if channel != self.channel {
            flags |= CHANNEL;
        }
        if key != self.key {
            flags |= KEY;
        }
        self.bytes.push(flags);
        if flags & CHANNEL != 0 {
            self.put(&channel.0.0);
        }
        if flags & KEY != 0 {
            self.put(key.as_flattened());
        }
        self.put(&signature.r);
        self.put(&signature.vs);
        (self.channel, self.key) = (channel, key);
    }

    fn standing(&mut self, Standing { signed, locks }: &Standing) {
        let proof = &signed.proof;
        let mut flags = 0;
        if proof.locks_root != Hash::ZERO {
            flags |= ROOT;
        }
        if !locks.is_empty() {
            flags |= LOCKS;
        }
        self.signed(flags, proof.channel_id, &signed.signature);
        self.put(&proof.nonce.to_be_bytes());
        self.put(&proof.transferred.0.to_be_bytes());
        if flags & ROOT != 0 {
            self.put(&proof.locks_root.0);
        }
        if flags & LOCKS != 0 {
            self.count(locks.len());
            for lock in locks {
                self.put(&lock.id.to_be_bytes());
                self.put(&lock.amount.0.to_be_bytes());
                self.put(&lock.expiry.to_be_bytes());
                self.put(&lock.payment_hash.0.0);
            }
        }
    }

    fn ack(&mut self, ack: &Ack) {
        let flags = match ack.sender {
            Side::A => 0,
            Side::B => BY_B,
        };
        self.signed(flags, ack.channel_id, &ack.signature);
        self.put(&ack.nonce.to_be_bytes());
        self.put(&ack.proof_hash.0);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    channel: ChannelId,
    key: [[u8; 32]; 2],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*taken)
    }

    /// Nothing above what the contract can store is ever accepted, so it is not read either.
    fn amount(&mut self) -> Option<Amount> {
        let amount = Amount(u128::from_be_bytes(self.take()?));
        (amount <= Amount::MAX).then_some(amount)
    }

    fn count(&mut self) -> Option<usize> {
        Some(usize::from(u16::from_be_bytes(self.take()?)))
    }

    fn signed(&mut self) -> Option<(u8, ChannelId, Signature)> {
        let [flags] = self.take()?;
        if flags & CHANNEL != 0 {
            self.channel = ChannelId(Hash(self.take()?));
        }
        if flags & KEY != 0 {
            self.key = [self.take()?, self.take()?];
        }
        let [x, y] = self.key;
        let (r, vs) = (self.take()?, self.take()?);
        Some((flags, self.channel, Signature { r, vs, x, y }))
    }

    fn standing(&mut self) -> Option<Standing> {
        let (flags, channel_id, signature) = self.signed()?;
        let nonce = u64::from_be_bytes(self.take()?);
        let transferred = self.amount()?;
        let locks_root = if flags & ROOT == 0 {
            Hash::ZERO
        } else {
            Hash(self.take()?)
        };
        let count = if flags & LOCKS == 0 { 0 } else { self.count()? };
        let locks = (0..count)
            .map(|_| self.lock())
            .collect::<Option<Vec<_>>>()?;
        let proof = BalanceProof {
            channel_id,
            nonce,
            transferred,
            locks_root,
        };
        let known = flags & !(CHANNEL | KEY | ROOT | LOCKS) == 0;
        known.then_some(Standing {
            signed: proof.signed(signature),
            locks,
        })
    }

    fn lock(&mut self) -> Option<Lock> {
        Some(Lock {
            id: u64::from_be_bytes(self.take()?),
            amount: self.amount()?,
            expiry: u32::from_be_bytes(self.take()?),
            payment_hash: PaymentHash(Hash(self.take()?)),
        })
    }

    fn ack(&mut self) -> Option<Ack> {
        let (flags, channel_id, signature) = self.signed()?;
        let known = flags & !(CHANNEL | KEY | BY_B) == 0;
        let ack = Ack {
            channel_id,
            sender: Side::from_flag(flags & BY_B != 0),
            nonce: u64::from_be_bytes(self.take()?),
            proof_hash: Hash(self.take()?),
            signature,
        };
        known.then_some(ack)
    }
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use super::*;
    use crate::balance_proof::SignedProof;

    fn standing(nonce: u64, key: u8, locks: Vec<Lock>) -> Standing {
        let locks_root = crate::lock::root(&locks);
        let signature = Signature {
            r: [nonce.to_be_bytes()[7]; 32],
            vs: [1; 32],
            x: [key; 32],
            y: [3; 32],
        };
        let proof = BalanceProof {
            channel_id: ChannelId(Hash([7; 32])),
            nonce,
            transferred: Amount(u128::from(nonce) << 64),
            locks_root,
        };
        Standing {
            signed: SignedProof { proof, signature },
            locks,
        }
    }

    fn street() -> Street {
        let lock = Lock {
            id: 640,
            amount: Amount::MAX,
            expiry: 9,
            payment_hash: PaymentHash(Hash([8; 32])),
        };
        let ack = Ack {
            channel_id: ChannelId(Hash([7; 32])),
            sender: Side::B,
            nonce: 9,
            proof_hash: Hash([6; 32]),
            signature: Signature {
                r: [1; 32],
                vs: [2; 32],
                x: [3; 32],
                y: [4; 32],
            },
        };
        Street {
            standing: vec![
                standing(9, 2, vec![]),
                standing(10, 2, vec![lock, lock]),
                standing(11, 5, vec![]),
            ],
            ack: Some(ack),
            forgone: Amount::ZERO,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let full = street();
        for street in [
            Street::default(),
            full.clone(),
            Street {
                ack: None,
                ..full.clone()
            },
            Street {
                forgone: Amount(5 << 70),
                ..full.clone()
            },
            Street {
                standing: vec![],
                ..full
            },
        ] {
            assert_eq!(Street::from_bytes(&street.to_bytes()), Ok(street));
        }
    }

    #[test]
    fn an_amount_that_no_contract_can_store_is_refused() {
        let above = Amount(Amount::MAX.0 + 1);
        let mut transferred = standing(1, 2, vec![]);
        transferred.signed.proof.transferred = above;
        let promised = Street {
            standing: vec![transferred],
            ..Street::default()
        };
        let forgone = Street {
            forgone: above,
            ..Street::default()
        };
        for street in [promised, forgone] {
            assert_eq!(Street::from_bytes(&street.to_bytes()), Err(InvalidStreet));
        }
    }

    /// Stored bytes outlive the program that wrote them: this form is read for ever.
    #[test]
    fn the_form_is_fixed() {
        let one = Street {
            standing: vec![standing(1, 2, vec![])],
            ..Street::default()
        };
        let text = hex::encode(one.to_bytes());
        let expected = [
            "01000103",
            &"07".repeat(32),
            &"02".repeat(32),
            &"03".repeat(32),
            &"01".repeat(64),
            "0000000000000001",
            "00000000000000010000000000000000",
        ]
        .concat();
        assert_eq!(text, expected);
    }

    #[test]
    fn a_plain_proof_after_another_has_few_bytes() {
        let length = |count: u64| {
            let standing = (0..count).map(|nonce| standing(nonce, 2, vec![])).collect();
            Street {
                standing,
                ..Street::default()
            }
            .to_bytes()
            .len()
        };
        assert_eq!(length(2) - length(1), 89);
    }

    #[test]
    fn anything_else_is_refused() {
        let bytes = street().to_bytes();
        for end in 0..bytes.len() {
            let cut = Street::from_bytes(&bytes[..end]);
            // Without its ack a street is whole.
            assert!(
                cut.is_err()
                    || cut
                        == Ok(Street {
                            ack: None,
                            ..street()
                        }),
                "{end}"
            );
        }
        let longer = [&*bytes, &[0]].concat();
        assert_eq!(Street::from_bytes(&longer), Err(InvalidStreet));
        let newer = [&[3], &bytes[1..]].concat();
        assert_eq!(Street::from_bytes(&newer), Err(InvalidStreet));
        assert_eq!(Street::from_bytes(&[1, 0xff, 0xff]), Err(InvalidStreet));
    }
}
