//! What README and handbook tell people to type exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TEXTS: [&str; 2] = ["README.md", "docs/OPERATIONS.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The help of a verb; none when there is no such verb.
fn help(verb: &[&str]) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_sparky"))
        .args(verb)
        .arg("--help")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

/// Everything that a text tells to type after `sparky`: words up to the end of the line or quotation.
fn calls(text: &str) -> Vec<Vec<&str>> {
    let mut calls = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            continue;
        }
        let typed: Vec<&str> = if in_block {
            vec![line]
        } else {
            line.split('`').skip(1).step_by(2).collect()
        };
        for typed in typed {
            let typed = typed.split(" # ").next().unwrap_or_default();
            let words: Vec<&str> = typed.split_whitespace().collect();
            let is_ours = |word: &&str| matches!(*word, "sparky" | "$sparky");
            // What stands before it starts it: nothing, or the containers.
            let Some(at) = words.iter().position(is_ours) else {
                continue;
            };
            let begins = at == 0 || words[0] == "./dc.sh" && words[1] == "run";
            if begins {
                calls.push(words[at + 1..].to_vec());
            }
        }
    }
    calls
}

/// What is wrong with a call: a verb or a flag that does not exist.
fn fault(call: &[&str]) -> Option<String> {
    let mut verb: Vec<&str> = Vec::new();
    let mut text = help(&[]).unwrap();
    for word in call
        .iter()
        .skip_while(|word| word.starts_with("--") || is_value(word))
    {
        let is_word = word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        if word.starts_with('-') || !is_word || !text.contains("Commands:") {
            break;
        }
        verb.push(word);
        match help(&verb) {
            Some(help) => text = help,
            None => return Some(format!("there is no `sparky {}`", verb.join(" "))),
        }
    }
    let flags = call
        .iter()
        .filter(|word| word.starts_with('-') && 1 < word.len());
    for flag in flags {
        let flag = flag
            .split('=')
            .next()
            .unwrap_or_default()
            .trim_end_matches([',', '.']);
        let known = text
            .split([' ', ',', '\n', '[', '='])
            .any(|word| word == flag);
        if !known {
            return Some(format!("`sparky {}` has no {flag}", verb.join(" ")));
        }
    }
    None
}

/// A value of a flag that stands before the verb.
fn is_value(word: &str) -> bool {
    matches!(word, "alice" | "bob")
}

#[test]
fn every_verb_and_flag_that_is_named_exists() {
    let mut count = 0;
    for name in TEXTS {
        let text = read(name);
        for call in calls(&text) {
            count += 1;
            if let Some(fault) = fault(&call) {
                panic!("{name}: {call:?}: {fault}");
            }
        }
    }
    assert!(15 < count, "only {count} were found");
}

#[test]
fn what_does_not_exist_is_found() {
    for wrong in [
        &["migrate", "--anew"][..],
        &["migrant"],
        &["channel", "counterclaim", "CHANNEL"],
        &[
            "--demo",
            "alice",
            "channel",
            "open",
            "x",
            "1",
            "-q",
            "--windows",
        ],
    ] {
        assert!(fault(wrong).is_some(), "{wrong:?}");
    }
}

/// Variables are read by a flag, or by name in a source, a script or a setting.
#[test]
fn every_variable_that_is_named_is_read() {
    let mut known = BTreeSet::new();
    let mut open: Vec<PathBuf> = [
        "backend",
        "Makefile",
        "dc.sh",
        ".env.example",
        "docker-compose.yml",
    ]
    .map(|name| root().join(name))
    .into();
    while let Some(path) = open.pop() {
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.contains("node_modules") && !name.ends_with("/target") {
                open.extend(
                    fs::read_dir(&path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
        } else if !name.ends_with("handbook.rs") {
            known.extend(variables(&fs::read_to_string(&path).unwrap_or_default()));
        }
    }
    for name in TEXTS {
        for variable in variables(&read(name)) {
            // `SPARKY_TOWER_*` names all that begin so.
            let begins =
                variable.ends_with('_') && known.iter().any(|one| one.starts_with(&variable));
            assert!(
                begins || known.contains(&variable),
                "{name}: nothing reads {variable}"
            );
        }
    }
}

fn variables(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_')
        .filter(|word| word.starts_with("SPARKY_") && 7 < word.len())
        .map(str::to_owned)
        .collect()
}
