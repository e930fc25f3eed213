//! The points at which the crash test ends a process: one list, and none of it in what is shipped.

#[path = "../crash/points.rs"]
#[allow(dead_code, reason = "the crash test needs the rest")]
mod points;

use std::{collections::BTreeSet, path::Path};

/// A point that nobody crashes at is not tested; a name that no code has is a test of nothing.
#[test]
fn the_points_in_the_code_are_those_that_the_crash_test_ends_at() {
    let backend = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut in_code = BTreeSet::new();
    let mut sites = 0;
    let mut open: Vec<_> = ["relay/src", "cli/src", "devchain/src", "qtum/src"]
        .map(|folder| backend.join(folder))
        .into();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if !path.ends_with("relay/src/failpoint.rs") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let names = text.split("failpoint!(\"").skip(1);
            sites += names.clone().count();
            in_code.extend(names.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    let listed: BTreeSet<String> = points::POINTS
        .iter()
        .map(|point| point.name.to_owned())
        .collect();
    assert_eq!(in_code, listed);
    // Of two places with one name, a story reaches only one.
    assert_eq!(sites, in_code.len(), "each name at one place");
    assert_eq!(listed.len(), points::POINTS.len(), "each name once");
    let book = backend.join("../docs/TESTING.md");
    let told = format!("each of {} named points", listed.len());
    let text = std::fs::read_to_string(book).unwrap();
    assert!(
        text.contains(&told),
        "docs/TESTING.md does not say {told:?}"
    );
}

/// The variable that arms a point is no word of an ordinary binary: setting it can do nothing.
#[test]
fn the_shipped_binary_knows_no_point() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_sparky")).unwrap();
    let knows = |name: &[u8]| {
        let mut rest = &binary[..];
        while let Some(at) = rest.iter().position(|byte| *byte == name[0]) {
            if rest[at..].starts_with(name) {
                return true;
            }
            rest = &rest[at + 1..];
        }
        false
    };
    assert!(knows(b"SPARKY_BIND"), "the search finds what is there");
    let armed = cfg!(feature = "failpoints");
    assert_eq!(knows(b"SPARKY_FAILPOINT"), armed);
    assert_eq!(knows(points::POINTS[8].name.as_bytes()), armed);
}
