//! What comes from others: each direct dependency is justified in docs/DEPENDENCIES.md, every one has
//! a licence and a source that deny.toml allows, and a checksum.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Compilers for machines on which nobody here could fetch them: their lines of the lock file are
/// written by hand and have no hash. npm takes them only there.
const UNHASHED: [&str; 2] = [
    "contracts/node_modules/@foundry-rs/forge-darwin-amd64",
    "contracts/node_modules/@foundry-rs/forge-linux-arm64",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"))
}

/// What cargo knows of all packages, from the lock file. Those of other platforms may have to be fetched.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--all-features", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The first column of the tables below a heading.
fn rows(document: &str, heading: &str) -> BTreeSet<String> {
    let (_, section) = document
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("no section {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let first = section.lines().filter_map(|line| line.strip_prefix("| `"));
    first
        .filter_map(|line| line.split('`').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_direct_dependency_has_a_row() {
    let document = read("docs/DEPENDENCIES.md");
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages
        .iter()
        .filter(|package| package["source"].is_null());
    let mut rust: BTreeSet<String> = ours
        .flat_map(|package| package["dependencies"].as_array().unwrap())
        .filter(|dependency| !dependency["source"].is_null())
        .map(|dependency| text(dependency, "name").to_owned())
        .collect();
    // What the workspace lists is there to be used.
    let workspace = read("Cargo.toml");
    let (_, listed) = workspace
        .split_once("\n[workspace.dependencies]\n")
        .unwrap();
    let listed = listed.split("\n[").next().unwrap().lines();
    let names = listed.filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
    rust.extend(
        names
            .filter(|name| !name.starts_with("sparky-"))
            .map(str::to_owned),
    );
    assert_eq!(rows(&document, "Rust"), rust);

    for (folder, heading) in [
        ("starter-kit", "npm: the DApp (`starter-kit`)"),
        ("contracts", "npm: the contracts (`contracts`)"),
    ] {
        let package: Value =
            serde_json::from_str(&read(&format!("{folder}/package.json"))).unwrap();
        let names: BTreeSet<String> = ["dependencies", "devDependencies"]
            .iter()
            .filter_map(|kind| package[kind].as_object())
            .flat_map(|list| list.keys().cloned())
            .collect();
        assert_eq!(rows(&document, heading), names, "{folder}");
    }
}

#[test]
fn every_dependency_is_allowed() {
    let policy = read("deny.toml");
    let allowed: BTreeSet<String> = strings(&policy, "licenses", "allow").into_iter().collect();
    let sources = strings(&policy, "sources", "allow-registry");
    let banned: BTreeSet<String> = strings(&policy, "bans", "deny").into_iter().collect();
    assert!(allowed.contains("MIT") && banned.contains("openssl") && sources.len() == 1);
    let metadata = metadata();
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = text(package, "name");
        let Some(source) = package["source"].as_str() else {
            continue;
        };
        if !sources
            .iter()
            .any(|allowed| source == format!("registry+{allowed}"))
        {
            faults.push(format!("{name} comes from {source}"));
        }
        if banned.contains(name) {
            faults.push(format!("{name} is banned"));
        }
        let licence = text(package, "license");
        if !satisfied(licence, &allowed) {
            faults.push(format!("{name} has the licence {licence:?}"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_package_has_its_checksum() {
    let lock = read("Cargo.lock");
    let mut bare = Vec::new();
    for package in lock.split("[[package]]").skip(1) {
        let is_ours = !package.contains("\nsource = ");
        if !is_ours && !package.contains("\nchecksum = \"") {
            bare.push(package.lines().nth(1).unwrap_or_default().to_owned());
        }
    }
    for folder in ["starter-kit", "contracts"] {
        let lock: Value =
            serde_json::from_str(&read(&format!("{folder}/package-lock.json"))).unwrap();
        for (path, package) in lock["packages"].as_object().unwrap() {
            let name = format!("{folder}/{path}");
            let is_hashed = text(package, "integrity").starts_with("sha512-");
            if !path.is_empty() && !is_hashed && !UNHASHED.contains(&name.as_str()) {
                bare.push(name);
            }
        }
    }
    assert!(bare.is_empty(), "{bare:?}");
}

/// The strings of a list in a section of deny.toml; of tables, their names.
fn strings(policy: &str, section: &str, list: &str) -> Vec<String> {
    let (_, rest) = policy.split_once(&format!("\n[{section}]\n")).unwrap();
    let rest = rest.split("\n[").next().unwrap();
    let (_, rest) = rest.split_once(&format!("\n{list} = [")).unwrap();
    let rest = rest.split(']').next().unwrap();
    let lines = rest.lines().map(|line| line.split('#').next().unwrap());
    lines
        .filter_map(|line| line.split('"').nth(1))
        .map(str::to_owned)
        .collect()
}

/// Whether an SPDX expression can be met with these licences.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // Crates from before SPDX write a slash for "or".
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    !words.is_empty() && either(&words, &mut at, allowed) && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, allowed);
    }
    met
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let met = either(words, at, allowed);
        let is_closed = words.get(*at) == Some(&")");
        *at += 1;
        return met && is_closed;
    }
    let mut licence = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        licence = format!("{licence} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allowed.contains(&licence)
}

#[test]
fn licences_are_read_as_spdx_says() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "A WITH B".to_owned()]);
    let rows = BTreeMap::from([
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("GPL-3.0 OR MIT AND MIT", true),
        ("(GPL-3.0 OR MIT) AND GPL-3.0", false),
        ("(GPL-3.0 OR MIT) AND MIT", true),
        ("A WITH B", true),
        ("A", false),
        ("", false),
        ("MIT MIT", false),
    ]);
    for (expression, met) in rows {
        assert_eq!(satisfied(expression, &allowed), met, "{expression}");
    }
}
