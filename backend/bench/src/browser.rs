//! The core in WebAssembly, as a page runs it: in Node, whose engine is Chromium's.

use std::{path::Path, process::Command};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// Operations per second of one thread.
#[derive(Debug, Deserialize)]
pub(crate) struct Browser {
    /// Signing a challenge: one signature, little else.
    pub(crate) sign: f64,
    /// Paying as the page does: propose, sign, verify one's own, write it as text.
    pub(crate) send: f64,
    /// Being paid as the page is: read, verify, write.
    pub(crate) receive: f64,
    /// Being handed something that is refused before its signature is looked at.
    pub(crate) refuse: f64,
}

impl Browser {
    /// Verifications: what is left of being paid without reading, writing and everything else.
    pub(crate) fn verify(&self) -> f64 {
        1.0 / (1.0 / self.receive - 1.0 / self.refuse)
    }
}

/// Asks Node, if it and the core are there.
pub(crate) fn run(root: &Path) -> anyhow::Result<Browser> {
    let core = root.join("starter-kit/src/core/pkg/sparky_wasm.js");
    ensure!(core.exists(), "the browser core is not built");
    let output = Command::new("node")
        .arg(root.join("backend/bench/browser.mjs"))
        .arg(core)
        .output()
        .context("node does not start")?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}
