//! EIP-712 typed data, the six words that it takes.

use serde::{Deserialize, Serialize};

use crate::hash::{Account, Hash};

/// One 32-byte word of an ABI encoding.
pub(crate) type Word = [u8; 32];

/// Where a signature counts: one contract on one chain (81 main, 8889 test, 8890 regtest and dev).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// The EVM's chain id.
    pub chain_id: u64,
    /// The `DuplexChannel` deployment.
    pub contract: Account,
}

impl Domain {
    /// The domain separator, equal to the contract's `domainSeparator()`.
    pub fn separator(&self) -> Hash {
        struct_hash(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
            &[
                Hash::keccak(&[b"Sparky"]).0,
                Hash::keccak(&[b"1"]).0,
                word(self.chain_id.into()),
                self.contract.to_word(),
            ],
        )
    }

    /// What is signed for a struct with this hash.
    pub fn digest(&self, struct_hash: &Hash) -> Hash {
        digest(&self.separator(), struct_hash)
    }
}

/// `keccak256("\x19\x01" ‖ separator ‖ structHash)`.
pub(crate) fn digest(separator: &Hash, struct_hash: &Hash) -> Hash {
    Hash::keccak(&[&[0x19, 0x01], &separator.0, &struct_hash.0])
}

/// `hashStruct`: the keccak of the type's hash and its members' words.
pub(crate) fn struct_hash<const N: usize>(type_text: &str, members: &[Word; N]) -> Hash {
    let type_hash = Hash::keccak(&[type_text.as_bytes()]);
    Hash::keccak(&[&type_hash.0, members.as_flattened()])
}

/// An unsigned number as a word.
pub(crate) fn word(number: u128) -> Word {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}

/// A signed number as a word, sign-extended.
pub(crate) fn signed_word(number: i128) -> Word {
    let mut word = [if number < 0 { 0xff } else { 0 }; 32];
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_one_is_all_ones() {
        assert_eq!(signed_word(-1), [0xff; 32]);
        assert_eq!(signed_word(1), word(1));
    }

    #[test]
    fn chains_and_contracts_have_their_own_domains() {
        let main = Domain {
            chain_id: 81,
            contract: Account([1; 20]),
        };
        let test = Domain {
            chain_id: 8889,
            ..main
        };
        let other = Domain {
            contract: Account([2; 20]),
            ..main
        };
        assert_ne!(main.separator(), test.separator());
        assert_ne!(main.separator(), other.separator());
        assert_ne!(main.digest(&Hash::ZERO), test.digest(&Hash::ZERO));
    }
}
