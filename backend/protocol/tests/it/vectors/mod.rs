//! `docs/spec/vectors`: what other implementations, the contract first, must reproduce.
//!
//! The test compares; `SPARKY_WRITE_VECTORS=1` writes the files again after a deliberate change.

mod digests;
mod settlements;
mod signatures;

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use sparky_protocol::{
    Account, Amount, ChannelId, ChannelParams, Domain, Hash, Lock, Preimage, SecretKey, lock,
};

/// The keys of the original demo, as in its README; public, worthless outside dev and regtest.
const DEMO_KEYS: [(&str, &str, &str); 3] = [
    (
        "Alice",
        "0x7826adc1127b8cf34c47b2c7909904109d7fe404be04838e323082981c51340e",
        "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ",
    ),
    (
        "Bob",
        "0x00821d8c8a3627adc68aa4034fea953b2f5da553fab312db3fa274240bd49f35",
        "cMbgxCJrTYUqgcmiC1berh5DFrtY1KeU4PXZ6NZxgenniF1mXCRk",
    ),
    (
        "the contract's deployer",
        "0xe782289f3f4cae2c743f3bbe8ea1774bada2647680c4d7c2a7cf76d13eb948ba",
        "cVLiw3xKLNVMVKkhNhQGxHc6VmAgdu7jeyt2KYND2BCbwnHqiPBw",
    ),
];

fn key(at: usize) -> SecretKey {
    let bytes: Hash = DEMO_KEYS[at].1.parse().expect("hex");
    SecretKey::from_bytes(&bytes.0).expect("a key")
}

#[test]
fn digests() {
    check("digests", &digests::all());
}

#[test]
fn locks() {
    let rows: Vec<_> = [("none", 0), ("one", 1), ("two", 2), ("sixty-four", 64)]
        .map(|(name, count)| {
            let locks: Vec<_> = (1..=count).map(lock_number).collect();
            json!({
                "name": name,
                "locks": locks,
                "packed": format!("0x{}", hex::encode(lock::pack(&locks))),
                "locksRoot": lock::root(&locks),
                "total": lock::total(&locks),
            })
        })
        .into();
    let preimages: Vec<_> = [0, 1, 0xff]
        .map(|byte| Preimage([byte; 32]))
        .map(|preimage| json!({ "preimage": preimage, "paymentHash": preimage.payment_hash() }))
        .into();
    check("locks", &json!({ "lists": rows, "preimages": preimages }));
}

#[test]
fn settlements() {
    check("settlements", &json!(settlements::rows()));
}

#[test]
fn signatures() {
    let keys: Vec<_> = (0..DEMO_KEYS.len())
        .map(|at| {
            json!({
                "name": DEMO_KEYS[at].0,
                "wif": DEMO_KEYS[at].2,
                "secretKey": DEMO_KEYS[at].1,
                "publicKey": key(at).public_key(),
                "account": key(at).account(),
                "ecRecoveryAddress": key(at).signer(),
            })
        })
        .collect();
    check(
        "signatures",
        &json!({ "keys": keys, "signatures": signatures::rows() }),
    );
}

/// UX.md prints these for the demo; they come from the original demo's README.
#[test]
fn demo_accounts_have_the_recovery_addresses_of_the_original_demo() {
    let signers = [
        "0x0cf28703ecc9c7db28f3d496e41666445b0a4eaf",
        "0x6fd56e72373a34ba39bf4167af82e7a411bfed47",
    ];
    for (at, signer) in signers.iter().enumerate() {
        assert_eq!(key(at).signer().to_string(), *signer);
    }
}

fn domains() -> impl Iterator<Item = Domain> {
    let contract = Account([0xc0; 20]);
    [81, 8_889, 8_890]
        .into_iter()
        .map(move |chain_id| Domain { chain_id, contract })
}

fn dev() -> Domain {
    Domain {
        chain_id: 8_890,
        contract: Account([0xc0; 20]),
    }
}

fn channels() -> [ChannelParams; 3] {
    let params = ChannelParams {
        number: 1,
        account_a: key(0).account(),
        account_b: key(1).account(),
        token: Account::ZERO,
        window: 50,
        penalty_bps: 10_000,
    };
    let token = ChannelParams {
        number: 2,
        token: Account([0x70; 20]),
        ..params
    };
    let extreme = ChannelParams {
        number: u64::MAX,
        account_a: params.account_b,
        account_b: params.account_a,
        token: Account([0xff; 20]),
        window: u32::MAX,
        penalty_bps: u16::MAX,
    };
    [params, token, extreme]
}

fn channel_id() -> ChannelId {
    channels()[0].id()
}

fn lock_number(id: u64) -> Lock {
    Lock {
        id,
        amount: Amount(u128::from(id) * 1_000),
        expiry: 100 + u32::try_from(id).expect("small"),
        payment_hash: Preimage([u8::try_from(id).expect("small"); 32]).payment_hash(),
    }
}

#[track_caller]
fn check(name: &str, vectors: &Value) {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/vectors");
    let path = directory.join(format!("{name}.json"));
    let text = format!("{}\n", serde_json::to_string_pretty(vectors).expect("JSON"));
    if std::env::var_os("SPARKY_WRITE_VECTORS").is_some() {
        fs::write(&path, &text).expect("docs/spec/vectors can be written");
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == text,
        "{name}.json differs; SPARKY_WRITE_VECTORS=1 writes it again"
    );
}
