//! Addresses: the base58 text of an account.
//!
//! An account is the hash160 of a compressed public key (PROTOCOL §2): the same 20 bytes that a
//! contract sees as `msg.sender`, so only P2PKH addresses stand for one.

use sparky_protocol::Account;

use crate::base58check::{self, Malformed};
use crate::network::Network;

/// Why a text is not an address that a channel can use, in the order of checking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was typed.
    #[error("no address was given")]
    Empty,
    /// A bech32 address: its first input can not call a contract, so it can not be a participant.
    #[error(
        "{text} is a bech32 address; a channel needs the kind that starts with {first}, because Qtum lets only those call contracts"
    )]
    Bech32 {
        /// What was typed.
        text: String,
        /// First letter of an address that would do.
        first: char,
    },
    /// Not base58check at all.
    #[error("this is not a Qtum address: it has characters or a length that no address has")]
    Malformed,
    /// Base58, but a character is wrong or missing.
    #[error(
        "this is not a valid address: a character may be missing or mistyped (checksum failed)"
    )]
    Checksum,
    /// A pay-to-script-hash address: no key belongs to it.
    #[error(
        "this address belongs to a script and not to a key; a channel needs the kind that starts with {first}"
    )]
    Script {
        /// First letter of an address that would do.
        first: char,
    },
    /// An address of another network.
    #[error("this address is for {found}; you are on {expected}")]
    WrongNetwork {
        /// The network, or networks, that use this prefix.
        found: &'static str,
        /// The network in use.
        expected: Network,
    },
    /// Valid base58check of something else (a private key, an address of another coin).
    #[error("this is not a Qtum address: its prefix {0} is unknown")]
    UnknownPrefix(u8),
}

impl AddressError {
    /// Stable code for interfaces.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty | Self::Malformed | Self::Checksum | Self::UnknownPrefix(_) => {
                "invalid-address"
            }
            Self::Bech32 { .. } | Self::Script { .. } => "unsupported-address",
            Self::WrongNetwork { .. } => "wrong-address-network",
        }
    }
}

/// The address of `account` on `network`.
pub fn encode(account: &Account, network: Network) -> String {
    base58check::encode(network.p2pkh_version(), &account.0)
}

/// The account behind the base58 address `text`. Spaces around it are forgiven.
///
/// Testnet and regtest share their prefixes, so an address can not tell these two apart.
pub fn decode(text: &str, network: Network) -> Result<Account, AddressError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    let first = first_letter(network);
    if is_bech32(text) {
        return Err(AddressError::Bech32 {
            text: text.to_owned(),
            first,
        });
    }
    let (version, payload) = base58check::decode(text).map_err(|malformed| match malformed {
        Malformed::Text => AddressError::Malformed,
        Malformed::Checksum => AddressError::Checksum,
    })?;
    let Ok(account) = <[u8; 20]>::try_from(payload.as_slice()) else {
        return Err(AddressError::Malformed);
    };
    if version == network.p2pkh_version() {
        return Ok(Account(account));
    }
    if version == network.p2sh_version() {
        return Err(AddressError::Script { first });
    }
    let of = |candidate: &Network| {
        [candidate.p2pkh_version(), candidate.p2sh_version()].contains(&version)
    };
    match Network::ALL.iter().find(|candidate| of(candidate)) {
        Some(Network::Mainnet) => Err(AddressError::WrongNetwork {
            found: "mainnet",
            expected: network,
        }),
        Some(_) => Err(AddressError::WrongNetwork {
            found: "testnet or regtest",
            expected: network,
        }),
        None => Err(AddressError::UnknownPrefix(version)),
    }
}

/// The account behind a base58 address or 40 hexadecimal digits with or without `0x`.
pub fn parse(text: &str, network: Network) -> Result<Account, AddressError> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix("0x").unwrap_or(trimmed);
    let mut account = [0; 20];
    if digits.len() == 40 && hex::decode_to_slice(digits, &mut account).is_ok() {
        return Ok(Account(account));
    }
    decode(trimmed, network)
}

const fn first_letter(network: Network) -> char {
    match network {
        Network::Mainnet => 'Q',
        Network::Testnet | Network::Regtest => 'q',
    }
}

/// One of our human-readable parts, then `1`. Base58 addresses can start like this too, but have 34
/// characters at most; the shortest bech32 address has 42.
fn is_bech32(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    42 <= text.len()
        && Network::ALL.iter().any(|network| {
            lower
                .strip_prefix(network.bech32_hrp())
                .is_some_and(|rest| rest.starts_with('1'))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALICE: &str = "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf";

    fn alice() -> Account {
        parse("2352be3db3177f0a07efbe6da5857615b8c9901d", Network::Regtest).unwrap()
    }

    #[test]
    fn alice_has_the_address_that_qtumd_gives_her() {
        assert_eq!(encode(&alice(), Network::Regtest), ALICE);
        assert_eq!(decode(ALICE, Network::Regtest), Ok(alice()));
        assert_eq!(
            decode(&format!(" {ALICE}\n"), Network::Testnet),
            Ok(alice())
        );
    }

    #[test]
    fn hexadecimal_is_accepted_where_said() {
        assert_eq!(
            parse(
                "0x2352be3db3177f0a07efbe6da5857615b8c9901d",
                Network::Mainnet
            ),
            Ok(alice())
        );
        assert_eq!(parse(ALICE, Network::Regtest), Ok(alice()));
        assert_eq!(
            decode("2352be3db3177f0a07efbe6da5857615b8c9901d", Network::Regtest)
                .unwrap_err()
                .code(),
            "invalid-address"
        );
    }

    #[test]
    fn each_mistake_has_its_own_answer() {
        let decode = |text: &str| decode(text, Network::Regtest).unwrap_err();
        assert_eq!(decode("  "), AddressError::Empty);
        assert_eq!(
            decode("qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Ug"),
            AddressError::Checksum
        );
        assert_eq!(decode("0OIl"), AddressError::Malformed);
        assert_eq!(decode(&"q".repeat(10_000)), AddressError::Malformed);
        assert_eq!(
            decode(&encode(&alice(), Network::Mainnet)),
            AddressError::WrongNetwork {
                found: "mainnet",
                expected: Network::Regtest
            }
        );
        assert_eq!(
            decode(&base58check::encode(110, &[7; 20])),
            AddressError::Script { first: 'q' }
        );
        assert_eq!(
            decode(&base58check::encode(0, &[7; 20])),
            AddressError::UnknownPrefix(0)
        );
        let bech32 = "qcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7k3l0p7r";
        assert_eq!(decode(bech32).code(), "unsupported-address");
        assert_eq!(decode(&bech32.to_uppercase()).code(), "unsupported-address");
    }

    proptest! {
        #[test]
        fn an_address_leads_back_to_its_account(account: [u8; 20]) {
            for network in Network::ALL {
                let account = Account(account);
                prop_assert_eq!(decode(&encode(&account, network), network), Ok(account));
            }
        }

        #[test]
        fn any_text_gets_an_answer(text in "\\PC{0,80}") {
            let _ = parse(&text, Network::Mainnet);
        }
    }
}
