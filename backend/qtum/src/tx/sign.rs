//! Signatures: legacy `SIGHASH_ALL` for P2PKH inputs, and the digest behind `OP_SENDER`.

use sparky_protocol::{Hash, SecretKey, Signature};

use super::encode::{write_outpoint, write_output};
use super::{Transaction, write_compact};
use crate::digest::sha256d;
use crate::script::{Contract, OpSender, Script, p2pkh, push};

/// Commits to every input and every output.
pub const SIGHASH_ALL: u8 = 0x01;

/// Commits to the first input and one output: somebody else may add inputs and change the rest.
pub const SIGHASH_SINGLE_ANYONECANPAY: u8 = 0x83;

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// There is no such input or output.
    #[error("the transaction has no input or output {0}")]
    NoSuchIndex(usize),
    /// The output does not name the key's account with `OP_SENDER`.
    #[error("output {0} does not name this key as its sender")]
    NotTheSender(usize),
}

impl Transaction {
    /// The digest that a legacy signature of input `index` with `SIGHASH_ALL` commits to.
    ///
    /// `script_code` is the script of the output spent. Unlike the newer form for witnesses it does
    /// not contain the value of that output.
    pub fn sighash_all(&self, index: usize, script_code: &Script) -> Result<Hash, SignError> {
        if self.inputs.len() <= index {
            return Err(SignError::NoSuchIndex(index));
        }
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(&self.version.to_le_bytes());
        write_compact(&mut bytes, self.inputs.len());
        for (position, input) in self.inputs.iter().enumerate() {
            write_outpoint(&mut bytes, &input.previous);
            let script: &[u8] = if position == index {
                script_code.as_bytes()
            } else {
                &[]
            };
            write_compact(&mut bytes, script.len());
            bytes.extend_from_slice(script);
            bytes.extend_from_slice(&input.sequence.to_le_bytes());
        }
        write_compact(&mut bytes, self.outputs.len());
        for output in &self.outputs {
            write_output(&mut bytes, output.value, output.script.as_bytes());
        }
        bytes.extend_from_slice(&self.lock_time.to_le_bytes());
        bytes.extend_from_slice(&u32::from(SIGHASH_ALL).to_le_bytes());
        Ok(Hash(sha256d(&bytes)))
    }

    /// Signs input `index`, which must spend a P2PKH output of `key`.
    pub fn sign_input(&mut self, index: usize, key: &SecretKey) -> Result<(), SignError> {
        let digest = self.sighash_all(index, &p2pkh(&key.account()))?;
        self.inputs[index].script_sig = Script(script_sig(key, &digest, SIGHASH_ALL));
        Ok(())
    }

    /// Signs every input, all of which must spend P2PKH outputs of `key`.
    pub fn sign(&mut self, key: &SecretKey) -> Result<(), SignError> {
        (0..self.inputs.len()).try_for_each(|index| self.sign_input(index, key))
    }

    /// Signs the `OP_SENDER` prefix of output `index`, which must name the account of `key`. Do this
    /// before the inputs are signed: they commit to the output with this signature in it.
    pub fn sign_sender(
        &mut self,
        index: usize,
        key: &SecretKey,
        hash_type: u8,
    ) -> Result<(), SignError> {
        let output = self
            .outputs
            .get(index)
            .ok_or(SignError::NoSuchIndex(index))?;
        let mut contract =
            Contract::parse(output.script.as_bytes()).ok_or(SignError::NotTheSender(index))?;
        let account = key.account();
        if contract
            .sender
            .as_ref()
            .is_none_or(|sender| sender.account != account)
        {
            return Err(SignError::NotTheSender(index));
        }
        let digest = sender_digest(self, index, hash_type)?;
        contract.sender = Some(OpSender {
            account,
            script_sig: script_sig(key, &digest, hash_type),
        });
        self.outputs[index].script = contract.to_script();
        Ok(())
    }
}

