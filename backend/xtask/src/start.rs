//! `make build` and `make start-services`: everything from sources to a running service, with times.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::test::sparky;
use crate::{dapp, fingerprint};

/// Builds the DApp and the binary that embeds it.
///
/// The browser core and the services are compiled for different machines, into different folders:
/// both at once, so that no core of this one waits.
///
/// # Errors
/// When a step fails; its own output says why.
pub(crate) fn build() -> Result<()> {
    let begin = Instant::now();
    let root = fingerprint::root()?;
    println!("1/2 the DApp, and beside it what the services are made of");
    std::thread::scope(|scope| {
        let services = scope.spawn(|| {
            let exclude = "build --workspace --locked --quiet --exclude sparky-cli";
            run(&root, "cargo", &exclude.split(' ').collect::<Vec<_>>())
        });
        dapp::build(&root)?;
        services
            .join()
            .unwrap_or_else(|_| bail!("the build of the services broke down"))
    })?;
    println!("2/2 the binary");
    run(&root, "cargo", &["build", "--workspace", "--locked"])?;
    println!("built in {:.0} s", begin.elapsed().as_secs_f32());
    Ok(())
}

/// Builds, then starts everything in the background and waits until it is ready.
///
/// # Errors
/// When a step fails; its own output says why.
pub(crate) fn start() -> Result<()> {
    let begin = Instant::now();
    build()?;
    let sparky = sparky()?;
    let sparky = sparky
        .to_str()
        .context("the path of the binary is not text")?;
    run(
        &fingerprint::root()?,
        sparky,
        &["--output", "table", "dev", "--detach"],
    )?;
    println!("{:.0} s in all", begin.elapsed().as_secs_f32());
    Ok(())
}

fn run(root: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    ensure!(
        status.success(),
        "{program} {}: {status}",
        arguments.join(" ")
    );
    Ok(())
}
