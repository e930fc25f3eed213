//! Where a participant's key comes from: a demo account, or the profile's key file.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result};
use sparky_protocol::{Account, SecretKey};
use sparky_qtum::{Network, address, demo, wif};
use sparky_relay::Chain;
use zeroize::Zeroizing;

use crate::args::{Context, Demo};
use crate::keyfile::{KeyFile, Stretch};
use crate::problem::Problem;
use crate::profile::{Profile, Writer};

const FILE: &str = "key.json";

/// The key of this profile, or of the demo account that was asked for.
///
/// # Errors
/// `demo-key-refused`, `no-wallet`, `wrong-passphrase`.
pub fn open(context: &Context, chain: Chain, profile: &Profile) -> Result<SecretKey> {
    let network = chain.network();
    if let Some(demo) = context.demo {
        refuse_demo(demo.wif(), network)?;
        return import(demo.wif(), network);
    }
    let file = read(profile)?;
    let secret = file.open(&passphrase(&format!("Passphrase of {}: ", file.address))?)?;
    let key = SecretKey::from_bytes(&secret).context("the key file holds no key")?;
    anyhow::ensure!(
        address::encode(&key.account(), network) == file.address,
        "the key file names another address than its key has"
    );
    refuse_published(&key.account(), network)?;
    Ok(key)
}

/// The address of this profile. Needs no passphrase.
///
/// # Errors
/// `no-wallet`.
pub fn account_address(context: &Context, chain: Chain, profile: &Profile) -> Result<String> {
    match context.demo {
        Some(demo) => {
            let network = chain.network();
            refuse_demo(demo.wif(), network)?;
            Ok(address::encode(
                &import(demo.wif(), network)?.account(),
                network,
            ))
        }
        None => Ok(read(profile)?.address),
    }
}

/// A key from the text of a WIF.
///
/// # Errors
/// `invalid-wif`, `wrong-key-network` and the other codes of [`wif::WifError`].
pub fn import(text: &str, network: Network) -> Result<SecretKey> {
    let key = wif::decode(text, network).map_err(|error| {
        Problem::new(
            error.code(),
            "Not a key for this network",
            format!("{error}. Nothing was stored."),
        )
    })?;
    refuse_published(&key.account(), network)?;
    Ok(key)
}

/// Refuses an account whose key is published, in whatever form it came, where money is worth something.
///
/// # Errors
/// `demo-key-refused`.
pub fn refuse_published(account: &Account, network: Network) -> Result<()> {
    if !demo::is_published(account) || network.is_play_money() {
        return Ok(());
    }
    Err(public_key(network))
}

fn public_key(network: Network) -> anyhow::Error {
    let detail = format!(
        "Anyone can spend from it. Create your own key for {}.",
        network.name()
    );
    Problem::new("demo-key-refused", "This demo key is public", detail).into()
}

/// Refuses a published key where money is worth something.
///
/// # Errors
/// `demo-key-refused`.
pub fn refuse_demo(text: &str, network: Network) -> Result<()> {
    let is_demo = [Demo::Alice, Demo::Bob]
        .iter()
        .any(|demo| demo.wif() == text.trim());
    if !is_demo || network.is_play_money() {
        return Ok(());
    }
    Err(public_key(network))
}

/// Seals a key into a profile that has none. Returns the address.
///
/// # Errors
/// `wallet-exists`.
pub fn store(
    writer: &Writer,
    key: &SecretKey,
    network: Network,
    passphrase: &str,
) -> Result<String> {
    if writer.profile.read(FILE)?.is_some() {
        let text = format!(
            "Profile {:?} has a key already. Name another with --profile.",
            writer.profile.name
        );
        return Err(Problem::new("wallet-exists", "Nothing was changed", text).into());
    }
    let address = address::encode(&key.account(), network);
    let file = KeyFile::seal(&address, &key.to_bytes(), passphrase, Stretch::NEW)?;
    writer.write(FILE, &serde_json::to_string_pretty(&file)?)?;
    Ok(address)
}

/// The passphrase, from `SPARKY_PASSPHRASE`, from the file that `SPARKY_PASSPHRASE_FILE` names, or from the terminal.
///
/// # Errors
/// `passphrase-needed` when there is nobody to ask.
pub fn passphrase(prompt: &str) -> Result<Zeroizing<String>> {
    if let Ok(text) = std::env::var("SPARKY_PASSPHRASE") {
        return Ok(Zeroizing::new(text));
    }
    if let Ok(path) = std::env::var("SPARKY_PASSPHRASE_FILE") {
        let text = Zeroizing::new(
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?,
        );
        return Ok(Zeroizing::new(
            text.trim_end_matches(['\r', '\n']).to_owned(),
        ));
    }
    if !std::io::stdin().is_terminal() {
        let text = "Set SPARKY_PASSPHRASE or SPARKY_PASSPHRASE_FILE, or call from a terminal.";
        return Err(Problem::new("passphrase-needed", "Passphrase needed", text).into());
    }
    Ok(Zeroizing::new(rpassword::prompt_password(prompt)?))
}

fn read(profile: &Profile) -> Result<KeyFile> {
    let Some(text) = profile.read(FILE)? else {
        let text = format!(
            "Profile {:?} has no key. Use `sparky wallet create`, `sparky wallet import`, or --demo alice.",
            profile.name
        );
        return Err(Problem::new("no-wallet", "No wallet", text).into());
    };
    serde_json::from_str(&text).context("the key file cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem;

    #[test]
    fn demo_keys_are_for_play_money() {
        let refused = refuse_demo(Demo::Alice.wif(), Network::Testnet).unwrap_err();
        assert_eq!(problem::of(&refused).code, "demo-key-refused");
        refuse_demo(Demo::Alice.wif(), Network::Regtest).unwrap();
        // The same key in the form of another network.
        let key = import(Demo::Alice.wif(), Network::Regtest).unwrap();
        let elsewhere = wif::encode(&key, Network::Mainnet);
        let refused = import(&elsewhere, Network::Mainnet).unwrap_err();
        assert_eq!(problem::of(&refused).code, "demo-key-refused");
    }

    #[test]
    fn the_demo_accounts_are_who_they_should_be() {
        let address = |demo: Demo| {
            address::encode(
                &import(demo.wif(), Network::Regtest).unwrap().account(),
                Network::Regtest,
            )
        };
        assert_eq!(address(Demo::Alice), "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf");
        assert_eq!(address(Demo::Bob), "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW");
    }

    #[test]
    fn bad_keys_have_codes() {
        let code = |text| problem::of(&import(text, Network::Regtest).unwrap_err()).code;
        assert_eq!(
            code("cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDA"),
            "invalid-wif"
        );
        assert_eq!(code("hello"), "invalid-wif");
    }
}
