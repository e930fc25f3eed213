//! What happens while the relay may end at any point. A story is told from the beginning, and told
//! again after a crash: whatever was done already must not be done twice, and must not be lost.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use sparky_protocol::{Amount, ChannelId, ContractCall, Hash, Phase, Side};

use crate::{
    person::{Person, Trouble},
    points::Story,
    stage::{QTUM, Stage},
};

type Told = Result<(), Trouble>;

/// Tells a story once, until it is over or the relay ends.
pub async fn tell(stage: &mut Stage, story: Story) -> Told {
    match story {
        Story::Pay => pay(stage).await,
        Story::SignIn => sign_in(stage).await,
        Story::Agree => agree(stage).await,
        Story::Forward | Story::Rest => forward(stage).await,
        Story::Refused => refused(stage).await,
        Story::Reorganise => reorganise(stage).await,
        Story::Watch => watch(stage).await,
        Story::Dispute | Story::Penniless => dispute(stage, false).await,
        Story::Forgotten => dispute(stage, true).await,
        Story::BackUp => back_up(stage).await,
        Story::Ask => ask(stage).await,
        _ => Ok(()),
    }
}

/// Both pay and ack; the connections are dropped in between.
async fn pay(stage: &mut Stage) -> Told {
    let id = stage.id;
    stage.connect().await?;
    for _ in 0..3 {
        for who in 0..2 {
            let amount = u64::from(stage.dice.below(1_000_000)) + 1;
            let person = &mut stage.people[who];
            // Who has nothing to give waits for the other.
            if person.sign(id, amount).is_ok() {
                person.flush(id).await?;
            }
        }
    }
    for person in &mut stage.people {
        person.catch_up().await?;
        person.ack(id).await?;
    }
    for person in &mut stage.people {
        person.catch_up().await?;
        // What was kept is noted when the line ends.
        person.disconnect();
    }
    // One of them hears nothing for a while, and is told later.
    stage.people[0].connect().await?;
    stage.people[0].pay(id, 1).await?;
    stage.people[1].connect().await?;
    stage.people[1].catch_up().await?;
    stage.people[1].ack(id).await?;
    stage.people[0].catch_up().await
}

async fn sign_in(stage: &mut Stage) -> Told {
    let url = stage.url();
    let mut guest = Person::new(9, &url, stage.contract, &stage.evidence);
    guest.sign_in().await?;
    guest.post("/auth/ws-tickets", &json!({})).await?;
    guest
        .ask(Method::DELETE, "/auth/sessions", None)
        .await
        .map(drop)
}

/// Alice proposes to take a satoshi out. Bob agrees or declines, or it expires.
async fn agree(stage: &mut Stage) -> Told {
    let id = stage.id;
    stage.connect().await?;
    let choice = stage.dice.below(4);
    let [alice, bob] = &mut stage.people;
    let until = alice.tip.height + 3;
    let channel = alice.channel(id);
    let tip = alice.tip;
    let path = format!("/channels/{id}/proposals");
    for amount in 1..=2 {
        let Ok(withdraw) = channel.cooperative_withdraw(Side::A, Amount(amount), until, &tip)
        else {
            break;
        };
        let digest = withdraw.digest(channel.domain());
        let body = json!({
            "kind": "withdraw", "fromB": false, "amountSat": withdraw.amount,
            "validUntil": until, "sequence": withdraw.sequence, "signature": alice.key.sign(&digest),
        });
        let created = match alice.post(&path, &body).await {
            Ok(created) => created,
            // One at a time: the last telling's is still on the table.
            Err(Trouble::Refused(_)) => break,
            Err(broken) => return Err(broken),
        };
        let one = format!("{path}/{}", created["id"].as_str().expect("an id"));
        let answer = json!({ "signature": bob.key.sign(&digest) });
        let answered = if choice != 0 && amount == 1 {
            bob.ask(Method::PUT, &one, Some(&answer)).await
        } else {
            bob.ask(Method::DELETE, &one, None).await
        };
        match answered {
            Ok(_) | Err(Trouble::Refused(_)) => {}
            Err(broken) => return Err(broken),
        }
        // The same again is no second one.
        if choice != 0 && amount == 1 {
            match bob.ask(Method::PUT, &one, Some(&answer)).await {
                Ok(_) | Err(Trouble::Refused(_)) => {}
                Err(broken) => return Err(broken),
            }
        }
    }
    stage.node.dev_mine(5).await.expect("mines");
    stage.followed().await;
    stage.connect().await
}

async fn forward(stage: &mut Stage) -> Told {
    stage.connect().await?;
    let hex = deposit(stage).await?;
    hand_in(stage, &hex).await?;
    stage.followed().await;
    for person in &mut stage.people {
        person.catch_up().await?;
    }
    Ok(())
}

/// Bob's next deposit: one satoshi.
async fn deposit(stage: &mut Stage) -> Result<String, Trouble> {
    let bob = &stage.people[1];
    let call = ContractCall::Deposit {
        params: *bob.channel(stage.id).params(),
        to: Side::B,
        amount: Amount(1),
    };
    bob.transaction(&call).await
}

