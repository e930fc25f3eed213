//! Bad networks: every message lost, halved, late or doubled, in either direction, and whoever lies
//! about what was said. The table of these tests is in docs/TESTING.md.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use sparky_protocol::{Amount, ChannelId, Rejected, Side};

use crate::{
    person::{Evidence, Person, Trouble},
    proxy::{Fault, Proxy, Way},
    world::{QTUM, World},
};

/// All that can happen to one message.
const FAULTS: [Fault; 5] = [
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::Halve,
    Fault::Repeat,
    Fault::Delay(Duration::from_millis(30)),
];

/// Alice and Bob, each behind a bad network of their own, and a channel between them.
pub struct Stage {
    pub world: World,
    networks: [Proxy; 2],
    pub people: [Person; 2],
    pub id: ChannelId,
    evidence: Arc<Evidence>,
}

impl Stage {
    pub async fn new() -> Self {
        let world = World::new().await;
        let (_, mut bob, id) = world.channel(500).await;
        bob.refresh(id).await;
        let relay = world.config().bind;
        let evidence = Arc::new(Evidence::default());
        let networks = [Proxy::before(relay).await, Proxy::before(relay).await];
        let mut people = [1, 2].map(|seed| {
            let network = &networks[usize::from(seed) - 1];
            Person::new(seed, &network.url(), world.deployment.contract, &evidence)
        });
        for person in &mut people {
            person.connect().await.expect("nothing is broken yet");
            person.resync(id).await.expect("nothing is broken yet");
            person.catch_up().await.expect("nothing is broken yet");
        }
        Self {
            world,
            networks,
            people,
            id,
            evidence,
        }
    }

    /// Both pay and ack, and come back whenever the connection breaks.
    pub async fn play(&mut self, payments: u64) {
        let id = self.id;
        for round in 0..payments {
            for (who, person) in self.people.iter_mut().enumerate() {
                // Bob has what Alice has paid him, and pays half of it back.
                let amount = QTUM / (1 + who as u64) + round;
                if person.sign(id, amount).is_ok() {
                    retry(person, async |person| person.flush(id).await).await;
                }
            }
            for person in &mut self.people {
                retry(person, async |person| {
                    person.catch_up().await?;
                    person.ack(id).await
                })
                .await;
            }
        }
        self.agree().await;
    }

    /// Waits until both people and the relay hold the same, and compares all that was seen.
    async fn agree(&mut self) {
        let id = self.id;
        let mut views = Vec::new();
        for _ in 0..3 {
            views.clear();
            for person in &mut self.people {
                retry(person, async |person| {
                    person.flush(id).await?;
                    person.catch_up().await?;
                    person.ack(id).await
                })
                .await;
            }
        }
        for person in &mut self.people {
            retry(person, async |person| person.catch_up().await).await;
            let [a, b] = Side::BOTH.map(|side| {
                let street = person.channel(id).street(side);
                let newest = street.newest().map(|standing| standing.signed.proof);
                (newest, street.acked_nonce())
            });
            views.push([a, b]);
            assert!(person.is_quiet(), "something was never acknowledged");
        }
        let shown = self.world_view().await;
        views.push(Side::BOTH.map(|side| {
            let street = shown.street(side);
            let newest = street.newest().map(|standing| standing.signed.proof);
            (newest, street.acked_nonce())
        }));
        assert!(
            views.windows(2).all(|pair| pair[0] == pair[1]),
            "{views:#?}"
        );
        for side in Side::BOTH {
            let seen = self.evidence.count(id, side);
            assert_eq!(shown.street(side).nonce(), seen, "every nonce, once");
            let author = &self.people[side.index()];
            let acknowledged = author.acknowledged.get(&id).copied().unwrap_or_default();
            assert!(
                acknowledged <= seen,
                "an acknowledged payment is gone: {acknowledged} of {seen}"
            );
        }
        for person in &self.people {
            let numbers: Vec<i64> = person.kept.iter().map(|(seq, _)| *seq).collect();
            let expected: Vec<i64> = (1..=person.cursor).collect();
            assert_eq!(numbers, expected, "events without gap or duplicate");
        }
    }

