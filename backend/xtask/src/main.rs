//! Build steps that cargo alone does not know: `cargo run -p sparky-xtask -- <verb>`.

mod audit;
mod bench;
mod chromium;
mod compose;
mod count;
mod dapp;
mod debian;
mod fingerprint;
mod fuzz;
mod readme;
mod servers;
mod size;
mod start;
mod step;
mod test;
mod wasm;

use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A sentence: where it happened is on the screen above.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let verb = std::env::args().nth(1).unwrap_or_default();
    match verb.as_str() {
        "bench" => bench::run(),
        "wasm" => wasm::run(),
        "build" => start::build(),
        "start" => start::start(),
        "e2e" => test::end_to_end_only(),
        "audit" => audit::run(),
        "test" => test::run(),
        "test-compose" => compose::play(),
        "test-postgres" => test::relay_on_postgres_only(),
        "crash" => test::crashes_only(),
        "with-servers" => servers::with_servers(&std::env::args().skip(2).collect::<Vec<_>>()),
        "fuzz" => fuzz::run(std::env::args().nth(2).as_deref()),
        _ => bail!(
            "usage: cargo run -p sparky-xtask -- bench | wasm | build | start | e2e | audit | test | test-compose | \
             test-postgres | crash | with-servers COMMAND | fuzz [TARGET]"
        ),
    }
}
