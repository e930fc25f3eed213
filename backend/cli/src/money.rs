//! Amounts as people write them on a command line, and as we show them.

use anyhow::Result;
use sparky_protocol::Amount;
use sparky_qtum::quantity::{self, QuantityError};

use crate::problem::Problem;

/// Reads `20`, `20qtum`, `0.5qtum` or `5000sat`.
///
/// # Errors
/// `amount-too-precise` and the other codes of [`QuantityError`].
pub fn parse(text: &str) -> Result<Amount> {
    quantity::parse(text).map_err(|error| {
        let title = match &error {
            QuantityError::TooPrecise { .. } => "QTUM has 8 decimals",
            _ => "Not an amount",
        };
        let detail = format!("{error}. Nothing was signed or sent.");
        Problem::new(error.code(), title, detail)
            .with("input", text)
            .into()
    })
}

/// Reads an amount of which there must be some.
///
/// # Errors
/// As [`parse`], and `amount-zero`.
pub fn parse_positive(text: &str) -> Result<Amount> {
    let amount = parse(text)?;
    if amount == Amount(0) {
        let detail = "Nothing is too little to send. Nothing was signed or sent.";
        return Err(Problem::new("amount-zero", "Not an amount", detail).into());
    }
    Ok(amount)
}

/// `20 QTUM`.
pub fn qtum(amount: Amount) -> String {
    format!("{} QTUM", quantity::format(amount))
}

/// `20 QTUM (2000000000 sat)`: both units, before somebody confirms.
pub fn both(amount: Amount) -> String {
    format!("{} ({} sat)", qtum(amount), amount.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem;

    #[test]
    fn both_units_are_read_and_shown() {
        for (text, satoshi) in [
            ("20", 2_000_000_000),
            ("0.5qtum", 50_000_000),
            ("5000sat", 5_000),
        ] {
            assert_eq!(parse_positive(text).unwrap(), Amount(satoshi), "{text}");
        }
        assert_eq!(both(Amount(29_000_000)), "0.29 QTUM (29000000 sat)");
    }

    #[test]
    fn each_mistake_has_its_code() {
        for (text, code) in [
            ("1.123456789", "amount-too-precise"),
            ("-1", "amount-negative"),
            ("1e-8", "amount-invalid"),
            ("0", "amount-zero"),
            ("0.5sat", "amount-too-precise"),
        ] {
            assert_eq!(
                problem::of(&parse_positive(text).unwrap_err()).code,
                code,
                "{text}"
            );
        }
    }
}
