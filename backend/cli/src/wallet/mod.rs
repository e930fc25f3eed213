//! `sparky wallet`: the key of a profile, its address, its coins.

mod backup;

use std::io::{IsTerminal as _, Read as _};

use anyhow::Result;
use clap::Subcommand;
use rand::Rng as _;
use serde_json::json;
use sparky_protocol::{Amount, SecretKey};
use sparky_qtum::{Network, wif};
use zeroize::Zeroizing;

use crate::args::Context;
use crate::confirm::confirm;
use crate::money;
use crate::output::pairs;
use crate::participant::{Participant, key};
use crate::problem::Problem;
use crate::profile::Profile;

/// The verbs of `sparky wallet`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a new key, sealed with a passphrase
    Create,
    /// Seal an existing key; its WIF is read from standard input or asked for, never an argument
    Import,
    /// Print the key as WIF
    Export,
    /// Print the address
    Address,
    /// Print what the address has on chain
    Balance,
    /// Keep key and channels in a sealed file, or the channels at the relay
    Backup(backup::BackupArgs),
    /// Take up a backup, from a file or from the relay
    Restore(backup::RestoreArgs),
}

/// Runs one of them.
///
/// # Errors
/// The codes of [`key`] and of the relay.
pub async fn run(verb: Verb, context: &Context) -> Result<()> {
    let chain = context.chain();
    let network = chain.network();
    let profile = Profile::new(&context.data, chain.name(), &context.profile)?;
    match verb {
        Verb::Create => {
            let key = random_key();
            store(context, profile, &key, network)
        }
        Verb::Import => {
            let text = read_wif()?;
            key::refuse_demo(&text, network)?;
            let key = key::import(&text, network)?;
            store(context, profile, &key, network)
        }
        Verb::Export => {
            let key = key::open(context, chain, &profile)?;
            confirm(context, "Whoever sees this key can take everything.")?;
            let text = wif::encode(&key, network);
            context
                .output
                .show(&json!({ "wif": *text }), |_| text.to_string())
        }
        Verb::Address => {
            let address = key::account_address(context, chain, &profile)?;
            context
                .output
                .show(&json!({ "address": address }), |_| address.clone())
        }
        Verb::Balance => balance(context).await,
        Verb::Backup(args) => backup::back_up(&args, context).await,
        Verb::Restore(args) => backup::restore(&args, context).await,
    }
}

async fn balance(context: &Context) -> Result<()> {
    let participant = Participant::open(context).await?;
    let balance = participant.balance().await?;
    let value = json!({
        "address": participant.address,
        "spendableSat": balance.spendable.to_string(),
        "immatureSat": balance.immature.to_string(),
    });
    context.output.show(&value, |_| {
        pairs(&[
            ("address", participant.address.clone()),
            ("spendable", money::qtum(Amount(balance.spendable.into()))),
            ("maturing", money::qtum(Amount(balance.immature.into()))),
        ])
    })
}

fn store(context: &Context, profile: Profile, key: &SecretKey, network: Network) -> Result<()> {
    let writer = profile.lock()?;
    let passphrase = new_passphrase()?;
    let address = key::store(&writer, key, network, &passphrase)?;
    context
        .output
        .note("Stored. Without the passphrase, or a backup of the WIF, the money is lost.");
    context
        .output
        .show(&json!({ "address": address }), |_| address.clone())
}

/// Asked for twice when typed: a typing error would lock everybody out.
fn new_passphrase() -> Result<Zeroizing<String>> {
    let first = key::passphrase("New passphrase: ")?;
    if first.is_empty() {
        let text = "An empty passphrase protects nothing. Nothing was stored.";
        return Err(Problem::new("passphrase-needed", "Passphrase needed", text).into());
    }
    if std::env::var_os("SPARKY_PASSPHRASE").is_none()
        && std::env::var_os("SPARKY_PASSPHRASE_FILE").is_none()
        && *key::passphrase("Once more: ")? != *first
    {
        let text = "The two are not the same. Nothing was stored.";
        return Err(Problem::new("wrong-passphrase", "Passphrases differ", text).into());
    }
    Ok(first)
}

fn read_wif() -> Result<Zeroizing<String>> {
    if std::io::stdin().is_terminal() {
        return Ok(Zeroizing::new(rpassword::prompt_password("Key (WIF): ")?));
    }
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().take(1024).read_to_string(&mut text)?;
    Ok(text)
}

fn random_key() -> SecretKey {
    loop {
        let mut bytes = Zeroizing::new([0u8; 32]);
        rand::rng().fill_bytes(bytes.as_mut());
        // Not every number is a key; all but one in 2^128 are.
        if let Ok(key) = SecretKey::from_bytes(&bytes) {
            return key;
        }
    }
}
