//! The command line: every verb, and what all verbs share.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use sparky_relay::Chain;

use crate::output::{Choice, Output};
use crate::{
    channel, completions, dev, devchain, doctor, migrate, mine, pay, prefund, relay, wallet,
};

/// Sparky: payment channels for Qtum.
#[derive(Debug, Parser)]
#[command(
    name = "sparky",
    version,
    arg_required_else_help = true,
    propagate_version = false
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What all verbs share. Each flag is also a variable of the environment.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Table or JSON; auto is a table on a terminal and JSON in a pipe
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        env = "SPARKY_OUTPUT"
    )]
    output: Choice,
    /// The relay to talk to
    #[arg(long, global = true, env = "SPARKY_RELAY", value_name = "URL")]
    relay: Option<String>,
    /// The chain: dev, regtest, testnet or mainnet; without it, what the relay says
    #[arg(long, global = true, env = "SPARKY_NETWORK")]
    network: Option<Chain>,
    /// The folder for everything that is kept
    #[arg(
        long,
        global = true,
        env = "SPARKY_DATA",
        default_value = ".sparky",
        value_name = "DIR"
    )]
    data: PathBuf,
    /// Which participant of this machine to be
    #[arg(long, global = true, env = "SPARKY_PROFILE", value_name = "NAME")]
    profile: Option<String>,
    /// Be one of the demo accounts, whose keys are public (dev and regtest only)
    #[arg(long, global = true, env = "SPARKY_DEMO", value_enum)]
    demo: Option<Demo>,
    /// Do not ask before money moves
    #[arg(short, long, global = true)]
    yes: bool,
    /// Say what would happen, then stop with exit code 10
    #[arg(long, global = true)]
    dry_run: bool,
    /// Print results only
    #[arg(short, long, global = true, env = "SPARKY_QUIET")]
    quiet: bool,
}

/// The demo accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Demo {
    /// The one who opens.
    Alice,
    /// The one who is paid.
    Bob,
}

impl Demo {
    /// The account's name, which is also its profile's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alice => "alice",
            Self::Bob => "bob",
        }
    }

    /// The account's published key.
    pub fn wif(self) -> &'static str {
        match self {
            Self::Alice => "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ",
            Self::Bob => "cMbgxCJrTYUqgcmiC1berh5DFrtY1KeU4PXZ6NZxgenniF1mXCRk",
        }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run chain, relay and DApp in one process, with contract and demo accounts
    Dev(dev::Args),
    /// Stop what `dev --detach` started
    Stop,
    /// Say whether `dev` runs and how it is
    Status,
    /// Show what `dev --detach` wrote
    Logs(dev::logs::Args),
    /// Run a relay
    Relay(Box<relay::Args>),
    /// Run the embedded Qtum chain alone
    Devchain(devchain::Args),
    /// Apply the SQL migrations and deploy the contract; repeating it changes nothing
    Migrate(migrate::Args),
    /// Fund the demo accounts; repeating it changes nothing
    Prefund(prefund::Args),
    /// Mine blocks (dev and regtest)
    Mine(mine::Args),
    /// Keys, address and balance on chain
    #[command(subcommand)]
    Wallet(wallet::Verb),
    /// Payment channels
    #[command(subcommand)]
    Channel(channel::Verb),
    /// Pay a partner through a channel
    Pay(pay::Args),
    /// Check node, relay, contract, database and profile
    Doctor(doctor::Args),
    /// Print the version
    Version,
    /// Print completions for a shell
    Completions(completions::Args),
}

/// What every verb needs to know about how it was called.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where results go.
    pub output: Output,
    /// The folder for everything that is kept.
    pub data: PathBuf,
    /// Whether to go on without asking.
    pub yes: bool,
    /// Whether to stop before anything is signed or sent.
    pub dry_run: bool,
    /// The demo account to be, if any.
    pub demo: Option<Demo>,
    /// The profile's name.
    pub profile: String,
    relay: Option<String>,
    network: Option<Chain>,
}

impl Cli {
    /// Reads the command line. A variable that is set to nothing is not set: so a file of settings, or a
    /// container's environment, may name them all and leave most of them empty.
    ///
    /// # Errors
    /// What is wrong with it, or the help that it asks for.
    pub fn read() -> Result<Self, clap::Error> {
        let matches = without_empty(Self::command()).try_get_matches()?;
        Self::from_arg_matches(&matches)
    }

    /// The context of this call.
    pub fn context(&self) -> Context {
        let global = &self.global;
        let profile = global
            .profile
            .clone()
            .unwrap_or_else(|| global.demo.map_or("default", Demo::name).to_owned());
        Context {
            output: Output {
                json: global.output.is_json(),
                quiet: global.quiet,
            },
            data: global.data.clone(),
            yes: global.yes,
            dry_run: global.dry_run,
            demo: global.demo,
            profile,
            relay: global.relay.clone(),
            network: global.network,
        }
    }
}

/// The command with variables that are set to nothing left out, in every verb.
fn without_empty(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| match arg.get_env() {
            Some(name) if is_empty(name) => arg.env(Resettable::Reset),
            _ => arg,
        })
        .mut_subcommands(without_empty)
}

impl Context {
    /// The chain where nobody can be asked: the one given, else dev.
    pub fn chain(&self) -> Chain {
        self.network.unwrap_or(Chain::Dev)
    }

    /// The chain, if one was given.
    pub fn chain_given(&self) -> Option<Chain> {
        self.network
    }

    /// The relay's base URL: the one named, else the one that runs on this data folder, else the default one.
    pub fn relay_url(&self) -> String {
        self.relay_known()
            .unwrap_or_else(|| format!("http://{}", dev::DEFAULT_BIND))
    }

    /// The relay's base URL, if one was named or runs on this data folder.
    pub fn relay_known(&self) -> Option<String> {
        let running = || {
            let instance = dev::instance::running(&self.data).ok().flatten();
            instance.map(|instance| instance.url)
        };
        let url = self.relay.clone().or_else(running)?;
        Some(url.trim_end_matches('/').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_demo_account_is_its_own_profile_unless_one_is_named() {
        let profile = |line: &[&str]| Cli::try_parse_from(line).unwrap().context().profile;
        assert_eq!(profile(&["sparky", "version"]), "default");
        assert_eq!(profile(&["sparky", "--demo", "alice", "version"]), "alice");
        assert_eq!(
            profile(&["sparky", "version", "--demo", "bob", "--profile", "b2"]),
            "b2"
        );
    }
}
