//! What a real qtumd 27.1 on regtest said and accepted, replayed.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod transactions;

#[cfg(feature = "rpc")]
mod answers;
mod checkup;
#[cfg(feature = "rpc")]
mod following;
#[cfg(feature = "rpc")]
mod node;
