//! What a person types around the containers, tried with an engine that only writes down what it is
//! asked: `dc.sh` and the Makefile's verbs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{read, root, settings, yaml};

/// A folder with an engine in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let docker = place.path("docker");
        fs::write(&docker, "#!/bin/sh\necho \"$@\" >>\"$ASKED\"\n").unwrap();
        fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a line as it is typed.
    fn run(&self, line: &str) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", self.folder.path().display());
        let mut command = Command::new("sh");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SPARKY_")) {
            command.env_remove(name);
        }
        let output = command
            .args(["-c", line])
            .current_dir(root())
            .env_remove("STACK")
            .env_remove("MAKEFLAGS")
            .env("PATH", path)
            .env("ASKED", self.path("asked"))
            .env("SPARKY_ENV_FILE", self.path("env"))
            .env("SPARKY_DATA", self.path("data"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        output
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.path("asked")).unwrap_or_default()
    }
}

#[test]
fn settings_that_are_missing_are_added_to_whole_lines() {
    let place = Place::new();
    // As an editor may leave it: without an end.
    fs::write(place.path("env"), "SPARKY_PORT=9999\nQTUM_RPC_USER=me").unwrap();
    place.run("./dc.sh ps");
    place.run("./dc.sh ps");
    let written = settings(&fs::read_to_string(place.path("env")).unwrap());
    let names: BTreeSet<&String> = written.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), written.len(), "each once: {written:?}");
    for (name, value) in settings(&read(super::SETTINGS)) {
        let (_, found) = written
            .iter()
            .find(|(one, _)| *one == name)
            .expect("all of them");
        match name.as_str() {
            "SPARKY_PORT" => assert_eq!(found, "9999"),
            "QTUM_RPC_USER" => assert_eq!(found, "me"),
            _ if name.ends_with("_PASSWORD") => assert_eq!(found.len(), 48, "{name}"),
            _ => assert_eq!(*found, value, "{name}"),
        }
    }
}

/// A password that somebody left empty would be one that everybody knows.
#[test]
fn an_empty_password_is_refused() {
    for name in ["docker-compose.yml", "docker-compose.devchain.yml"] {
        let text = read(name);
        let text = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        for used in text.flat_map(|line| line.split("${").skip(1)) {
            let (variable, rest) = used.split_at(used.find(['}', ':']).unwrap());
            if variable.ends_with("_PASSWORD") {
                assert!(rest.starts_with(":?"), "{name}: {variable} may be empty");
            }
        }
    }
}

/// What an operator may set with a flag must not need another compose file.
#[test]
fn every_setting_of_a_relay_reaches_it() {
    let help = Command::new(env!("CARGO_BIN_EXE_sparky"))
        .args(["relay", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let (_, own) = help.split_once("Options:").unwrap();
    let (own, _) = own.split_once("Global options:").unwrap();
    let known: BTreeSet<&str> = own
        .split("[env: ")
        .skip(1)
        .filter_map(|rest| rest.split(['=', ']']).next())
        .collect();
    assert!(20 < known.len(), "{known:?}");
    let compose = yaml(&read("docker-compose.yml"));
    for relay in ["relay-1", "relay-2"] {
        let given = compose["services"][relay]["environment"]
            .as_object()
            .unwrap();
        for name in &known {
            assert!(given.contains_key(*name), "{relay} is not told {name}");
        }
    }
}

#[test]
fn a_stack_that_was_stopped_is_still_known_until_it_is_removed() {
    let place = Place::new();
    place.run("mkdir -p \"$SPARKY_DATA\" && echo 'STACK ?= docker' >\"$SPARKY_DATA/stack.mk\"");
    place.run("make stop-services");
    assert!(place.asked().contains(" stop"), "{}", place.asked());
    place.run("make clean");
    assert!(
        place.asked().contains("down --volumes"),
        "{}",
        place.asked()
    );
    assert!(!place.path("data").exists());
}
