//! Builds the browser core: cargo for wasm32, then wasm-bindgen as a library, so that nobody has
//! to install a tool of exactly the right version.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::{fingerprint, size::Size};

/// What the core is made of; a change in any of these makes it out of date.
const INPUTS: [&str; 8] = [
    "Cargo.toml",
    "Cargo.lock",
    "backend/backup",
    "backend/protocol",
    "backend/qtum",
    "backend/wasm",
    "backend/xtask/src/wasm.rs",
    "contracts/artifacts",
];

/// Builds `starter-kit/src/core/pkg` unless it is up to date, and prints the sizes.
pub(crate) fn run() -> Result<()> {
    let root = fingerprint::root()?;
    let package = root.join("starter-kit/src/core/pkg");
    let stamp = package.join(".inputs");
    let inputs = fingerprint::of(&root, &INPUTS)?;
    if fs::read_to_string(&stamp).is_ok_and(|built| built == inputs) {
        println!("core: up to date");
    } else {
        build(&root, &package)?;
        fs::write(&stamp, inputs)?;
    }
    for file in ["sparky_wasm_bg.wasm", "sparky_wasm.js"] {
        println!("core: {file}: {}", Size::of(&package.join(file))?);
    }
    Ok(())
}

fn build(root: &Path, package: &Path) -> Result<()> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--package", "sparky-wasm", "--profile", "wasm"])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(&target)
        .status()
        .context("cargo does not start")?;
    ensure!(
        status.success(),
        "the core does not compile for wasm32-unknown-unknown"
    );

    // Written from nothing: a file of an older version must not survive beside the new ones.
    if package.exists() {
        fs::remove_dir_all(package)?;
    }
    fs::create_dir_all(package)?;
    Bindgen::new()
        .input_path(target.join("wasm32-unknown-unknown/wasm/sparky_wasm.wasm"))
        .web(true)?
        .omit_default_module_path(false)
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(package)
        .context("wasm-bindgen")
}
