//! Payments through relays: on each database, over a second relay, and as channels grow.

use crate::{
    fleet::Fleet,
    load::{Load, Measured},
    measure::real,
    plan::{Bench, Crowd},
    relay::Process,
    rows::{payments, ratio, thousands},
    table::Bar,
};

/// Payments per second of LDK: two nodes in one thread, nothing written to a disk.
const LDK: f64 = 245.0;

/// Of the signatures that one core verifies.
const OF_VERIFICATIONS: Bar = Bar::AtLeast(0.5);

/// How much later than the disk a payment may arrive at half load, in milliseconds.
const BEHIND_THE_DISK: f64 = 25.0;

/// How often each number of channels is measured, in turns: what else happens on the machine meets
/// all of them, and the one in the middle counts.
const SAMPLES: usize = 3;

/// One relay, with no further flags.
const ALONE: [&[String]; 1] = [&[]];

/// What a row is judged by.
enum Judged {
    /// Nothing: it is compared with one core's verifications.
    Not,
    Throughput,
    HalfLoad,
}

/// What one database's relays did.
struct Relayed {
    /// At full load, in a hundred channels.
    full: Measured,
    half: Measured,
}

impl Bench {
    /// Runs a load after a short one that warms everything.
    async fn sample(
        &mut self,
        fleet: &mut Fleet,
        relays: &[Process],
        load: Load,
    ) -> anyhow::Result<(Measured, String)> {
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
        Ok((measured, beside))
    }

    /// A sample that is a row.
    async fn measure(
        &mut self,
        what: &str,
        (relays, fleet): &mut (Vec<Process>, Fleet),
        load: Load,
        judged: Judged,
    ) -> anyhow::Result<Measured> {
        let (measured, beside) = self.sample(fleet, relays, load).await?;
        let compared = measured.per_second() / self.verify;
        let figure = payments(&measured);
        let bar = match (judged, self.flush_p99_ms) {
            (Judged::Throughput, _) => Some((compared, OF_VERIFICATIONS)),
            (Judged::HalfLoad, Some(flush)) => {
                Some((measured.p99_ms, Bar::AtMost(flush + BEHIND_THE_DISK)))
            }
            _ => None,
        };
        match bar {
            Some(bar) => self.table.judged(what, figure, beside, bar),
            None => self.table.compared(what, figure, beside, ratio(compared)),
        }
        Ok(measured)
    }

    pub(crate) async fn on_sqlite(&mut self) -> anyhow::Result<()> {
        self.table.part(
            "Relayed payments, durable, SQLite synchronous=FULL (ratio: to one core's verifications)",
        );
        let Relayed { full, half } = self.relayed(false).await?;
        let rate = full.per_second();
        self.table.key("payments_per_second_sqlite", rate);
        self.table.key("relay_vs_verify_sqlite", rate / self.verify);
        self.table.key("p99_half_load_ms", half.p99_ms);
        self.table.judged(
            "beside LDK in memory",
            format!("{}/s", thousands(rate)),
            format!("{LDK}/s"),
            (rate / LDK, Bar::AtLeast(20.0)),
        );
        Ok(())
    }

    pub(crate) async fn on_postgres(&mut self) -> anyhow::Result<()> {
        self.table.part("Relayed payments, durable, Postgres");
        if self.postgres.is_none() {
            self.table
                .row("not measured", "–", "no Postgres: run `make bench`");
            return Ok(());
        }
        let Relayed { full, .. } = self.relayed(true).await?;
        let compared = full.per_second() / self.verify;
        self.table.key("relay_vs_verify_postgres", compared);
        Ok(())
    }

