//! The binary as people use it, and the house as it should be.

#![allow(
    clippy::unwrap_used,
    reason = "helpers outside #[test] functions are tests too"
)]

mod tidy;
