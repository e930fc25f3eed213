//! What is measured, in which order: below eight minutes in all.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::{
    browser, channels, disk,
    fleet::Fleet,
    ledger,
    measure::{self},
    person::Person,
    postgres::Postgres,
    relay::Process,
    rows::{rate, ratio, thousands},
    signatures,
    table::{Bar, Lenient, Table},
    world::World,
};

/// Names the rows to measure, separated by commas: all when it is not there.
const ONLY: &str = "SPARKY_BENCH_ONLY";

/// Says that missed bars are said and are no failure: for a machine that has other things to do.
const LENIENT: &str = "SPARKY_BENCH_LENIENT";

/// One core's signatures, which everything is compared with.
const SHORT: Duration = Duration::from_millis(800);

/// How long all of it may take, once it is built.
pub(crate) const LONGEST: Duration = Duration::from_mins(8);

/// How many people meet in how many channels.
#[derive(Clone, Copy)]
pub(crate) struct Crowd {
    pub(crate) payers: u32,
    pub(crate) payees: u32,
    pub(crate) channels: usize,
}

impl Crowd {
    pub(crate) const PAIR: Self = Self::of(1, 1, 1);
    pub(crate) const HUNDRED: Self = Self::of(100, 100, 100);
    pub(crate) const THOUSAND: Self = Self::of(100, 100, 1_000);

    pub(crate) const fn of(payers: u32, payees: u32, channels: usize) -> Self {
        Self {
            payers,
            payees,
            channels,
        }
    }
}

/// What all parts look at.
pub(crate) struct Bench {
    pub(crate) table: Table,
    pub(crate) world: World,
    /// Verifications of one core in a second.
    pub(crate) verify: f64,
    /// What one flush takes, 99 of 100 times; none when it was not measured.
    pub(crate) flush_p99_ms: Option<f64>,
    pub(crate) postgres: Option<Postgres>,
    /// When all of it began.
    pub(crate) begin: Instant,
    databases: usize,
}

pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(all())
}

/// The folder of the workspace.
fn root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.join("../..").canonicalize()?)
}

async fn all() -> anyhow::Result<()> {
    let begin = Instant::now();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root()?.join("target"), PathBuf::from);
    let mut table = Table::default();
    table.part("Signatures and the ledger, one core");
    let verify = cryptography(&mut table)?;
    let mut bench = Bench {
        table,
        // Where it was built is a disk; where temporary files are may be memory, which is never flushed.
        world: World::new(&target).await?,
        verify,
        flush_p99_ms: None,
        databases: 0,
        postgres: Postgres::find()?,
        begin,
    };
    let wanted = std::env::var(ONLY).ok();
    let wants = |part: &str| {
        wanted
            .as_ref()
            .is_none_or(|list| list.split(',').any(|one| one == part))
    };
    if wants("disk") {
        bench.disk().await?;
    }
    if wants("sqlite") {
        bench.on_sqlite().await?;
    }
    if wants("postgres") {
        bench.on_postgres().await?;
    }
    if wants("hop") {
        bench.second_hop().await?;
    }
    if wants("growth") {
        bench.growth().await?;
    }
    if wants("idle") {
        bench.idle().await?;
    }
    if wants("browser") {
        bench.browser()?;
    }
    if wants("startup") {
        bench.startup().await?;
    }
    let Bench { mut table, .. } = bench;
    table.part("In all");
    let took = begin.elapsed().as_secs_f64();
    let bar = Bar::AtMost(LONGEST.as_secs_f64() / 60.0);
    let figure = format!("{took:.0} s");
    table.judged("minutes of this run", figure, "", (took / 60.0, bar));
    let whole = wanted.is_none();
    // A part of the figures must not take the place of all of them.
    let file = if whole {
        "bench.json"
    } else {
        "bench-part.json"
    };
    table.write(&target.join(file), whole)?;
    let lenient = std::env::var(LENIENT).is_ok_and(|value| !matches!(&*value, "" | "0"));
    table.verdict(Lenient(lenient))
}

