//! The browser for the end-to-end test: Debian's, installed when it is missing.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::step::Step;

const PROGRAMS: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];

/// Makes sure that a Chromium is there. `SPARKY_CHROMIUM` names another one.
///
/// # Errors
/// When there is none and it cannot be installed.
pub(crate) fn install() -> Result<()> {
    if std::env::var_os("SPARKY_CHROMIUM").is_some()
        || PROGRAMS.iter().any(|path| Path::new(path).exists())
    {
        return Ok(());
    }
    println!("Installing Debian's chromium for the browser test.");
    let here = Path::new("/");
    let sudo = if is_root()? { "" } else { "sudo -n " };
    for line in [
        "apt-get update -q",
        "apt-get install -q -y --no-install-recommends chromium",
    ] {
        let step = Step::new("chromium", here, &format!("{sudo}{line}"))
            .with("DEBIAN_FRONTEND", "noninteractive");
        ensure!(
            step.run().ok,
            "{line}: failed. Install chromium by hand or name one in SPARKY_CHROMIUM."
        );
    }
    Ok(())
}

/// Whether this process may install packages itself.
fn is_root() -> Result<bool> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot tell who we are")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .unwrap_or_default();
    Ok(line.split_whitespace().nth(1) == Some("0"))
}
