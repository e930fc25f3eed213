//! The rules for services, one function each.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::dockerfile;

/// A file to look at.
pub struct Compose<'a> {
    /// The repository.
    pub root: &'a Path,
    /// The file.
    pub document: &'a Value,
    /// Names and values of the settings.
    pub settings: &'a [(String, String)],
    /// Whether services are described whole; an override says only what is different.
    pub whole: bool,
}

type Service = Map<String, Value>;

impl Compose<'_> {
    /// All that is wrong.
    pub fn faults(&self) -> Vec<String> {
        let services = self.section("services");
        let mut faults = Vec::new();
        if services.is_empty() {
            faults.push("there are no services".into());
        }
        for (name, service) in &services {
            let Some(service) = service.as_object() else {
                faults.push(format!("{name} is no service"));
                continue;
            };
            let mut found = Vec::new();
            self.image(service, &mut found);
            self.build(service, &mut found);
            self.volumes(service, &mut found);
            ports(service, &mut found);
            if self.whole {
                closed(service, &mut found);
                limited(service, &mut found);
                watched(service, &mut found);
                dependencies(service, &services, &mut found);
                self.networks(service, &mut found);
            }
            faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
        }
        if self.whole {
            self.unused_volumes(&services, &mut faults);
            let store = self.document.pointer("/networks/store/internal");
            if store != Some(&Value::Bool(true)) {
                faults.push("the network store is not internal".into());
            }
        }
        faults
    }

    fn section(&self, name: &str) -> Map<String, Value> {
        let section = self.document.get(name).and_then(Value::as_object);
        section.cloned().unwrap_or_default()
    }

    /// The text with settings put in.
    fn filled(&self, text: &str) -> String {
        self.settings
            .iter()
            .fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("${{{name}}}"), value)
            })
    }

    /// What we build has a tag of ours; what we take has a tag and a digest.
    fn image(&self, service: &Service, faults: &mut Vec<String>) {
        let Some(image) = service.get("image").and_then(Value::as_str) else {
            if self.whole {
                faults.push("no image".into());
            }
            return;
        };
        let image = self.filled(image);
        let (name, digest) = image.split_once("@sha256:").unwrap_or((&image, ""));
        let tag = name.rsplit_once(':').map_or("", |(_, tag)| tag);
        if tag.is_empty() || tag.contains('/') {
            faults.push(format!("{image} has no tag"));
        }
        if tag == "latest" {
            faults.push(format!("{image} is whatever is latest"));
        }
        let is_digest = digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit());
        if !service.contains_key("build") && !is_digest {
            faults.push(format!("{image} is not pinned by a digest"));
        }
    }

    fn build(&self, service: &Service, faults: &mut Vec<String>) {
        let Some(build) = service.get("build") else {
            return;
        };
        let context = build.get("context").and_then(Value::as_str);
        // An override may only add arguments; the Dockerfile is named where the service is whole.
        let Some(context) = context else {
            if self.whole {
                faults.push("build has no context".into());
            }
            return;
        };
        let folder = self.root.join(context);
        let file = build.get("dockerfile").and_then(Value::as_str);
        let file = folder.join(file.unwrap_or("Dockerfile"));
        let Ok(text) = std::fs::read_to_string(&file) else {
            faults.push(format!("there is no {}", file.display()));
            return;
        };
        let dockerfile = dockerfile::Dockerfile::read(&text);
        faults.extend(dockerfile.faults(&folder));
        if let Some(target) = build.get("target").and_then(Value::as_str) {
            let target = self.filled(target);
            if !dockerfile.stages.contains(&target) {
                faults.push(format!("{} has no stage {target}", file.display()));
            }
        }
        let args = build.get("args").and_then(Value::as_object);
        for name in args.into_iter().flat_map(Map::keys) {
            if !dockerfile.args.contains(name) {
                faults.push(format!("{} does not ask for {name}", file.display()));
            }
        }
    }

    fn volumes(&self, service: &Service, faults: &mut Vec<String>) {
        let declared = self.section("volumes");
        for volume in texts(service.get("volumes")) {
            let source = volume.split(':').next().unwrap_or_default();
            if source.starts_with('.') || source.starts_with('/') {
                if !self.root.join(source).exists() {
                    faults.push(format!("{source} is mounted and does not exist"));
                }
                if !volume.ends_with(":ro") {
                    faults.push(format!("{source} can be written by the container"));
                }
            } else if !declared.contains_key(source) {
                faults.push(format!("the volume {source} is not declared"));
            }
        }
    }

    fn unused_volumes(&self, services: &Map<String, Value>, faults: &mut Vec<String>) {
        let used: BTreeSet<String> = services
            .values()
            .flat_map(|service| texts(service.get("volumes")))
            .filter_map(|volume| volume.split(':').next().map(str::to_owned))
            .collect();
        for name in self.section("volumes").keys() {
            if !used.contains(name) {
                faults.push(format!("nobody uses the volume {name}"));
            }
        }
    }

    fn networks(&self, service: &Service, faults: &mut Vec<String>) {
        let declared = self.section("networks");
        let names = match service.get("networks") {
            Some(Value::Object(by_name)) => by_name.keys().cloned().collect(),
            other => texts(other),
        };
        if names.is_empty() {
            faults.push("in no network of ours".into());
        }
        for name in names {
            if !declared.contains_key(&name) {
                faults.push(format!("the network {name} is not declared"));
            }
        }
    }
}

