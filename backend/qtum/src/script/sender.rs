//! `OP_SENDER`: a contract output whose sender is not the owner of the first input.
//!
//! The named account signs the output, somebody else pays inputs and gas. What is signed is in
//! [`crate::tx::sender_digest`].

use sparky_protocol::Account;

use super::push::{Pushes, push};
use super::{OP_SENDER, Script};

/// Address type 1 of the prefix: pay-to-public-key-hash, the only one that Qtum Core accepts.
const TYPE_P2PKH: u8 = 1;

/// The prefix of a sponsored contract output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpSender {
    /// Who the contract will see as `msg.sender`.
    pub account: Account,
    /// Signature and public key, each pushed, as in an input that spends P2PKH. Empty: not signed.
    pub script_sig: Vec<u8>,
}

impl OpSender {
    /// Splits a script into prefix and contract script.
    pub fn split(script: &[u8]) -> Option<(Self, &[u8])> {
        let mut pushes = Pushes::new(script);
        let kind = pushes.next()??;
        let account = pushes.next()??;
        let proof = pushes.next()??;
        if kind != [TYPE_P2PKH] || pushes.rest().first() != Some(&OP_SENDER) {
            return None;
        }
        let account = Account(account.try_into().ok()?);
        let script_sig = if proof.is_empty() {
            Vec::new()
        } else {
            unwrap(proof)?.to_vec()
        };
        Some((
            Self {
                account,
                script_sig,
            },
            &pushes.rest()[1..],
        ))
    }

    /// `contract_script` with this prefix in front.
    pub fn wrap(&self, contract_script: &Script) -> Script {
        let mut script = Vec::with_capacity(contract_script.0.len() + self.script_sig.len() + 32);
        self.write(&mut script);
        script.extend_from_slice(&contract_script.0);
        Script(script)
    }

    pub(super) fn write(&self, script: &mut Vec<u8>) {
        push(script, &[TYPE_P2PKH]);
        push(script, &self.account.0);
        if self.script_sig.is_empty() {
            push(script, &[]);
        } else {
            let mut proof = Vec::with_capacity(self.script_sig.len() + 5);
            crate::tx::write_compact(&mut proof, self.script_sig.len());
            proof.extend_from_slice(&self.script_sig);
            push(script, &proof);
        }
        script.push(OP_SENDER);
    }
}

/// The bytes behind their own length, which must fit exactly.
fn unwrap(proof: &[u8]) -> Option<&[u8]> {
    let mut reader = crate::tx::Reader::new(proof);
    let length = reader.compact().ok()?;
    let script_sig = reader.take(length).ok()?;
    reader.is_empty().then_some(script_sig)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_prefix_reads_back(
            account: [u8; 20],
            script_sig in prop::collection::vec(any::<u8>(), 0..300),
            rest in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let sender = OpSender { account: Account(account), script_sig };
            let script = sender.wrap(&Script(rest.clone()));
            prop_assert_eq!(OpSender::split(&script.0), Some((sender, rest.as_slice())));
        }

        #[test]
        fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = OpSender::split(&bytes);
        }
    }
}
