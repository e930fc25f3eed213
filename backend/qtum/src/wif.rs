//! Wallet import format: the text of a private key.

use sparky_protocol::SecretKey;
use zeroize::Zeroizing;

use crate::base58check;
use crate::network::Network;

/// Why a text is not a private key that we may use, in the order of checking.
///
/// No variant holds any part of the text: an error may end in a log, a key may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WifError {
    /// Not base58check, or of the wrong length.
    #[error("that is not a valid key; a character may be missing (checksum failed)")]
    Malformed,
    /// Base58 with a wrong checksum.
    #[error("that is not a valid key; a character may be missing (checksum failed)")]
    Checksum,
    /// Valid base58check of something else: an address, for example.
    #[error("that is not a private key: its prefix {0} belongs to something else")]
    NotAKey(u8),
    /// A key of another network.
    #[error(
        "this key is for {found}; you are on {expected}; keys starting with {first} belong to {found}"
    )]
    WrongNetwork {
        /// The network, or networks, that use this prefix.
        found: &'static str,
        /// The network in use.
        expected: Network,
        /// First character of the text, public by its nature.
        first: char,
    },
    /// A key for an uncompressed public key. Its address is another one, and the contract proves
    /// accounts by compressed keys only, so money sent there could never enter a channel.
    #[error("this key is in the old uncompressed format; export it as a compressed key")]
    Uncompressed,
    /// Zero, or not below the order of the curve.
    #[error("that is not a valid key; its number is outside the allowed range")]
    OutOfRange,
}

impl WifError {
    /// Stable code for interfaces.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed | Self::Checksum | Self::NotAKey(_) | Self::OutOfRange => "invalid-wif",
            Self::WrongNetwork { .. } => "wrong-key-network",
            Self::Uncompressed => "uncompressed-key",
        }
    }
}

/// The private key in `text`. Spaces around it are forgiven.
///
/// Testnet and regtest share their prefix, so a key can not tell these two apart.
pub fn decode(text: &str, network: Network) -> Result<SecretKey, WifError> {
    let text = text.trim();
    let (version, payload) = base58check::decode(text).map_err(|malformed| match malformed {
        base58check::Malformed::Text => WifError::Malformed,
        base58check::Malformed::Checksum => WifError::Checksum,
    })?;
    if !Network::ALL
        .iter()
        .any(|known| known.wif_version() == version)
    {
        return Err(WifError::NotAKey(version));
    }
    if version != network.wif_version() {
        let found = if version == Network::Mainnet.wif_version() {
            "mainnet"
        } else {
            "testnet or regtest"
        };
        let first = text.chars().next().unwrap_or('?');
        return Err(WifError::WrongNetwork {
            found,
            expected: network,
            first,
        });
    }
    let bytes: Zeroizing<[u8; 32]> = match payload.as_slice() {
        [key @ .., 1] if key.len() == 32 => {
            Zeroizing::new(key.try_into().map_err(|_| WifError::Malformed)?)
        }
        key if key.len() == 32 => return Err(WifError::Uncompressed),
        _ => return Err(WifError::Malformed),
    };
    SecretKey::from_bytes(&bytes).map_err(|_| WifError::OutOfRange)
}

/// The text of `key` on `network`: wiped from memory when dropped.
pub fn encode(key: &SecretKey, network: Network) -> Zeroizing<String> {
    let mut payload = Zeroizing::new([1; 33]);
    payload[..32].copy_from_slice(key.to_bytes().as_slice());
    Zeroizing::new(base58check::encode(network.wif_version(), payload.as_ref()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address;

    const ALICE: &str = "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ";
    const BOB: &str = "cMbgxCJrTYUqgcmiC1berh5DFrtY1KeU4PXZ6NZxgenniF1mXCRk";

    #[test]
    fn the_demo_keys_have_their_well_known_addresses() {
        let rows = [
            (
                ALICE,
                "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf",
                "0x0cf28703ecc9c7db28f3d496e41666445b0a4eaf",
            ),
            // Bob's key starts with a zero byte, which must not get lost.
            (
                BOB,
                "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW",
                "0x6fd56e72373a34ba39bf4167af82e7a411bfed47",
            ),
        ];
        for (wif, expected, signer) in rows {
            let key = decode(wif, Network::Regtest).unwrap();
            assert_eq!(address::encode(&key.account(), Network::Regtest), expected);
            assert_eq!(key.signer().to_string(), signer);
            assert_eq!(*encode(&key, Network::Regtest), wif);
        }
    }

    #[track_caller]
    fn refuses(text: &str, network: Network, expected: &WifError) {
        assert_eq!(decode(text, network).map(|_| ()).unwrap_err(), *expected);
    }

    #[test]
    fn each_mistake_has_its_own_answer() {
        let regtest = Network::Regtest;
        refuses("", regtest, &WifError::Malformed);
        refuses("not a key", regtest, &WifError::Malformed);
        refuses(&ALICE[..51], regtest, &WifError::Checksum);
        refuses(&ALICE.replace("GUDZ", "GUDY"), regtest, &WifError::Checksum);
        refuses(
            "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf",
            regtest,
            &WifError::NotAKey(120),
        );
        refuses(
            ALICE,
            Network::Mainnet,
            &WifError::WrongNetwork {
                found: "testnet or regtest",
                expected: Network::Mainnet,
                first: 'c',
            },
        );
        let uncompressed = base58check::encode(239, &[7; 32]);
        refuses(&uncompressed, regtest, &WifError::Uncompressed);
        let wrong_flag = base58check::encode(239, &[7; 33]);
        refuses(&wrong_flag, regtest, &WifError::Malformed);
        let mut zero = [0; 33];
        zero[32] = 1;
        refuses(
            &base58check::encode(239, &zero),
            regtest,
            &WifError::OutOfRange,
        );
        let mut huge = [0xff; 33];
        huge[32] = 1;
        refuses(
            &base58check::encode(239, &huge),
            regtest,
            &WifError::OutOfRange,
        );
    }

    #[test]
    fn codes_are_those_that_screens_translate() {
        assert_eq!(WifError::Checksum.code(), "invalid-wif");
        assert_eq!(WifError::Uncompressed.code(), "uncompressed-key");
        let wrong = decode(ALICE, Network::Mainnet).map(|_| ()).unwrap_err();
        assert_eq!(wrong.code(), "wrong-key-network");
        assert!(!wrong.to_string().contains(ALICE));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_key_leads_back_to_itself(bytes: [u8; 32]) {
            let Ok(key) = SecretKey::from_bytes(&bytes) else { return Ok(()) };
            for network in Network::ALL {
                let again = decode(&encode(&key, network), network).unwrap();
                prop_assert_eq!(again.account(), key.account());
            }
        }

        #[test]
        fn any_text_gets_an_answer(text in "\\PC{0,80}") {
            let _ = decode(&text, Network::Regtest);
        }
    }
}