/// Whether the service does one thing and ends.
fn ends(service: &Service) -> bool {
    service.get("restart").and_then(Value::as_str) == Some("no")
}

fn dependencies(service: &Service, services: &Map<String, Value>, faults: &mut Vec<String>) {
    let dependencies = service.get("depends_on").and_then(Value::as_object);
    for (name, how) in dependencies.into_iter().flatten() {
        let Some(other) = services.get(name).and_then(Value::as_object) else {
            faults.push(format!("waits for {name}, which does not exist"));
            continue;
        };
        let fits = match how.get("condition").and_then(Value::as_str) {
            Some("service_healthy") => other.contains_key("healthcheck"),
            Some("service_completed_successfully") => ends(other),
            _ => false,
        };
        if !fits {
            faults.push(format!(
                "waits for {name}, which is never healthy or never ends"
            ));
        }
    }
}

fn ports(service: &Service, faults: &mut Vec<String>) {
    for port in texts(service.get("ports")) {
        if !port.starts_with("127.0.0.1:") {
            faults.push(format!("{port} is published to every machine"));
        }
    }
    if service.get("network_mode").is_some() {
        faults.push("has another network than ours".into());
    }
}

fn closed(service: &Service, faults: &mut Vec<String>) {
    let text = |key: &str| service.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("user").split(':').next().unwrap_or_default() {
        "" => faults.push("no user is named".into()),
        "root" | "0" => faults.push("is root".into()),
        _ => {}
    }
    if service.get("read_only") != Some(&Value::Bool(true)) {
        faults.push("read_only is not true".into());
    }
    if !texts(service.get("cap_drop")).contains(&"ALL".to_owned()) {
        faults.push("cap_drop is not ALL".into());
    }
    if !texts(service.get("security_opt")).contains(&"no-new-privileges:true".to_owned()) {
        faults.push("no-new-privileges is not set".into());
    }
    for key in ["privileged", "cap_add", "devices", "pid", "ipc"] {
        if service.contains_key(key) {
            faults.push(format!("asks for {key}"));
        }
    }
}

fn limited(service: &Service, faults: &mut Vec<String>) {
    for key in ["mem_limit", "cpus", "pids_limit"] {
        let is_limit = match service.get(key) {
            Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number > 0.0),
            Some(Value::String(text)) => !text.starts_with('0'),
            _ => false,
        };
        if !is_limit {
            faults.push(format!("no {key}"));
        }
    }
    let log = service.get("logging").and_then(|log| log.get("options"));
    if log.is_none_or(|log| log.get("max-size").is_none() || log.get("max-file").is_none()) {
        faults.push("the log can fill the disk".into());
    }
}

fn watched(service: &Service, faults: &mut Vec<String>) {
    let test = service
        .get("healthcheck")
        .and_then(|check| check.get("test"));
    if test.is_none() && !ends(service) {
        faults.push("no healthcheck".into());
    }
    if !service.contains_key("restart") {
        faults.push("restart is not decided".into());
    }
}

/// The texts of a list.
fn texts(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
