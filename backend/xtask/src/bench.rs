//! `make bench`: builds what is measured, optimised, and measures it.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{fingerprint, servers::Servers, wasm};

/// Builds the benchmark and the browser core, starts a Postgres that is thrown away, and measures.
///
/// # Errors
/// When something does not build, or can not be measured.
pub(crate) fn run() -> Result<()> {
    let root = fingerprint::root()?;
    wasm::run()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let optimised = [
        "--locked",
        "--profile",
        "bench",
        "--package",
        "sparky-bench",
    ];
    let built = Command::new(&cargo)
        .current_dir(&root)
        .arg("build")
        .args(optimised)
        .status()
        .context("cargo does not start")?;
    ensure!(built.success(), "the benchmark does not compile");
    let servers = Servers::start()?;
    let status = Command::new(&cargo)
        .current_dir(&root)
        .args(["run", "--quiet"])
        .args(optimised)
        .envs(servers.environment())
        .status()
        .context("cargo does not start")?;
    ensure!(status.success(), "the benchmark: {status}");
    Ok(())
}
