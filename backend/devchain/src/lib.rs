//! A Qtum that lives in a test: blocks, coins, an EVM and qtumd's RPC.

#![forbid(unsafe_code)]

pub mod evm;

mod assemble;
mod block;
mod chain;
mod coins;
mod execute;
mod index;
mod log;
mod mempool;
mod policy;
mod roots;
mod trie;
mod verify;
mod view;
