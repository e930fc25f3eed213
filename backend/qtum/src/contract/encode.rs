//! Calls to bytes.

use ethabi::Token;
use sparky_protocol::{
    Account, BalanceProof, ChannelParams, ContractCall, Signature, SignedProof, lock,
};

use super::abi::{CHANNELS, address, bytes32, encode as encode_function, int, uint};
use super::{gas_limit, gas_price};
use crate::script::Gas;
use crate::wallet::{Output, WalletError};

/// Selector and arguments of `call`.
pub fn encode(call: &ContractCall) -> Vec<u8> {
    let (name, arguments) = arguments(call);
    encode_function(&CHANNELS, name, &arguments)
}

/// The transaction output that makes `call` on `contract`, with value, gas limit and gas price.
pub fn output(contract: &Account, call: &ContractCall) -> Result<Output, WalletError> {
    let value = u64::try_from(call.value().0).map_err(|_| WalletError::TooMuch)?;
    let gas = Gas {
        limit: gas_limit(call),
        price: gas_price(call),
    };
    Ok(Output::call(contract, encode(call), value, gas))
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each call of the contract, nothing else"
)]
fn arguments(call: &ContractCall) -> (&'static str, Vec<Token>) {
    match call {
        ContractCall::Open {
            account_b,
            token,
            amount,
            window,
            penalty_bps,
        } => (
            "open",
            vec![
                address(account_b),
                address(token),
                uint(amount.0),
                uint(*window),
                uint(*penalty_bps),
            ],
        ),
        ContractCall::Deposit { params, to, amount } => (
            "deposit",
            vec![tuple(params), Token::Bool(to.is_b()), uint(amount.0)],
        ),
        ContractCall::CooperativeWithdraw {
            params,
            from,
            amount,
            valid_until,
            signature_a,
            signature_b,
        } => (
            "cooperativeWithdraw",
            vec![
                tuple(params),
                Token::Bool(from.is_b()),
                uint(amount.0),
                uint(*valid_until),
                signature(signature_a.as_ref()),
                signature(signature_b.as_ref()),
            ],
        ),
        ContractCall::CooperativeClose {
            params,
            net_to_a,
            valid_until,
            signature_a,
            signature_b,
        } => (
            "cooperativeClose",
            vec![
                tuple(params),
                int(net_to_a.0),
                uint(*valid_until),
                signature(signature_a.as_ref()),
                signature(signature_b.as_ref()),
            ],
        ),
        ContractCall::Close {
            params,
            declared,
            incoming,
            valid_until,
        } => (
            "close",
            vec![
                tuple(params),
                uint(declared.0),
                proof(incoming.as_ref().map(|signed| &signed.proof)),
                signature(incoming.as_ref().map(|signed| &signed.signature)),
                uint(*valid_until),
            ],
        ),
        ContractCall::Recover {
            params,
            valid_until,
        } => ("recover", vec![tuple(params), uint(*valid_until)]),
        ContractCall::CounterClaim {
            params,
            proof:
                SignedProof {
                    proof: claimed,
                    signature: signed,
                },
            ack,
        } => (
            "counterClaim",
            vec![
                tuple(params),
                proof(Some(claimed)),
                signature(Some(signed)),
                signature(ack.as_ref()),
            ],
        ),
        ContractCall::RaiseFloor {
            params,
            proof:
                SignedProof {
                    proof: shown,
                    signature: signed,
                },
        } => (
            "raiseFloor",
            vec![tuple(params), proof(Some(shown)), signature(Some(signed))],
        ),
        ContractCall::Settle {
            params,
            locks_ab,
            locks_ba,
        } => (
            "settle",
            vec![
                tuple(params),
                Token::Bytes(lock::pack(locks_ab)),
                Token::Bytes(lock::pack(locks_ba)),
            ],
        ),
        ContractCall::RegisterPreimages { preimages } => {
            let preimages = preimages
                .iter()
                .map(|preimage| bytes32(&preimage.0))
                .collect();
            ("registerPreimages", vec![Token::Array(preimages)])
        }
        ContractCall::Withdraw { token, to } => ("withdraw", vec![address(token), address(to)]),
    }
}

fn tuple(params: &ChannelParams) -> Token {
    Token::Tuple(vec![
        uint(params.number),
        address(&params.account_a),
        address(&params.account_b),
        address(&params.token),
        uint(params.window),
        uint(params.penalty_bps),
    ])
}

/// A proof without its channel id, which the contract takes from the params. None is all zero.
fn proof(proof: Option<&BalanceProof>) -> Token {
    let (nonce, transferred, root) = proof.map_or((0, 0, [0; 32]), |proof| {
        (proof.nonce, proof.transferred.0, proof.locks_root.0)
    });
    Token::Tuple(vec![uint(nonce), uint(transferred), bytes32(&root)])
}

fn signature(signature: Option<&Signature>) -> Token {
    let Signature { r, vs, x, y } = signature.unwrap_or(&Signature::ABSENT);
    Token::Tuple([r, vs, x, y].into_iter().map(bytes32).collect())
}
