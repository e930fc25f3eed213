//! Builds what the binary embeds: the browser core, the npm packages, the DApp. Does nothing twice.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::step::Step;
use crate::{fingerprint, wasm};

/// What the DApp is made of, beside the core.
const INPUTS: [&str; 8] = [
    "starter-kit/src",
    "starter-kit/public",
    "starter-kit/index.html",
    "starter-kit/package.json",
    "starter-kit/package-lock.json",
    "starter-kit/tsconfig.json",
    "starter-kit/vite.config.ts",
    "contracts/artifacts",
];

/// Makes what the DApp is bundled from: the browser core and the npm packages.
///
/// # Errors
/// When a step fails; its own output says why.
pub(crate) fn prepare(root: &Path) -> Result<()> {
    wasm::run()?;
    packages(root, "starter-kit")
}

/// Makes `starter-kit/dist` what the sources say, and prints the sizes.
///
/// # Errors
/// When a step fails; its own output says why.
pub(crate) fn bundle(root: &Path) -> Result<()> {
    let inputs = fingerprint::of(root, &INPUTS)?;
    // Beside dist, not in it: what is in dist is embedded and served.
    let stamp = root.join("starter-kit/node_modules/.dapp-inputs");
    let page = root.join("starter-kit/dist/index.html");
    if page.exists() && fs::read_to_string(&stamp).is_ok_and(|built| built == inputs) {
        println!("DApp: up to date");
        return Ok(());
    }
    run("DApp", &root.join("starter-kit"), "npm run build")?;
    fs::write(stamp, inputs)?;
    Ok(())
}

/// Installs a folder's npm packages, unless exactly these are installed.
///
/// # Errors
/// When npm fails.
pub(crate) fn packages(root: &Path, folder: &str) -> Result<()> {
    let lock = format!("{folder}/package-lock.json");
    let inputs = fingerprint::of(root, &[&lock])?;
    let stamp = root.join(folder).join("node_modules/.lock-inputs");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == inputs) {
        println!("{folder}: packages up to date");
        return Ok(());
    }
    run(
        "npm packages",
        &root.join(folder),
        "npm ci --no-audit --no-fund",
    )?;
    fs::write(stamp, inputs)?;
    Ok(())
}

fn run(name: &str, folder: &Path, line: &str) -> Result<()> {
    ensure!(Step::new(name, folder, line).run().ok, "{name}: failed");
    Ok(())
}
