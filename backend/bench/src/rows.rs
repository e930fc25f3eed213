//! How figures are written.

use crate::{load::Measured, measure::Rate};

/// `10,834/s (92.3 µs)`
pub(crate) fn rate(rate: Rate) -> String {
    format!(
        "{}/s ({:.1} µs)",
        thousands(rate.per_second()),
        rate.micros()
    )
}

/// `5,432/s, p50 3.1 ms, p99 9.8 ms`
pub(crate) fn payments(measured: &Measured) -> String {
    format!(
        "{}/s, p50 {:.1}, p99 {:.1} ms",
        thousands(measured.per_second()),
        measured.p50_ms,
        measured.p99_ms
    )
}

/// A whole number with its thousands apart.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if 0 < at && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Two digits say enough.
pub(crate) fn ratio(value: f64) -> String {
    format!("{value:.2}")
}
