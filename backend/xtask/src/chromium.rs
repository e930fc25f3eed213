//! The browser for the end-to-end test: Debian's, installed when it is missing.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::debian;

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
    debian::install(&["chromium"]).context("or name a Chromium in SPARKY_CHROMIUM")
}
