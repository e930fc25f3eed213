//! Known vulnerabilities of what comes from others: asked where there is somebody to ask.
//!
//! A registry without the list, or a machine without `cargo deny`, is said and is no failure; a known
//! vulnerability is one. Licences, sources and checksums need nobody: a test holds those.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::count::Count;
use crate::fingerprint;
use crate::step::Outcome;

/// Whether somebody could be asked; nothing is known against what was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Yes,
    /// And why.
    No(String),
}

/// `make audit`: asks for all packages, and installs what it takes to ask.
///
/// # Errors
/// When a vulnerability is known, or the list could not be read although it was there.
pub(crate) fn run() -> Result<()> {
    if !has_cargo_deny() {
        println!("cargo-deny is not installed: installing it");
        let installed = Command::new("cargo")
            .args(["install", "cargo-deny", "--locked", "--quiet"])
            .status();
        if !installed.is_ok_and(|status| status.success()) {
            println!("cargo-deny can not be installed here");
        }
    }
    ask().map(|_| ())
}

/// The same as a step of all tests: installs nothing, and says in its name whom it could not ask. When
/// that is everybody, it counts for nothing.
pub(crate) fn step() -> Outcome {
    let mut silent = None;
    let mut outcome = Outcome::of("audit", || {
        silent = Some(ask()?);
        Ok(())
    });
    if let Some((asked, silent)) = silent
        && !silent.is_empty()
    {
        outcome.name = format!("audit (not asked: {})", silent.join(", "));
        if asked == 0 {
            outcome.count = Count::default();
        }
    }
    outcome
}

/// Asks everybody; answers how many could be asked, and who could not.
fn ask() -> Result<(usize, Vec<&'static str>)> {
    let root = fingerprint::root()?;
    let answers = [
        ("starter-kit", npm(&root, "starter-kit")),
        ("contracts", npm(&root, "contracts")),
        ("Rust", cargo(&root)),
    ];
    let (mut asked, mut silent) = (0, Vec::new());
    // All have been asked before the first failure ends it.
    for (what, answer) in answers {
        match answer.context(what)? {
            Asked::Yes => {
                println!("{what}: no vulnerability is known that would count");
                asked += 1;
            }
            Asked::No(why) => {
                println!("{what}: NOT ASKED: {why}");
                silent.push(what);
            }
        }
    }
    Ok((asked, silent))
}

fn npm(root: &Path, folder: &str) -> Result<Asked> {
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
    heard(
        &String::from_utf8_lossy(&output.stdout),
        output.status.success(),
    )
}

/// What npm's answer means. A report has a version; anything else is its own words about why there is
/// none.
fn heard(said: &str, succeeded: bool) -> Result<Asked> {
    let answer: Value = serde_json::from_str(said).unwrap_or_default();
    if answer["auditReportVersion"].is_number() {
        ensure!(succeeded, "vulnerabilities are known:\n{said}");
        return Ok(Asked::Yes);
    }
    // `405 Method Not Allowed - POST https://…`: the words before the address.
    let message = answer["message"].as_str();
    let why = message.and_then(|message| message.split(" - ").next());
    let why = why.unwrap_or("it says nothing");
    Ok(Asked::No(format!(
        "the registry could not be asked ({why})"
    )))
}

fn has_cargo_deny() -> bool {
    let found = Command::new("cargo")
        .args(["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

fn cargo(root: &Path) -> Result<Asked> {
    if !has_cargo_deny() {
        return Ok(Asked::No(
            "cargo-deny is not installed: `make audit` installs it".to_owned(),
        ));
    }
    let output = Command::new("cargo")
        .args(["deny", "--locked", "check"])
        .current_dir(root)
        .output()
        .context("cannot start cargo deny")?;
    let said = String::from_utf8_lossy(&output.stderr);
    // Without its database of advisories nobody has answered.
    if !output.status.success() && said.contains("failed to fetch advisory database") {
        return Ok(Asked::No(
            "the database of advisories could not be fetched".to_owned(),
        ));
    }
    ensure!(
        output.status.success(),
        "cargo deny refuses something:\n{said}"
    );
    Ok(Asked::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_refuses_the_question_was_not_asked() {
        let said = "{\n  \"message\": \"405 Method Not Allowed - POST https://registry.example/bulk\",\n  \"method\": \"POST\"\n}";
        let why = "the registry could not be asked (405 Method Not Allowed)";
        assert_eq!(
            heard(said, false).expect("no failure"),
            Asked::No(why.to_owned())
        );
        // Whatever npm's exit code is: silence is no good news.
        for succeeded in [false, true] {
            let answer = heard("", succeeded).expect("no failure");
            assert!(matches!(answer, Asked::No(_)), "{answer:?}");
        }
    }

    #[test]
    fn a_report_is_good_or_bad_news() {
        let report = "{ \"auditReportVersion\": 2, \"vulnerabilities\": {} }";
        assert_eq!(heard(report, true).expect("good"), Asked::Yes);
        assert!(heard(report, false).is_err());
    }
}
