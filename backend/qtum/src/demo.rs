//! The accounts of the original demo. Their keys are published: whoever sends money to one outside of a
//! private chain gives it away.

use sparky_protocol::Account;

/// Alice, Bob, and the one who deploys.
pub const PUBLISHED: [Account; 3] = [
    account(*b"2352be3db3177f0a07efbe6da5857615b8c9901d"),
    account(*b"7926223070547d2d15b2ef5e7383e541c338ffe9"),
    account(*b"92cd7bcaaa2b0b3f10b46d529844c22bcfd06e21"),
];

/// Whether everybody has the key of this account.
pub fn is_published(account: &Account) -> bool {
    PUBLISHED.contains(account)
}

/// An account of forty lower-case hexadecimal digits.
const fn account(digits: [u8; 40]) -> Account {
    const fn nibble(digit: u8) -> u8 {
        if digit <= b'9' {
            digit - b'0'
        } else {
            digit - b'a' + 10
        }
    }
    let mut bytes = [0; 20];
    let mut index = 0;
    while index < 20 {
        bytes[index] = nibble(digits[2 * index]) << 4 | nibble(digits[2 * index + 1]);
        index += 1;
    }
    Account(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Network, address};

    #[test]
    fn they_are_who_they_should_be() {
        let addresses = PUBLISHED.map(|account| address::encode(&account, Network::Regtest));
        assert_eq!(
            addresses,
            [
                "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf",
                "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW",
                "qWwbyHadbwKtCTZtTBjwRmv1hW27Bi11bc"
            ]
        );
    }
}