    /// What the relay itself holds.
    pub async fn world_view(&self) -> sparky_protocol::Channel {
        let mut direct = Person::new(
            1,
            &self.world.url(),
            self.world.deployment.contract,
            &self.evidence,
        );
        direct.sign_in().await.expect("nothing is between");
        let view = direct.resync(self.id).await.expect("nothing is between");
        serde_json::from_value(view["channel"].clone()).expect("a channel")
    }

    /// One message of this kind, broken in every way; the same story each time.
    async fn break_each(&mut self, who: usize, way: Way, contains: &str) {
        for fault in FAULTS {
            let before = self.networks[who].broken();
            self.networks[who].break_next(way, contains, fault);
            self.play(2).await;
            assert_eq!(
                self.networks[who].broken(),
                before + 1,
                "{contains} never went {way:?}"
            );
        }
    }
}

/// Tries until it goes through; comes back whenever the connection has broken.
pub async fn retry(
    person: &mut Person,
    mut what: impl AsyncFnMut(&mut Person) -> Result<(), Trouble>,
) {
    let trying = async {
        loop {
            match what(person).await {
                Ok(()) => return,
                Err(Trouble::Refused(why)) => panic!("refused: {why}"),
                Err(Trouble::Broken(_)) => {}
            }
            while let Err(why) = person.connect().await {
                let Trouble::Broken(_) = why else {
                    panic!("refused: {why:?}");
                };
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(2), trying)
        .await
        .expect("it goes through in the end");
}

pub const ALICE: usize = 0;
pub const BOB: usize = 1;

#[tokio::test]
async fn t_d1_the_payment_on_its_way_to_the_relay() {
    let mut stage = Stage::new().await;
    stage.break_each(ALICE, Way::Up, "proof.submit").await;
    // The answer to it is lost: the same bytes are handed in again, and it is one payment.
    stage.break_each(ALICE, Way::Down, r#""nonce":"#).await;
}

#[tokio::test]
async fn t_d2_the_payment_on_its_way_to_the_partner() {
    let mut stage = Stage::new().await;
    stage.break_each(BOB, Way::Down, "proof.received").await;
}

#[tokio::test]
async fn t_d3_the_ack_on_its_way_to_the_relay() {
    let mut stage = Stage::new().await;
    stage.break_each(BOB, Way::Up, "ack.submit").await;
}

#[tokio::test]
async fn t_d4_the_ack_on_its_way_to_the_sender() {
    let mut stage = Stage::new().await;
    stage.break_each(ALICE, Way::Down, "proof.acked").await;
}

/// Events are numbered; what the client says it has kept may get lost as well.
#[tokio::test]
async fn t_d5_what_keeps_the_line_up() {
    let mut stage = Stage::new().await;
    stage.break_each(BOB, Way::Up, r#""type":"ack""#).await;
    stage.break_each(BOB, Way::Up, r#""type":"ping""#).await;
}

/// Coming back is made of messages too, and each of them may break while one comes back.
#[tokio::test]
async fn t_d5_coming_back() {
    let mut stage = Stage::new().await;
    for (way, contains) in [
        (Way::Up, r#""type":"auth""#),
        (Way::Up, r#""type":"subscribe""#),
        (Way::Up, "GET /api/v1/ws"),
        (Way::Up, "GET /api/v1/channels/"),
        (Way::Down, "GET /api/v1/channels/"),
    ] {
        for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Halve] {
            let before = stage.networks[BOB].broken();
            stage.networks[BOB].break_next(way, contains, fault);
            stage.networks[BOB].cut_all();
            stage.play(1).await;
            assert_eq!(stage.networks[BOB].broken(), before + 1, "{contains}");
        }
    }
}

/// A challenge is answered once. Whoever never hears the answer asks for another.
#[tokio::test]
async fn t_d5_signing_in() {
    let stage = Stage::new().await;
    let [_, bob] = &stage.networks;
    for (way, contains) in [
        (Way::Up, "/auth/challenges"),
        (Way::Down, "/auth/challenges"),
        (Way::Up, "/auth/sessions"),
        (Way::Down, "/auth/sessions"),
    ] {
        for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Halve] {
            let before = bob.broken();
            bob.break_next(way, contains, fault);
            let contract = stage.world.deployment.contract;
            let mut again = Person::new(2, &bob.url(), contract, &stage.evidence);
            retry(&mut again, async |person| {
                if person.url.is_empty() {
                    return Ok(());
                }
                person.catch_up().await
            })
            .await;
            assert_eq!(bob.broken(), before + 1, "{contains}");
        }
    }
}

/// Faults of all kinds at random, in both directions, at both ends, while both pay at once.
#[tokio::test]
async fn t_d6_payments_under_random_disconnects() {
    let seed: u64 = std::env::var("SPARKY_NETWORK_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_261_121);
    println!("SPARKY_NETWORK_SEED={seed}");
    let mut dice = Dice(seed);
    let mut stage = Stage::new().await;
    let kinds = [
        "proof.submit",
        "ack.submit",
        "proof.received",
        "proof.acked",
        "replyTo",
        r#""type":"auth""#,
        "subscribe",
    ];
    for _ in 0..20 {
        for _ in 0..3 {
            let way = if dice.below(2) == 0 {
                Way::Up
            } else {
                Way::Down
            };
            let (kind, fault) = (
                kinds[dice.below(kinds.len())],
                FAULTS[dice.below(FAULTS.len())],
            );
            stage.networks[dice.below(2)].break_next(way, kind, fault);
        }
        stage.play(1).await;
    }
    let broken: u32 = stage.networks.iter().map(Proxy::broken).sum();
    assert!(broken > 10, "only {broken} messages were broken");
}

/// What was signed while the relay was away is handed in later, in the order in which it was signed.
#[tokio::test]
async fn t_d7_what_was_signed_offline_goes_out_in_order() {
    let mut stage = Stage::new().await;
    let id = stage.id;
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Halve] {
        stage.people[ALICE].disconnect();
        for amount in 1..=5 {
            stage.people[ALICE].sign(id, amount).expect("she can pay");
        }
        // The third of them breaks on its way, and everything behind it waits.
        let third = stage.people[ALICE].channel(id).street(Side::A).nonce() - 2;
        stage.networks[ALICE].break_next(Way::Up, &format!(r#""nonce":{third}"#), fault);
        retry(&mut stage.people[ALICE], async |alice| {
            alice.flush(id).await
        })
        .await;
        stage.agree().await;
    }
    assert_eq!(stage.networks[ALICE].broken(), 3);
}

/// A client that reconnects again and again before the relay has noticed that the last line is dead.
#[tokio::test]
async fn rapid_double_reconnect() {
    let mut stage = Stage::new().await;
    let id = stage.id;
    for round in 0..10 {
        stage.people[ALICE]
            .sign(id, 1 + round)
            .expect("she can pay");
        for _ in 0..3 {
            // The first lines are dropped without a word while their answers are on the way.
            stage.people[ALICE].disconnect();
            retry(&mut stage.people[ALICE], async |alice| {
                alice.connect().await
            })
            .await;
        }
        retry(&mut stage.people[BOB], async |bob| bob.connect().await).await;
    }
    stage.agree().await;
}

/// T-L1: a peer restores an old memory and comes back. It is shown its own signatures and goes on; it
/// needs no close, and it signs no nonce twice.
#[tokio::test]
async fn t_l1_a_peer_with_an_old_memory_comes_back() {
    let mut stage = Stage::new().await;
    let id = stage.id;
    stage.play(2).await;
    let old = stage.people[ALICE].held.clone();
    stage.play(3).await;
    stage.people[ALICE].disconnect();
    stage.people[ALICE].held = old;
    retry(&mut stage.people[ALICE], async |alice| {
        alice.connect().await
    })
    .await;
    stage.play(2).await;
    assert_eq!(stage.evidence.count(id, Side::A), 7);

    // With nothing left at all it is the same.
    let id = stage.id;
    stage.people[ALICE].forget();
    retry(&mut stage.people[ALICE], async |alice| {
        alice.connect().await?;
        alice.resync(id).await.map(drop)
    })
    .await;
    stage.play(2).await;
    assert_eq!(stage.evidence.count(id, Side::A), 9);
}

/// T-L1: whoever signs from an old memory without asking first is refused, by the relay for both.
#[tokio::test]
async fn t_l1_a_second_state_with_one_nonce_reaches_nobody() {
    let mut stage = Stage::new().await;
    let id = stage.id;
    let old = stage.people[ALICE].held.clone();
    stage.play(1).await;
    // A rogue of its own: what it signs is no evidence of what honest people sign.
    let mut rogue = Person::new(
        1,
        &stage.world.url(),
        stage.world.deployment.contract,
        &Arc::default(),
    );
    rogue.connect().await.expect("connects");
    (rogue.held, rogue.tip) = (old, stage.people[ALICE].tip);
    let other = rogue.sign(id, 7 * QTUM).expect("it can sign");
    let submit = json!({ "channelId": id, "update": other });
    let Err(Trouble::Refused(refused)) = rogue.request("proof.submit", submit).await else {
        panic!("a second state was taken");
    };
    assert_eq!(refused["code"], "nonce-conflict", "{refused}");
    stage.agree().await;
}

/// T-L1: "I have something newer" is no argument without the other's signature.
#[tokio::test]
async fn t_l1_a_partner_that_lies_about_newer_states_is_found_out() {
    let mut stage = Stage::new().await;
    let id = stage.id;
    stage.play(1).await;
    // Bob claims a payment by Alice that she never signed: his own signature in place of hers.
    let mut lie = stage.people[BOB].channel(id).clone();
    let operations = vec![sparky_protocol::Operation::Transfer {
        amount: Amount(u128::from(100 * QTUM)),
    }];
    let proof = lie
        .propose(Side::A, &operations, &stage.people[BOB].tip)
        .expect("possible");
    let signature = stage.people[BOB].key.sign(&proof.digest(lie.domain()));
    let update = sparky_protocol::Update {
        operations,
        proof: proof.signed(signature),
    };
    let submit = json!({ "channelId": id, "update": update });
    let Err(Trouble::Refused(refused)) = stage.people[BOB].request("proof.submit", submit).await
    else {
        panic!("a forged payment was taken");
    };
    // It bears his own signature, so it counts as his own word, and as that it does not fit.
    assert_eq!(refused["code"], "nonce-gap", "{refused}");
    // Shown to Alice as what the partner holds, it is not adopted either.
    let mut shown = serde_json::to_value(&lie).expect("JSON");
    let newest = json!(update.proof);
    graft(&mut shown, &newest);
    if let Ok(shown) = serde_json::from_value::<sparky_protocol::Channel>(shown) {
        lie = shown;
        let alice = &stage.people[ALICE];
        let refused = alice
            .channel(id)
            .adopt(lie.streets(), &alice.tip)
            .expect_err("a lie");
        assert!(matches!(refused, Rejected::BadSignature(..)), "{refused:?}");
    }
    stage.agree().await;
}

/// Puts a signed proof where the newest of A's stands.
fn graft(channel: &mut Value, signed: &Value) {
    if let Some(standing) = channel["streets"][0]["standing"].as_array_mut()
        && let Some(last) = standing.last_mut()
    {
        last["signed"] = signed.clone();
    }
}

/// T-L2: a relay that shows an old state hides money from nobody: what arrives does not fit, so the
/// newest is asked for until it is shown.
#[tokio::test]
async fn t_l2_a_relay_that_withholds_the_newest_state_is_noticed() {
    let mut stage = Stage::new().await;
    let id = stage.id;
    stage.play(1).await;
    let old = stage.people[BOB].held.clone();
    stage.play(2).await;
    // Bob comes back with the old memory, and the relay shows him no more than that.
    stage.people[BOB].held = old;
    let known = stage.people[BOB].channel(id).street(Side::A).nonce();
    retry(&mut stage.people[ALICE], async |alice| {
        alice.flush(id).await
    })
    .await;
    stage.people[ALICE].sign(id, 5).expect("she can pay");
    retry(&mut stage.people[ALICE], async |alice| {
        alice.flush(id).await
    })
    .await;
    stage.people[BOB]
        .hear("proof.received")
        .await
        .expect("it comes");
    // It is not accepted over the hole, whoever says so.
    assert_eq!(stage.people[BOB].channel(id).street(Side::A).nonce(), known);
    stage.agree().await;
}

/// Small numbers that look random and can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).expect("small")
    }
}
