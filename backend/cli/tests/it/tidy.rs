//! The rules of the house that a compiler cannot hold, read off the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// No source file may be longer.
const MOST_LINES: usize = 600;

/// What a crate must not name, and where it may all the same.
const FORBIDDEN: &[(&str, &[&str], &[&str])] = &[
    (
        "backend/protocol/src",
        &[
            "tokio",
            "reqwest",
            "sqlx",
            "revm",
            "anyhow",
            "std::fs",
            "std::net",
            "std::time",
            "HashMap",
        ],
        &[],
    ),
    (
        "backend/qtum/src",
        &[
            "tokio",
            "reqwest",
            "std::net",
            "std::fs",
            "std::thread",
            "SystemTime",
            "Instant",
        ],
        &["/rpc", "/follow"],
    ),
    ("backend/qtum/src", &["sqlx", "revm", "anyhow"], &[]),
    ("backend/devchain/src", &["revm"], &["/evm"]),
    ("backend/relay/src", &["revm", "SecretKey"], &[]),
    ("backend/relay/src", &["sqlx"], &["/store", "/error.rs"]),
    ("backend/cli/src", &["sqlx", "revm"], &[]),
    (
        "backend/wasm/src",
        &["tokio", "reqwest", "std::fs", "std::net", "sqlx", "revm"],
        &[],
    ),
];

/// Words that GLOSSARY.md replaces by one of ours and that mean nothing else.
const NEVER: &[&str] = &[
    "counterparty",
    "mediator",
    "hashlock",
    "secrethash",
    "secret_hash",
    "mutual close",
    "force close",
    "force-close",
    "challenge period",
    "dispute period",
    "settle timeout",
    "makechannel",
    "ecrecoveraddr",
    "own_balance",
    "their_balance",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The files below a folder whose names end so, without what tools put there.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let generated = [
        "node_modules",
        "dist",
        "pkg",
        "out",
        "cache",
        "target",
        "artifacts",
    ];
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !generated.contains(&&*name) && !name.starts_with('.') {
                    open.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<PathBuf> {
    let endings = [".rs", ".ts", ".tsx", ".mjs", ".sol", ".sql", ".css"];
    let folders = ["backend", "contracts", "starter-kit", "migrations"];
    folders
        .iter()
        .flat_map(|folder| files(&root().join(folder), &endings))
        .collect()
}

/// The text without what only tests see.
fn shipped(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let is_test = path.components().any(|part| {
        matches!(
            part.as_os_str().to_str(),
            Some("tests" | "test" | "tests.rs")
        )
    });
    if is_test {
        return String::new();
    }
    text.split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

#[track_caller]
fn expect_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn there_is_something_to_look_at() {
    assert!(
        sources().len() > 100,
        "only {} sources were found",
        sources().len()
    );
}

#[test]
fn no_file_is_a_monster() {
    let mut faults = Vec::new();
    for path in sources() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        if lines > MOST_LINES {
            faults.push(format!(
                "{} has {lines} lines; {MOST_LINES} are allowed",
                shown(&path)
            ));
        }
    }
    expect_none(&faults);
}

#[test]
fn crates_name_only_what_they_may() {
    let mut faults = Vec::new();
    for (folder, names, exceptions) in FORBIDDEN {
        for path in files(&root().join(folder), &[".rs"]) {
            let inside = shown(&path);
            let inside = inside.strip_prefix(folder).unwrap();
            if exceptions
                .iter()
                .any(|exception| inside.starts_with(exception))
            {
                continue;
            }
            for (number, line) in shipped(&path).lines().enumerate() {
                let code = code_of(line);
                for name in *names {
                    if names_it(&code, name) {
                        faults.push(format!("{}:{}: {name}", shown(&path), number + 1));
                    }
                }
            }
        }
    }
    expect_none(&faults);
}

/// The line without its comment and without what stands in quotes.
fn code_of(line: &str) -> String {
    let unquoted: String = line.split('"').step_by(2).collect();
    unquoted.split("//").next().unwrap().to_owned()
}

/// Whether `name` stands in `code` as a word of its own.
fn names_it(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        !code[..at].ends_with(is_word) && !code[at + name.len()..].starts_with(is_word)
    })
}

#[test]
fn the_core_is_no_std() {
    let text = fs::read_to_string(root().join("backend/protocol/src/lib.rs")).unwrap();
    assert!(text.contains("#![no_std]"));
}

#[test]
fn there_is_one_word_per_thing() {
    let mut faults = Vec::new();
    for path in sources().iter().filter(|path| !path.ends_with("tidy.rs")) {
        for (number, line) in shipped(path).lines().enumerate() {
            let line = line.to_lowercase();
            for word in NEVER.iter().filter(|word| line.contains(**word)) {
                faults.push(format!(
                    "{}:{}: \"{word}\": see docs/GLOSSARY.md",
                    shown(path),
                    number + 1
                ));
            }
        }
    }
    expect_none(&faults);
}

#[test]
fn no_drawers() {
    let drawers = [
        "utils", "util", "common", "helpers", "helper", "types", "misc",
    ];
    let mut faults = Vec::new();
    for path in sources() {
        let stem = path.file_stem().unwrap().to_string_lossy().to_lowercase();
        if drawers.contains(&&*stem) {
            faults.push(format!(
                "{}: a file is named after what it knows",
                shown(&path)
            ));
        }
    }
    expect_none(&faults);
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut documents = files(&root().join("docs"), &[".md"]);
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "SECURITY.md",
    ] {
        documents.extend(Some(root().join(name)).filter(|path| path.exists()));
    }
    let mut faults = Vec::new();
    for path in documents {
        let text = fs::read_to_string(&path).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#', ' ']).next())
        {
            let is_local =
                !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            if is_local && !path.parent().unwrap().join(target).exists() {
                faults.push(format!("{}: {target}", shown(&path)));
            }
        }
    }
    expect_none(&faults);
}

#[test]
fn a_word_is_found_only_as_a_word() {
    assert!(names_it("use sqlx::Row;", "sqlx"));
    assert!(!names_it("let sqlx_like = 1;", "sqlx"));
    assert!(!names_it("instantly", "Instant"));
}
