//! The chain through its RPC, as its users see it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blocks;
mod client;
mod contracts;
mod hands;
mod mempool;
mod model;
mod server;
mod switches;
mod wallets;
