//! The README as a test: every command in it exists, and its quick start does what it says.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::step::{Outcome, Step};
use crate::test::{free_address, sparky};

/// Checks the README's commands, then plays its quick start beside whatever runs already.
pub(crate) fn run(root: &Path) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::of("README commands exist", || {
        commands_exist(root)
    })];
    match quick_start(root) {
        Ok(steps) => outcomes.extend(steps),
        Err(error) => outcomes.push(Outcome::of("README quick start", || Err(error))),
    }
    outcomes
}

fn commands_exist(root: &Path) -> Result<()> {
    let readme = std::fs::read_to_string(root.join("README.md")).context("README.md")?;
    let makefile = std::fs::read_to_string(root.join("Makefile")).context("Makefile")?;
    let lines = commands(&readme);
    ensure!(!lines.is_empty(), "README.md shows no command");
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["make", target, ..] => {
                ensure!(
                    is_target(&makefile, target),
                    "README.md says `{line}`; the Makefile has no {target}"
                );
            }
            ["sparky" | "$sparky", ref words @ ..] => {
                ensure!(
                    is_verb(words)?,
                    "README.md says `{line}`; sparky does not know that"
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// The lines of all shell blocks, without prompts, variables in front and comments.
fn commands(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(language) = line.trim().strip_prefix("```") {
            inside = !inside && matches!(language, "sh" | "bash" | "console");
        } else if inside {
            let line = line.trim().trim_start_matches("$ ");
            let line = line.split(" #").next().unwrap_or_default().trim();
            let is_setting = |word: &str| {
                word.split_once('=').is_some_and(|(name, _)| {
                    name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                })
            };
            let start = line
                .split(' ')
                .take_while(|word| is_setting(word))
                .map(|word| word.len() + 1)
                .sum();
            found.extend(
                line.get(start..)
                    .filter(|rest| !rest.is_empty() && !rest.starts_with('#')),
            );
        }
    }
    found
}

fn is_target(makefile: &str, target: &str) -> bool {
    makefile.lines().any(|line| {
        line.strip_prefix(target)
            .is_some_and(|rest| rest.starts_with(':'))
    })
}

/// Whether `sparky` understands these words: asked for help behind them it gives it.
fn is_verb(words: &[&str]) -> Result<bool> {
    let output = Command::new(sparky()?)
        .args(words)
        .arg("--help")
        .output()
        .context("cannot start sparky")?;
    Ok(output.status.success())
}

/// What the README says a new user does, on another address and in another folder than whatever
/// runs already.
fn quick_start(root: &Path) -> Result<Vec<Outcome>> {
    let readme = std::fs::read_to_string(root.join("README.md")).context("README.md")?;
    let binary = sparky()?;
    let binary = binary
        .to_str()
        .context("the path of the binary is not text")?;
    let address = free_address()?;
    let data = std::env::temp_dir().join(format!("sparky-readme-{}", std::process::id()));
    let run = |line: &str| {
        let line = line.replace("$sparky", binary);
        Step::new("README", root, &line)
            .with("SPARKY_BIND", &*address)
            .with("SPARKY_DATA", data.to_string_lossy())
            .run()
    };
    let mut outcomes = vec![run("make start-services"), run("make start-services")];
    for (path, holds) in [
        ("/readyz", ""),
        ("/", "<div id=\"root\">"),
        ("/channels/1", "<div id=\"root\">"),
    ] {
        outcomes.push(Outcome::of(&format!("README: {path}"), || {
            answers(&address, path, holds)
        }));
    }
    let played = |line: &&str| line.starts_with("$sparky ") || line.starts_with("make mine");
    outcomes.extend(commands(&readme).into_iter().filter(played).map(run));
    outcomes.extend(
        [
            "make prefund",
            "make migrate",
            "make status",
            "make stop-services",
        ]
        .map(run),
    );
    outcomes.push(Outcome::of("README: all is quiet", || {
        ensure!(
            TcpStream::connect(&address).is_err(),
            "somebody still listens on {address}"
        );
        Ok(())
    }));
    outcomes.push(run("make clean"));
    outcomes.push(Outcome::of("README: all is gone", || {
        ensure!(!data.exists(), "{} is still there", data.display());
        Ok(())
    }));
    Ok(outcomes)
}

/// Asks as a browser does, without one.
///
/// # Errors
/// When the answer is not 200 or does not hold the text.
pub(crate) fn answers(address: &str, path: &str, holds: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    ensure!(
        answer.starts_with("HTTP/1.1 200"),
        "{}",
        answer.lines().next().unwrap_or("no answer")
    );
    ensure!(answer.contains(holds), "{path} does not hold {holds}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_the_lines_of_shell_blocks() {
        let text = "```sh\n$ make start-services  # builds\nA=b sparky pay q 20\n# a comment\n```\nmake not-this\n```json\nmake nor-this\n```\n";
        assert_eq!(commands(text), ["make start-services", "sparky pay q 20"]);
    }

    #[test]
    fn targets_are_whole_words() {
        assert!(is_target("help: ## Show\n", "help"));
        assert!(!is_target("helping: x\n", "help"));
    }
}