/// The digest that the `OP_SENDER` signature in output `index` commits to: like BIP 143, but for an
/// output. All sender signatures are left out of the outputs hashed.
pub fn sender_digest(tx: &Transaction, index: usize, hash_type: u8) -> Result<Hash, SignError> {
    const ANYONE_CAN_PAY: u8 = 0x80;
    const NONE: u8 = 2;
    const SINGLE: u8 = 3;
    let output = tx.outputs.get(index).ok_or(SignError::NoSuchIndex(index))?;
    let (sender, _) =
        OpSender::split(output.script.as_bytes()).ok_or(SignError::NotTheSender(index))?;
    let anyone_can_pay = hash_type & ANYONE_CAN_PAY != 0;
    let base = hash_type & 0x1f;
    let signed_inputs = if anyone_can_pay {
        tx.inputs.get(..1).unwrap_or_default()
    } else {
        &tx.inputs
    };

    let mut previous = Vec::new();
    let mut sequences = Vec::new();
    for input in signed_inputs {
        write_outpoint(&mut previous, &input.previous);
        sequences.extend_from_slice(&input.sequence.to_le_bytes());
    }
    let this_output = blanked(output.value, &output.script);
    let outputs = match base {
        SINGLE => sha256d(&this_output),
        NONE => [0; 32],
        _ => sha256d(
            &tx.outputs
                .iter()
                .flat_map(|output| blanked(output.value, &output.script))
                .collect::<Vec<_>>(),
        ),
    };
    let script_code = p2pkh(&sender.account);

    let mut bytes = Vec::with_capacity(512);
    bytes.extend_from_slice(&tx.version.to_le_bytes());
    bytes.extend_from_slice(&sha256d(&previous));
    bytes.extend_from_slice(&if matches!(base, NONE | SINGLE) {
        [0; 32]
    } else {
        sha256d(&sequences)
    });
    bytes.extend_from_slice(&this_output);
    write_compact(&mut bytes, script_code.0.len());
    bytes.extend_from_slice(script_code.as_bytes());
    bytes.extend_from_slice(&output.value.to_le_bytes());
    bytes.extend_from_slice(&outputs);
    bytes.extend_from_slice(&tx.lock_time.to_le_bytes());
    bytes.extend_from_slice(&u32::from(hash_type).to_le_bytes());
    Ok(Hash(sha256d(&bytes)))
}

/// An output as signed by a sender: without any sender's signature.
fn blanked(value: u64, script: &Script) -> Vec<u8> {
    let blank = OpSender::split(script.as_bytes()).map(|(sender, rest)| {
        OpSender {
            script_sig: Vec::new(),
            ..sender
        }
        .wrap(&Script(rest.to_vec()))
    });
    let mut bytes = Vec::new();
    write_output(
        &mut bytes,
        value,
        blank.as_ref().unwrap_or(script).as_bytes(),
    );
    bytes
}

/// Signature and public key, as an input that spends P2PKH needs them.
fn script_sig(key: &SecretKey, digest: &Hash, hash_type: u8) -> Vec<u8> {
    let mut signature = der(&key.sign(digest));
    signature.push(hash_type);
    let mut script = Vec::with_capacity(108);
    push(&mut script, &signature);
    push(&mut script, &key.public_key().to_bytes());
    script
}

/// The DER form of a signature. Its `s` is low already: [`Signature`] has no other.
fn der(signature: &Signature) -> Vec<u8> {
    let mut s = signature.vs;
    s[0] &= 0x7f;
    let (r, s) = (der_integer(&signature.r), der_integer(&s));
    let mut bytes = vec![0x30, length_byte(r.len() + s.len())];
    bytes.extend_from_slice(&r);
    bytes.extend_from_slice(&s);
    bytes
}

/// A positive integer: no leading zeroes, except one that keeps it positive.
fn der_integer(number: &[u8; 32]) -> Vec<u8> {
    let zeroes = number
        .iter()
        .take(31)
        .take_while(|byte| **byte == 0)
        .count();
    let digits = &number[zeroes..];
    let padding = usize::from(0x80 <= digits[0]);
    let mut bytes = vec![2, length_byte(digits.len() + padding)];
    bytes.resize(2 + padding, 0);
    bytes.extend_from_slice(digits);
    bytes
}

fn length_byte(length: usize) -> u8 {
    u8::try_from(length).expect("invariant: two 32-byte integers are shorter than 128 bytes in DER")
}
