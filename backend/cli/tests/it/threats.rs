//! SECURITY.md says which test stands for each threat: here is held that each row names one, and that
//! what is named exists.

use std::fs;
use std::path::Path;

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The tests that a text names: file, and name within.
fn named(text: &str) -> Vec<(&str, &str)> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|quoted| quoted.split_once("::"))
        .filter(|(file, _)| file.contains('/'))
        .collect()
}

/// Whether a source has a test of this name, in its own language, and not switched off.
fn has(file: &str, source: &str, name: &str) -> bool {
    let language = file.rsplit('.').next().unwrap_or_default();
    if language == "rs" {
        // The attributes stand right above.
        let Some((before, _)) = source.split_once(&format!("fn {name}(")) else {
            return false;
        };
        let above: Vec<&str> = before.lines().rev().take(6).collect();
        let starts = above.iter().position(|line| {
            line.contains("#[test]") || line.contains("#[tokio::test") || line.contains("proptest!")
        });
        starts.is_some_and(|starts| !above[..starts].iter().any(|line| line.contains("ignore")))
            || before.contains("proptest!")
    } else if language == "sol" {
        source.contains(&format!("function {name}("))
    } else {
        source.contains(&format!("it(\"{name}\""))
    }
}

#[test]
fn every_threat_has_a_test() {
    let document = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let (_, threats) = document.split_once("\n## Threats").unwrap();
    let threats = threats.split("\n## ").next().unwrap();
    let mut faults = Vec::new();
    let mut rows = 0;
    for line in threats.lines().filter(|line| line.starts_with("| ")) {
        if line.starts_with("| it tries |") {
            continue;
        }
        rows += 1;
        let tests = named(line);
        if tests.is_empty() {
            faults.push(format!("no test: {line}"));
        }
        for (file, name) in tests {
            match fs::read_to_string(root().join(file)) {
                Ok(source) if has(file, &source, name) => {}
                Ok(_) => faults.push(format!("{file} has no test {name}")),
                Err(cause) => faults.push(format!("{file}: {cause}")),
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(50 <= rows, "only {rows} threats");
}

/// The tables of docs/TESTING.md name tests of the relay, each in the last column of its row.
#[test]
fn every_test_that_the_tables_name_exists() {
    let folder = root().join("backend/relay/tests/it");
    let sources: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let document = fs::read_to_string(root().join("docs/TESTING.md")).unwrap();
    let mut names = Vec::new();
    for part in ["\n## Bad networks", "\n## Disputes on the chain"] {
        let (_, table) = document.split_once(part).unwrap();
        let table = table.split("\n## ").next().unwrap();
        for row in table.lines().filter(|line| line.starts_with("| ")) {
            let column = row
                .trim_end_matches([' ', '|'])
                .rsplit(" | ")
                .next()
                .unwrap();
            let quoted = column.split('`').skip(1).step_by(2);
            names.extend(quoted.filter(|name| !name.contains('.')));
        }
    }
    let missing: Vec<&&str> = names
        .iter()
        .filter(|name| !sources.iter().any(|source| has("a.rs", source, name)))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(30 <= names.len(), "only {} are named", names.len());
}

#[test]
fn a_test_that_is_not_there_is_missed() {
    let source = "#[test]\nfn here() {}\n#[tokio::test]\n#[ignore = \"x\"]\nasync fn off() {}\nfn helper() {}\n";
    assert!(has("a.rs", source, "here"));
    assert!(!has("a.rs", source, "off"));
    assert!(!has("a.rs", source, "gone"));
    assert!(!has("a.rs", "fn helper() {}", "helper"));
    assert!(!has("a.ts", "it(\"another\"", "this"));
    assert_eq!(named("| x | `a/b.rs::c` and `d` |"), [("a/b.rs", "c")]);
}
