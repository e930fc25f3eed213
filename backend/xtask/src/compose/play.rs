//! `make test-compose`: the whole stack for real. Alice pays Bob while relays and node come and go.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::stack::Stack;
use crate::readme::answers;
use crate::step::Outcome;
use crate::test::report;
use crate::{fingerprint, start};

const BOB: &str = "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW";
const BOOK: &str = "docs/OPERATIONS.md";
const QTUM: u64 = 100_000_000;
/// How long something may take to come back.
const PATIENCE: Duration = Duration::from_mins(2);

/// Builds, starts, plays, removes.
///
/// # Errors
/// When anything failed.
pub(crate) fn run() -> Result<()> {
    let begin = Instant::now();
    let root = fingerprint::root()?;
    start::build()?;
    let stack = Stack::new(&root)?;
    let mut outcomes = vec![stack.run("make start-services STACK=docker")];
    if outcomes.iter().all(|outcome| outcome.ok) {
        story(&stack, &mut outcomes);
    }
    if outcomes.iter().any(|outcome| !outcome.ok) {
        println!("{}", stack.dc(&["logs", "--tail=40"]).unwrap_or_default());
    }
    drop(stack);
    report(&outcomes, begin)
}

fn story(stack: &Stack, outcomes: &mut Vec<Outcome>) {
    let mut number = String::new();
    let mut say = |name: &str, work: &mut dyn FnMut() -> Result<()>| {
        outcomes.push(Outcome::of(name, work));
    };
    say("the verbs know which stack runs", &mut || {
        for line in [
            "make prefund",
            "make migrate",
            "make status",
            "make mine BLOCKS=3",
        ] {
            ensure!(stack.run(line).ok, "{line}: failed");
        }
        Ok(())
    });
    say("qtum-cli answers in the node's container", &mut || {
        let height = stack.dc(&["exec", "-T", "qtumd", "qtum-cli", "getblockcount"])?;
        ensure!(
            height.chars().any(|c| c.is_ascii_digit()),
            "{height:?} is no height"
        );
        Ok(())
    });
    say("the relay serves the DApp at the one address", &mut || {
        answers(&stack.address, "/", "<div id=\"root\">")?;
        answers(&stack.address, "/channels/1", "<div id=\"root\">")
    });
    say("numbers are not for everybody", &mut || {
        for path in ["/metrics", "/readyz"] {
            ensure!(answers(&stack.address, path, "").is_err(), "{path} is");
        }
        Ok(())
    });
    say("Alice opens a channel", &mut || {
        let opened = mining(stack, || alice(stack, &["channel", "open", BOB, "100"]))?;
        number = opened["number"].to_string();
        Ok(())
    });
    say("Alice pays", &mut || pay(stack, &number, 20, 20));
    say("one relay is killed, payments go on", &mut || {
        stack.dc(&["kill", "-s", "SIGKILL", "relay-1"])?;
        for paid in 21..=25 {
            pay(stack, &number, 1, paid)?;
        }
        Ok(())
    });
    say(
        "it comes back and the other is killed: nothing is lost",
        &mut || {
            stack.dc(&["start", "relay-1"])?;
            healthy(stack, "relay-1")?;
            stack.dc(&["kill", "-s", "SIGKILL", "relay-2"])?;
            for paid in 26..=30 {
                pay(stack, &number, 1, paid)?;
            }
            stack.dc(&["start", "relay-2"])?;
            healthy(stack, "relay-2")
        },
    );
    say("payments need no node", &mut || {
        stack.dc(&["stop", "qtumd"])?;
        pay(stack, &number, 10, 40)?;
        stack.dc(&["start", "qtumd"])?;
        healthy(stack, "qtumd")?;
        healthy(stack, "relay-1")
    });
    say("payments need no NATS", &mut || {
        stack.dc(&["stop", "nats"])?;
        pay(stack, &number, 1, 41)?;
        stack.dc(&["start", "nats"])?;
        Ok(())
    });
    say(
        "what was dumped is restored as the handbook says",
        &mut || restore(stack, &number),
    );
    say(
        "Prometheus sees both relays, and its rules hold",
        &mut || prometheus(stack),
    );
    say("a restart loses nothing", &mut || {
        for line in ["make stop-services", "make start-services"] {
            ensure!(stack.run(line).ok, "{line}: failed");
        }
        pay(stack, &number, 1, 43)
    });
    say("they close together", &mut || close(stack, &number));
    say("doctor finds nothing wrong", &mut || {
        stack
            .dc(&["run", "--rm", "-T", "sparky", "doctor"])
            .map(drop)
    });
    say("make clean leaves nothing behind", &mut || clean(stack));
}

fn clean(stack: &Stack) -> Result<()> {
    for line in ["make stop-services", "make clean"] {
        ensure!(stack.run(line).ok, "{line}: failed");
    }
    let left = stack.dc(&["ps", "-q"])?;
    ensure!(left.trim().is_empty(), "still there: {left}");
    let left = stack.volumes()?;
    ensure!(left.trim().is_empty(), "still there: {left}");
    Ok(())
}

fn alice(stack: &Stack, words: &[&str]) -> Result<Value> {
    stack.sparky(&[&["--demo", "alice"], words].concat())
}

fn bob(stack: &Stack, words: &[&str]) -> Result<Value> {
    stack.sparky(&[&["--demo", "bob"], words].concat())
}

