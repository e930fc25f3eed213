//! How much one host and one account may take of this relay: what an operator may set of it.

use std::{net::IpAddr, time::Duration};

use crate::{config::Chain, door};

/// Bounds that keep one client from taking what belongs to all. `None` is the default of the chain.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Quotas {
    /// Requests per minute that one client may make once it has signed in; a tenth without
    #[arg(long, env = "SPARKY_RATE_LIMIT")]
    pub rate_limit: Option<u32>,

    /// Connections that the relay keeps open at once; 20,000 unless given, and less where the
    /// system allows fewer open files
    #[arg(long, env = "SPARKY_MAX_CONNECTIONS")]
    pub max_connections: Option<usize>,

    /// Connections of one host at once: 256, and as many as there are on a private chain
    #[arg(long, env = "SPARKY_HOST_CONNECTIONS")]
    pub host_connections: Option<usize>,

    /// WebSockets of one account at once; one more closes the oldest. 16 unless given
    #[arg(long, env = "SPARKY_ACCOUNT_CONNECTIONS")]
    pub account_connections: Option<usize>,

    /// Events that are kept for an account that does not fetch them; 10,000 unless given. The oldest
    /// go first, proofs that nothing has replaced never
    #[arg(long, env = "SPARKY_ACCOUNT_EVENTS")]
    pub account_events: Option<u32>,

    /// Seconds that a client may take for the head of a request, and for its body; 30 unless given
    #[arg(long, env = "SPARKY_REQUEST_SECONDS")]
    pub request_seconds: Option<u64>,

    /// Seconds that a WebSocket may take to sign in; 30 unless given
    #[arg(long, env = "SPARKY_SIGN_IN_SECONDS")]
    pub sign_in_seconds: Option<u64>,

    /// Seconds in which a login challenge must be answered; 300 unless given
    #[arg(long, env = "SPARKY_CHALLENGE_SECONDS")]
    pub challenge_seconds: Option<u32>,

    /// Seconds that a session lasts; a day unless given
    #[arg(long, env = "SPARKY_SESSION_SECONDS")]
    pub session_seconds: Option<u32>,

    /// Addresses of proxies in front of this relay, separated by commas: a request of theirs counts
    /// for the host that they name last in `X-Forwarded-For`
    #[arg(long, env = "SPARKY_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<IpAddr>,
}

/// The same with every number decided.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Requests per minute of an account; hosts have a tenth.
    pub(crate) per_minute: u32,
    pub(crate) connections: usize,
    pub(crate) host_connections: usize,
    pub(crate) account_connections: usize,
    pub(crate) account_events: u32,
    pub(crate) request_time: Duration,
    pub(crate) sign_in_time: Duration,
    pub(crate) challenge_seconds: u32,
    pub(crate) session_seconds: u32,
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

impl Bounds {
    /// Requests per minute of a host that has not signed in.
    pub(crate) fn host_per_minute(&self) -> u32 {
        self.per_minute.div_ceil(10)
    }

    /// Frames per minute of one WebSocket, whatever is in them: ten for every request, because most
    /// cost nothing. More is a flood.
    pub(crate) fn frames_per_minute(&self) -> u32 {
        self.per_minute.saturating_mul(10)
    }
}

impl Quotas {
    /// Requests per minute of a client that has signed in: 600, and freely more on a private chain,
    /// where the only client is a developer's test.
    pub fn rate_limit(&self, chain: Chain) -> u32 {
        let usual = if chain.is_private() { 6_000_000 } else { 600 };
        self.rate_limit.unwrap_or(usual)
    }

    pub(crate) fn bounds(&self, chain: Chain) -> Bounds {
        let possible = door::possible_connections();
        let usual_per_host = if chain.is_private() { usize::MAX } else { 256 };
        let seconds = |given: Option<u64>| Duration::from_secs(given.unwrap_or(30));
        Bounds {
            per_minute: self.rate_limit(chain).max(1),
            connections: self.max_connections.unwrap_or(20_000).min(possible),
            host_connections: self.host_connections.unwrap_or(usual_per_host),
            account_connections: self.account_connections.unwrap_or(16),
            account_events: self.account_events.unwrap_or(10_000),
            request_time: seconds(self.request_seconds),
            sign_in_time: seconds(self.sign_in_seconds),
            challenge_seconds: self.challenge_seconds.unwrap_or(300),
            session_seconds: self.session_seconds.unwrap_or(24 * 3_600),
            trusted_proxies: self.trusted_proxies.clone(),
        }
    }
}
