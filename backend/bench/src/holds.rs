//! What a relay takes without a single payment: memory for each connection, time to start.

use crate::{
    channels,
    fleet::Line,
    measure::real,
    person::Person,
    plan::{Bench, LONGEST},
    relay::Process,
    rows::thousands,
    startup,
    table::Bar,
};

/// Connections that are measured, where there are files for them.
const CONNECTIONS: u32 = 10_000;

/// Files that are no connections: databases, pipes, the chain's.
const OTHER_FILES: u64 = 500;

/// Of all time, what filling a large database may take on Postgres.
const FILLING_TAKES: f64 = 90.0;

impl Bench {
    pub(crate) async fn idle(&mut self) -> anyhow::Result<()> {
        self.table.part("Memory");
        let files = raise_file_limit().saturating_sub(OTHER_FILES);
        let count = u32::try_from(files).unwrap_or(CONNECTIONS).min(CONNECTIONS);
        if count < CONNECTIONS {
            let figure = thousands(f64::from(count));
            let why = "the limit of open files allows no more";
            self.table.row("connections", figure, why);
        }
        let url = self.database(false).await?;
        let people = Person::many(1, count)?;
        channels::write(&self.world, &url, people.iter(), &[]).await?;
        let relay = Process::start(&self.world, &url, &[]).await?;
        let mut lines = Vec::new();
        // The first few pay for what is shared by all.
        let (first, rest) = people.split_at(100.min(people.len()));
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
        let what = format!("an idle connection, of {}", thousands(f64::from(count)));
        let kib = each / 1_024.0;
        let figure = format!("{kib:.1} KiB");
        self.table
            .judged(&what, figure, "", (kib, Bar::AtMost(20.0)));
        Ok(())
    }

    pub(crate) async fn startup(&mut self) -> anyhow::Result<()> {
        self.table.part("Starting (ratio: seconds)");
        let seconds = self.start_large(false).await?;
        self.table.key("startup_100k_channels_s", seconds);
        if self.postgres.is_none() {
            self.table
                .row("on Postgres", "–", "not measured: run `make bench`");
        } else if LONGEST.as_secs_f64() < self.begin.elapsed().as_secs_f64() + FILLING_TAKES {
            let why = "not measured: it would take all too long";
            self.table.row("on Postgres", "–", why);
        } else {
            self.start_large(true).await?;
        }
        Ok(())
    }

    /// Fills a database, starts a relay on it, and answers how many seconds it took to be ready.
    async fn start_large(&mut self, postgres: bool) -> anyhow::Result<f64> {
        let url = self.database(postgres).await?;
        let payers = Person::many(1, 100)?;
        let payees = Person::many(1_000_000, 100)?;
        let lanes = channels::plan(&payers, &payees, 100_000);
        channels::write(&self.world, &url, payers.iter().chain(&payees), &lanes).await?;
        let stored = startup::pay(&url, &payees, &lanes).await?;
        let empty = self.database(postgres).await?;
        let without = Process::start(&self.world, &empty, &[]).await?;
        let (nothing, held) = (without.started_in, without.resident_bytes());
        drop(without);
        let relay = Process::start(&self.world, &url, &[]).await?;
        let seconds = relay.started_in.as_secs_f64();
        let on = if postgres { "Postgres" } else { "SQLite" };
        let what = format!("{on}: 100,000 channels, {} states", thousands(real(stored)));
        let beside = format!("without any {:.2} s", nothing.as_secs_f64());
        let figure = format!("{seconds:.2} s");
        self.table
            .judged(&what, figure, beside, (seconds, Bar::AtMost(2.0)));
        let each = real(relay.resident_bytes().saturating_sub(held)) / 100_000.0;
        let figure = format!("{:.1} KiB", each / 1_024.0);
        self.table.row("a channel in memory", figure, "");
        Ok(seconds)
    }
}

/// Lets this process, and those it starts, open as many files as the system allows; answers how many.
fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let highest = Rlimit {
        current: maximum,
        maximum,
    };
    // Where it is refused, what was allowed before is what there is.
    let _ = setrlimit(Resource::Nofile, highest);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
