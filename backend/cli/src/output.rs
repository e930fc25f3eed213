//! Tables for people, JSON for pipes.

use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal as _, Write as _};

use clap::ValueEnum;
use serde::Serialize;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// A table on a terminal, JSON in a pipe.
    #[default]
    Auto,
    /// Always a table.
    Table,
    /// Always JSON.
    Json,
}

impl Choice {
    /// Whether this choice means JSON here and now.
    pub fn is_json(self) -> bool {
        match self {
            Self::Auto => !std::io::stdout().is_terminal(),
            Self::Table => false,
            Self::Json => true,
        }
    }
}

/// Where results and notes go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Whether results are JSON.
    pub json: bool,
    /// Whether notes are left out.
    pub quiet: bool,
}

impl Output {
    /// Prints a result: the value itself as JSON, or what `table` makes of it.
    ///
    /// # Errors
    /// When standard output takes no bytes.
    pub fn show<T: Serialize>(
        self,
        value: &T,
        table: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        let text = if self.json {
            serde_json::to_string_pretty(value)?
        } else {
            table(value)
        };
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{}", text.trim_end()) {
            // Who closes the pipe has read enough; what was asked for is done.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }

    /// Prints a sentence for a person, beside the result. Programs get none: with JSON, standard error
    /// holds a problem or nothing.
    pub fn note(self, text: impl AsRef<str>) {
        if !self.quiet && !self.json {
            eprintln!("{}", text.as_ref());
        }
    }
}

/// Rows under headings, each column as wide as its widest cell.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(&headings.map(String::from), &widths);
    for row in rows {
        text.push_str(&line(row, &widths));
    }
    text
}

/// Names and values, one pair per line, the values aligned.
pub fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:width$}  {value}");
    }
    text
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let _ = write!(text, "{cell:width$}  ");
    }
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = table(
            ["#", "WITH"],
            &[["1".into(), "Bob".into()], ["12".into(), "q".into()]],
        );
        assert_eq!(text, "#   WITH\n1   Bob\n12  q\n");
    }
}
