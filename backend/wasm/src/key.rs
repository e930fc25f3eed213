//! The key: made or read once, used here, never shown to JavaScript again unless asked for.

use serde::{Deserialize, Serialize};
use sparky_protocol::{Account, Hash, Login, SecretKey, Signature};
use sparky_qtum::{address, wif};
use wasm_bindgen::prelude::*;
use zeroize::Zeroize as _;

use crate::{
    failure::{Failure, Result},
    json,
};

/// A secret key inside wasm memory. `free()` wipes it.
#[wasm_bindgen]
pub struct Key(pub(crate) SecretKey);

/// Who the holder of a key is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    address: String,
    account_hex: Account,
    public_key: sparky_protocol::PublicKey,
    ec_recovery_address: String,
}

/// What a page knows about itself and its relay, to compare a challenge with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    relay: String,
    origin: String,
    /// Seconds since 1970.
    now: u64,
}

/// Longest life of a challenge and largest difference of clocks, in seconds.
const CLOCK_TOLERANCE: u64 = 300;

#[wasm_bindgen]
impl Key {
    /// From 32 bytes of a random source or of an encrypted storage. The bytes are wiped.
    #[wasm_bindgen(js_name = fromBytes)]
    pub fn from_bytes(bytes: &mut [u8]) -> core::result::Result<Key, JsValue> {
        let key = <&[u8; 32]>::try_from(&*bytes)
            .ok()
            .and_then(|bytes| SecretKey::from_bytes(bytes).ok());
        bytes.zeroize();
        Ok(Self(key.ok_or_else(|| {
            Failure::new("invalid-wif", "not a secret key of the curve")
        })?))
    }

    /// From the text of a private key.
    #[wasm_bindgen(js_name = fromWif)]
    pub fn from_wif(mut text: String, network: &str) -> core::result::Result<Key, JsValue> {
        let key = json::network(network).and_then(|network| Ok(wif::decode(&text, network)?));
        text.zeroize();
        Ok(Self(key?))
    }

    /// The text of the private key, to write down.
    #[wasm_bindgen(js_name = toWif)]
    pub fn to_wif(&self, network: &str) -> core::result::Result<String, JsValue> {
        Ok(wif::encode(&self.0, json::network(network)?).to_string())
    }

    /// The 32 bytes, to be encrypted and wiped by the caller.
    #[wasm_bindgen(js_name = toBytes)]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// `{address, accountHex, publicKey, ecRecoveryAddress}`.
    pub fn identity(&self, network: &str) -> core::result::Result<String, JsValue> {
        let identity = Identity {
            address: address::encode(&self.0.account(), json::network(network)?),
            account_hex: self.0.account(),
            public_key: self.0.public_key(),
            // Mixed case would claim a checksum of Ethereum; tools take both.
            ec_recovery_address: self.0.signer().to_string(),
        };
        Ok(json::print(&identity)?)
    }

    /// Signs a challenge of the relay: rebuilt from its members, and only if it is for this account,
    /// this relay and this page, and good now.
    #[wasm_bindgen(js_name = signLogin)]
    pub fn sign_login(&self, login: &str, expected: &str) -> core::result::Result<String, JsValue> {
        Ok(self.login(login, expected)?.to_string())
    }
}

impl Key {
    fn login(&self, login: &str, expected: &str) -> Result<Signature> {
        let login: Login = json::parse(login)?;
        let Expected { relay, origin, now } = json::parse(expected)?;
        let refuse =
            |reason: String| Failure::new("login-refused", &reason).with("reason", reason.as_str());
        if login.account != self.0.account() {
            return Err(refuse(format!("it is for {}", login.account)));
        }
        if login.relay != relay {
            return Err(refuse(format!(
                "it is for the relay {}, this is {relay}",
                login.relay
            )));
        }
        if login.origin != origin {
            return Err(refuse(format!(
                "it is for the page {}, this is {origin}",
                login.origin
            )));
        }
        if now + CLOCK_TOLERANCE < login.issued_at || login.expires_at + CLOCK_TOLERANCE < now {
            return Err(Failure::new("clock-skew", "the challenge is not good now"));
        }
        Ok(self.0.sign(&login.digest()))
    }

    /// Signs a digest that this crate computed itself.
    pub(crate) fn sign(&self, digest: &Hash) -> Signature {
        self.0.sign(digest)
    }

    /// Who the holder is.
    pub(crate) fn account(&self) -> Account {
        self.0.account()
    }
}

impl From<wif::WifError> for Failure {
    fn from(error: wif::WifError) -> Self {
        let failure = Self::new(error.code(), &error);
        match error {
            wif::WifError::WrongNetwork {
                found,
                expected,
                first,
            } => failure
                .with("net", found)
                .with("network", expected.name())
                .with("c", first.to_string()),
            _ => failure,
        }
    }
}
