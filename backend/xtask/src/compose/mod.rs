//! The containers: whether docker-compose accepts its files, and the stack brought up for real.

mod engine;
mod play;
mod stack;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

pub(crate) use self::play::run as play;
use crate::debian;

/// The files as they may be combined.
const COMBINATIONS: [&str; 4] = [
    "docker-compose.yml",
    "docker-compose.yml:docker-compose.devchain.yml",
    "docker-compose.yml:docker-compose.debian.yml",
    "docker-compose.yml:docker-compose.debian.yml:docker-compose.devchain.yml",
];

/// Asks docker-compose to read its files by its own schema, with the settings of `.env.example`.
/// No engine is needed for that.
///
/// # Errors
/// When there is no docker-compose and none can be installed, or when it refuses a file.
pub(crate) fn check(root: &Path) -> Result<()> {
    let program = program()?;
    for files in COMBINATIONS {
        ensure!(accepts(&program, root, files)?, "{files} is refused");
    }
    // A check that accepts everything checks nothing.
    let nonsense = std::env::temp_dir().join(format!("sparky-compose-{}.yml", std::process::id()));
    std::fs::write(&nonsense, "services:\n  relay:\n    imagine: sparky\n")?;
    let refused = !accepts(&program, root, &nonsense.to_string_lossy())?;
    std::fs::remove_file(&nonsense)?;
    ensure!(refused, "docker-compose accepts a key that does not exist");
    Ok(())
}

fn accepts(program: &[&str], root: &Path, files: &str) -> Result<bool> {
    // dc.sh fills them in; empty they are refused.
    let passwords = ["POSTGRES", "QTUM_RPC", "NATS", "GRAFANA"];
    let passwords = passwords.map(|whose| (format!("{whose}_PASSWORD"), "any"));
    let status = Command::new(program[0])
        .args(&program[1..])
        .args(["--env-file", ".env.example", "config", "--quiet"])
        .env("COMPOSE_FILE", files)
        .envs(passwords)
        .current_dir(root)
        .status()
        .context("docker-compose does not start")?;
    Ok(status.success())
}

/// `docker compose` where there is one, else `docker-compose`, installed when it is missing.
fn program() -> Result<Vec<&'static str>> {
    let plugin = Command::new("docker").args(["compose", "version"]).output();
    if plugin.is_ok_and(|output| output.status.success()) {
        return Ok(vec!["docker", "compose"]);
    }
    if !debian::has("docker-compose") {
        debian::install(&["docker-compose"])?;
    }
    Ok(vec!["docker-compose"])
}