/// Hands a transaction in. When the relay ends before it has answered, the transaction may be on its
/// way or not; it is handed in again after the next start, as a client would.
async fn hand_in(stage: &mut Stage, hex: &str) -> Told {
    let sent = stage.people[1].broadcast(hex, "deposit").await;
    if let Err(Trouble::Broken(why)) = sent {
        if !stage.ends(50).await {
            return Err(Trouble::Broken(why));
        }
        stage.start(None).await;
        stage.people[1].broadcast(hex, "deposit").await?;
        return Err(Trouble::Broken(why));
    }
    sent.map(drop)
}

/// The same coin twice: the second transaction is refused, and not followed.
async fn refused(stage: &mut Stage) -> Told {
    stage.connect().await?;
    let first = deposit(stage).await?;
    let bob = &stage.people[1];
    let call = ContractCall::Deposit {
        params: *bob.channel(stage.id).params(),
        to: Side::B,
        amount: Amount(2),
    };
    let second = bob.transaction(&call).await?;
    let taken = stage.node.send_raw_transaction(&first).await;
    taken.expect("the network takes it");
    match stage.people[1].broadcast(&second, "deposit").await {
        Err(Trouble::Refused(why)) => {
            assert_eq!(why["code"], "tx-rejected", "{why}");
            Ok(())
        }
        Err(broken) => Err(broken),
        Ok(txid) => panic!("a coin was spent twice: {txid}"),
    }
}

/// A deposit is mined, its block is reorganised away, and it is mined again in another.
async fn reorganise(stage: &mut Stage) -> Told {
    stage.connect().await?;
    let hex = deposit(stage).await?;
    hand_in(stage, &hex).await?;
    stage.followed().await;
    stage.node.dev_automine(false).await.expect("switches");
    let best = stage.node.get_best_block_hash().await.expect("answers");
    stage.node.invalidate_block(&best).await.expect("goes");
    let ended = !stage.followed().await;
    stage.mine_anew(2).await;
    stage.node.dev_automine(true).await.expect("switches");
    if !ended {
        stage.followed().await;
    }
    for person in &mut stage.people {
        person.catch_up().await?;
    }
    Ok(())
}

async fn watch(stage: &mut Stage) -> Told {
    stage.connect().await?;
    let path = format!("/channels/{}/watch", stage.id);
    for enabled in [false, true] {
        let body = json!({ "enabled": enabled });
        stage.people[1].ask(Method::PUT, &path, Some(&body)).await?;
    }
    stage.people[1].catch_up().await
}

/// A backup is kept twice. Whatever ends in between, what is there is one of them, whole, and never an
/// older one than was acknowledged.
async fn back_up(stage: &mut Stage) -> Told {
    let person = &mut stage.people[0];
    person.sign_in().await?;
    for _ in 0..2 {
        let held = person.get("/backup").await?;
        let revision = held["revision"].as_u64().expect("a revision");
        let blob = |revision: u64| format!("0x{}", hex::encode(revision.to_be_bytes().repeat(64)));
        if 0 < revision {
            assert_eq!(held["blob"], blob(revision), "a backup is whole");
        }
        let next = revision + 1;
        let body = json!({ "revision": next, "blob": blob(next) });
        person.ask(Method::PUT, "/backup", Some(&body)).await?;
        let held = person.get("/backup").await?;
        assert_eq!(held["revision"], next, "what was acknowledged is there");
    }
    Ok(())
}

/// Alice asks what Bob holds, and he gives his word. A question that was taken is shown to him, a word
/// that was taken to her.
async fn ask(stage: &mut Stage) -> Told {
    let id = stage.id;
    let question = Hash([u8::try_from(stage.dice.below(250)).expect("small") + 1; 32]);
    stage.connect().await?;
    let [alice, bob] = &mut stage.people;
    let path = format!("/channels/{id}");
    let body = json!({ "question": question });
    alice
        .ask(Method::PUT, &format!("{path}/question"), Some(&body))
        .await?;
    let view = bob.get(&path).await?;
    if view["loss"]["asked"].is_null() {
        // The same question, answered in an earlier telling.
        return Ok(());
    }
    assert_eq!(view["loss"]["asked"], json!(question));
    let channel = bob.channel(id);
    let word = channel.word(question);
    let word = word.signed(bob.key.sign(&word.digest(channel.domain())));
    bob.ask(Method::PUT, &format!("{path}/word"), Some(&json!(word)))
        .await?;
    let view = alice.get(&path).await?;
    assert_eq!(view["loss"]["word"]["question"], json!(question));
    Ok(())
}

