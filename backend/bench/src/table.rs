//! The table, and the file beside it.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context as _;
use serde_json::json;

/// One line: what was measured, what stands beside it, and how they compare.
struct Row {
    what: String,
    figure: String,
    beside: String,
    ratio: String,
    bar: String,
}

/// Everything that was measured, in the order of measuring.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    keys: BTreeMap<&'static str, f64>,
}

impl Table {
    /// Adds a row and shows it at once.
    pub(crate) fn row(&mut self, what: &str, figure: impl Into<String>, beside: impl Into<String>) {
        self.compared(what, figure, beside, "", "");
    }

    /// Adds a row with its ratio to what stands beside it, and the bar for it.
    pub(crate) fn compared(
        &mut self,
        what: &str,
        figure: impl Into<String>,
        beside: impl Into<String>,
        ratio: impl Into<String>,
        bar: impl Into<String>,
    ) {
        let row = Row {
            what: what.to_owned(),
            figure: figure.into(),
            beside: beside.into(),
            ratio: ratio.into(),
            bar: bar.into(),
        };
        println!("{}", row.line());
        self.rows.push(row);
    }

    /// A heading between rows.
    #[allow(
        clippy::unused_self,
        reason = "what is not kept belongs to the table all the same"
    )]
    pub(crate) fn part(&mut self, name: &str) {
        println!("\n{name}");
        println!("{}", "─".repeat(name.chars().count()));
    }

    /// Notes a figure for the file.
    pub(crate) fn key(&mut self, key: &'static str, value: f64) {
        // Three digits behind the point say more than such a measurement knows.
        self.keys.insert(key, (value * 1e3).round() / 1e3);
    }

    /// Writes the file.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string_pretty(&json!(self.keys))?;
        fs::write(file, text + "\n").with_context(|| file.display().to_string())?;
        println!("\nwritten to {}", file.display());
        Ok(())
    }
}

impl Row {
    fn line(&self) -> String {
        let Self {
            what,
            figure,
            beside,
            ratio,
            bar,
        } = self;
        let line = format!("{what:46} {figure:>26}  {beside:38} {ratio:>7} {bar}");
        line.trim_end().to_owned()
    }
}
