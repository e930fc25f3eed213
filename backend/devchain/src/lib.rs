//! A Qtum that lives in a test: blocks, coins, an EVM and qtumd's RPC.

#![forbid(unsafe_code)]

pub mod evm;
