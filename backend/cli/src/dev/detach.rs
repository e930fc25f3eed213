//! `sparky dev --detach`: the same program again in the background, and a wait until it is ready.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{Args, LOG, STEP, instance, ready};
use crate::args::Context;
use crate::problem::Problem;

const PATIENCE: Duration = Duration::from_mins(3);

/// Starts in the background unless it runs already; returns when it is ready.
///
/// # Errors
/// What the background process said before it gave up, or `timeout`.
pub async fn start(args: &Args, context: &Context) -> Result<()> {
    if let Some(running) = instance::running(&context.data)? {
        wait_until_ready(&running.url).await?;
        return tell(context, &running, true, Duration::ZERO);
    }
    let begin = Instant::now();
    fs::create_dir_all(&context.data)?;
    let log_path = context.data.join(LOG);
    let log =
        File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--output", "table", "--data"])
        .arg(&context.data)
        .arg("dev")
        .args(args.again())
        .arg("--background")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start the background process")?;
    let mut progress = Progress {
        file: File::open(&log_path)?,
        rest: String::new(),
    };
    while begin.elapsed() < PATIENCE {
        for step in progress.next()? {
            context.output.note(step);
        }
        if let Some(problem) = ended(&mut child, &log_path)? {
            return Err(problem);
        }
        if let Some(running) = instance::running(&context.data)?
            && running.pid == child.id()
            && ready::is_ready(&running.url).await
        {
            for step in progress.next()? {
                context.output.note(step);
            }
            return tell(context, &running, false, begin.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let text = format!(
        "Not ready after {} s. See {}.",
        PATIENCE.as_secs(),
        log_path.display()
    );
    Err(Problem::new("timeout", "Not ready", text)
        .retryable()
        .into())
}

/// The steps that the background process reports in its log.
struct Progress {
    file: File,
    rest: String,
}

impl Progress {
    fn next(&mut self) -> Result<Vec<String>> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        self.rest.push_str(&String::from_utf8_lossy(&bytes));
        let mut steps = Vec::new();
        while let Some((line, rest)) = self.rest.split_once('\n') {
            if line.starts_with(STEP) {
                steps.push(line.to_owned());
            }
            self.rest = rest.to_owned();
        }
        Ok(steps)
    }
}

/// Why the background process ended, if it did.
fn ended(child: &mut Child, log_path: &Path) -> Result<Option<anyhow::Error>> {
    let Some(status) = child.try_wait()? else {
        return Ok(None);
    };
    let mut log = String::new();
    let mut file = File::open(log_path)?;
    file.seek(SeekFrom::Start(0))?;
    file.read_to_string(&mut log)?;
    let line = log.lines().rev().find(|line| line.starts_with("error: "));
    let said = line.map_or_else(
        || format!("it ended with {status}; see {}", log_path.display()),
        |line| line.trim_start_matches("error: ").to_owned(),
    );
    Ok(Some(
        Problem::new("start-failed", "The background process gave up", said).into(),
    ))
}

async fn wait_until_ready(url: &str) -> Result<()> {
    let begin = Instant::now();
    while !ready::is_ready(url).await {
        if begin.elapsed() > PATIENCE {
            let text = format!("{url} runs and is not ready. See: make logs");
            return Err(Problem::new("timeout", "Not ready", text)
                .retryable()
                .into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn tell(
    context: &Context,
    running: &instance::Instance,
    already: bool,
    took: Duration,
) -> Result<()> {
    let value = json!({
        "url": running.url, "rpcUrl": running.rpc_url, "pid": running.pid,
        "alreadyRunning": already, "seconds": took.as_secs(),
    });
    let head = if already {
        format!("Already running: {}", running.url)
    } else {
        format!(
            "Sparky is ready after {}.{} s: {}",
            took.as_secs(),
            took.subsec_millis() / 100,
            running.url
        )
    };
    let url = &running.url;
    let text = format!(
        "{head}

  Alice        {url}/?profile=alice      click \"Start as Alice\"
  Bob          {url}/?profile=bob        click \"Start as Bob\" (a second tab)
  mine blocks  make mine BLOCKS=100
  stop         make stop-services
"
    );
    context.output.show(&value, |_| text)
}
