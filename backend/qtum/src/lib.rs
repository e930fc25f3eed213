//! Qtum: addresses, scripts, transactions and contract calls (pure), RPC and block follower (feature `rpc`).
//!
//! The only crate that knows Qtum. Without the feature `rpc` it has no socket, clock, file or
//! randomness and compiles to wasm32, so browser, relay and command line build the same bytes.
//!
//! Where a rule here looks odd to somebody who knows Bitcoin or Ethereum, the comment names the
//! behaviour of Qtum Core 27.1 that asks for it.

#![forbid(unsafe_code)]

pub mod address;
mod base58check;
pub mod contract;
pub mod demo;
pub mod digest;
pub mod network;
pub mod quantity;
pub mod script;
pub mod tx;
pub mod wallet;
pub mod wif;

#[cfg(feature = "rpc")]
pub mod follow;
#[cfg(feature = "rpc")]
pub mod rpc;

pub use digest::{BlockHash, Txid};
pub use network::{COINBASE_MATURITY, Network, SATOSHI_PER_QTUM};
