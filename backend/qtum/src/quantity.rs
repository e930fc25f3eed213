//! Amounts as people write them: QTUM with up to eight decimals, exact, never a float.

use sparky_protocol::Amount;

use crate::network::SATOSHI_PER_QTUM;

const DECIMALS: usize = 8;

/// Why a text is not an amount of QTUM, in the order of checking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Nothing was typed.
    #[error("no amount was given")]
    Empty,
    /// A minus sign.
    #[error("{0} is negative; amounts are positive")]
    Negative(String),
    /// A comma: could be a decimal point or a thousands separator, and guessing costs money.
    #[error("{0} has a comma; write a point for decimals and nothing between thousands")]
    Comma(String),
    /// Scientific notation.
    #[error("{0} is in scientific notation; write all digits, for example 0.00000001")]
    Scientific(String),
    /// Something else than digits and one point.
    #[error("\"{0}\" is not an amount of QTUM")]
    NotANumber(String),
    /// More decimals than QTUM has, or a fraction of a satoshi.
    #[error("{text} has {decimals} decimals; this unit has {allowed}")]
    TooPrecise {
        /// What was typed.
        text: String,
        /// Decimals in it.
        decimals: usize,
        /// Decimals that the unit has: 8 for QTUM, 0 for satoshi.
        allowed: usize,
    },
    /// More than a contract can count (2^96 − 1 satoshi).
    #[error("{0} is more than can exist")]
    TooLarge(String),
}

impl QuantityError {
    /// Stable code for interfaces.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooPrecise { .. } => "amount-too-precise",
            Self::Negative(_) => "amount-negative",
            Self::Empty => "amount-missing",
            Self::Comma(_) | Self::Scientific(_) | Self::NotANumber(_) => "amount-invalid",
            Self::TooLarge(_) => "amount-too-large",
        }
    }
}

/// Parses QTUM: `20`, `0.29`, `.5`, `1.`; with a unit `20qtum`, `0.5 QTUM`, `5000sat`.
pub fn parse(text: &str) -> Result<Amount, QuantityError> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let (number, allowed) = if let Some(number) = lower.strip_suffix("qtum") {
        (number, DECIMALS)
    } else if let Some(number) = lower
        .strip_suffix("sats")
        .or_else(|| lower.strip_suffix("sat"))
    {
        (number, 0)
    } else {
        (lower.as_str(), DECIMALS)
    };
    decimal(number.trim(), text, allowed)
}

/// Parses a bare decimal of QTUM as it stands in files and in JSON: no unit, no spaces.
pub fn parse_qtum(text: &str) -> Result<Amount, QuantityError> {
    decimal(text, text, DECIMALS)
}

/// Prints satoshi as QTUM with as many decimals as needed: `80`, `0.29`, `0.00000001`.
pub fn format(amount: Amount) -> String {
    let full = format_full(amount);
    full.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Prints satoshi as QTUM with all eight decimals, as qtumd does: `80.00000000`.
pub fn format_full(amount: Amount) -> String {
    let unit = u128::from(SATOSHI_PER_QTUM);
    format!("{}.{:08}", amount.0 / unit, amount.0 % unit)
}

/// `number` has to be digits with at most one point; `text` is what the person wrote, for errors.
fn decimal(number: &str, text: &str, allowed: usize) -> Result<Amount, QuantityError> {
    let said = || clip(text);
    if number.is_empty() {
        return Err(QuantityError::Empty);
    }
    if number.starts_with(['-', '\u{2212}']) {
        return Err(QuantityError::Negative(said()));
    }
    if number.contains([',', '\'', '_']) {
        return Err(QuantityError::Comma(said()));
    }
    if is_scientific(number) {
        return Err(QuantityError::Scientific(said()));
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all_digits = whole
        .bytes()
        .chain(fraction.bytes())
        .all(|byte| byte.is_ascii_digit());
    if !all_digits || (whole.is_empty() && fraction.is_empty()) {
        return Err(QuantityError::NotANumber(said()));
    }
    if allowed < fraction.len() {
        return Err(QuantityError::TooPrecise {
            text: said(),
            decimals: fraction.len(),
            allowed,
        });
    }
    let digits = format!("{whole}{fraction:0<allowed$}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(Amount(0));
    }
    match significant.parse::<u128>().map(Amount) {
        Ok(amount) if amount <= Amount::MAX => Ok(amount),
        _ => Err(QuantityError::TooLarge(said())),
    }
}

fn is_scientific(number: &str) -> bool {
    let Some((mantissa, exponent)) = number.split_once('e') else {
        return false;
    };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    !mantissa.is_empty()
        && !exponent.is_empty()
        && mantissa
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        && exponent.bytes().all(|byte| byte.is_ascii_digit())
}

/// The first characters of what was typed: an error text must not repeat a pasted novel.
fn clip(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut clipped: String = text.chars().take(LONGEST).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn reads(text: &str, satoshi: u128) {
        assert_eq!(parse(text), Ok(Amount(satoshi)), "{text}");
    }

    #[test]
    fn amounts_are_exact() {
        reads("20", 2_000_000_000);
        reads("0.29", 29_000_000);
        reads("81.1", 8_110_000_000);
        reads("0.00000001", 1);
        reads(".5", 50_000_000);
        reads("1.", 100_000_000);
        reads(" 20qtum ", 2_000_000_000);
        reads("0.5 QTUM", 50_000_000);
        reads("5000sat", 5_000);
        reads("5000 sats", 5_000);
        reads("0", 0);
        reads("000.10", 10_000_000);
    }

    #[track_caller]
    fn refuses(text: &str, code: &str) {
        assert_eq!(parse(text).unwrap_err().code(), code, "{text}");
    }

    #[test]
    fn each_mistake_has_its_own_answer() {
        refuses("", "amount-missing");
        refuses("qtum", "amount-missing");
        refuses("-5", "amount-negative");
        refuses("−5", "amount-negative");
        refuses("1,5", "amount-invalid");
        refuses("1e-8", "amount-invalid");
        refuses("1E-8", "amount-invalid");
        refuses("NaN", "amount-invalid");
        refuses("Infinity", "amount-invalid");
        refuses("0x10", "amount-invalid");
        refuses(".", "amount-invalid");
        refuses("1.2.3", "amount-invalid");
        refuses("１", "amount-invalid");
        refuses("+1", "amount-invalid");
        refuses("0.5sat", "amount-too-precise");
        refuses(&"9".repeat(60), "amount-too-large");
        assert_eq!(parse("1e-8"), Err(QuantityError::Scientific("1e-8".into())));
        assert_eq!(
            parse("0.123456789"),
            Err(QuantityError::TooPrecise {
                text: "0.123456789".into(),
                decimals: 9,
                allowed: 8
            })
        );
    }

    #[test]
    fn printing_drops_what_says_nothing() {
        assert_eq!(format(Amount(8_000_000_000)), "80");
        assert_eq!(format(Amount(29_000_000)), "0.29");
        assert_eq!(format(Amount(1)), "0.00000001");
        assert_eq!(format(Amount(0)), "0");
        assert_eq!(format_full(Amount(100_000_000_000)), "1000.00000000");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(satoshi in 0..=Amount::MAX.0) {
            prop_assert_eq!(parse(&format(Amount(satoshi))), Ok(Amount(satoshi)));
            prop_assert_eq!(parse_qtum(&format_full(Amount(satoshi))), Ok(Amount(satoshi)));
        }

        #[test]
        fn any_text_gets_an_answer(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
