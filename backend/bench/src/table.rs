//! The table, and the file beside it.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::{Context as _, ensure};
use serde_json::json;

/// What the file holds after a whole run: these, and nothing else.
pub(crate) const KEYS: [&str; 8] = [
    "fsync_p99_ms",
    "flatness_100k_vs_10",
    "idle_connection_bytes",
    "p99_half_load_ms",
    "payments_per_second_sqlite",
    "relay_vs_verify_postgres",
    "relay_vs_verify_sqlite",
    "startup_100k_channels_s",
];

/// What a figure must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

/// One line: what was measured, what stands beside it, how they compare, and what was asked of it.
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
    part: String,
    keys: BTreeMap<&'static str, f64>,
    met: usize,
    missed: Vec<String>,
}

impl Bar {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => least <= value,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// `≥ 0.5`
impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, value) = match self {
            Self::AtLeast(value) => ("≥", value),
            Self::AtMost(value) => ("≤", value),
        };
        // Two digits say enough, and a whole number needs none.
        write!(f, "{sign} {}", (value * 100.0).round() / 100.0)
    }
}

impl Table {
    /// Shows a row.
    pub(crate) fn row(&mut self, what: &str, figure: impl Into<String>, beside: impl Into<String>) {
        self.compared(what, figure, beside, "");
    }

    /// Shows a row with its ratio to what stands beside it.
    pub(crate) fn compared(
        &mut self,
        what: &str,
        figure: impl Into<String>,
        beside: impl Into<String>,
        ratio: impl Into<String>,
    ) {
        self.show(&Row {
            what: what.to_owned(),
            figure: figure.into(),
            beside: beside.into(),
            ratio: ratio.into(),
            bar: String::new(),
        });
    }

    /// Shows a row that has a bar, and whether `value` meets it.
    pub(crate) fn judged(
        &mut self,
        what: &str,
        figure: impl Into<String>,
        beside: impl Into<String>,
        (value, bar): (f64, Bar),
    ) {
        let verdict = if bar.is_met(value) {
            self.met += 1;
            "met"
        } else {
            let part = &self.part;
            self.missed
                .push(format!("{part}: {what}: {value:.2}, not {bar}"));
            "MISSED"
        };
        self.show(&Row {
            what: what.to_owned(),
            figure: figure.into(),
            beside: beside.into(),
            ratio: format!("{value:.2}"),
            bar: format!("{bar} {verdict}"),
        });
    }

    #[allow(
        clippy::unused_self,
        reason = "what is not kept belongs to the table all the same"
    )]
    fn show(&self, row: &Row) {
        println!("{}", row.line());
    }

    /// A heading between rows.
    pub(crate) fn part(&mut self, name: &str) {
        println!("\n{name}");
        println!("{}", "─".repeat(name.chars().count()));
        name.clone_into(&mut self.part);
    }

    /// Notes a figure for the file.
    pub(crate) fn key(&mut self, key: &'static str, value: f64) {
        // Three digits behind the point say more than such a measurement knows.
        self.keys.insert(key, (value * 1e3).round() / 1e3);
    }

    /// Writes what was noted. A `whole` run has all figures, or is a failure that leaves the file as it
    /// was.
    pub(crate) fn write(&self, file: &Path, whole: bool) -> anyhow::Result<()> {
        let missing: Vec<&str> = KEYS
            .into_iter()
            .filter(|key| !self.keys.get(key).is_some_and(|value| value.is_finite()))
            .collect();
        ensure!(
            !whole || missing.is_empty(),
            "not measured: {}",
            missing.join(", ")
        );
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string_pretty(&json!(self.keys))?;
        fs::write(file, text + "\n").with_context(|| file.display().to_string())?;
        println!("written to {}", file.display());
        Ok(())
    }

    /// Says which bars were missed. That is a failure, unless it is only to be said.
    pub(crate) fn verdict(&self, is_lenient: Lenient) -> anyhow::Result<()> {
        println!("\n{} bars met, {} missed", self.met, self.missed.len());
        for missed in &self.missed {
            println!("missed: {missed}");
        }
        ensure!(
            self.missed.is_empty() || is_lenient.0,
            "{} bars are missed",
            self.missed.len()
        );
        Ok(())
    }
}

/// Whether a missed bar is only said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lenient(pub(crate) bool);

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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(table: &Table, whole: bool) -> anyhow::Result<serde_json::Value> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("bench.json");
        table.write(&file, whole)?;
        Ok(serde_json::from_slice(&fs::read(file)?)?)
    }

    #[test]
    fn a_whole_run_writes_exactly_the_eight_figures() {
        let mut table = Table::default();
        for key in KEYS {
            table.key(key, 1.0);
        }
        let file = written(&table, true).expect("is written");
        let keys: Vec<&String> = file.as_object().expect("an object").keys().collect();
        let mut expected = KEYS.to_vec();
        expected.sort_unstable();
        assert_eq!(keys, expected);
    }

    #[test]
    fn a_whole_run_without_a_figure_writes_nothing() {
        for left_out in KEYS {
            let mut table = Table::default();
            for key in KEYS.into_iter().filter(|key| *key != left_out) {
                table.key(key, 1.0);
            }
            let refused = written(&table, true).expect_err("one is missing");
            assert_eq!(refused.to_string(), format!("not measured: {left_out}"));
            assert!(written(&table, false).is_ok());
            table.key(left_out, f64::NAN);
            assert!(written(&table, true).is_err(), "not a figure");
        }
    }

    #[test]
    fn a_missed_bar_fails_unless_it_is_only_to_be_said() {
        let mut table = Table::default();
        table.judged("met", "", "", (0.5, Bar::AtLeast(0.5)));
        assert!(table.verdict(Lenient(false)).is_ok());
        table.judged("missed", "", "", (20.1, Bar::AtMost(20.0)));
        assert!(table.verdict(Lenient(false)).is_err());
        assert!(table.verdict(Lenient(true)).is_ok());
        // What can not be compared is not met.
        table.judged("nothing", "", "", (f64::NAN, Bar::AtLeast(0.0)));
        assert_eq!(table.missed.len(), 2);
    }
}
