//! Precompiled contracts: Cancun's ten, and `0x85`, which recovers a Qtum account from a signature.

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use revm::precompile::{PrecompileStatus, Precompiles};
use revm::primitives::{Address, keccak256};
use sparky_protocol::Account;

const ECRECOVER_GAS: u64 = 3_000;

/// What a precompile did with its gas.
pub(crate) struct Ran {
    pub gas_left: u64,
    pub output: Vec<u8>,
}

/// Number of the precompile at `address`, if there is one.
fn number(address: &Address) -> Option<u8> {
    let (last, zeroes) = address.0.split_last()?;
    let reserved = matches!(last, 1..=10 | 0x85);
    (reserved && zeroes.iter().all(|byte| *byte == 0)).then_some(*last)
}

pub(crate) fn is_precompile(address: &Address) -> bool {
    number(address).is_some()
}

/// Runs the precompile; `None` when its gas or its input was not good, which costs all the gas.
pub(crate) fn run(address: &Address, input: &[u8], gas: u64) -> Option<Ran> {
    let curve = |recover: fn(&[u8; 128]) -> Vec<u8>| {
        let gas_left = gas.checked_sub(ECRECOVER_GAS)?;
        Some(Ran {
            gas_left,
            output: recover(&padded(input)),
        })
    };
    match number(address)? {
        1 => curve(recover_signer),
        0x85 => curve(recover_account),
        _ => {
            let output = Precompiles::cancun()
                .get(address)?
                .execute(input, gas, 0)
                .ok()?;
            matches!(output.status, PrecompileStatus::Success).then_some(())?;
            Some(Ran {
                gas_left: gas.checked_sub(output.gas_used)?,
                output: output.bytes.to_vec(),
            })
        }
    }
}

fn padded(input: &[u8]) -> [u8; 128] {
    let mut words = [0; 128];
    let length = input.len().min(128);
    words[..length].copy_from_slice(&input[..length]);
    words
}

/// `ecrecover`: the Ethereum address of the signing key, nothing if there is none.
fn recover_signer(words: &[u8; 128]) -> Vec<u8> {
    let recovery_id = match words[63] {
        header @ (27 | 28) if words[32..63].iter().all(|byte| *byte == 0) => header - 27,
        _ => return Vec::new(),
    };
    recover(words, recovery_id).map_or_else(Vec::new, |key| {
        let point = key.to_sec1_point(false);
        left_padded(&keccak256(&point.as_bytes()[1..])[12..])
    })
}

/// `btc_ecrecover`: the hash160 of the signing key. The header byte is Bitcoin's: 27 to 30 for
/// uncompressed, 31 to 34 for compressed keys; higher ones alias, as they do in Qtum Core.
fn recover_account(words: &[u8; 128]) -> Vec<u8> {
    if words[32..63].iter().any(|byte| *byte != 0) {
        return Vec::new();
    }
    let header = words[63].wrapping_sub(27);
    recover(words, header & 3).map_or_else(Vec::new, |key| {
        let point = key.to_sec1_point(header & 4 != 0);
        left_padded(&Account::hash160(point.as_bytes()).0)
    })
}

fn recover(words: &[u8; 128], recovery_id: u8) -> Option<VerifyingKey> {
    let mut signature = Signature::from_slice(&words[64..]).ok()?;
    let mut recovery_id = RecoveryId::from_byte(recovery_id)?;
    // A high s names the same point as the low one with the other parity.
    let normal = signature.normalize_s();
    if normal != signature {
        signature = normal;
        recovery_id = RecoveryId::new(!recovery_id.is_y_odd(), recovery_id.is_x_reduced());
    }
    VerifyingKey::recover_from_prehash(&words[..32], &signature, recovery_id).ok()
}

fn left_padded(bytes: &[u8]) -> Vec<u8> {
    let mut word = vec![0; 32 - bytes.len()];
    word.extend_from_slice(bytes);
    word
}
