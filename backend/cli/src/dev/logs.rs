//! `sparky logs`: what the background process wrote.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::time::Duration;

use anyhow::Result;

use super::LOG;
use crate::args::Context;
use crate::problem::Problem;

/// Arguments of `sparky logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Go on printing what is added
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines
    #[arg(short = 'n', long, default_value_t = 100)]
    lines: usize,
}

/// Prints the last lines of the log, and what follows.
///
/// # Errors
/// `not-found` when nothing was ever started here.
pub fn run(args: &Args, context: &Context) -> Result<()> {
    let path = context.data.join(LOG);
    let Ok(mut file) = File::open(&path) else {
        let text = format!(
            "There is no {}: nothing was started on this folder.",
            path.display()
        );
        return Err(Problem::new("not-found", "No log", text).into());
    };
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let all: Vec<&str> = text.lines().collect();
    let mut out = std::io::stdout().lock();
    for line in &all[all.len().saturating_sub(args.lines)..] {
        writeln!(out, "{line}")?;
    }
    if !args.follow {
        return Ok(());
    }
    loop {
        std::thread::sleep(Duration::from_millis(200));
        // A shorter file is a new one: somebody started again.
        if file.metadata()?.len() < file.stream_position()? {
            file.seek(SeekFrom::Start(0))?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        out.write_all(&bytes)?;
        out.flush()?;
    }
}
