//! What is measured, in which order: about six minutes in all.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;

use crate::{
    browser, channels, disk,
    fleet::{Fleet, Line},
    ledger,
    load::{Load, Measured},
    measure::{self, real},
    person::Person,
    postgres::Postgres,
    relay::Process,
    rows::{payments, rate, ratio, thousands},
    signatures, startup,
    table::Table,
    world::World,
};

/// Payments per second of LDK: two nodes in one thread, nothing written to a disk.
const LDK: f64 = 245.0;

/// Names the rows to measure, separated by commas: all when it is not there.
const ONLY: &str = "SPARKY_BENCH_ONLY";

/// One core's signatures, which everything is compared with.
const SHORT: Duration = Duration::from_millis(800);

/// How many people meet in how many channels.
#[derive(Clone, Copy)]
struct Crowd {
    payers: u32,
    payees: u32,
    channels: usize,
}

impl Crowd {
    const PAIR: Self = Self::of(1, 1, 1);
    const HUNDRED: Self = Self::of(100, 100, 100);
    const THOUSAND: Self = Self::of(100, 100, 1_000);

    const fn of(payers: u32, payees: u32, channels: usize) -> Self {
        Self {
            payers,
            payees,
            channels,
        }
    }
}

/// What all parts look at.
struct Bench {
    table: Table,
    world: World,
    /// Verifications of one core in a second.
    verify: f64,
    databases: usize,
    postgres: Option<Postgres>,
}

pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
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
    let mut table = Table::default();
    table.part("Signatures and the ledger, one core");
    let verify = cryptography(&mut table)?;
    let mut bench = Bench {
        table,
        world: World::new().await?,
        verify,
        databases: 0,
        postgres: Postgres::find()?,
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
        bench.sqlite().await?;
    }
    if wants("postgres") {
        bench.on_postgres().await?;
    }
    if wants("growth") {
        bench.growth().await?;
    }
    if wants("idle") {
        bench.idle().await?;
    }
    if wants("startup") {
        bench.startup().await?;
    }
    if wants("browser") {
        bench.browser()?;
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root()?.join("target"), PathBuf::from);
    bench.table.write(&target.join("bench.json"))
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
        "",
    );
    table.compared(
        "verify, k256",
        rate(made.verify),
        yardstick(made.yardstick_verify),
        ratio(verify / made.yardstick_verify.per_second()),
        "",
    );
    let beside = || format!("verify, k256 {}/s", thousands(verify));
    for (what, measured) in [
        ("sign with the public key beside it", made.ours_sign),
        ("verify as the contract does", made.ours_verify),
        ("accept a payment in the ledger", ledger::accept(SHORT)?),
    ] {
        let compared = ratio(measured.per_second() / verify);
        table.compared(what, rate(measured), beside(), compared, "");
    }
    Ok(verify)
}

