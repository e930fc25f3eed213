//! Reading a JSON string by its own grammar: hex, decimal.

use core::{fmt, marker::PhantomData, str::FromStr};

use serde::{Deserializer, de};

/// Parses a JSON string with `T`'s own [`FromStr`], without a copy.
pub(crate) fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> de::Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

/// Fills `bytes` from "0x" and exactly twice as many hexadecimal digits.
pub(crate) fn hex_into(text: &str, bytes: &mut [u8]) -> Result<(), InvalidHex> {
    let expected = bytes.len();
    let digits = text.strip_prefix("0x").ok_or(InvalidHex { expected })?;
    hex::decode_to_slice(digits, bytes).map_err(|_| InvalidHex { expected })
}

/// Writes "0x" and two digits for each byte: many at once, because digit by digit it would be a part of
/// every payment's cost that can be seen.
pub(crate) fn write_hex(formatter: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    formatter.write_str("0x")?;
    for chunk in bytes.chunks(64) {
        let mut digits = [0; 128];
        let digits = &mut digits[..2 * chunk.len()];
        hex::encode_to_slice(chunk, digits).map_err(|_| fmt::Error)?;
        formatter.write_str(core::str::from_utf8(digits).map_err(|_| fmt::Error)?)?;
    }
    Ok(())
}

/// A text that is not "0x" and the right number of hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 0x and {} hexadecimal digits", .expected * 2)]
pub struct InvalidHex {
    /// How many bytes were wanted.
    pub expected: usize,
}
