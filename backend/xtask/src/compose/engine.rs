//! The Docker engine: the one that runs, else one of our own for as long as it is needed.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::debian;

/// How long an engine may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// An engine that answers. One that we started ends, with all that is in it, when this is dropped.
pub(crate) struct Engine {
    own: Option<Own>,
}

struct Own {
    process: Child,
    folder: PathBuf,
}

impl Engine {
    /// The engine that runs, or a new one.
    ///
    /// # Errors
    /// When there is none and none can be started.
    pub fn get() -> Result<Self> {
        if !debian::has("docker") {
            debian::install(&["docker.io"])?;
        }
        if answers(None) {
            return Ok(Self { own: None });
        }
        ensure!(
            debian::is_root()?,
            "no Docker engine answers, and only root could start one: start yours"
        );
        if !debian::has("dockerd") {
            debian::install(&["docker.io"])?;
        }
        Ok(Self {
            own: Some(Own::start()?),
        })
    }

    /// What `DOCKER_HOST` must be, if it is not what it is already.
    pub fn host(&self) -> Option<String> {
        self.own.as_ref().map(Own::host)
    }
}

impl Own {
    fn start() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("sparky-engine-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let log = File::create(folder.join("log"))?;
        println!(
            "No Docker engine answers: starting one in {}.",
            folder.display()
        );
        let process = Command::new("dockerd")
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .arg("--host")
            .arg(format!("unix://{}", folder.join("socket").display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("dockerd does not start")?;
        let mut own = Self { process, folder };
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if answers(Some(&own.host())) {
                return Ok(own);
            }
            if own.process.try_wait()?.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let log = fs::read_to_string(own.folder.join("log")).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        bail!("the Docker engine does not answer: {}", last.join("\n"))
    }

    fn host(&self) -> String {
        format!("unix://{}", self.folder.join("socket").display())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Asked, not killed: it ends its containers and lets go of its mounts.
        let asked = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        if asked.is_ok_and(|status| status.success()) {
            let _ = self.process.wait();
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            println!("{} stays behind: {error}", self.folder.display());
        }
    }
}

fn answers(host: Option<&str>) -> bool {
    let mut docker = Command::new("docker");
    docker.args(["version", "--format", "{{.Server.Version}}"]);
    if let Some(host) = host {
        docker.env("DOCKER_HOST", host);
    }
    docker.output().is_ok_and(|output| output.status.success())
}