/// Alice pays, and Bob has what he was paid in all.
fn pay(stack: &Stack, number: &str, qtum: u64, in_all: u64) -> Result<()> {
    alice(stack, &["pay", number, &qtum.to_string()])?;
    let channels = bob(stack, &["channel", "list"])?;
    let balance = &channels["items"][0]["balanceSat"];
    ensure!(
        *balance == json!((in_all * QTUM).to_string()),
        "Bob has {balance} and should have {in_all} QTUM"
    );
    Ok(())
}

fn close(stack: &Stack, number: &str) -> Result<()> {
    let proposed = alice(stack, &["channel", "close", number])?;
    ensure!(proposed["status"] == "proposed", "{proposed}");
    mining(stack, || bob(stack, &["channel", "agree", number]))?;
    let shown = bob(stack, &["channel", "show", number])?;
    let paid = shown.pointer("/facts/settled/payB");
    let paid = paid.or_else(|| shown.pointer("/facts/settled/payA"));
    ensure!(
        shown
            .pointer("/facts/settled")
            .is_some_and(Value::is_object)
            && paid.is_some(),
        "the channel is not settled: {shown}"
    );
    Ok(())
}

/// Does something that waits for a block, and makes blocks until it is done.
fn mining<T: Send>(stack: &Stack, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let working = scope.spawn(work);
        while !working.is_finished() {
            ensure!(stack.run("make mine").ok, "make mine: failed");
        }
        working
            .join()
            .map_err(|_| anyhow::anyhow!("the thread broke down"))?
    })
}

/// Waits until a service's own check holds.
fn healthy(stack: &Stack, service: &str) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if stack.dc(&["ps", service])?.contains("(healthy)") {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(500));
    }
    anyhow::bail!("{service} is not healthy after {} s", PATIENCE.as_secs())
}

/// Dump and restore, line by line as docs/OPERATIONS.md has them: the same channels are there, payments
/// go on, and clients are told that it is a copy.
fn restore(stack: &Stack, number: &str) -> Result<()> {
    let count = || {
        let sql = "select count(*) from channel";
        let words = ["psql", "-U", "sparky", "-d", "sparky", "-Atc", sql];
        stack.dc(&[&["exec", "-T", "postgres"], &words[..]].concat())
    };
    let before = count()?;
    let (dump, restore) = documented(&stack.book()?)?;
    for line in dump.iter().chain(&restore) {
        // The file is not for the folder of the sources.
        let file = stack.folder.join("sparky.dump");
        stack.shell(&line.replace("sparky.dump", &file.to_string_lossy()))?;
    }
    let after = count()?;
    ensure!(
        before == after && before.trim() == "1",
        "{before:?} became {after:?}"
    );
    healthy(stack, "relay-1")?;
    healthy(stack, "relay-2")?;
    answers(&stack.address, "/api/v1/info", "\"restoredAt\":")?;
    ensure!(
        answers(&stack.address, "/api/v1/info", "\"restoredAt\":null").is_err(),
        "the relays do not say that they were restored"
    );
    pay(stack, number, 1, 42)
}

/// The lines that dump and those that restore, as the handbook has them.
fn documented(book: &str) -> Result<(Vec<String>, Vec<String>)> {
    let block = |heading: &str| -> Result<Vec<String>> {
        let (_, rest) = book
            .split_once(heading)
            .with_context(|| format!("{BOOK} does not say {heading:?}"))?;
        let block = rest.split("```").nth(1).unwrap_or_default();
        Ok(block.lines().skip(1).map(str::to_owned).collect())
    };
    Ok((
        block("**Postgres, a dump**")?,
        block("Restore into an empty database")?,
    ))
}

fn prometheus(stack: &Stack) -> Result<()> {
    stack.dc(&[
        "--profile",
        "monitoring",
        "up",
        "--detach",
        "--build",
        "prometheus",
    ])?;
    for words in [
        ["check", "config", "/etc/prometheus/prometheus.yml"],
        ["test", "rules", "/etc/prometheus/alerts.test.yml"],
    ] {
        stack.dc(&[&["exec", "-T", "prometheus", "promtool"], &words[..]].concat())?;
    }
    let begin = Instant::now();
    // Two relays that were asked and answered.
    while answers(&stack.prometheus, "/api/v1/query?query=sum(up)", "\"2\"]").is_err() {
        ensure!(
            begin.elapsed() < PATIENCE,
            "Prometheus does not see two relays"
        );
        thread::sleep(Duration::from_secs(1));
    }
    stack
        .dc(&["--profile", "monitoring", "stop", "prometheus"])
        .context("stop")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients must hear of a restoration before a relay answers them with what it has forgotten.
    #[test]
    fn the_handbook_restores_in_the_order_that_is_safe() {
        let root = fingerprint::root().expect("the sources");
        let book = std::fs::read_to_string(root.join(BOOK)).expect("the handbook");
        let (dump, restore) = documented(&book).expect("both blocks");
        assert!(dump.iter().any(|line| line.contains("pg_dump")), "{dump:?}");
        let place = |word: &str| {
            let found = restore.iter().position(|line| line.contains(word));
            found.unwrap_or_else(|| panic!("no {word} in {restore:#?}"))
        };
        let order = [
            " stop ",
            "dropdb",
            "createdb",
            "pg_restore",
            "migrate --restored",
            " up ",
        ];
        let places = order.map(place);
        assert!(places.is_sorted(), "{restore:#?}");
        assert_eq!(places.len(), restore.len(), "nothing else: {restore:#?}");
    }
}
