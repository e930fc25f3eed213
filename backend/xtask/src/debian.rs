//! Packages of Debian that a check needs and that may be missing.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::step::Step;

/// Installs packages, and says so.
///
/// # Errors
/// When they cannot be installed, with what to do instead.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    println!("Installing Debian's {names}.");
    let sudo = if is_root()? { "" } else { "sudo -n " };
    for line in [
        "apt-get update -q".to_owned(),
        format!("apt-get install -q -y --no-install-recommends {names}"),
    ] {
        let step = Step::new("packages", Path::new("/"), &format!("{sudo}{line}"))
            .with("DEBIAN_FRONTEND", "noninteractive");
        ensure!(step.run().ok, "{line}: failed. Install {names} by hand.");
    }
    Ok(())
}

/// Whether a program can be found.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
        // Where the administrator's programs are, if somebody else asks.
        || ["/usr/sbin", "/sbin"].iter().any(|folder| Path::new(folder).join(program).is_file())
}

/// Whether this process may do everything.
///
/// # Errors
/// When the system does not say.
pub(crate) fn is_root() -> Result<bool> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot tell who we are")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .unwrap_or_default();
    Ok(line.split_whitespace().nth(1) == Some("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_or_not() {
        assert!(has("sh"));
        assert!(!has("no-such-program"));
    }
}
