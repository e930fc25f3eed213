//! How values stand in qtumd's JSON: hexadecimal without prefix, amounts as decimal numbers.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use sparky_protocol::{Account, Hash};

use crate::tx::Transaction;

/// QTUM as a JSON number (or string) to satoshi, exactly.
pub(super) fn satoshi<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    parse_satoshi(raw.get()).ok_or_else(|| not_an_amount(raw.get()))
}

/// Like [`satoshi`] where the field may be missing or null.
pub(super) fn optional_satoshi<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    let Some(raw) = Option::<Box<RawValue>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    if raw.get() == "null" {
        return Ok(None);
    }
    parse_satoshi(raw.get())
        .map(Some)
        .ok_or_else(|| not_an_amount(raw.get()))
}

/// A transaction in hexadecimal.
pub(super) fn transaction<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Transaction, D::Error> {
    let hex = String::deserialize(deserializer)?;
    Transaction::from_hex(&hex).map_err(de::Error::custom)
}

fn not_an_amount<E: de::Error>(text: &str) -> E {
    E::custom(format_args!("{text} is not an amount of QTUM"))
}

/// An amount as a result by itself.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Satoshi(#[serde(deserialize_with = "satoshi")] pub u64);

/// Reads a non-negative JSON number of QTUM. qtumd prints eight decimals; other writers of JSON may
/// shorten to `2e4` or `7.77e-6`, which is the same number.
pub(super) fn parse_satoshi(text: &str) -> Option<u64> {
    const DECIMALS: i64 = 8;
    let text = text.trim().trim_matches('"');
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    if !(-1_000..=1_000).contains(&exponent) {
        return None;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty()
        || !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let fraction = i64::try_from(fraction.len()).ok()?;
    // The value is digits × 10^shift satoshi.
    let shift = exponent.checked_sub(fraction)?.checked_add(DECIMALS)?;
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    if 0 <= shift {
        let zeroes = usize::try_from(shift).ok()?;
        return format!("{significant}{}", "0".repeat(zeroes)).parse().ok();
    }
    let cut = usize::try_from(-shift).ok()?;
    let (kept, dropped) = significant.split_at_checked(significant.len().checked_sub(cut)?)?;
    // Less than a satoshi is not an amount, unless it is nothing.
    if dropped.bytes().any(|byte| byte != b'0') || kept.is_empty() {
        return None;
    }
    kept.parse().ok()
}

/// 40 hexadecimal digits.
pub(super) fn account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Account, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut bytes = [0; 20];
    hex::decode_to_slice(&text, &mut bytes).map_err(de::Error::custom)?;
    Ok(Account(bytes))
}

/// Hexadecimal digits; none are none.
pub(super) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    hex::decode(String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// Words of 64 hexadecimal digits, in the order of the EVM (not reversed).
pub(super) fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hash>, D::Error> {
    let word = |text: String| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes)
            .map(|()| Hash(bytes))
            .map_err(de::Error::custom)
    };
    Vec::<String>::deserialize(deserializer)?
        .into_iter()
        .map(word)
        .collect()
}

/// Undoes the escapes that the parser of URLs leaves in user name and password.
pub(super) fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let mut decoded = [0];
        let escape = tail.get(..2).filter(|_| *first == b'%');
        if escape.is_some_and(|digits| hex::decode_to_slice(digits, &mut decoded).is_ok()) {
            bytes.push(decoded[0]);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Base64 as basic authorisation needs it.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let index =
                usize::try_from(bits >> (18 - 6 * position) & 63).expect("invariant: six bits fit");
            text.push(if position <= chunk.len() {
                char::from(ALPHABET[index])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        let rows: [(&str, Option<u64>); 16] = [
            ("0.29000000", Some(29_000_000)),
            ("20000.34586880", Some(2_000_034_586_880)),
            ("20000", Some(2_000_000_000_000)),
            ("7.77e-06", Some(777)),
            ("7.77e-6", Some(777)),
            ("2e4", Some(2_000_000_000_000)),
            ("1e-8", Some(1)),
            ("1e-9", None),
            ("0.000000001", None),
            ("0.0000000010e1", Some(1)),
            ("-1", None),
            ("\"0.5\"", Some(50_000_000)),
            ("0e500", Some(0)),
            ("1e999999999999", None),
            ("1e400", None),
            ("null", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_satoshi(text), expected, "{text}");
        }
    }

    #[test]
    fn credentials_are_encoded_as_rfc_7617_says() {
        assert_eq!(
            base64(b"Aladdin:open sesame"),
            "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(base64(b"qtum:test"), "cXR1bTp0ZXN0");
        assert_eq!(base64(b"a"), "YQ==");
        assert_eq!(percent_decode("p%40ss%2Fw%"), "p@ss/w%");
    }
}
