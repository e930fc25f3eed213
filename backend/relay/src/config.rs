//! What an operator may set. Every flag is also an environment variable.

use std::{fmt, net::SocketAddr, str::FromStr};

use sparky_protocol::policy::MIN_WINDOW_MAINNET;
use sparky_qtum::{Network, SATOSHI_PER_QTUM, quantity};

use crate::quotas::Quotas;

/// The relay's settings.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Address on which the relay listens
    #[arg(long, env = "SPARKY_BIND", default_value = "127.0.0.1:8080")]
    pub bind: SocketAddr,

    /// Where the relay keeps what it must not lose: `sqlite://FILE?mode=rwc` or `postgres://…`
    #[arg(
        long,
        env = "SPARKY_DATABASE_URL",
        hide_env_values = true,
        default_value = "sqlite://.sparky/relay.sqlite?mode=rwc"
    )]
    pub database_url: SecretUrl,

    /// Where relays on one database give each other hints, `nats://…`; without it they look four times a second
    #[arg(long, env = "SPARKY_NATS_URL", hide_env_values = true)]
    pub nats_url: Option<SecretUrl>,

    /// The Qtum node, with its user and password: `http://user:password@host:port`
    #[arg(
        long,
        env = "SPARKY_QTUM_RPC_URL",
        hide_env_values = true,
        default_value = "http://qtum:test@127.0.0.1:13889"
    )]
    pub qtum_rpc_url: SecretUrl,

    /// Which chain this is: dev, regtest, testnet or mainnet
    #[arg(long, env = "SPARKY_NETWORK", default_value = "dev")]
    pub network: Chain,

    /// The address under which people reach this relay; from `bind` when not given
    #[arg(long, env = "SPARKY_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Other origins whose pages may sign in here, separated by commas
    #[arg(long, env = "SPARKY_ALLOWED_ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,

    /// Blocks on top of a deposit before it counts; 1 on dev and regtest, else 10
    #[arg(long, env = "SPARKY_CONFIRMATIONS")]
    pub confirmations: Option<u32>,

    /// Whether the watchtower answers for those who sleep
    #[arg(long, env = "SPARKY_TOWER", default_value = "true", action = clap::ArgAction::Set)]
    pub tower: bool,

    /// The node's wallet that pays for the watchtower; the only loaded one when not given
    #[arg(long, env = "SPARKY_TOWER_WALLET")]
    pub tower_wallet: Option<String>,

    /// What the watchtower may spend
    #[command(flatten)]
    pub tower_limits: TowerLimits,

    /// QRC20 contracts that may be called besides those of open channels, separated by commas
    #[arg(long, env = "SPARKY_ALLOWED_CONTRACTS", value_delimiter = ',')]
    pub allowed_contracts: Vec<String>,

    /// How much one client may take
    #[command(flatten)]
    pub quotas: Quotas,
}

/// What the watchtower may spend, and how soon it offers more. Amounts are satoshi here and QTUM on the
/// command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub struct TowerLimits {
    /// Blocks after which a transaction of the tower that is not mined is replaced by a dearer one
    #[arg(long = "tower-patience", env = "SPARKY_TOWER_PATIENCE", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub patience: u32,

    /// The most that the tower pays for one gas, in satoshi
    #[arg(
        long = "tower-gas-price-max",
        env = "SPARKY_TOWER_GAS_PRICE_MAX",
        default_value_t = 500
    )]
    pub gas_price_max: u64,

    /// QTUM that the tower spends in a day (2,700 blocks) on calls that save little
    #[arg(long = "tower-budget-day", env = "SPARKY_TOWER_BUDGET_DAY", default_value = "20", value_parser = satoshi)]
    pub budget_day: u64,

    /// QTUM that the tower spends for one channel on calls that save little
    #[arg(long = "tower-budget-channel", env = "SPARKY_TOWER_BUDGET_CHANNEL", default_value = "1", value_parser = satoshi)]
    pub budget_channel: u64,

    /// QTUM below which the balance of the tower's wallet is said to be low
    #[arg(long = "tower-low-balance", env = "SPARKY_TOWER_LOW_BALANCE", default_value = "5", value_parser = satoshi)]
    pub low_balance: u64,
}

