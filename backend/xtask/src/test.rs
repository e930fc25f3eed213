//! All that CI checks, one after the other. Every step runs, whatever became of the others; the
//! last line says how many tests passed and failed.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::count::Count;
use crate::servers::Servers;
use crate::step::{Outcome, Step};
use crate::{audit, chromium, compose, dapp, fingerprint, readme, start};

/// Runs everything.
///
/// # Errors
/// When anything failed.
pub(crate) fn run() -> Result<()> {
    let begin = Instant::now();
    let root = fingerprint::root()?;
    let mut outcomes = Vec::new();
    // Without it the rest still tells something.
    outcomes.push(Outcome::of("build", start::build));
    outcomes.extend(rust(&root).iter().map(Step::run));
    outcomes.extend(relay_on_postgres(&root));
    outcomes.extend(crashes(&root, "2").iter().map(Step::run));
    outcomes.push(Outcome::of("packages of the contracts", || {
        dapp::packages(&root, "contracts")
    }));
    outcomes.extend(contracts(&root).iter().map(Step::run));
    outcomes.extend(dapp_checks(&root).iter().map(Step::run));
    outcomes.push(Outcome::of("compose files", || compose::check(&root)));
    outcomes.push(audit::step());
    outcomes.push(Outcome::of("chromium", chromium::install));
    outcomes.extend(end_to_end(&root).iter().map(Step::run));
    outcomes.extend(readme::run(&root));
    report(&outcomes, begin)
}

/// Runs the browser's end-to-end test alone.
///
/// # Errors
/// When it, or something it needs, failed.
pub(crate) fn end_to_end_only() -> Result<()> {
    let begin = Instant::now();
    let root = fingerprint::root()?;
    start::build()?;
    chromium::install()?;
    let outcomes: Vec<Outcome> = end_to_end(&root).iter().map(Step::run).collect();
    report(&outcomes, begin)
}

/// Runs the relay's tests on Postgres alone.
///
/// # Errors
/// When one, or something they need, failed.
pub(crate) fn relay_on_postgres_only() -> Result<()> {
    let begin = Instant::now();
    report(&relay_on_postgres(&fingerprint::root()?), begin)
}

/// The relay's tests once more, on Postgres and with NATS: the same programs that ran on SQLite.
fn relay_on_postgres(root: &Path) -> Vec<Outcome> {
    let mut servers = None;
    let mut programs = Vec::new();
    let mut outcomes = vec![Outcome::of("Postgres and NATS", || {
        servers = Some(Servers::start()?);
        programs = relay_tests(root)?;
        Ok(())
    })];
    if let Some(servers) = &servers {
        outcomes.extend(programs.iter().map(|program| {
            let step = Step::new("relay on Postgres", &root.join("backend/relay"), program);
            let environment = servers.environment().into_iter();
            environment
                .fold(step, |step, (name, value)| step.with(name, value))
                .run()
        }));
    }
    outcomes
}

/// Where cargo has put the relay's integration tests, as it says itself. Built with the whole
/// workspace, as before: another selection would build the libraries another time.
fn relay_tests(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("cargo")
        .args(["test", "--workspace", "--locked", "--no-run"])
        .args([
            "--test",
            "it",
            "--test",
            "relays",
            "--message-format",
            "json",
        ])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "the tests do not compile");
    let said = String::from_utf8_lossy(&output.stdout);
    let programs: Vec<String> = said
        .lines()
        .filter(|line| line.contains("/backend/relay/tests/"))
        .filter_map(|line| line.split_once("\"executable\":\""))
        .filter_map(|(_, rest)| rest.split_once('"'))
        .map(|(program, _)| program.to_owned())
        .collect();
    ensure!(!programs.is_empty(), "cargo does not say where they are");
    Ok(programs)
}