    /// The same rows for each database.
    async fn relayed(&mut self, postgres: bool) -> anyhow::Result<Relayed> {
        let url = self.database(postgres).await?;
        let mut pair = self.crowd(&url, Crowd::PAIR, &ALONE).await?;
        for (what, window) in [
            ("1 channel, one payment at a time", 1),
            ("1 channel, 64 under way", 64),
        ] {
            self.measure(what, &mut pair, Load::flood(window), Judged::Not)
                .await?;
        }
        drop(pair);

        let url = self.database(postgres).await?;
        let mut hundred = self.crowd(&url, Crowd::HUNDRED, &ALONE).await?;
        let flood = Load::flood(16);
        let what = "100 channels, 16 under way in each";
        let full = self
            .measure(what, &mut hundred, flood, Judged::Throughput)
            .await?;
        let checked = Load {
            verify: true,
            ..flood
        };
        let what = "100 channels, payees verify too";
        self.measure(what, &mut hundred, checked, Judged::Not)
            .await?;
        let half = Load {
            pace: Some(full.per_second() / 2.0),
            ..flood
        };
        let what = "100 channels, at half that pace (p99, ms)";
        let half = self
            .measure(what, &mut hundred, half, Judged::HalfLoad)
            .await?;
        let quarter = Load {
            pace: Some(full.per_second() / 4.0),
            ..flood
        };
        let what = "100 channels, at a quarter of that pace";
        self.measure(what, &mut hundred, quarter, Judged::Not)
            .await?;
        drop(hundred);

        let url = self.database(postgres).await?;
        let mut thousand = self.crowd(&url, Crowd::THOUSAND, &ALONE).await?;
        self.measure("1,000 channels", &mut thousand, flood, Judged::Not)
            .await?;
        Ok(Relayed { full, half })
    }

    /// Payers at one relay, payees at another, on one database: with NATS between them, and without.
    pub(crate) async fn second_hop(&mut self) -> anyhow::Result<()> {
        self.table.part("Over a second relay on the same Postgres");
        let what = "100 channels, payees at a second relay";
        let Some(server) = &self.postgres else {
            self.table
                .row("not measured", "–", "no Postgres: run `make bench`");
            return Ok(());
        };
        let nats = server.nats_flags();
        for (how, flags) in [("NATS", nats), ("no NATS", Some(Vec::new()))] {
            let what = format!("{what}, {how}");
            let Some(flags) = flags else {
                self.table
                    .row(&what, "–", "not measured: there is no NATS server");
                continue;
            };
            let url = self.database(true).await?;
            let relays: [&[String]; 2] = [&flags, &flags];
            let mut hundred = self.crowd(&url, Crowd::HUNDRED, &relays).await?;
            self.measure(&what, &mut hundred, Load::flood(16), Judged::Not)
                .await?;
        }
        Ok(())
    }

    pub(crate) async fn growth(&mut self) -> anyhow::Result<()> {
        self.table.part(
            "Relayed payments as channels grow, SQLite, 10 people pay 10, 1,000 under way in all, 3 times in turns",
        );
        let mut sizes = Vec::new();
        // The largest first: while it is made, nobody would answer what a relay asks its idle clients.
        for channels in [100_000, 1_000, 10] {
            // The same people each time: what more of them cost is another row.
            let crowd = Crowd::of(10, 10, channels);
            let url = self.database(false).await?;
            let relays = self.crowd(&url, crowd, &ALONE).await?;
            sizes.push((channels as u64, relays, Vec::new()));
        }
        sizes.reverse();
        for _ in 0..SAMPLES {
            for (_, (relays, fleet), samples) in &mut sizes {
                let load = Load {
                    seconds: 3.0,
                    ..Load::flood(100)
                };
                samples.push(self.sample(fleet, relays, load).await?);
            }
        }
        let mut rates = Vec::new();
        for (channels, _, mut samples) in sizes {
            samples.sort_by(|(one, _), (other, _)| one.per_second().total_cmp(&other.per_second()));
            let each: Vec<String> = samples
                .iter()
                .map(|(sample, _)| thousands(sample.per_second()))
                .collect();
            let (middle, beside) = samples.swap_remove(samples.len() / 2);
            rates.push(middle.per_second());
            let what = format!(
                "{} channels: {}",
                thousands(real(channels)),
                each.join(", ")
            );
            let compared = ratio(middle.per_second() / self.verify);
            self.table
                .compared(&what, payments(&middle), beside, compared);
        }
        if let [few, .., many] = rates[..] {
            self.table.key("flatness_100k_vs_10", many / few);
            self.table
                .judged("100,000 beside 10", "", "", (many / few, Bar::AtLeast(0.8)));
        }
        Ok(())
    }
}
