//! Asks before money moves.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Result;

use crate::args::Context;
use crate::problem::Problem;

/// Shows what is about to happen and asks for a yes.
///
/// `--yes` answers, `--dry-run` stops here, and without a terminal nobody can answer, so nothing happens.
///
/// # Errors
/// `dry-run`, `not-confirmed`, or `usage` when there is nobody to ask.
pub fn confirm(context: &Context, what: &str) -> Result<()> {
    if context.dry_run {
        let text = format!("{what} Nothing was signed or sent.");
        return Err(Problem::new("dry-run", "Dry run", text).into());
    }
    if context.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let text = format!("{what} There is no terminal to ask on: add --yes.");
        return Err(Problem::new("usage", "Not confirmed", text).into());
    }
    eprint!("{what} Go on? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes" | "Yes") {
        return Ok(());
    }
    Err(Problem::new(
        "not-confirmed",
        "Not confirmed",
        "Nothing was signed or sent.",
    )
    .into())
}
