//! Measures what the relay does with a payment, each part beside what it is compared with, and all of
//! it in one run on one machine: `make bench`.
//!
//! The relay runs as a process of its own (this program again, with the word `relay` first), the
//! clients are `WebSockets` that really sign, and everybody shares the same cores. What is printed is
//! also written to `target/bench.json`.

#![allow(
    clippy::similar_names,
    reason = "payer and payee are the field's words"
)]

mod browser;
mod channels;
mod disk;
mod fleet;
mod holds;
mod latency;
mod ledger;
mod load;
mod measure;
mod person;
mod plan;
mod postgres;
mod relay;
mod relayed;
mod rows;
mod signatures;
mod startup;
mod table;
mod world;

use std::process::ExitCode;

/// The same as in what is shipped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("relay") => relay::serve(),
        _ => plan::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
