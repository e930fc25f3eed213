//! The chain through its RPC, as its users see it.

mod blocks;
mod client;
mod contracts;
mod model;
mod server;
mod wallets;
