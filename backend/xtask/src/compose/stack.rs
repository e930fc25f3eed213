//! One stack of containers with settings, ports and data of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::engine::Engine;
use crate::debian;
use crate::step::{Outcome, Step};
use crate::test::{free_address, sparky};

/// What is started unless `COMPOSE_FILE` says otherwise: nothing that only a registry has.
const FILES: &str = "docker-compose.yml:docker-compose.debian.yml:docker-compose.devchain.yml";
const BASE: &str = "sparky-debian:bookworm";

/// The stack. Dropping it removes its containers, its volumes and its folder.
pub(crate) struct Stack {
    root: PathBuf,
    /// Settings, profiles, dumps.
    pub folder: PathBuf,
    /// Where relays and DApp are, as `host:port`.
    pub address: String,
    /// Where Prometheus is, as `host:port`.
    pub prometheus: String,
    environment: Vec<(&'static str, String)>,
    // Last: it must outlive what runs in it.
    _engine: Engine,
}

impl Stack {
    /// Prepares everything; starts nothing.
    ///
    /// # Errors
    /// When engine, base image or binary cannot be had.
    pub fn new(root: &Path) -> Result<Self> {
        let engine = Engine::get()?;
        let id = std::process::id();
        let folder = std::env::temp_dir().join(format!("sparky-compose-{id}"));
        fs::create_dir_all(&folder)?;
        let [address, rpc, prometheus] = [free_address()?, free_address()?, free_address()?];
        let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
        let files = std::env::var("COMPOSE_FILE").unwrap_or_else(|_| FILES.to_owned());
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut environment = vec![
            ("COMPOSE_PROJECT_NAME", format!("sparky-test-{id}")),
            ("COMPOSE_FILE", files),
            ("SPARKY_ENV_FILE", text(&folder.join("env"))),
            ("SPARKY_DATA", text(&folder.join("data"))),
            ("SPARKY_BUILD", "binary".to_owned()),
            // Beside a stack that runs already.
            ("SPARKY_SUBNET", format!("10.137.{}", 100 + id % 100)),
            ("SPARKY_PORT", port(&address)),
            ("SPARKY_PUBLIC_URL", format!("http://{address}")),
            ("QTUM_RPC_PORT", port(&rpc)),
            ("PROMETHEUS_PORT", port(&prometheus)),
        ];
        environment.extend(engine.host().map(|host| ("DOCKER_HOST", host)));
        let stack = Self {
            root: root.to_owned(),
            folder,
            address,
            prometheus,
            environment,
            _engine: engine,
        };
        stack.base()?;
        let image = root.join("target/image");
        fs::create_dir_all(&image)?;
        fs::copy(sparky()?, image.join("sparky")).context("the binary is not built")?;
        Ok(stack)
    }

    /// Debian's base, made from packages when it is not there.
    fn base(&self) -> Result<()> {
        let files = self
            .environment
            .iter()
            .find(|(name, _)| *name == "COMPOSE_FILE");
        let wants = files.is_some_and(|(_, files)| files.contains("debian"));
        if !wants
            || self
                .output("docker", &["image", "inspect", BASE])?
                .status
                .success()
        {
            return Ok(());
        }
        if !debian::has("debootstrap") {
            debian::install(&["debootstrap"])?;
        }
        let made = self.step("base", "deploy/debian/base.sh").run();
        ensure!(made.ok, "the base image could not be made");
        Ok(())
    }

    /// A step in the stack's environment.
    pub fn step(&self, name: &str, line: &str) -> Step {
        let step = Step::new(name, &self.root, line);
        self.environment
            .iter()
            .fold(step, |step, (name, value)| step.with(name, value.clone()))
    }

    /// Runs a line as a person would type it, and counts it.
    pub fn run(&self, line: &str) -> Outcome {
        self.step("compose", line).run()
    }

    /// Runs `./dc.sh` and returns what it prints.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn dc(&self, arguments: &[&str]) -> Result<String> {
        text("./dc.sh", arguments, &self.output("./dc.sh", arguments)?)
    }

    /// Runs a line with redirections as a shell does.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn shell(&self, line: &str) -> Result<()> {
        println!("{line}");
        let arguments = ["-c", line];
        text("sh", &arguments, &self.output("sh", &arguments)?).map(drop)
    }

    /// The operator's handbook.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn book(&self) -> Result<String> {
        fs::read_to_string(self.root.join("docs/OPERATIONS.md")).context("the handbook")
    }

    /// The volumes of this stack that exist.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn volumes(&self) -> Result<String> {
        let project = self
            .environment
            .iter()
            .find(|(name, _)| *name == "COMPOSE_PROJECT_NAME");
        let filter = format!("name={}", project.map_or("", |(_, project)| project));
        let arguments = ["volume", "ls", "-q", "--filter", &filter];
        text("docker", &arguments, &self.output("docker", &arguments)?)
    }

    /// Runs `sparky` on this machine against the stack's one address.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn sparky(&self, arguments: &[&str]) -> Result<Value> {
        let binary = sparky()?;
        let binary = binary
            .to_str()
            .context("the path of the binary is not text")?;
        let relay = format!("http://{}", self.address);
        let all = [&["--output", "json", "--yes", "--relay", &relay], arguments].concat();
        let printed = text(binary, arguments, &self.output(binary, &all)?)?;
        Ok(serde_json::from_str(&printed)?)
    }

    fn output(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        Command::new(program)
            .args(arguments)
            .current_dir(&self.root)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start {program}"))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let all = ["--profile", "monitoring", "--profile", "tools"];
        let down = [&all[..], &["down", "--volumes", "--remove-orphans"]].concat();
        if let Err(error) = self.dc(&down) {
            println!("{error:#}");
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn text(program: &str, arguments: &[&str], output: &Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{program} {}: {}\n{said}",
        arguments.join(" "),
        output.status
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
