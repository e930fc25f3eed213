//! A program that we run as one step of something larger: shown, timed, counted.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::count::{Count, Counter};

/// A program, its arguments and where it runs.
#[derive(Clone, Debug)]
pub struct Step {
    name: String,
    folder: PathBuf,
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// How a step went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The step's name.
    pub name: String,
    /// What it counted.
    pub count: Count,
    /// How long it took.
    pub took: Duration,
    /// Whether it succeeded.
    pub ok: bool,
}

impl Outcome {
    /// The outcome of something that we do ourselves: one test, passed or failed.
    pub fn of(name: &str, work: impl FnOnce() -> Result<()>) -> Self {
        println!("\n── {name} ──");
        let begin = Instant::now();
        let result = work();
        if let Err(error) = &result {
            println!("{error:#}");
        }
        let ok = result.is_ok();
        let count = Count {
            passed: u32::from(ok),
            failed: u32::from(!ok),
        };
        Self {
            name: name.into(),
            count,
            took: begin.elapsed(),
            ok,
        }
    }
}

impl Step {
    /// A step from a command line whose words have no blanks inside.
    pub fn new(name: &str, folder: &Path, line: &str) -> Self {
        let mut words = line.split(' ').map(str::to_owned);
        Self {
            name: name.into(),
            folder: folder.into(),
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            environment: Vec::new(),
        }
    }

    /// The same step with one more variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs the step, shows what it prints, and counts what it says. A program that cannot be
    /// started is a step that failed.
    pub fn run(&self) -> Outcome {
        println!(
            "\n── {} ── {} {}",
            self.name,
            self.program,
            self.arguments.join(" ")
        );
        let begin = Instant::now();
        let mut counter = Counter::default();
        let ok = self.stream(&mut counter).unwrap_or_else(|error| {
            println!("{error:#}");
            false
        });
        let outcome = Outcome {
            name: self.name.clone(),
            count: counter.finish(ok),
            took: begin.elapsed(),
            ok,
        };
        let verdict = if ok { "ok" } else { "FAILED" };
        println!(
            "── {} ── {verdict} in {:.1} s",
            self.name,
            outcome.took.as_secs_f32()
        );
        outcome
    }

    fn stream(&self, counter: &mut Counter) -> Result<bool> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .current_dir(&self.folder)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", self.program))?;
        let (sender, lines) = channel();
        let out = child
            .stdout
            .take()
            .context("invariant: standard output is piped")?;
        let err = child
            .stderr
            .take()
            .context("invariant: standard error is piped")?;
        std::thread::scope(|scope| -> Result<()> {
            let also = sender.clone();
            scope.spawn(move || forward(out, &sender));
            scope.spawn(move || forward(err, &also));
            for line in lines {
                counter.read(&line);
                println!("{line}");
            }
            std::io::stdout().flush()?;
            Ok(())
        })?;
        Ok(child.wait()?.success())
    }
}

/// Sends each line on, whatever bytes are in it.
fn forward(from: impl Read, to: &Sender<String>) {
    let mut reader = BufReader::new(from);
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if to.send(line).is_err() {
            return;
        }
        bytes.clear();
    }
}
