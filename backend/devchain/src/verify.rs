//! Scripts and signatures of spending inputs.
//!
//! Keys spend here: pay-to-public-key-hash and pay-to-public-key with `SIGHASH_ALL`. Everything else
//! that Bitcoin's script could express is refused, as if its script had failed.

use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{Signature, VerifyingKey};
use sparky_protocol::Account;
use sparky_qtum::script::{Contract, Kind, Pushes, Script};
use sparky_qtum::tx::{SIGHASH_ALL, Transaction, TxOut, sender_digest};

use crate::mempool::Reject;

const EVAL_FALSE: &str =
    "Script evaluated without error but finished with a false/empty top stack element";
const NULL_FAIL: &str = "Signature must be zero for failed CHECK(MULTI)SIG operation";
const EQUAL_VERIFY: &str = "Script failed an OP_EQUALVERIFY operation";
const STACK: &str = "Operation not valid with the current stack size";
const DER: &str = "Non-canonical DER signature";
const HIGH_S: &str = "Non-canonical signature: S value is unnecessarily high";
const HASH_TYPE: &str = "Signature hash type missing or not understood";
const PUBLIC_KEY: &str = "Public key is neither compressed or uncompressed";

/// Checks the unlocking script of every input against the output it spends, and the signature of
/// every `OP_SENDER`.
pub(crate) fn verify(tx: &Transaction, spent: &[TxOut]) -> Result<(), Reject> {
    for (index, output) in spent.iter().enumerate() {
        verify_input(tx, index, &output.script).map_err(|reason| {
            Reject::policy(format!("mandatory-script-verify-flag-failed ({reason})"))
        })?;
    }
    for (index, output) in tx.outputs.iter().enumerate() {
        if let Some(Contract {
            sender: Some(sender),
            ..
        }) = Contract::parse(output.script.as_bytes())
        {
            let digest = |hash_type| {
                sender_digest(tx, index, hash_type)
                    .ok()
                    .map(|digest| digest.0)
            };
            verify_proof(&sender.script_sig, &sender.account, digest).map_err(|reason| {
                Reject::policy(format!("sender-output-script-verify-failed ({reason})"))
            })?;
        }
    }
    Ok(())
}

fn verify_input(tx: &Transaction, index: usize, script: &Script) -> Result<(), &'static str> {
    let script_sig = tx
        .inputs
        .get(index)
        .map_or(&[][..], |input| input.script_sig.as_bytes());
    let digest = |hash_type| {
        if hash_type != SIGHASH_ALL {
            return None;
        }
        tx.sighash_all(index, script).ok().map(|digest| digest.0)
    };
    match script.kind() {
        Kind::PubKeyHash(account) => verify_proof(script_sig, &account, digest),
        Kind::PubKey(_) => {
            let [signature] = pushes(script_sig)?.try_into().map_err(|_| STACK)?;
            let key = &script.as_bytes()[1..script.as_bytes().len() - 1];
            verify_signature(signature, key, digest)
        }
        _ => Err(EVAL_FALSE),
    }
}

/// Signature and public key of an account.
fn verify_proof(
    script_sig: &[u8],
    account: &Account,
    digest: impl Fn(u8) -> Option<[u8; 32]>,
) -> Result<(), &'static str> {
    let [signature, key] = pushes(script_sig)?.try_into().map_err(|_| STACK)?;
    if Account::hash160(key) != *account {
        return Err(EQUAL_VERIFY);
    }
    verify_signature(signature, key, digest)
}

fn pushes(script: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    Pushes::new(script)
        .collect::<Option<Vec<_>>>()
        .ok_or(EVAL_FALSE)
}

fn verify_signature(
    signature: &[u8],
    key: &[u8],
    digest: impl Fn(u8) -> Option<[u8; 32]>,
) -> Result<(), &'static str> {
    let (hash_type, der) = signature.split_last().ok_or(EVAL_FALSE)?;
    let signature = Signature::from_der(der).map_err(|_| DER)?;
    if signature.normalize_s() != signature {
        return Err(HIGH_S);
    }
    let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| PUBLIC_KEY)?;
    let digest = digest(*hash_type).ok_or(HASH_TYPE)?;
    key.verify_prehash(&digest, &signature)
        .map_err(|_| NULL_FAIL)
}
