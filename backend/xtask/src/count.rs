//! Reads from a runner's own words how many tests passed and failed.

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Tests that held.
    pub passed: u32,
    /// Tests that did not.
    pub failed: u32,
}

impl Count {
    /// The sum of two counts.
    pub fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
        }
    }
}

/// Adds up what the lines of one runner say.
#[derive(Debug, Default)]
pub struct Counter {
    total: Count,
    said: bool,
}

impl Counter {
    /// Reads one line; lines that count nothing are ignored.
    pub fn read(&mut self, line: &str) {
        let line = without_colour(line);
        let line = line.trim();
        if let Some(count) = libtest(line)
            .or_else(|| forge(line))
            .or_else(|| vitest(line))
            .or_else(|| node(line))
            .or_else(|| plain(line))
        {
            self.total = self.total.plus(count);
            self.said = true;
        }
    }

    /// The sum. A runner that counted nothing is one test itself, and one that failed without
    /// naming a failed test failed once.
    pub fn finish(self, succeeded: bool) -> Count {
        let Count { passed, failed } = self.total;
        match (succeeded, self.said) {
            (true, true) => self.total,
            (true, false) => Count {
                passed: 1,
                failed: 0,
            },
            (false, _) => Count {
                passed,
                failed: failed.max(1),
            },
        }
    }
}

/// `test result: ok. 12 passed; 0 failed; 0 ignored; …`
fn libtest(line: &str) -> Option<Count> {
    let rest = line.strip_prefix("test result: ")?;
    Some(Count {
        passed: before(rest, " passed;")?,
        failed: before(rest, " failed;")?,
    })
}

/// `Ran 5 test suites in 1.2s (2.0s CPU time): 87 tests passed, 0 failed, 0 skipped (87 total tests)`
fn forge(line: &str) -> Option<Count> {
    line.strip_prefix("Ran ")?
        .contains("test suites in")
        .then_some(())?;
    Some(Count {
        passed: before(line, " tests passed")?,
        failed: before(line, " failed,")?,
    })
}

/// `Tests  1 failed | 11 passed (12)`
fn vitest(line: &str) -> Option<Count> {
    let rest = line.strip_prefix("Tests  ")?;
    let passed = before(rest, " passed").unwrap_or(0);
    let failed = before(rest, " failed").unwrap_or(0);
    Some(Count { passed, failed })
}

/// `# pass 12` and `# fail 0`, or with `ℹ` in front.
fn node(line: &str) -> Option<Count> {
    let rest = line
        .strip_prefix("# ")
        .or_else(|| line.strip_prefix("ℹ "))?;
    let (word, number) = rest.split_once(' ')?;
    let number = number.parse().ok()?;
    match word {
        "pass" => Some(Count {
            passed: number,
            failed: 0,
        }),
        "fail" => Some(Count {
            passed: 0,
            failed: number,
        }),
        _ => None,
    }
}

/// Our own scripts: the whole line is `12 passed, 0 failed`.
fn plain(line: &str) -> Option<Count> {
    let (passed, failed) = line.split_once(" passed, ")?;
    let failed = failed.strip_suffix(" failed")?;
    Some(Count {
        passed: passed.parse().ok()?,
        failed: failed.parse().ok()?,
    })
}

/// The number that ends right before `mark`.
fn before(text: &str, mark: &str) -> Option<u32> {
    let (head, _) = text.split_once(mark)?;
    let digits = head.len() - head.bytes().rev().take_while(u8::is_ascii_digit).count();
    head[digits..].parse().ok()
}

/// The line without terminal colours (ESC, `[`, parameters, a letter).
fn without_colour(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], succeeded: bool, passed: u32, failed: u32) {
        let mut counter = Counter::default();
        for line in lines {
            counter.read(line);
        }
        assert_eq!(counter.finish(succeeded), Count { passed, failed });
    }

    #[test]
    fn every_runner_is_understood() {
        check(
            &["test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured"],
            true,
            12,
            0,
        );
        check(
            &["test result: FAILED. 3 passed; 2 failed; 0 ignored"],
            false,
            3,
            2,
        );
        check(
            &[
                "Suite result: ok. 3 passed; 0 failed; 0 skipped; finished in 1ms",
                "Ran 5 test suites in 1.2s (2.0s CPU time): 87 tests passed, 1 failed, 0 skipped (88 total tests)",
            ],
            false,
            87,
            1,
        );
        check(
            &[
                "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m12 passed\u{1b}[39m\u{1b}[22m (12)",
            ],
            true,
            12,
            0,
        );
        check(&["      Tests  1 failed | 11 passed (12)"], false, 11, 1);
        check(&["# tests 3", "# pass 2", "# fail 1"], false, 2, 1);
        check(&["119 passed, 0 failed"], true, 119, 0);
    }

    #[test]
    fn several_results_of_one_runner_add_up() {
        let line = "test result: ok. 2 passed; 0 failed; 0 ignored";
        check(&[line, "noise", line], true, 4, 0);
    }

    #[test]
    fn silence_counts_once() {
        check(&["Finished"], true, 1, 0);
        check(&["error: could not compile"], false, 0, 1);
        check(
            &[
                "test result: ok. 2 passed; 0 failed; 0 ignored",
                "then it broke",
            ],
            false,
            2,
            1,
        );
    }
}