impl Default for TowerLimits {
    fn default() -> Self {
        Self {
            patience: 3,
            gas_price_max: 500,
            budget_day: 20 * SATOSHI_PER_QTUM,
            budget_channel: SATOSHI_PER_QTUM,
            low_balance: 5 * SATOSHI_PER_QTUM,
        }
    }
}

/// Satoshi of an amount in QTUM.
fn satoshi(text: &str) -> Result<u64, String> {
    let amount = quantity::parse_qtum(text).map_err(|cause| cause.to_string())?;
    u64::try_from(amount.0).map_err(|_| format!("{text} QTUM are more than there are"))
}

impl Config {
    /// The address under which people reach this relay, without a slash at the end.
    pub fn public_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.bind),
        }
    }

    /// Blocks on top of a deposit before it counts.
    pub fn confirmations(&self) -> u32 {
        self.confirmations
            .unwrap_or(if self.network.is_private() { 1 } else { 10 })
    }
}

/// The chains that a relay may serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// The embedded chain: regtest's rules, and a faucet.
    Dev,
    /// A qtumd in regtest mode.
    Regtest,
    /// The public test network.
    Testnet,
    /// Money.
    Mainnet,
}

impl Chain {
    /// The word that configuration, API and database use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Regtest => "regtest",
            Self::Testnet => "testnet",
            Self::Mainnet => "mainnet",
        }
    }

    /// The rules of addresses and transactions.
    pub fn network(self) -> Network {
        match self {
            Self::Dev | Self::Regtest => Network::Regtest,
            Self::Testnet => Network::Testnet,
            Self::Mainnet => Network::Mainnet,
        }
    }

    /// Whether blocks are made at will and coins are worth nothing.
    pub fn is_private(self) -> bool {
        matches!(self, Self::Dev | Self::Regtest)
    }

    /// Seconds between two blocks, for people who read a countdown.
    pub fn block_seconds(self) -> u32 {
        32
    }

    /// The penalty that a new channel gets unless its opener says otherwise: pay the lie twice.
    pub fn penalty_bps(self) -> u16 {
        10_000
    }

    /// The shortest finalization period that a channel may have, in blocks, whatever the contract allows:
    /// a day where there is something to lose.
    pub fn min_window(self) -> u32 {
        if self == Self::Mainnet {
            MIN_WINDOW_MAINNET
        } else {
            1
        }
    }

    /// The finalization period that a new channel gets unless its opener says otherwise, in blocks.
    pub fn default_window(self) -> u32 {
        if self.is_private() {
            50
        } else {
            MIN_WINDOW_MAINNET
        }
    }
}

impl FromStr for Chain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Dev, Self::Regtest, Self::Testnet, Self::Mainnet]
            .into_iter()
            .find(|chain| chain.name() == text)
            .ok_or_else(|| format!("{text} is not one of dev, regtest, testnet, mainnet"))
    }
}

/// An address that may carry a password: it can be used, and printed only without it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The whole text, for whoever opens the connection.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl From<String> for SecretUrl {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.split_once("://"), self.0.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => write!(f, "{scheme}://…@{host}"),
            _ => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_printed() {
        let url = SecretUrl::from("http://qtum:pass@word@127.0.0.1:13889".to_owned());
        assert_eq!(
            format!("{url} {url:?}"),
            "http://…@127.0.0.1:13889 http://…@127.0.0.1:13889"
        );
    }

    #[test]
    fn a_url_without_password_is_printed_whole() {
        let url = SecretUrl::from("sqlite://relay.sqlite?mode=rwc".to_owned());
        assert_eq!(url.to_string(), "sqlite://relay.sqlite?mode=rwc");
    }

    #[test]
    fn a_day_is_the_least_where_there_is_something_to_lose() {
        let chains = [Chain::Dev, Chain::Regtest, Chain::Testnet, Chain::Mainnet];
        assert_eq!(chains.map(Chain::min_window), [1, 1, 1, 2_700]);
        assert!(Chain::Mainnet.min_window() <= Chain::Mainnet.default_window());
    }

    #[test]
    fn budgets_are_given_in_qtum() {
        assert_eq!(satoshi("0.5"), Ok(50_000_000));
        assert!(satoshi("much").is_err());
    }

    #[test]
    fn an_unknown_chain_is_named() {
        assert_eq!(
            "main".parse::<Chain>(),
            Err("main is not one of dev, regtest, testnet, mainnet".into())
        );
    }
}
