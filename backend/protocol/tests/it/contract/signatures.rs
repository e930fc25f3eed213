//! Who signed what: the signatures that the contract asks for.

use sparky_protocol::{
    Account, BalanceProof, ChannelParams, Hash, Side, Signature, SignedProof, UnsignedAck,
};

use super::{Contract, Revert};

impl Contract {
    /// Whose direction a proof is for: its signer's.
    pub(super) fn sender(
        &mut self,
        params: &ChannelParams,
        signed: &SignedProof,
    ) -> Result<Side, Revert> {
        let account = signed.signature.signer_account();
        let side = params.side_of(&account).ok_or("SignatureInvalid")?;
        let digest = proof_in(params, signed).digest(&self.domain);
        self.signed(&account, &digest, &signed.signature)?;
        Ok(side)
    }

    pub(super) fn both(
        &mut self,
        params: &ChannelParams,
        caller: Account,
        digest: &Hash,
        signatures: [&Option<Signature>; 2],
    ) -> Result<(), Revert> {
        for side in Side::BOTH {
            let account = params.account(side);
            if account != caller {
                let signature = signatures[side].unwrap_or(Signature::ABSENT);
                self.signed(&account, digest, &signature)?;
            }
        }
        Ok(())
    }

    pub(super) fn signed(
        &mut self,
        by: &Account,
        digest: &Hash,
        signature: &Signature,
    ) -> Result<(), Revert> {
        let verify = || signature.verify(digest, by).is_ok();
        let valid = *self
            .memory
            .entry((*digest, *by, *signature))
            .or_insert_with(verify);
        if valid {
            Ok(())
        } else {
            Err("SignatureInvalid")
        }
    }
}

/// The ack that fits a proof.
pub fn ack_of(proof: &BalanceProof, sender: Side) -> UnsignedAck {
    let (channel_id, nonce, proof_hash) = (proof.channel_id, proof.nonce, proof.struct_hash());
    UnsignedAck {
        channel_id,
        sender,
        nonce,
        proof_hash,
    }
}

/// The contract hashes the id of the params in, whatever the proof names.
pub(super) fn proof_in(params: &ChannelParams, signed: &SignedProof) -> BalanceProof {
    BalanceProof {
        channel_id: params.id(),
        ..signed.proof
    }
}
