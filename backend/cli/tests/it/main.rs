//! The binary as people use it, and the house as it should be.

#![allow(clippy::unwrap_used, reason = "what helps a test fails like a test")]

mod compose;
mod dependencies;
mod devchain_cli;
mod failpoints;
mod loss;
mod refusals;
mod sandbox;
mod secrets;
mod services;
mod story;
mod threats;
mod tidy;
mod wallet;
