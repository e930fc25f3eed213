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
/// both at once, so that no processor of this one waits. The bundle is made in between and not
/// beside: the binary embeds it file by file.
///
/// # Errors
/// When a step fails; its own output says why.
pub(crate) fn build() -> Result<()> {
    let begin = Instant::now();
    let root = fingerprint::root()?;
    let services = || run(&root, "cargo", &["build", "--workspace", "--locked"]);
    println!("1/3 the browser core, and the services beside it");
    std::thread::scope(|scope| {
        let beside = scope.spawn(services);
        let prepared = dapp::prepare(&root);
        let built = beside
            .join()
            .unwrap_or_else(|_| bail!("the build of the services broke down"));
        prepared.and(built)
    })?;
    println!("2/3 the DApp");
    dapp::bundle(&root)?;
    println!("3/3 the binary with the DApp in it");
    services()?;
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
