//! The browser's door to the protocol and to Qtum.
//!
//! Texts in, JSON texts out: amounts are decimal strings, so nothing on the way can turn money into
//! a float. No rule lives here; every function asks `sparky-protocol` or `sparky-qtum` and reports
//! what they said. Errors are thrown as `{code, detail, params}`.

mod agreement;
mod backup;
mod calls;
mod channel;
mod failure;
mod json;
mod key;
mod loss;
mod resync;
mod text;
mod transaction;
mod view;

#[cfg(test)]
mod tests;