/// A channel of its own: paid in, paid over, closed by Alice with an old state or an honest one, and
/// answered by the tower while Bob sleeps.
async fn dispute(stage: &mut Stage, forgotten: bool) -> Told {
    stage.connect().await?;
    let id = match stage.all.iter().find(|id| **id != stage.id) {
        Some(id) => *id,
        None => stage.open(10).await,
    };
    if stage.people[0].channel(id).facts().closed.is_none() {
        let alice = &mut stage.people[0];
        alice.pay(id, QTUM).await?;
        let old = alice.channel(id).close_call(Side::A, 1_000_000);
        alice.pay(id, 2 * QTUM).await?;
        stage.people[1].catch_up().await?;
        stage.people[1].ack(id).await?;
        let hex = stage.people[0].transaction(&old).await?;
        if forgotten {
            stage.node.dev_automine(false).await.expect("switches");
        }
        let sent = stage.people[0].broadcast(&hex, "close").await;
        if forgotten {
            stage.node.dev_mine(1).await.expect("mines");
        }
        sent?;
    }
    stage.followed().await;
    if forgotten {
        // The tower has sent, and then the node forgets. The relay notices at the next block.
        while waiting(stage).await == 0 && stage.people[1].get("/channels").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        loop {
            let view = stage.people[1].get(&format!("/channels/{id}")).await?;
            if view["watch"]["lastAction"].is_object() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stage.restart_node().await;
        stage.node.dev_automine(false).await.expect("switches");
        stage.node.dev_mine(1).await.expect("mines");
    }
    Ok(())
}

/// How many transactions wait in the node.
async fn waiting(stage: &Stage) -> usize {
    let waiting: Vec<String> = stage
        .node
        .call("getrawmempool", &[])
        .await
        .expect("answers");
    waiting.len()
}

/// Brings every dispute to its end, with an ordinary relay: the tower answers, the period passes,
/// somebody settles. Nobody honest gets less than it is owed.
pub async fn finish(stage: &mut Stage) {
    let disputes: Vec<ChannelId> = stage
        .all
        .iter()
        .copied()
        .filter(|id| *id != stage.id)
        .collect();
    for id in disputes {
        stage.node.dev_automine(true).await.expect("switches");
        if waiting(stage).await > 0 {
            stage.node.dev_mine(1).await.expect("mines");
        }
        stage.check().await;
        if stage.people[0].channel(id).facts().closed.is_none() {
            close(stage, id).await;
        }
        answered(stage, id).await;
        loop {
            let alice = &mut stage.people[0];
            alice.resync(id).await.expect("an ordinary relay");
            match alice.channel(id).phase(alice.tip.height + 1) {
                Phase::Finalizing { .. } => drop(stage.node.dev_mine(5).await.expect("mines")),
                Phase::Final { .. } => settle(stage, id).await,
                Phase::Settled => break,
                Phase::Open => panic!("it was closed"),
            }
            assert!(stage.followed().await, "an ordinary relay ended");
        }
        stage.check().await;
        once_for_one_need(stage, id).await;
        for person in &mut stage.people {
            person.resync(id).await.expect("an ordinary relay");
        }
        stage.retire(id);
    }
}

async fn close(stage: &mut Stage, id: ChannelId) {
    let alice = &mut stage.people[0];
    let call = alice.channel(id).close_call(Side::A, 1_000_000);
    let hex = alice.transaction(&call).await.expect("an ordinary relay");
    alice
        .broadcast(&hex, "close")
        .await
        .expect("an ordinary relay");
    assert!(stage.followed().await, "an ordinary relay ended");
}

async fn settle(stage: &mut Stage, id: ChannelId) {
    let alice = &stage.people[0];
    let call = alice.channel(id).settle_call();
    let hex = alice.transaction(&call).await.expect("an ordinary relay");
    alice
        .broadcast(&hex, "settle")
        .await
        .expect("an ordinary relay");
}

/// Waits until the chain shows everything that Alice owes.
async fn answered(stage: &mut Stage, id: ChannelId) {
    for _ in 0..3_000 {
        let bob = &mut stage.people[1];
        bob.resync(id).await.expect("an ordinary relay");
        let channel = bob.channel(id);
        if channel.street(Side::A).transferred() <= channel.facts().posted[Side::A].owed() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the tower never answered:\n{}", stage.log());
}

/// The tower's calls for a channel stand in the chain once each.
async fn once_for_one_need(stage: &mut Stage, id: ChannelId) {
    let closed = stage.people[1]
        .channel(id)
        .facts()
        .closed
        .expect("it was closed");
    let best = stage.node.get_block_count().await.expect("answers");
    let mut seen = std::collections::BTreeSet::new();
    for height in closed.height..=best {
        let hash = stage.node.get_block_hash(height).await.expect("answers");
        let block = stage.node.get_block(&hash.expect("a block")).await;
        for txid in block.expect("answers").expect("a block").txids {
            let found = stage
                .node
                .get_raw_transaction(&txid)
                .await
                .expect("answers");
            let transaction = found.expect("it is mined").decode().expect("a transaction");
            for output in &transaction.outputs {
                let call = sparky_qtum::script::Contract::parse(&output.script.0);
                let Some(call) = call.filter(|call| {
                    call.target == sparky_qtum::script::Target::Call(stage.contract)
                }) else {
                    continue;
                };
                assert!(
                    seen.insert(call.data),
                    "two transactions for one need: {txid} at {height}\n{}",
                    stage.log()
                );
            }
        }
    }
}