fn rust(root: &Path) -> Vec<Step> {
    vec![
        Step::new("format", root, "cargo fmt --all --check"),
        Step::new(
            "lint",
            root,
            "cargo clippy --workspace --all-targets --locked -- --deny warnings",
        ),
        Step::new(
            "Rust tests",
            root,
            "cargo test --workspace --locked --no-fail-fast",
        ),
    ]
}

/// Ends processes at every named point. The binary for that is built beside the ordinary one, which
/// then takes its place again.
fn crashes(root: &Path, ends: &str) -> Vec<Step> {
    vec![
        Step::new(
            "crash at every write",
            root,
            "cargo test --workspace --locked --features sparky-cli/failpoints --test crash -- --nocapture",
        )
        .with("SPARKY_CRASH_ENDS", ends),
        Step::new(
            "build after the crashes",
            root,
            "cargo build --workspace --locked",
        ),
    ]
}

/// Ends processes at every named point, fifty times each unless `SPARKY_CRASH_ENDS` says otherwise.
///
/// # Errors
/// When anything was lost.
pub(crate) fn crashes_only() -> Result<()> {
    let begin = Instant::now();
    let root = fingerprint::root()?;
    let ends = std::env::var("SPARKY_CRASH_ENDS").unwrap_or_else(|_| "50".into());
    let outcomes: Vec<Outcome> = crashes(&root, &ends).iter().map(Step::run).collect();
    report(&outcomes, begin)
}

fn contracts(root: &Path) -> Vec<Step> {
    let folder = root.join("contracts");
    vec![
        Step::new(
            "contract artifacts",
            &folder,
            "npm run --silent artifacts:check",
        ),
        Step::new("contract format", &folder, "npm run --silent fmt:check"),
        Step::new(
            "contract tests",
            &folder,
            "npx --no-install forge test --offline",
        ),
        Step::new("gas", &folder, "npm run --silent gas"),
    ]
}

fn dapp_checks(root: &Path) -> Vec<Step> {
    let folder = root.join("starter-kit");
    vec![
        Step::new("TypeScript types", &folder, "npm run --silent typecheck"),
        Step::new("DApp tests", &folder, "npm run --silent test"),
    ]
}

fn end_to_end(root: &Path) -> Vec<Step> {
    let step = Step::new("browser", &root.join("starter-kit"), "npm run --silent e2e");
    vec![match sparky() {
        Ok(path) => step.with("SPARKY_BIN", path.to_string_lossy()),
        Err(_) => step,
    }]
}

/// The `sparky` that was built beside this program.
///
/// # Errors
/// When this program does not know where it is.
pub(crate) fn sparky() -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("sparky"))
}

/// Prints what became of each step; the last line counts the tests.
///
/// # Errors
/// When something failed.
pub(crate) fn report(outcomes: &[Outcome], begin: Instant) -> Result<()> {
    println!("\n── summary ──");
    let mut total = Count::default();
    for Outcome {
        name,
        count,
        took,
        ok,
    } in outcomes
    {
        let mark = match (ok, *count == Count::default()) {
            (true, true) => "none  ",
            (true, false) => "ok    ",
            (false, _) => "FAILED",
        };
        let Count { passed, failed } = count;
        println!(
            "{mark} {name:26} {passed:5} passed {failed:4} failed {:7.1} s",
            took.as_secs_f32()
        );
        total = total.plus(*count);
    }
    println!(
        "       {:.1} minutes in all",
        begin.elapsed().as_secs_f32() / 60.0
    );
    // A step that could do nothing has not passed.
    let passed = |outcome: &&Outcome| outcome.ok && outcome.count != Count::default();
    let passed = outcomes.iter().filter(passed).count();
    let failed = outcomes.iter().filter(|outcome| !outcome.ok).count();
    // The last two lines are read by programs: nothing may follow them on standard output.
    println!("steps: {passed} passed, {failed} failed");
    println!("{} passed, {} failed", total.passed, total.failed);
    ensure!(total.failed == 0, "not everything passed");
    Ok(())
}

/// An address on this machine that nobody listens on now.
///
/// # Errors
/// When the machine has no free port.
pub(crate) fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
