//! Output scripts: building the ones we use, recognising all that Qtum Core has a name for.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sparky_protocol::Account;

mod contract;
mod push;
mod sender;

pub use contract::{Contract, EVM_VERSION, Gas, Target, call, create};
pub use push::{Pushes, push, push_number};
pub use sender::OpSender;

pub(crate) const OP_RETURN: u8 = 0x6a;
pub(crate) const OP_DUP: u8 = 0x76;
pub(crate) const OP_EQUAL: u8 = 0x87;
pub(crate) const OP_EQUALVERIFY: u8 = 0x88;
pub(crate) const OP_HASH160: u8 = 0xa9;
pub(crate) const OP_CHECKSIG: u8 = 0xac;
pub(crate) const OP_CHECKMULTISIG: u8 = 0xae;
/// Deploys a contract with the pushed code.
pub const OP_CREATE: u8 = 0xc1;
/// Calls the pushed contract with the pushed data.
pub const OP_CALL: u8 = 0xc2;
/// In an input: spends what a contract owns; only the block assembler writes it.
pub const OP_SPEND: u8 = 0xc3;
/// In front of a contract script: names and proves another sender than the first input.
pub const OP_SENDER: u8 = 0xc4;

/// The bytes of a script. In JSON: hexadecimal without prefix.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Script(pub Vec<u8>);

impl Script {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What Qtum Core takes this script for.
    pub fn kind(&self) -> Kind {
        classify(&self.0)
    }

    /// The account that can spend this, if it is pay-to-public-key-hash.
    pub fn p2pkh_account(&self) -> Option<Account> {
        match self.0.as_slice() {
            [
                OP_DUP,
                OP_HASH160,
                20,
                account @ ..,
                OP_EQUALVERIFY,
                OP_CHECKSIG,
            ] => account.try_into().ok().map(Account),
            _ => None,
        }
    }
}

impl From<Vec<u8>> for Script {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({})", hex::encode(&self.0))
    }
}

impl Serialize for Script {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Script {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        hex::decode(String::deserialize(deserializer)?)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

/// Pays the account: `OP_DUP OP_HASH160 <account> OP_EQUALVERIFY OP_CHECKSIG`.
pub fn p2pkh(account: &Account) -> Script {
    let mut bytes = vec![OP_DUP, OP_HASH160, 20];
    bytes.extend_from_slice(&account.0);
    bytes.extend_from_slice(&[OP_EQUALVERIFY, OP_CHECKSIG]);
    Script(bytes)
}

/// Pays a compressed public key directly, as stakers' rewards do.
pub fn p2pk(public_key: &[u8; 33]) -> Script {
    let mut bytes = vec![33];
    bytes.extend_from_slice(public_key);
    bytes.push(OP_CHECKSIG);
    Script(bytes)
}

/// Carries data and pays nobody.
pub fn op_return(data: &[u8]) -> Script {
    let mut bytes = vec![OP_RETURN];
    push(&mut bytes, data);
    Script(bytes)
}

/// What Qtum Core takes a script for; [`Kind::name`] is its `type` in JSON-RPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pay to the hash of a public key.
    PubKeyHash(Account),
    /// Pay to a public key; the account is its hash160. The address index files it under the same
    /// address as P2PKH, but it is spent with a signature alone.
    PubKey(Account),
    /// Pay to the hash of a script.
    ScriptHash([u8; 20]),
    /// m of n public keys.
    Multisig,
    /// Data, unspendable.
    NullData,
    /// Segregated witness, version 0, hash of a public key.
    WitnessKeyHash([u8; 20]),
    /// Segregated witness, version 0, hash of a script.
    WitnessScriptHash([u8; 32]),
    /// Segregated witness, version 1.
    WitnessTaproot([u8; 32]),
    /// Segregated witness of a version not in use.
    WitnessUnknown,
    /// Deploys a contract, or calls one, possibly for another sender.
    Contract(Contract),
    /// Anything else.
    NonStandard,
}

impl Kind {
    /// The `type` that qtumd prints.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PubKeyHash(_) => "pubkeyhash",
            Self::PubKey(_) => "pubkey",
            Self::ScriptHash(_) => "scripthash",
            Self::Multisig => "multisig",
            Self::NullData => "nulldata",
            Self::WitnessKeyHash(_) => "witness_v0_keyhash",
            Self::WitnessScriptHash(_) => "witness_v0_scripthash",
            Self::WitnessTaproot(_) => "witness_v1_taproot",
            Self::WitnessUnknown => "witness_unknown",
            Self::Contract(contract) => match (&contract.target, &contract.sender) {
                (Target::Create, None) => "create",
                (Target::Create, Some(_)) => "create_sender",
                (Target::Call(_), None) => "call",
                (Target::Call(_), Some(_)) => "call_sender",
            },
            Self::NonStandard => "nonstandard",
        }
    }

    /// The account whose hash160 stands in or behind the script: who counts as sender when this is
    /// the first output spent. Qtum Core refuses any other kind there
    /// (`bad-txns-invalid-sender-script`).
    pub const fn sender(&self) -> Option<Account> {
        match self {
            Self::PubKeyHash(account) | Self::PubKey(account) => Some(*account),
            _ => None,
        }
    }
}

