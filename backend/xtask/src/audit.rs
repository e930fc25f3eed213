//! Known vulnerabilities of what comes from others: asked where there is somebody to ask.
//!
//! A registry without the list, or a machine without `cargo deny`, is said and is no failure; a known
//! vulnerability is one. Licences, sources and checksums need nobody: a test holds those.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::fingerprint;

/// Asks for all packages.
///
/// # Errors
/// When a vulnerability is known, or the list could not be read although it was there.
pub(crate) fn run() -> Result<()> {
    let root = fingerprint::root()?;
    let npm: Vec<Result<()>> = ["starter-kit", "contracts"]
        .iter()
        .map(|folder| npm(&root, folder))
        .collect();
    let cargo = cargo(&root);
    npm.into_iter().collect::<Result<Vec<()>>>()?;
    cargo
}

fn npm(root: &Path, folder: &str) -> Result<()> {
    let output = Command::new("npm")
        .args([
            "audit",
            "--package-lock-only",
            "--json",
            "--audit-level=high",
        ])
        .current_dir(root.join(folder))
        .output()
        .context("cannot start npm")?;
    let said = String::from_utf8_lossy(&output.stdout);
    // Its own words when the registry has no such list; a report has a version.
    if !said.contains("\"auditReportVersion\"") {
        println!("{folder}: not audited: this registry does not say what it knows");
        return Ok(());
    }
    ensure!(
        output.status.success(),
        "{folder}: vulnerabilities are known:\n{said}"
    );
    println!("{folder}: no vulnerability of the high or critical kind is known");
    Ok(())
}

fn cargo(root: &Path) -> Result<()> {
    let found = Command::new("cargo").args(["deny", "--version"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!(
            "Rust: advisories not looked at: cargo-deny is not installed (cargo install --locked cargo-deny)"
        );
        return Ok(());
    }
    let status = Command::new("cargo")
        .args(["deny", "--locked", "check"])
        .current_dir(root)
        .status()
        .context("cannot start cargo deny")?;
    ensure!(status.success(), "cargo deny refuses something");
    Ok(())
}
