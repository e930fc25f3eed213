//! The fuzzers, until they find something or are stopped.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};

use crate::fingerprint;

/// Runs the consistency fuzzer, or with a target's name libFuzzer on that reader.
///
/// # Errors
/// When something is found, or cannot be built.
pub(crate) fn run(target: Option<&str>) -> Result<()> {
    match target.filter(|name| !name.is_empty()) {
        None => consistency(),
        Some(name) => libfuzzer(name),
    }
}

/// Random cases from a seed that is printed; `SPARKY_CONSISTENCY_SEED` repeats it.
fn consistency() -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() << 32;
    let seed = std::env::var("SPARKY_CONSISTENCY_SEED").unwrap_or_else(|_| now.to_string());
    println!("Playing from seed {seed} until something is found or you press Ctrl+C.");
    let line = "test --workspace --locked --test consistency -- --nocapture";
    let status = Command::new("cargo")
        .current_dir(fingerprint::root()?)
        .args(line.split(' '))
        .env("SPARKY_CONSISTENCY_CASES", "endless")
        .env("SPARKY_CONSISTENCY_SEED", seed)
        .status()
        .context("cargo")?;
    ensure!(
        status.success(),
        "something was found: see above, and play it again with SPARKY_CONSISTENCY_REPLAY"
    );
    Ok(())
}

/// libFuzzer, which keeps what reaches new code. What it keeps goes to `target/fuzz`; what it finds,
/// to `fuzz/artifacts`.
fn libfuzzer(name: &str) -> Result<()> {
    let known = Command::new("cargo")
        .args(["fuzz", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    ensure!(
        known.is_ok_and(|status| status.success()),
        "this needs cargo-fuzz: cargo install cargo-fuzz --locked"
    );
    let root = fingerprint::root()?;
    let kept = root.join("target/fuzz").join(name);
    let corpus = root.join("fuzz/corpus").join(name);
    fs::create_dir_all(&kept)?;
    ensure!(
        corpus.is_dir() || name == "consistency",
        "there is no reader {name}: fuzz/corpus lists them"
    );
    fs::create_dir_all(&corpus)?;
    let mut cargo = Command::new("cargo");
    // Without a sanitizer it builds with stable Rust; there is no unsafe code to sanitize.
    cargo
        .current_dir(&root)
        .args(["fuzz", "run", "--sanitizer", "none"])
        .env("SPARKY_FUZZ_TARGET", name);
    match name {
        "consistency" => cargo.args(["--features", "evm", "consistency"]),
        "rpc" => cargo.args(["--features", "rpc", "decode"]),
        "frame" | "body" | "backup" | "blob" | "blocks" | "reply" => {
            cargo.args(["--features", "services", "decode"])
        }
        _ => cargo.arg("decode"),
    };
    let status = cargo.arg(kept).arg(corpus).status().context("cargo fuzz")?;
    ensure!(status.success(), "something was found: see above");
    Ok(())
}
