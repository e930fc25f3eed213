//! The README as a test: every command in it exists, and its quick start does what it says.

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
            ["sparky", ref words @ ..] => {
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

/// Whether `sparky VERB … --help` is answered, for the words before the first argument.
fn is_verb(words: &[&str]) -> Result<bool> {
    let is_word = |word: &&&str| {
        word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
    };
    let verb: Vec<&&str> = words
        .iter()
        .skip_while(|word| word.starts_with('-'))
        .take_while(is_word)
        .take(2)
        .collect();
    for length in (0..=verb.len()).rev() {
        let output = Command::new(sparky()?)
            .args(verb.iter().take(length))
            .arg("--help")
            .output()
            .context("cannot start sparky")?;
        if output.status.success() {
            return Ok(length > 0 || verb.is_empty());
        }
    }
    Ok(false)
}

/// `make start-services`, the page, `make stop-services`, on another address and another folder.
fn quick_start(root: &Path) -> Result<Vec<Outcome>> {
    let address = free_address()?;
    let data = std::env::temp_dir().join(format!("sparky-readme-{}", std::process::id()));
    let step = |name: &str, line: &str| {
        Step::new(name, root, line)
            .with("SPARKY_BIND", &*address)
            .with("SPARKY_DATA", data.to_string_lossy())
    };
    let page = format!("curl -fsS -o /dev/null http://{address}/");
    let ready = format!("curl -fsS http://{address}/readyz");
    let outcomes = [
        ("README: start", "make start-services"),
        ("README: again", "make start-services"),
        ("README: ready", &ready),
        ("README: page", &page),
        ("README: status", "make status"),
        ("README: mine", "make mine BLOCKS=3"),
        ("README: prefund again", "make prefund"),
        ("README: migrate again", "make migrate"),
        ("README: stop", "make stop-services"),
    ]
    .map(|(name, line)| step(name, line).run());
    let _ = std::fs::remove_dir_all(&data);
    Ok(outcomes.into())
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