fn classify(bytes: &[u8]) -> Kind {
    match bytes {
        [
            OP_DUP,
            OP_HASH160,
            20,
            account @ ..,
            OP_EQUALVERIFY,
            OP_CHECKSIG,
        ] => account.try_into().map_or(Kind::NonStandard, |account| {
            Kind::PubKeyHash(Account(account))
        }),
        [OP_HASH160, 20, hash @ .., OP_EQUAL] => {
            hash.try_into().map_or(Kind::NonStandard, Kind::ScriptHash)
        }
        [33, key @ .., OP_CHECKSIG] if key.len() == 33 && matches!(key[0], 2 | 3) => {
            Kind::PubKey(Account::hash160(key))
        }
        [65, key @ .., OP_CHECKSIG] if key.len() == 65 && matches!(key[0], 4 | 6 | 7) => {
            Kind::PubKey(Account::hash160(key))
        }
        [OP_RETURN, rest @ ..] if Pushes::new(rest).only_pushes() => Kind::NullData,
        [version, length, program @ ..] if is_witness(*version, *length, program) => {
            witness(*version, program)
        }
        _ if is_multisig(bytes) => Kind::Multisig,
        _ => Contract::parse(bytes).map_or(Kind::NonStandard, Kind::Contract),
    }
}

fn is_witness(version: u8, length: u8, program: &[u8]) -> bool {
    matches!(version, 0 | 0x51..=0x60)
        && (2..=40).contains(&length)
        && program.len() == usize::from(length)
}

fn witness(version: u8, program: &[u8]) -> Kind {
    let (short, long) = (<[u8; 20]>::try_from(program), <[u8; 32]>::try_from(program));
    match (version, short, long) {
        (0, Ok(hash), _) => Kind::WitnessKeyHash(hash),
        (0, _, Ok(hash)) => Kind::WitnessScriptHash(hash),
        (0, _, _) => Kind::NonStandard,
        (0x51, _, Ok(key)) => Kind::WitnessTaproot(key),
        _ => Kind::WitnessUnknown,
    }
}

/// `m <key>… n OP_CHECKMULTISIG` with 1 ≤ m ≤ n ≤ 16.
fn is_multisig(bytes: &[u8]) -> bool {
    let [
        required @ 0x51..=0x60,
        keys @ ..,
        total @ 0x51..=0x60,
        OP_CHECKMULTISIG,
    ] = bytes
    else {
        return false;
    };
    let mut count = 0;
    for key in Pushes::new(keys) {
        match key {
            Some(key) if matches!(key.len(), 33 | 65) => count += 1,
            _ => return false,
        }
    }
    required <= total && count == usize::from(total - 0x50)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn script(text: &str) -> Script {
        Script(hex::decode(text).unwrap())
    }

    #[test]
    fn scripts_have_the_names_that_qtumd_gives_them() {
        let named = |text: &str| script(text).kind().name();
        let hash = "11".repeat(20);
        let key = format!("02{}", "22".repeat(32));
        assert_eq!(named(&format!("76a914{hash}88ac")), "pubkeyhash");
        assert_eq!(named(&format!("21{key}ac")), "pubkey");
        assert_eq!(named(&format!("a914{hash}87")), "scripthash");
        assert_eq!(named(&format!("0014{hash}")), "witness_v0_keyhash");
        assert_eq!(
            named(&format!("0020{}", "33".repeat(32))),
            "witness_v0_scripthash"
        );
        assert_eq!(
            named(&format!("5120{}", "33".repeat(32))),
            "witness_v1_taproot"
        );
        assert_eq!(
            named(&format!("5121{}", "33".repeat(33))),
            "witness_unknown"
        );
        assert_eq!(
            named("6a24aa21a9ed66e283201878ac686710fdb93e2f8a9ec3f4b7d6b5fdd4d1a7d6a0b9d7e1f2a3"),
            "nulldata"
        );
        assert_eq!(named(&format!("5121{key}21{key}52ae")), "multisig");
        assert_eq!(named(&format!("5321{key}21{key}52ae")), "nonstandard");
        assert_eq!(
            named(&format!("01040390d003012804d0e30db014{hash}c2")),
            "call"
        );
        assert_eq!(named("01040390d00301280460016000c1"), "create");
        assert_eq!(named(&format!("0100010001000100{}{hash}c2", "14")), "call");
        assert_eq!(named(""), "nonstandard");
        assert_eq!(named("ff"), "nonstandard");
    }

    #[test]
    fn what_we_build_we_recognise() {
        let account = Account([7; 20]);
        assert_eq!(p2pkh(&account).kind(), Kind::PubKeyHash(account));
        assert_eq!(p2pkh(&account).p2pkh_account(), Some(account));
        let mut key = [9; 33];
        key[0] = 3;
        assert_eq!(p2pk(&key).kind(), Kind::PubKey(Account::hash160(&key)));
        assert_eq!(op_return(b"hello").kind(), Kind::NullData);
        assert_eq!(op_return(&[1; 300]).kind(), Kind::NullData);
    }

    #[test]
    fn json_is_hexadecimal() {
        let text = serde_json::to_string(&script("76a9")).unwrap();
        assert_eq!(text, "\"76a9\"");
        assert_eq!(
            serde_json::from_str::<Script>(&text).unwrap(),
            script("76a9")
        );
        assert!(serde_json::from_str::<Script>("\"zz\"").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_kind(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = Script(bytes).kind().name();
        }

        /// Almost scripts: the opcodes of the templates in random order reach deeper than noise.
        #[test]
        fn any_opcodes_have_a_kind(bytes in prop::collection::vec(prop::sample::select(
            vec![0x00, 0x01, 0x02, 0x04, 0x14, 0x4c, 0x4d, 0x4e, 0x51, 0x6a, 0x76, 0xa9, 0xac, 0xc1, 0xc2, 0xc4]
        ), 0..60)) {
            let _ = Script(bytes).kind().name();
        }
    }
}
