//! Rules and dashboard ask for numbers that the relay gives, and each alert says what to do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{read, root, yaml};

const ALERTS: &str = "deploy/prometheus/alerts.yml";
const DASHBOARD: &str = "deploy/grafana/dashboards/sparky.json";
const BOOK: &str = "docs/OPERATIONS.md";

/// The words that begin with `sparky_`, without what a histogram adds to its name.
fn metrics(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("sparky_"))
        .map(|word| {
            let plain = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|ending| word.strip_suffix(ending));
            plain.unwrap_or(word).to_owned()
        })
        .collect()
}

/// The names that the relay's sources say in quotes right behind a mark.
fn named(folder: &Path, mark: &str, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named(&path, mark, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text
                .split(mark)
                .skip(1)
                .filter_map(|call| call.split('"').nth(1));
            into.extend(
                names
                    .filter(|name| name.to_lowercase().starts_with("sparky_"))
                    .map(str::to_owned),
            );
        }
    }
}

fn alerts() -> Vec<Value> {
    let groups = yaml(&read(ALERTS));
    let groups = groups["groups"].as_array().unwrap().clone();
    groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .collect()
}

#[test]
fn every_number_that_is_asked_for_is_given() {
    let mut known = BTreeSet::new();
    named(&root().join("backend/relay/src"), "metrics::", &mut known);
    assert!(known.len() > 10, "only {known:?}");
    let mut asked: BTreeSet<String> = alerts()
        .iter()
        .flat_map(|rule| metrics(rule["expr"].as_str().unwrap()))
        .collect();
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    for target in panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten()
    {
        asked.extend(metrics(target["expr"].as_str().unwrap()));
    }
    assert!(asked.len() > 10, "only {asked:?}");
    let unknown: Vec<_> = asked.difference(&known).collect();
    assert!(unknown.is_empty(), "the relay does not give {unknown:?}");
}

#[test]
fn every_setting_of_the_relay_is_explained() {
    let book = read(BOOK);
    let mut settings = BTreeSet::new();
    named(&root().join("backend/relay/src"), "env = ", &mut settings);
    assert!(settings.len() > 10, "only {settings:?}");
    for name in settings {
        assert!(
            book.contains(&format!("`{name}`")),
            "{BOOK} does not speak of {name}"
        );
    }
}

#[test]
fn every_alert_says_what_to_do() {
    let book = read(BOOK);
    let rules = alerts();
    assert!(rules.len() > 5);
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        for pointer in ["/labels/severity", "/annotations/summary"] {
            assert!(rule.pointer(pointer).is_some(), "{name} has no {pointer}");
        }
        let heading = format!("`{name}`");
        assert!(book.contains(&heading), "{BOOK} does not speak of {name}");
    }
}

#[test]
fn a_histogram_is_one_metric() {
    let found =
        metrics("histogram_quantile(0.9, rate(sparky_x_seconds_bucket[5m])) > sparky_y{a=\"b\"}");
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["sparky_x_seconds", "sparky_y"]
    );
}
