//! What `docker-compose.yml` names exists, and what runs is as closed as it can be.
//!
//! The schema is checked by docker-compose itself (`make test` asks it); these are the rules that no
//! schema knows. Each rule is tried on the real file, broken in one place.

mod dockerfile;
mod monitoring;
mod rules;
mod scripts;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::rules::Compose;

const MAIN: &str = "docker-compose.yml";
const OVERRIDES: [&str; 2] = ["docker-compose.devchain.yml", "docker-compose.debian.yml"];
const SETTINGS: &str = ".env.example";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The settings: names and what they are unless somebody says otherwise.
fn settings(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// All that is wrong with a file, with the settings it is read with.
fn faults(name: &str, text: &str, settings_text: &str) -> Vec<String> {
    let settings = settings(settings_text);
    let compose = Compose {
        root: &root(),
        document: &yaml(text),
        settings: &settings,
        whole: name == MAIN,
    };
    let mut faults = compose.faults();
    let known: BTreeSet<&str> = settings.iter().map(|(name, _)| name.as_str()).collect();
    for variable in variables(text) {
        if !known.contains(variable.as_str()) {
            faults.push(format!("{SETTINGS} does not have {variable}"));
        }
    }
    faults
}

/// The names in `${…}` outside of comments.
fn variables(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split("${").skip(1))
        .filter_map(|rest| rest.split(['}', ':', '-', '?']).next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn everything_that_is_named_exists_and_nobody_is_root() {
    let settings = read(SETTINGS);
    for name in [&[MAIN][..], &OVERRIDES].concat() {
        let faults = faults(name, &read(name), &settings);
        assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    }
}

#[test]
fn every_setting_is_used() {
    let used: BTreeSet<String> = [&[MAIN][..], &OVERRIDES]
        .concat()
        .into_iter()
        .flat_map(|name| variables(&read(name)))
        .collect();
    for (name, _) in settings(&read(SETTINGS)) {
        // The one that docker-compose itself reads.
        assert!(
            used.contains(&name) || name == "COMPOSE_PROJECT_NAME",
            "nothing uses {name} of {SETTINGS}"
        );
    }
}

/// Files that the sources take in when they are compiled, as paths from the root.
fn included(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            included(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text
                .split("include_str!(\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next());
            let beside = path.parent().unwrap();
            into.extend(names.filter_map(|name| beside.join(name).canonicalize().ok()));
        }
    }
}

#[test]
fn what_is_compiled_in_the_image_is_sent_to_the_engine() {
    let ignore = read(".dockerignore");
    let sent: Vec<PathBuf> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .map(|line| root().join(line))
        .collect();
    for path in sent.iter().filter(|path| !path.ends_with("target/image")) {
        assert!(path.exists(), "{} is sent and is not there", path.display());
    }
    let mut needed = Vec::new();
    for folder in ["protocol", "qtum", "devchain", "relay", "wasm", "cli"] {
        included(
            &root().join("backend").join(folder).join("src"),
            &mut needed,
        );
    }
    assert!(needed.len() > 3, "only {needed:?}");
    for path in needed {
        let is_sent = sent.iter().any(|sent| path.starts_with(sent));
        assert!(is_sent, ".dockerignore keeps {} back", path.display());
    }
}

#[test]
fn passwords_are_not_shipped() {
    for (name, value) in settings(&read(SETTINGS)) {
        assert!(!name.ends_with("_PASSWORD") || value.is_empty(), "{name}");
    }
}

/// The rules can fail: one change to the real file, and what must be said about it.
#[test]
fn each_rule_finds_what_it_forbids() {
    let digest = "@sha256:b0c5bab0fbba8e0c221f73b1dc6359ec35f8650074377e727299df248fc8ad51";
    let broken: &[(&str, &str, &str)] = &[
        (
            "127.0.0.1:${SPARKY_PORT}:8080",
            "${SPARKY_PORT}:8080",
            "every machine",
        ),
        (
            "127.0.0.1:${QTUM_RPC_PORT}:13889",
            "13889:13889",
            "every machine",
        ),
        ("postgres:15.18-bookworm", "postgres:latest", "latest"),
        (digest, "", "digest"),
        ("image: sparky-proxy:local", "image: sparky-proxy", "tag"),
        ("user: postgres", "user: root", "root"),
        ("user: www-data", "user: \"0:0\"", "root"),
        ("    user: \"472:0\"\n", "", "user"),
        ("  read_only: true\n", "", "read_only"),
        ("  cap_drop: [ALL]\n", "", "cap_drop"),
        (
            "no-new-privileges:true",
            "no-new-privileges:false",
            "no-new-privileges",
        ),
        ("      max-size: 10m\n", "", "log"),
        ("    mem_limit: 512m\n", "", "mem_limit"),
        ("  pids_limit: 256\n", "  pids_limit: 0\n", "pids_limit"),
        (
            "    healthcheck:\n      # Warming",
            "    x-health:\n      # Warming",
            "healthcheck",
        ),
        (
            "context: deploy/proxy",
            "context: deploy/nowhere",
            "deploy/nowhere",
        ),
        (
            "dockerfile: deploy/relay/Dockerfile",
            "dockerfile: deploy/relay/Nofile",
            "Nofile",
        ),
        (
            "        QTUM_SHA256: ${QTUM_SHA256}\n",
            "        QTUM_SUM: ${QTUM_SHA256}\n",
            "QTUM_SUM",
        ),
        (
            "./deploy/nats/sparky.conf:",
            "./deploy/nats/none.conf:",
            "none.conf",
        ),
        ("[\"qtum:/home", "[\"coins:/home", "coins"),
        (
            "volumes:\n  qtum:\n",
            "volumes:\n  qtum:\n  attic:\n",
            "attic",
        ),
        (
            "networks: [edge]\n    depends_on:\n      prometheus",
            "networks: [out]\n    depends_on:\n      prometheus",
            "out",
        ),
        (
            "    migrate:\n      condition",
            "    migration:\n      condition",
            "migration",
        ),
        (
            "condition: service_completed_successfully",
            "condition: service_healthy",
            "never healthy",
        ),
        (
            "${SPARKY_PUBLIC_URL}",
            "${SPARKY_ADDRESS}",
            "SPARKY_ADDRESS",
        ),
        ("target: ${SPARKY_BUILD}", "target: prebuilt", "prebuilt"),
        ("    internal: true\n", "", "internal"),
        (
            "networks: [chain]\n    healthcheck",
            "networks: [chain]\n    privileged: true\n    healthcheck",
            "privileged",
        ),
    ];
    let (text, settings) = (read(MAIN), read(SETTINGS));
    for (find, put, says) in broken {
        assert!(text.contains(find), "the file has no {find:?} to break");
        let faults = faults(MAIN, &text.replacen(find, put, 1), &settings);
        assert!(
            faults.iter().any(|fault| fault.contains(says)),
            "{find:?} → {put:?}: expected {says:?} in {faults:?}"
        );
    }
    let fewer = settings.replace("POSTGRES_PASSWORD=", "POSTGRES_WORD=");
    assert!(!faults(MAIN, &text, &fewer).is_empty());
}
