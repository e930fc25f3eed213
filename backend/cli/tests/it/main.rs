//! The binary as people use it, and the house as it should be.

#![allow(clippy::unwrap_used, reason = "what helps a test fails like a test")]

mod compose;
mod dependencies;
mod deploying;
mod devchain_cli;
mod distrust;
mod failpoints;
mod handbook;
mod loss;
mod proxy;
mod refusals;
mod sandbox;
mod secrets;
mod services;
mod story;
mod threats;
mod tidy;
mod wallet;