impl Bench {
    async fn disk(&mut self) -> anyhow::Result<()> {
        self.table.part("The disk and the databases alone");
        let flush = disk::flush(self.world.folder(), Duration::from_secs(2))?;
        let figure = format!("p50 {:.2}, p99 {:.2} ms", flush.p50_ms, flush.p99_ms);
        self.table.row("flush 4 KiB", figure, "");
        self.table.key("fsync_p99_ms", flush.p99_ms);
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
                .compared(what, rate(alone), beside.clone(), compared, "");
        }
        Ok(())
    }

    /// A new database: a file, or one on the server.
    async fn database(&mut self, postgres: bool) -> anyhow::Result<String> {
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

    /// Relays on one database with this many people connected; payers at the first, payees at the last.
    async fn crowd(
        &mut self,
        url: &str,
        crowd: Crowd,
        relays: usize,
    ) -> anyhow::Result<(Vec<Process>, Fleet)> {
        let payers = Person::many(1, crowd.payers)?;
        let payees = Person::many(1_000_000, crowd.payees)?;
        let lanes = channels::plan(&payers, &payees, crowd.channels);
        channels::write(&self.world, url, payers.iter().chain(&payees), &lanes).await?;
        let nats = match &self.postgres {
            Some(postgres) if 1 < relays => postgres.nats_flags(),
            _ => Vec::new(),
        };
        let flags: Vec<&str> = nats.iter().map(String::as_str).collect();
        let mut processes = Vec::new();
        for _ in 0..relays {
            processes.push(Process::start(&self.world, url, &flags).await?);
        }
        let urls: Vec<&str> = processes.iter().map(|relay| relay.url.as_str()).collect();
        let fleet = Fleet::connect(&urls, self.world.domain(), [payers, payees], lanes).await?;
        Ok((processes, fleet))
    }

    /// Runs a load after a short one that warms everything, and adds a row.
    async fn measure(
        &mut self,
        what: &str,
        fleet: &mut Fleet,
        relays: &[Process],
        load: Load,
    ) -> anyhow::Result<Measured> {
        let warm = Load {
            seconds: 0.7,
            ..load
        };
        fleet.run(warm).await?;
        let used = || -> f64 { relays.iter().map(Process::processor_seconds).sum() };
        let before = used();
        let measured = fleet.run(load).await?;
        let relay_us = (used() - before) * 1e6 / real(measured.payments.max(1));
        let beside = format!(
            "relay {relay_us:.0} + clients {:.0} µs each",
            measured.clients_us
        );
        let compared = measured.per_second() / self.verify;
        self.table
            .compared(what, payments(&measured), beside, ratio(compared), "");
        Ok(measured)
    }

    async fn sqlite(&mut self) -> anyhow::Result<()> {
        self.table
            .part("Relayed payments, durable, SQLite synchronous=FULL (ratio: to one core's verifications)");
        let url = self.database(false).await?;
        let (relays, mut fleet) = self.crowd(&url, Crowd::PAIR, 1).await?;
        let one = Load::flood(1);
        self.measure("1 channel, one payment at a time", &mut fleet, &relays, one)
            .await?;
        self.measure(
            "1 channel, 64 under way",
            &mut fleet,
            &relays,
            Load::flood(64),
        )
        .await?;
        drop((fleet, relays));

        let url = self.database(false).await?;
        let (relays, mut fleet) = self.crowd(&url, Crowd::HUNDRED, 1).await?;
        let what = "100 channels, 16 under way in each";
        let full = self
            .measure(what, &mut fleet, &relays, Load::flood(16))
            .await?;
        let checked = Load {
            verify: true,
            ..Load::flood(16)
        };
        self.measure(
            "100 channels, payees verify too",
            &mut fleet,
            &relays,
            checked,
        )
        .await?;
        let half = Load {
            pace: Some(full.per_second() / 2.0),
            ..Load::flood(16)
        };
        let half = self
            .measure("100 channels, at half that pace", &mut fleet, &relays, half)
            .await?;
        drop((fleet, relays));

        let url = self.database(false).await?;
        let (relays, mut fleet) = self.crowd(&url, Crowd::THOUSAND, 1).await?;
        self.measure("1,000 channels", &mut fleet, &relays, Load::flood(16))
            .await?;
        let rate = full.per_second();
        self.table.key("payments_per_second_sqlite", rate);
        self.table.key("relay_vs_verify_sqlite", rate / self.verify);
        self.table.key("p99_half_load_ms", half.p99_ms);
        self.table.compared(
            "beside LDK in memory",
            format!("{}/s", thousands(rate)),
            format!("{LDK}/s"),
            ratio(rate / LDK),
            "≥ 20",
        );
        Ok(())
    }

    async fn on_postgres(&mut self) -> anyhow::Result<()> {
        self.table.part("Relayed payments, durable, Postgres");
        let Some(postgres) = &self.postgres else {
            self.table.row("no Postgres: run `make bench`", "–", "");
            return Ok(());
        };
        let two = if postgres.has_nats() { 2 } else { 1 };
        let url = self.database(true).await?;
        let (relays, mut fleet) = self.crowd(&url, Crowd::PAIR, 1).await?;
        self.measure(
            "1 channel, one payment at a time",
            &mut fleet,
            &relays,
            Load::flood(1),
        )
        .await?;
        self.measure(
            "1 channel, 64 under way",
            &mut fleet,
            &relays,
            Load::flood(64),
        )
        .await?;
        drop((fleet, relays));
        let url = self.database(true).await?;
        let (relays, mut fleet) = self.crowd(&url, Crowd::HUNDRED, 1).await?;
        let what = "100 channels, 16 under way in each";
        let full = self
            .measure(what, &mut fleet, &relays, Load::flood(16))
            .await?;
        let compared = full.per_second() / self.verify;
        self.table.key("relay_vs_verify_postgres", compared);
        drop((fleet, relays));
        if two == 2 {
            let url = self.database(true).await?;
            let (relays, mut fleet) = self.crowd(&url, Crowd::HUNDRED, two).await?;
            let what = "100 channels, payees at a second relay";
            self.measure(what, &mut fleet, &relays, Load::flood(16))
                .await?;
        }
        Ok(())
    }

    async fn growth(&mut self) -> anyhow::Result<()> {
        self.table
            .part("Relayed payments as channels grow, SQLite, 1,000 under way in all");
        let mut rates = Vec::new();
        for channels in [10, 1_000, 100_000] {
            let people = if channels == 10 { 10 } else { 100 };
            let crowd = Crowd::of(people, people, channels);
            let url = self.database(false).await?;
            let (relays, mut fleet) = self.crowd(&url, crowd, 1).await?;
            let load = Load::flood(1_000 / people as usize);
            let what = format!("{} channels", thousands(real(channels as u64)));
            rates.push(
                self.measure(&what, &mut fleet, &relays, load)
                    .await?
                    .per_second(),
            );
        }
        if let [few, .., many] = rates[..] {
            self.table.key("flatness_100k_vs_10", many / few);
            self.table
                .compared("100,000 beside 10", "", "", ratio(many / few), "≥ 0.8");
        }
        Ok(())
    }

    async fn idle(&mut self) -> anyhow::Result<()> {
        const CONNECTIONS: u32 = 4_000;
        self.table.part("Memory");
        let url = self.database(false).await?;
        let people = Person::many(1, CONNECTIONS)?;
        channels::write(&self.world, &url, people.iter(), &[]).await?;
        let relay = Process::start(&self.world, &url, &[]).await?;
        let mut lines = Vec::new();
        // The first few pay for what is shared by all.
        let (first, rest) = people.split_at(100);
        for person in first {
            lines.push(Line::subscribe(&relay.url, person).await?);
        }
        let before = relay.resident_bytes();
        for person in rest {
            lines.push(Line::subscribe(&relay.url, person).await?);
        }
        let grown = relay.resident_bytes().saturating_sub(before);
        let each = real(grown) / real(rest.len() as u64);
        self.table.key("idle_connection_bytes", each.round());
        let figure = format!("{:.1} KiB", each / 1_024.0);
        let what = format!(
            "an idle connection, of {}",
            thousands(f64::from(CONNECTIONS))
        );
        self.table.compared(&what, figure, "", "", "≤ 20 KiB");
        Ok(())
    }

    async fn startup(&mut self) -> anyhow::Result<()> {
        self.table.part("Starting");
        let url = self.database(false).await?;
        let payers = Person::many(1, 100)?;
        let payees = Person::many(1_000_000, 100)?;
        let lanes = channels::plan(&payers, &payees, 100_000);
        channels::write(&self.world, &url, payers.iter().chain(&payees), &lanes).await?;
        let stored = startup::pay(&url, &payees, &lanes).await?;
        let empty = self.database(false).await?;
        let without = Process::start(&self.world, &empty, &[]).await?;
        let (nothing, held) = (without.started_in, without.resident_bytes());
        drop(without);
        let relay = Process::start(&self.world, &url, &[]).await?;
        let seconds = relay.started_in.as_secs_f64();
        self.table.key("startup_100k_channels_s", seconds);
        let what = format!(
            "100,000 channels, {} stored states",
            thousands(real(stored))
        );
        let beside = format!("without any {:.2} s", nothing.as_secs_f64());
        self.table
            .compared(&what, format!("{seconds:.2} s"), beside, "", "≤ 2 s");
        let each = real(relay.resident_bytes().saturating_sub(held)) / 100_000.0;
        self.table.row(
            "a channel in memory",
            format!("{:.1} KiB", each / 1_024.0),
            "",
        );
        Ok(())
    }

    fn browser(&mut self) -> anyhow::Result<()> {
        self.table.part("The browser's core, WebAssembly in Node");
        match browser::run(&root()?) {
            Ok(measured) => {
                let beside = format!("verify, k256 native {}/s", thousands(self.verify));
                for (what, figure) in [
                    ("sign", measured.sign),
                    ("pay: propose, sign, check, write", measured.send),
                    ("be paid: read, verify, write", measured.receive),
                ] {
                    let compared = ratio(figure / self.verify);
                    self.table.compared(
                        what,
                        format!("{}/s", thousands(figure)),
                        beside.clone(),
                        compared,
                        "",
                    );
                }
            }
            Err(cause) => self.table.row("not measured", "–", format!("{cause:#}")),
        }
        Ok(())
    }
}
