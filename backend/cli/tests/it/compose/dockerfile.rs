//! What can be said about a Dockerfile without building it.

use std::collections::BTreeSet;
use std::path::Path;

/// Instructions with continued lines joined.
pub struct Dockerfile {
    instructions: Vec<(String, String)>,
    /// Names that it may be given.
    pub args: BTreeSet<String>,
    /// Names of its stages.
    pub stages: BTreeSet<String>,
}

impl Dockerfile {
    /// Reads the text; nothing is refused here.
    pub fn read(text: &str) -> Self {
        let joined = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .collect::<Vec<_>>()
            .join("\n")
            .replace("\\\n", " ");
        let instructions: Vec<(String, String)> = joined
            .lines()
            .filter_map(|line| line.trim().split_once(' '))
            .map(|(verb, rest)| (verb.to_uppercase(), rest.trim().to_owned()))
            .collect();
        let all = |verb: &str| {
            let verb = verb.to_owned();
            let of_verb = instructions.iter().filter(move |(one, _)| *one == verb);
            of_verb.map(|(_, rest)| rest.clone()).collect::<Vec<_>>()
        };
        let args = all("ARG")
            .iter()
            .filter_map(|arg| arg.split('=').next().map(str::to_owned))
            .collect();
        let stages = all("FROM")
            .iter()
            .filter_map(|from| from.split_once(" AS ").map(|(_, name)| name.to_owned()))
            .collect();
        Self {
            instructions,
            args,
            stages,
        }
    }

    /// All that is wrong, with what is copied looked for in the context.
    pub fn faults(&self, context: &Path) -> Vec<String> {
        let mut faults = Vec::new();
        let mut user = String::new();
        for (verb, rest) in &self.instructions {
            match verb.as_str() {
                "FROM" => self.base(rest, &mut faults),
                "USER" => user.clone_from(rest),
                "COPY" | "ADD" if !rest.contains("--from=") => {
                    faults.extend(missing(rest, context));
                }
                _ => {}
            }
        }
        // The last word counts; stages that serve take it over from the one they are made of.
        match user.split(':').next().unwrap_or_default() {
            "" => faults.push("the Dockerfile names no user".into()),
            "root" | "0" => faults.push("the Dockerfile ends as root".into()),
            _ => {}
        }
        faults
    }

    /// A base is an earlier stage, or an argument whose default is pinned or which must be given.
    fn base(&self, from: &str, faults: &mut Vec<String>) {
        let image = from.split(' ').next().unwrap_or_default();
        if self.stages.contains(image) {
            return;
        }
        let name = image.trim_start_matches("${").trim_end_matches('}');
        let default = self.instructions.iter().find_map(|(verb, rest)| {
            let (arg, value) = rest.split_once('=').unwrap_or((rest, ""));
            (verb == "ARG" && arg == name).then_some(value)
        });
        match default {
            None => faults.push(format!("the base {image} is not an argument")),
            Some(image) if !image.is_empty() && !image.contains("@sha256:") => {
                faults.push(format!("the base {image} is not pinned by a digest"));
            }
            Some(_) => {}
        }
    }
}

/// What is copied and is not there. What is built outside can not be there yet.
fn missing(copy: &str, context: &Path) -> Vec<String> {
    let words: Vec<&str> = copy
        .split_whitespace()
        .filter(|word| !word.starts_with("--"))
        .collect();
    let Some((_, sources)) = words.split_last() else {
        return Vec::new();
    };
    sources
        .iter()
        .filter(|source| !source.starts_with("target/") && !context.join(source).exists())
        .map(|source| {
            format!(
                "{} is copied and does not exist",
                context.join(source).display()
            )
        })
        .collect()
}

#[test]
fn a_dockerfile_is_read_as_docker_reads_it() {
    let text = "# a\nARG BASE=x@sha256:1\nFROM ${BASE} AS one\nRUN a \\\n  && b\nCOPY none.txt /\nFROM one\n";
    let file = Dockerfile::read(text);
    assert_eq!(file.instructions.len(), 5);
    let faults = file.faults(Path::new("/"));
    assert_eq!(faults.len(), 2, "{faults:?}");
    for (broken, says) in [
        ("FROM debian:12\nUSER 1\n", "not an argument"),
        ("ARG B=debian:12\nFROM ${B}\nUSER 1\n", "digest"),
        ("ARG B\nFROM ${B}\nUSER root\n", "root"),
        ("ARG B\nFROM ${B}\nUSER 0:0\n", "root"),
    ] {
        let faults = Dockerfile::read(broken).faults(Path::new("/"));
        assert!(
            faults.iter().any(|fault| fault.contains(says)),
            "{broken}: {faults:?}"
        );
    }
}
