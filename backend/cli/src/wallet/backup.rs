//! `sparky wallet backup` and `restore`: against the loss of this machine.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::json;
use sparky_backup::{File, Opened, Stretch};
use sparky_protocol::{Account, Domain, Reserve, Tip};
use sparky_qtum::address;
use zeroize::Zeroizing;

use crate::args::Context;
use crate::participant::backup::{self, Restored, told};
use crate::participant::view::Info;
use crate::participant::{Participant, book, key, relay::Relay};
use crate::problem::Problem;
use crate::profile::{self, Profile};

/// Arguments of `sparky wallet backup`.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// Write everything, key included, into this file, sealed with a passphrase
    #[arg(required_unless_present_any = ["at_relay", "not_at_relay"])]
    file: Option<PathBuf>,
    /// Let the relay keep a sealed backup (without the key), renewed after every change
    #[arg(long, conflicts_with = "not_at_relay")]
    at_relay: bool,
    /// Let the relay's backup rest as it is
    #[arg(long)]
    not_at_relay: bool,
}

/// Arguments of `sparky wallet restore`.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// The backup file
    #[arg(required_unless_present = "from_relay")]
    file: Option<PathBuf>,
    /// Take up what the relay keeps; the key must be here already
    #[arg(long, conflicts_with = "file")]
    from_relay: bool,
}

/// Makes a backup.
///
/// # Errors
/// `no-wallet`, `passphrase-too-short`, the disk's and the relay's.
pub async fn back_up(args: &BackupArgs, context: &Context) -> Result<()> {
    if let Some(file) = &args.file {
        let chain = context.chain();
        let profile = Profile::new(&context.data, chain.name(), &context.profile)?;
        let key = key::open(context, chain, &profile)?;
        let channels = book::all(&profile)?;
        let domain = channels.first().map_or_else(
            || Domain {
                chain_id: chain.network().chain_id(),
                contract: Account::ZERO,
            },
            |kept| *kept.channel.domain(),
        );
        let revision = backup::Settings::read(&profile)?.revision;
        let everything = backup::content(&profile, key.account(), chain.name(), domain, revision)?;
        let passphrase = file_passphrase("Passphrase for the backup file: ")?;
        let (salt, nonce) = (rand::random(), rand::random());
        let sealed = File::seal(&everything, &key, &passphrase, Stretch::NEW, salt, nonce);
        let text = serde_json::to_string_pretty(&sealed.map_err(told)?)?;
        // Its folder is flushed too, so it must have a name.
        profile::write_durably(&std::path::absolute(file)?, text.as_bytes())?;
        let value = json!({ "file": file, "channels": everything.channels.len() });
        return context.output.show(&value, |_| {
            format!(
                "Written to {} with {} channel(s). Keep it away from this machine, and its passphrase away from it.",
                file.display(),
                everything.channels.len()
            )
        });
    }
    let participant = Participant::open(context).await?;
    participant.keep_at_relay(args.at_relay)?;
    if !args.at_relay {
        return context.output.show(&json!({ "atRelay": false }), |_| {
            "The relay's backup is not renewed any more.".into()
        });
    }
    // What has not been heard yet would be missing in it.
    participant.channels().await?;
    let revision = participant.back_up().await?;
    context
        .output
        .show(&json!({ "atRelay": true, "revision": revision }), |_| {
            format!("The relay keeps backup {revision}, which only your key opens, and renews it after every change.")
        })
}

/// Takes up a backup.
///
/// # Errors
/// `backup-…`, `wrong-passphrase`, `wallet-exists`, the disk's and the relay's.
pub async fn restore(args: &RestoreArgs, context: &Context) -> Result<()> {
    let Some(path) = &args.file else {
        let participant = Participant::open(context).await?;
        let restored = participant.restore_from_relay().await?;
        participant.keep_at_relay(true)?;
        return tell(context, &participant.address, restored);
    };
    let chain = context.chain();
    let network = chain.network();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = File::parse(&text).map_err(told)?;
    file.expect_network(chain.name()).map_err(told)?;
    let profile = Profile::new(&context.data, chain.name(), &context.profile)?;
    let address = address::encode(&file.account, network);
    let present = key::account_address(context, chain, &profile).ok();
    if present.as_ref().is_some_and(|present| *present != address) {
        let text = format!(
            "Profile {:?} has another key; the file is for {address}. Name another profile with --profile.",
            profile.name
        );
        return Err(Problem::new("wallet-exists", "Nothing was changed", text).into());
    }
    let passphrase = file_passphrase(&format!("Passphrase of the backup of {address}: "))?;
    let Opened { key, content } = file.open(&passphrase).map_err(told)?;
    let writer = profile.lock()?;
    let info = Relay::new(&context.relay_url()).get::<Info>("/info").await;
    let (domain, tip) = match info {
        Ok(info) => {
            let domain = Domain {
                chain_id: info.chain_id,
                contract: info.contract,
            };
            (domain, info.protocol_tip())
        }
        // Into an empty profile everything goes as it is; else two memories must be compared.
        Err(error) if !book::all(&writer.profile)?.is_empty() => return Err(error),
        Err(_) => (content.domain, unknown_tip()),
    };
    if present.is_none() {
        key::store(&writer, &key, network, &passphrase)?;
    }
    let restored = backup::take_up(&writer, &content, &domain, &tip)?;
    if restored.channels == 0 && restored.known != 0 {
        let text = "Every channel in it is known here as well or better. Nothing was changed.";
        return Err(Problem::new("backup-older", "This backup is older", text).into());
    }
    tell(context, &address, restored)
}

fn tell(context: &Context, address: &str, restored: Restored) -> Result<()> {
    let value = json!({
        "address": address, "channels": restored.channels, "known": restored.known,
        "elsewhere": restored.elsewhere,
    });
    context.output.show(&value, |_| {
        let skipped = match restored.elsewhere {
            0 => String::new(),
            count => format!(" {count} channel(s) belong to another contract and were left out."),
        };
        format!(
            "{address} is here again, with {} channel(s).{skipped} The next command asks the relay what happened since; \
             nothing is signed before. Do not use the other device any more.",
            restored.channels
        )
    })
}

/// Nothing is compared with it.
fn unknown_tip() -> Tip {
    Tip {
        height: 0,
        confirmations: 0,
        reserve: Reserve::NONE,
    }
}

/// The file's own passphrase, or the wallet's where only that is set.
fn file_passphrase(prompt: &str) -> Result<Zeroizing<String>> {
    std::env::var("SPARKY_BACKUP_PASSPHRASE")
        .map_or_else(|_| key::passphrase(prompt), |text| Ok(Zeroizing::new(text)))
}
