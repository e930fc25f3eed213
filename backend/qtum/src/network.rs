//! Which Qtum: mainnet, testnet or regtest, and the numbers in which they differ.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// Blocks before the reward of a block may be spent, on every network, regtest included.
///
/// Qtum refunds unused gas in the reward of the block, so this also delays every gas refund.
pub const COINBASE_MATURITY: u32 = 2_000;

/// Satoshi in one QTUM. Inside a contract `msg.value` counts satoshi too: there is no 10^18 on Qtum.
pub const SATOSHI_PER_QTUM: u64 = 100_000_000;

/// Seconds between two blocks, on average, since the block time was reduced from 128 s.
pub const BLOCK_SECONDS: u32 = 32;

/// A Qtum network. The embedded development chain is [`Network::Regtest`] by all its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Real money.
    Mainnet,
    /// Public test network.
    Testnet,
    /// Private chain: `qtumd -regtest` or the embedded development chain.
    Regtest,
}

impl Network {
    /// Every network, for tables and error texts.
    pub const ALL: [Self; 3] = [Self::Mainnet, Self::Testnet, Self::Regtest];

    /// The EVM's `block.chainid`, as EIP-712 domains must name it.
    pub const fn chain_id(self) -> u64 {
        match self {
            Self::Mainnet => 81,
            Self::Testnet => 8889,
            Self::Regtest => 8890,
        }
    }

    /// The network of a chain id.
    pub fn from_chain_id(chain_id: u64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|network| network.chain_id() == chain_id)
    }

    /// The name that qtumd's `getblockchaininfo` gives in `chain`.
    pub const fn rpc_chain(self) -> &'static str {
        match self {
            Self::Mainnet => "main",
            Self::Testnet => "test",
            Self::Regtest => "regtest",
        }
    }

    /// The name for people and configuration files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
            Self::Regtest => "regtest",
        }
    }

    /// First byte of a P2PKH address in base58check.
    pub const fn p2pkh_version(self) -> u8 {
        match self {
            Self::Mainnet => 58,
            Self::Testnet | Self::Regtest => 120,
        }
    }

    /// First byte of a P2SH address in base58check.
    pub const fn p2sh_version(self) -> u8 {
        match self {
            Self::Mainnet => 50,
            Self::Testnet | Self::Regtest => 110,
        }
    }

    /// First byte of a private key in wallet import format.
    pub const fn wif_version(self) -> u8 {
        match self {
            Self::Mainnet => 128,
            Self::Testnet | Self::Regtest => 239,
        }
    }

    /// Human-readable part of a bech32 address.
    pub const fn bech32_hrp(self) -> &'static str {
        match self {
            Self::Mainnet => "qc",
            Self::Testnet => "tq",
            Self::Regtest => "qcrt",
        }
    }

    /// The port on which qtumd listens for JSON-RPC unless told otherwise.
    pub const fn default_rpc_port(self) -> u16 {
        match self {
            Self::Mainnet => 3889,
            Self::Testnet | Self::Regtest => 13889,
        }
    }

    /// Whether money here is worthless, so that public demo keys and instant mining are allowed.
    pub const fn is_play_money(self) -> bool {
        matches!(self, Self::Regtest)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a network: use dev, regtest, testnet or mainnet")]
pub struct UnknownNetwork(pub String);

impl FromStr for Network {
    type Err = UnknownNetwork;

    fn from_str(text: &str) -> Result<Self, UnknownNetwork> {
        match text {
            "mainnet" | "main" => Ok(Self::Mainnet),
            "testnet" | "test" => Ok(Self::Testnet),
            "regtest" | "dev" | "devchain" => Ok(Self::Regtest),
            other => Err(UnknownNetwork(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_network() {
        for network in Network::ALL {
            assert_eq!(network.name().parse(), Ok(network));
            assert_eq!(network.rpc_chain().parse(), Ok(network));
            assert_eq!(Network::from_chain_id(network.chain_id()), Some(network));
        }
        assert_eq!("dev".parse(), Ok(Network::Regtest));
        assert!("bitcoin".parse::<Network>().is_err());
    }
}