/// Answers how many signatures one core verifies in a second.
fn cryptography(table: &mut Table) -> anyhow::Result<f64> {
    let made = signatures::run(SHORT)?;
    let verify = made.verify.per_second();
    let yardstick = |theirs: measure::Rate| format!("libsecp256k1 {}", rate(theirs));
    table.compared(
        "sign, k256",
        rate(made.sign),
        yardstick(made.yardstick_sign),
        ratio(made.sign.per_second() / made.yardstick_sign.per_second()),
    );
    table.compared(
        "verify, k256",
        rate(made.verify),
        yardstick(made.yardstick_verify),
        ratio(verify / made.yardstick_verify.per_second()),
    );
    let beside = || format!("verify, k256 {}/s", thousands(verify));
    for (what, measured) in [
        ("sign with the public key beside it", made.ours_sign),
        ("verify as the contract does", made.ours_verify),
        ("accept a payment in the ledger", ledger::accept(SHORT)?),
    ] {
        let compared = ratio(measured.per_second() / verify);
        table.compared(what, rate(measured), beside(), compared);
    }
    Ok(verify)
}

impl Bench {
    async fn disk(&mut self) -> anyhow::Result<()> {
        self.table.part("The disk and the databases alone");
        let flush = disk::flush(self.world.folder(), Duration::from_secs(2))?;
        self.table.row("flush 4 KiB", flush.to_string(), "");
        let [data, all] = disk::flush_again(self.world.folder(), Duration::from_secs(2))?;
        self.table.compared(
            "flush them again: fdatasync, as SQLite here",
            data.to_string(),
            format!("fsync {all}"),
            ratio(data.p50_ms / all.p50_ms),
        );
        self.table.key("fsync_p99_ms", flush.p99_ms);
        self.flush_p99_ms = Some(flush.p99_ms);
        let beside = format!("verify, k256 {}/s", thousands(self.verify));
        let file = self.world.folder().join("alone.sqlite");
        let mut databases = vec![(
            "SQLite, 100 payments a commit",
            format!("sqlite://{}?mode=rwc", file.display()),
        )];
        if let Some(postgres) = &self.postgres {
            databases.push((
                "Postgres, 100 payments a commit",
                postgres.create("alone").await?,
            ));
        }
        for (what, url) in databases {
            let alone = disk::commits(&url, Duration::from_secs(2)).await?;
            let compared = ratio(alone.per_second() / self.verify);
            self.table
                .compared(what, rate(alone), beside.clone(), compared);
        }
        Ok(())
    }

    /// A new database: a file, or one on the server.
    pub(crate) async fn database(&mut self, postgres: bool) -> anyhow::Result<String> {
        self.databases += 1;
        let name = format!("bench{}", self.databases);
        if !postgres {
            return self.world.sqlite(&name).await;
        }
        let server = self.postgres.as_ref().context("no Postgres")?;
        let url = server.create(&name).await?;
        self.world.prepare(&url).await?;
        Ok(url)
    }

    /// Relays on one database with this many people connected, one relay for each list of further
    /// flags; payers at the first, payees at the last.
    pub(crate) async fn crowd(
        &mut self,
        url: &str,
        crowd: Crowd,
        relays: &[&[String]],
    ) -> anyhow::Result<(Vec<Process>, Fleet)> {
        let payers = Person::many(1, crowd.payers)?;
        let payees = Person::many(1_000_000, crowd.payees)?;
        let lanes = channels::plan(&payers, &payees, crowd.channels);
        channels::write(&self.world, url, payers.iter().chain(&payees), &lanes).await?;
        let mut processes = Vec::new();
        for flags in relays {
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            processes.push(Process::start(&self.world, url, &flags).await?);
        }
        let urls: Vec<&str> = processes.iter().map(|relay| relay.url.as_str()).collect();
        let fleet = Fleet::connect(&urls, self.world.domain(), [payers, payees], lanes).await?;
        Ok((processes, fleet))
    }

    fn browser(&mut self) -> anyhow::Result<()> {
        self.table.part("The browser's core, WebAssembly in Node");
        match browser::run(&root()?) {
            Ok(measured) => {
                let beside = format!("verify, k256 native {}/s", thousands(self.verify));
                for (what, figure) in [
                    ("sign", measured.sign),
                    ("verify: being paid, less all else of it", measured.verify()),
                    ("pay: propose, sign, check, write", measured.send),
                    ("be paid: read, verify, write", measured.receive),
                ] {
                    let compared = ratio(figure / self.verify);
                    let figure = format!("{}/s", thousands(figure));
                    self.table.compared(what, figure, beside.clone(), compared);
                }
            }
            Err(cause) => self.table.row("not measured", "–", format!("{cause:#}")),
        }
        Ok(())
    }
}
