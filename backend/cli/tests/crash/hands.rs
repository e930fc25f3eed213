//! The command line as a participant that is ended in the middle of what it does. What it wrote into
//! its profile is read after every end: a state that stands there is a state that was signed.

use std::{
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;
use sparky_protocol::{Channel, ChannelId, Side, Update};
use sparky_qtum::{contract, tx::Transaction};

use crate::{
    points::Story,
    stage::{Stage, sparky},
};

/// What a call of the command line left behind.
pub struct Left {
    pub ended: bool,
    pub ok: bool,
    pub json: Value,
    pub error: String,
}

/// Calls the binary as Alice or Bob, to end itself where it is told.
pub async fn call(
    stage: &Stage,
    who: &str,
    arguments: &[&str],
    end_at: Option<(&str, u32)>,
) -> Left {
    let mut command = sparky();
    command
        .args(["--output", "json", "--yes", "--quiet", "--data"])
        .arg(stage.folder.path())
        .args(["--relay", &stage.url(), "--demo", who, "--profile", who])
        .args(arguments);
    run(command, end_at).await
}

async fn run(mut command: Command, end_at: Option<(&str, u32)>) -> Left {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some((name, visit)) = end_at {
        command.env("SPARKY_FAILPOINT", format!("{name}={visit}"));
    }
    let running = tokio::task::spawn_blocking(move || command.output());
    let output = running.await.expect("no panic").expect("it starts");
    Left {
        ended: output.status.signal() == Some(9),
        ok: output.status.success(),
        json: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        error: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

async fn ok(stage: &Stage, who: &str, arguments: &[&str]) -> Value {
    let left = call(stage, who, arguments, None).await;
    assert!(left.ok, "{who} {arguments:?}: {}", left.error);
    look(stage);
    left.json
}

/// The channel of the two profiles, opened when there is none, and its number.
async fn channel(stage: &mut Stage) -> String {
    if !stage.by_hand.is_empty() {
        return stage.by_hand[0].to_string();
    }
    {
        let opened = ok(
            stage,
            "alice",
            &["channel", "open", "bob", "1000", "--window", "10"],
        )
        .await;
        let id = serde_json::from_value(opened["channelId"].clone()).expect("an id");
        stage.by_hand.push(id);
    }
    stage.by_hand[0].to_string()
}

/// Tells the story with one end in it, and then without. True when the end came.
pub async fn tell(stage: &mut Stage, story: Story, end_at: (&str, u32)) -> bool {
    if story == Story::HandMigrates {
        return migrate(stage, end_at).await;
    }
    let number = channel(stage).await;
    let before = stage.by_hand_balances;
    let (who, arguments): (_, Vec<&str>) = match story {
        Story::HandAcks => {
            ok(stage, "alice", &["pay", &number, "3sat"]).await;
            ("bob", vec!["channel", "list"])
        }
        Story::HandProposes => ("alice", vec!["channel", "withdraw", &number, "5sat"]),
        Story::HandAgrees => {
            ok(stage, "alice", &["channel", "withdraw", &number, "5sat"]).await;
            ("bob", vec!["channel", "agree", &number])
        }
        Story::HandCloses => ("alice", vec!["channel", "close", &number]),
        Story::HandDeposits => ("alice", vec!["channel", "deposit", &number, "5sat"]),
        _ => ("alice", vec!["pay", &number, "7sat"]),
    };
    let total = stage.hand_total().await;
    let left = call(stage, who, &arguments, Some(end_at)).await;
    look(stage);
    assert!(left.ended || left.ok, "{who} {arguments:?}: {}", left.error);
    if story == Story::HandDeposits {
        // Typed again at once, as one would; it is paid in once.
        if left.ended {
            ok(stage, who, &arguments).await;
        }
        assert_eq!(stage.hand_total().await, total + 5, "paid in once");
    }
    // Whoever was ended comes back; what was kept goes out, what was not kept never was.
    let after = balances(stage).await;
    if story == Story::HandPays && before != [0, 0] {
        let paid = before[0] - after[0];
        assert!(paid == 0 || paid == 7, "{before:?} became {after:?}");
    }
    if matches!(
        story,
        Story::HandProposes | Story::HandAgrees | Story::HandCloses
    ) {
        // Whatever was agreed to, or not, is out of the way after its last block.
        stage.node.dev_mine(12).await.expect("mines");
        assert!(stage.followed().await, "an ordinary relay ended");
    }
    ok(stage, "alice", &["pay", &number, "1sat"]).await;
    let last = balances(stage).await;
    stage.by_hand_balances = last;
    let held = stage.hand_total().await;
    assert_eq!(last.iter().sum::<u64>(), held, "both together have it all");
    left.ended
}

/// A new database is made ready, once with an end in it, and again: one contract is paid for, and the
/// database knows which.
async fn migrate(stage: &Stage, end_at: (&str, u32)) -> bool {
    let folder = tempfile::tempdir_in(stage.folder.path()).expect("a folder");
    let database = format!("sqlite://{}/new.sqlite?mode=rwc", folder.path().display());
    let chain = stage.chain.as_ref().expect("it runs");
    let migrate = || {
        let mut command = sparky();
        command
            .args(["--output", "json", "--yes", "--quiet", "migrate"])
            .args(["--network", "dev", "--database-url", &database])
            .args(["--rpc-url", chain.rpc_url()]);
        command
    };
    let before = stage.node.get_block_count().await.expect("answers");
    let first = run(migrate(), Some(end_at)).await;
    assert!(first.ended || first.ok, "{}", first.error);
    let told = [run(migrate(), None).await, run(migrate(), None).await];
    for again in &told {
        assert!(again.ok, "{}", again.error);
    }
    assert_eq!(told[0].json["contract"], told[1].json["contract"]);
    assert_eq!(told[1].json["deployed"], false);
    // Whatever waits as well comes now.
    stage.node.dev_mine(1).await.expect("mines");
    let mut created = Vec::new();
    let height = stage.node.get_block_count().await.expect("answers");
    for height in before + 1..=height {
        let hash = stage.node.get_block_hash(height).await.expect("answers");
        let hash = hash.expect("a block");
        let block = stage.node.get_verbose_block(&hash).await.expect("answers");
        for transaction in block.expect("a block").transactions {
            let transaction = Transaction::from_hex(&transaction.hex).expect("a transaction");
            created.extend(contract::created_by(&transaction));
        }
    }
    assert_eq!(created.len(), 1, "one contract was paid for");
    assert_eq!(told[0].json["contract"], serde_json::json!(created[0]));
    first.ended
}

/// What each of them says it has, after hearing all there is.
async fn balances(stage: &Stage) -> [u64; 2] {
    let mut balances = [0; 2];
    for (who, balance) in ["alice", "bob"].into_iter().zip(&mut balances) {
        let list = ok(stage, who, &["channel", "list"]).await;
        let text = list["items"][0]["balanceSat"].as_str();
        *balance = text.expect("a balance").parse().expect("satoshi");
    }
    balances
}

/// Compares every signed state that stands in a profile with everything that was ever seen.
fn look(stage: &Stage) {
    for who in ["alice", "bob"] {
        for id in &stage.by_hand {
            let Some(kept) = read(stage, who, *id) else {
                continue;
            };
            let channel: Channel =
                serde_json::from_value(kept["channel"].clone()).expect("a channel");
            for side in Side::BOTH {
                for standing in channel.street(side).standing() {
                    stage.evidence.saw(side, &standing.signed);
                }
            }
            let outbox: Vec<Update> =
                serde_json::from_value(kept["outbox"].clone()).expect("updates");
            let side = if who == "alice" { Side::A } else { Side::B };
            for update in outbox {
                stage.evidence.saw(side, &update.proof);
            }
        }
    }
}

fn read(stage: &Stage, who: &str, id: ChannelId) -> Option<Value> {
    let path: PathBuf = stage
        .folder
        .path()
        .join(format!("profiles/dev/{who}/channels/{id}.json"));
    let text = std::fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).expect("a file is whole or not there"))
}
