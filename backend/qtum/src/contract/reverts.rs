//! Why the contract refused: custom errors as stable codes and plain sentences.

use ethabi::Token;
use ethabi::ethereum_types::U256;
use serde::Serialize;

use super::abi::CHANNELS;

/// A refusal of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revert {
    /// Stable: the custom error's name in kebab-case, or `reverted`, `panic`, `no-reason`, `unknown-error`.
    pub code: String,
    /// For people; carries the figures.
    pub reason: String,
}

/// Explains the output of a call that reverted.
///
/// Qtum keeps this output only in the answer to `callcontract`. The receipt of a mined transaction has
/// no more than the text of `require`, so ask before sending.
pub fn explain(output: &[u8]) -> Revert {
    const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
    const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];
    let revert = |code: &str, reason: String| Revert {
        code: code.to_owned(),
        reason,
    };
    let Some((selector, data)) = output.split_first_chunk::<4>() else {
        return revert("no-reason", "it gave no reason".to_owned());
    };
    match *selector {
        ERROR => {
            return revert(
                "reverted",
                error_text(data).unwrap_or_else(|| "it gave no readable reason".to_owned()),
            );
        }
        PANIC => {
            let number = U256::from_big_endian(data.get(..32).unwrap_or_default());
            return revert(
                "panic",
                format!("it stopped at a fault of its own (panic 0x{number:x})"),
            );
        }
        _ => {}
    }
    let known = CHANNELS
        .errors
        .values()
        .flatten()
        .find(|error| super::abi::selector(&error.name, &error.inputs) == *selector);
    match known.map(|error| (error, super::abi::decode_static(&error.inputs, data))) {
        Some((error, Some(values))) => revert(&kebab(&error.name), sentence(&error.name, &values)),
        _ => revert(
            "unknown-error",
            format!("it gave an unknown reason, 0x{}", hex::encode(selector)),
        ),
    }
}

/// The text of Solidity's `Error(string)`. Read by hand: lengths in hostile data are only compared.
fn error_text(data: &[u8]) -> Option<String> {
    let length = U256::from_big_endian(data.get(32..64)?);
    let text = data.get(64..)?;
    let length = usize::try_from(length).ok()?.min(200);
    Some(String::from_utf8_lossy(text.get(..length)?).into_owned())
}

/// One sentence for one custom error. Heights and amounts are the contract's own figures.
fn sentence(name: &str, values: &[Token]) -> String {
    let figure = |index: usize| values.get(index).map_or_else(|| "?".to_owned(), figure);
    let (first, second) = (figure(0), figure(1));
    match name {
        "BoundsInvalid" => {
            format!("the bounds {first} to {second} of the finalization period make no sense")
        }
        "PartnerInvalid" => {
            format!("{first} can not be the partner: neither nobody, nor oneself, nor the contract")
        }
        "WindowOutOfBounds" => {
            format!(
                "a finalization period of {first} blocks is not allowed here: {second} to {} are",
                figure(2)
            )
        }
        "NotAToken" => format!("there is no token at {first}"),
        "ValueMismatch" => format!("{first} satoshi were sent where {second} were announced"),
        "DepositTooLarge" => format!("a deposit of {first} is too large: at most {second} fit"),
        "TokenRefused" => {
            format!("the token {first} did not deliver {second}: is the transfer approved?")
        }
        "UnknownChannel" => "there is no such channel: it never was, or it has ended".to_owned(),
        "NotOpen" => format!("the channel is closing already (corrections until block {second})"),
        "NotClosed" => "the channel is open: there is nothing to correct or to settle".to_owned(),
        "NotParticipant" => format!("{first} is not a participant of this channel"),
        "Expired" => {
            format!("this was valid until block {second}; it would be mined in block {first}")
        }
        "InsufficientChannelBalance" => {
            format!("{first} are wanted, the channel or this side holds {second}")
        }
        "SignatureInvalid" => format!("there is no valid signature by {first}"),
        "NonceZero" => "a proof with nonce 0 says nothing".to_owned(),
        "Stale" => format!("a proof with nonce {first} is posted already; {second} is not newer"),
        "FloorNotRaised" => {
            format!("{first} are owed at least already; {second} does not raise it")
        }
        "TooLate" => {
            format!("corrections ended with block {second}; it would be mined in block {first}")
        }
        "AckMissing" => format!("the proof is not agreed: the ack of {first} is missing"),
        "NothingToRefute" => "nothing was posted that could be refuted now".to_owned(),
        "NotFinal" => format!(
            "settling is possible from block {second} on; it would be mined in block {first}"
        ),
        "LocksMismatch" => "these are not the locks that the posted proof stands for".to_owned(),
        "LocksMalformed" => format!("{first} bytes are not a list of at most 64 locks"),
        "NoCredit" => format!("nothing is credited to {first}"),
        "PaymentFailed" => format!("paying {second} to {first} failed"),
        "GasTooLow" => format!("more gas is needed: {first} were left where {second} are needed"),
        "Reentered" => "a token called back in the middle of a payment".to_owned(),
        _ => format!(
            "{} ({})",
            kebab(name).replace('-', " "),
            values
                .iter()
                .map(self::figure)
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

fn figure(token: &Token) -> String {
    match token {
        // Two's complement: the ABI's int is handed over as its 256-bit pattern.
        Token::Int(value) if value.bit(255) => {
            format!("-{}", (!*value).overflowing_add(U256::one()).0)
        }
        Token::Uint(value) | Token::Int(value) => value.to_string(),
        Token::Address(account) => format!("0x{}", hex::encode(account.as_bytes())),
        other => format!("0x{other}"),
    }
}

fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index != 0 {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
