//! Losses: a relay whose database went back in time, clients that lost their memory, and what they
//! keep at the relay against that.

use reqwest::StatusCode;
use serde_json::{Value, json};
use sparky_protocol::{
    Amount, BalanceProof, Channel, ChannelId, Hash, Meeting, Operation, Rejected, Side, Street,
    Word,
};

use crate::{
    participant::Participant,
    world::{QTUM, World},
};

const QUESTION: Hash = Hash([7; 32]);

impl Participant {
    /// Shows the relay what this participant holds of both directions.
    async fn bring(&self, id: ChannelId) -> (StatusCode, Value) {
        let streets = self.channel(id).streets();
        self.put(
            &format!("/channels/{id}/streets"),
            &json!({ "streets": streets }),
        )
        .await
    }

    /// What the relay shows, as the protocol's channel.
    async fn shown(&self, id: ChannelId) -> Channel {
        serde_json::from_value(self.view(id).await["channel"].clone()).expect("a channel")
    }

    /// Loses everything, and begins again with what the chain says.
    async fn forget(&mut self, id: ChannelId) {
        let shown = self.shown(id).await;
        let empty = Channel::new(*shown.domain(), shown.facts().clone());
        self.channels.insert(id, empty.in_doubt(QUESTION));
    }

    /// Hears the relay, as a client does that has come back.
    async fn hear_relay(&mut self, world: &World, id: ChannelId) {
        let shown = self.shown(id).await;
        let info: Value = reqwest::get(format!("{}/api/v1/info", world.url()))
            .await
            .expect("answers")
            .json()
            .await
            .expect("JSON");
        let restored_at = info["restoredAt"]
            .as_u64()
            .map(|at| u32::try_from(at).expect("a height"));
        let meeting = Meeting {
            side: self.side(id),
            unsent: 0,
            restored_at,
            question: QUESTION,
        };
        let next = self
            .channel(id)
            .hear_relay(&shown, &meeting, &self.tip)
            .expect("an honest relay");
        self.channels.insert(id, next);
    }

    async fn ask_partner(&self, id: ChannelId) {
        let body = json!({ "question": QUESTION });
        let (status, answer) = self.put(&format!("/channels/{id}/question"), &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }

    /// Answers the partner's question as the relay passes it on.
    async fn answer(&self, id: ChannelId) {
        let asked = self.view(id).await["loss"]["asked"].clone();
        let question: Hash = serde_json::from_value(asked).expect("a question");
        let unsigned = self.channel(id).word(question);
        let word = unsigned.signed(self.key.sign(&unsigned.digest(self.channel(id).domain())));
        let (status, answer) = self
            .put(&format!("/channels/{id}/word"), &json!(word))
            .await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }

    async fn hear_partner(&mut self, id: ChannelId) {
        let word = self.view(id).await["loss"]["word"].clone();
        let word: Word = serde_json::from_value(word).expect("a word");
        let next = self
            .channel(id)
            .hear_partner(&word, self.side(id).other())
            .expect("genuine");
        self.channels.insert(id, next);
    }

    fn refusal(&self, id: ChannelId) -> Option<Rejected> {
        let one = Operation::Transfer { amount: Amount(1) };
        self.channel(id)
            .propose(self.side(id), &[one], &self.tip)
            .err()
    }
}

/// A channel in which both have paid, and a database that has forgotten all but the first payment.
async fn went_back(world: &mut World) -> (Participant, Participant, ChannelId) {
    let (mut alice, mut bob, id) = world.channel(100).await;
    bob.accept(id, &alice.send(id, QTUM).await);
    world.stop().await;
    let copy = world.copy_database();
    world.start().await;
    for _ in 0..3 {
        bob.accept(id, &alice.send(id, QTUM).await);
    }
    alice.accept(id, &bob.send(id, QTUM / 2).await);
    let ack = bob.ack(id);
    let path = format!("/channels/{id}/acks");
    assert_eq!(
        alice_hears(&mut alice, id, &bob.post(&path, &json!(ack)).await, &ack),
        StatusCode::CREATED
    );
    world.stop().await;
    world.go_back_to(&copy);
    world.start().await;
    alice.sign_in().await;
    bob.sign_in().await;
    assert_eq!(alice.shown(id).await.street(Side::A).nonce(), 1);
    assert_eq!(alice.shown(id).await.street(Side::B).nonce(), 0);
    (alice, bob, id)
}

fn alice_hears(
    alice: &mut Participant,
    id: ChannelId,
    (status, _): &(StatusCode, Value),
    ack: &sparky_protocol::Ack,
) -> StatusCode {
    let next = alice.channel(id).accept_ack(ack).expect("genuine");
    alice.channels.insert(id, next);
    *status
}

#[tokio::test]
async fn either_participant_heals_a_relay_that_went_back_in_time() {
    for healer in ["alice", "bob"] {
        let mut world = World::in_file().await;
        let (mut alice, mut bob, id) = went_back(&mut world).await;
        // Without help not even the next payment is taken.
        let next = alice.sign(id, vec![Operation::Transfer { amount: Amount(1) }]);
        assert_eq!(alice.submit(id, &next).await.1["code"], "nonce-gap");
        let (who, other) = if healer == "alice" {
            (&alice, &bob)
        } else {
            (&bob, &alice)
        };
        let (status, answer) = who.bring(id).await;
        assert_eq!(
            (status, &answer["brought"]),
            (StatusCode::OK, &json!(true)),
            "{answer}"
        );
        assert_eq!(
            who.bring(id).await.1["brought"],
            false,
            "nothing is new twice"
        );
        // Both directions and the ack are back, as the other one holds them.
        assert_eq!(who.shown(id).await.streets(), other.channel(id).streets());
        let heard = other.get("/events").await.1["items"].to_string();
        assert!(heard.contains("channel.restored"), "{heard}");
        // And it goes on without a close, through a restart too.
        world.stop().await;
        world.start().await;
        alice.sign_in().await;
        bob.sign_in().await;
        bob.accept(id, &alice.send(id, QTUM).await);
        alice.accept(id, &bob.send(id, QTUM / 4).await);
        assert_eq!(alice.shown(id).await.street(Side::A).nonce(), 5);
    }
}

#[tokio::test]
async fn a_relay_believes_nothing_that_is_not_signed() {
    let mut world = World::in_file().await;
    let (alice, bob, id) = went_back(&mut world).await;
    let text = serde_json::to_string(alice.channel(id).streets()).expect("JSON");
    let more = text.replace(
        "\"transferred\":\"400000000\"",
        "\"transferred\":\"500000000\"",
    );
    assert_ne!(text, more);
    let forged: [Street; 2] = serde_json::from_str(&more).expect("streets");
    let path = format!("/channels/{id}/streets");
    let (status, problem) = bob.put(&path, &json!({ "streets": forged })).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("bad-signature"))
    );
    assert_eq!(alice.shown(id).await.street(Side::A).nonce(), 1);
    // Streets of another channel are no news of this one.
    let mallory = world.participant(66).await;
    let other = bob_opens(&world, bob, &mallory).await;
    let (_, answer) = alice.put(&path, &json!({ "streets": other })).await;
    assert_eq!(answer["code"], "wrong-channel", "{answer}");
}

/// The streets of a channel of Bob's with somebody else, in which Bob has paid.
async fn bob_opens(world: &World, mut bob: Participant, mallory: &Participant) -> [Street; 2] {
    let id = bob.open(world, mallory, 10 * QTUM).await;
    bob.refresh(id).await;
    // More than the relay knows of the other channel, or it would be no news at all.
    for _ in 0..3 {
        bob.send(id, QTUM).await;
    }
    bob.channel(id).streets().clone()
}

/// The relay was restored and says so; Alice lost everything; Bob has the newest state of both.
#[tokio::test]
async fn who_lost_everything_waits_for_the_partner_when_the_relay_was_restored_too() {
    let mut world = World::in_file().await;
    let (mut alice, bob, id) = went_back(&mut world).await;
    world.stop().await;
    sparky_relay::declare_restored(world.database.url(), alice.tip.height + 5)
        .await
        .expect("writes");
    world.start().await;
    alice.sign_in().await;
    let mut bob = bob;
    bob.sign_in().await;

    alice.forget(id).await;
    alice.hear_relay(&world, id).await;
    assert_eq!(alice.refusal(id), Some(Rejected::InDoubt { partner: true }));
    assert_eq!(
        alice.channel(id).street(Side::A).nonce(),
        1,
        "what is there is shown"
    );
    alice.ask_partner(id).await;
    // Bob hears of it, shows what he holds, and answers.
    let heard = bob.get("/events").await.1["items"].to_string();
    assert!(heard.contains("channel.asked"), "{heard}");
    bob.bring(id).await;
    bob.answer(id).await;
    assert_eq!(
        bob.view(id).await["loss"]["asked"],
        Value::Null,
        "it is answered"
    );
    alice.hear_relay(&world, id).await;
    alice.hear_partner(id).await;
    assert_eq!(alice.refusal(id), None);
    let update = alice.send(id, QTUM).await;
    assert_eq!(update.proof.proof.nonce, 5, "no nonce is used twice");
    bob.accept(id, &update);
}

#[tokio::test]
async fn a_question_has_one_answer_and_only_the_partner_gives_it() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    alice.send(id, QTUM).await;
    alice.ask_partner(id).await;
    let path = format!("/channels/{id}/word");
    let unsigned = alice.channel(id).word(QUESTION);
    let domain = *alice.channel(id).domain();
    let own = unsigned.signed(alice.key.sign(&unsigned.digest(&domain)));
    let (status, problem) = alice.put(&path, &json!(own)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::NOT_FOUND, &json!("not-found"))
    );
    let (_, problem) = bob.put(&path, &json!(own)).await;
    assert_eq!(problem["code"], "bad-signature");
    let stale = bob.channel(id).word(Hash([8; 32]));
    let stale = stale.signed(bob.key.sign(&stale.digest(&domain)));
    assert_eq!(bob.put(&path, &json!(stale)).await.0, StatusCode::NOT_FOUND);
    bob.answer(id).await;
    assert_eq!(
        alice.view(id).await["loss"]["word"]["question"],
        json!(QUESTION)
    );
    // Asked again with the same question the answer stays; a new question has none.
    alice.ask_partner(id).await;
    assert!(alice.view(id).await["loss"]["word"].is_object());
    let other = json!({ "question": Hash([9; 32]) });
    alice.put(&format!("/channels/{id}/question"), &other).await;
    assert_eq!(alice.view(id).await["loss"]["word"], Value::Null);
}

#[tokio::test]
async fn a_backup_is_kept_and_never_replaced_by_an_older_one() {
    let mut world = World::new().await;
    let alice = world.participant(1).await;
    let put = |revision: u64, blob: &str| {
        let body = json!({ "revision": revision, "blob": blob });
        let alice = &alice;
        async move { alice.put("/backup", &body).await }
    };
    assert_eq!(alice.get("/backup").await.1["revision"], 0);
    assert_eq!(put(1, "0x0101").await.0, StatusCode::OK);
    assert_eq!(put(2, "0x0202").await.0, StatusCode::OK);
    assert_eq!(put(2, "0x0202").await.0, StatusCode::OK, "the same again");
    // A device that still counts from 1, and one that raced.
    for (revision, blob) in [(1, "0x0101"), (2, "0x0303")] {
        let (status, problem) = put(revision, blob).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::CONFLICT, &json!("backup-older"))
        );
        assert_eq!(problem["params"]["newest"], 2);
    }
    // A relay that went back takes the next one of whoever is ahead of it.
    assert_eq!(put(9, "0x09").await.0, StatusCode::OK);
    world.stop().await;
    world.start().await;
    let mut again = Participant::arrive(&world, 1).await;
    again.sign_in().await;
    let (_, kept) = again.get("/backup").await;
    assert_eq!(
        (&kept["revision"], &kept["blob"]),
        (&json!(9), &json!("0x09"))
    );
    let bob = Participant::arrive(&world, 2).await;
    assert_eq!(
        bob.get("/backup").await.1["blob"],
        Value::Null,
        "each has its own"
    );
}

#[tokio::test]
async fn a_backup_has_a_form_and_a_size() {
    let world = World::new().await;
    let alice = world.participant(1).await;
    for (body, status) in [
        (json!({ "revision": 0, "blob": "0x00" }), 422),
        (json!({ "revision": u64::MAX, "blob": "0x00" }), 422),
        (json!({ "revision": 1, "blob": "noise" }), 422),
        (json!({ "revision": 1 }), 422),
        (
            json!({ "revision": 1, "blob": format!("0x{}", "00".repeat(256 * 1024 + 1)) }),
            413,
        ),
        (
            json!({ "revision": 1, "blob": format!("0x{}", "00".repeat(600 * 1024)) }),
            413,
        ),
        (
            json!({ "revision": 1, "blob": format!("0x{}", "00".repeat(256 * 1024)) }),
            200,
        ),
    ] {
        let (got, answer) = alice.put("/backup", &body).await;
        assert_eq!(got.as_u16(), status, "{answer}");
    }
}

#[tokio::test]
async fn an_epoch_lasts_until_the_operator_says_that_it_was_restored() {
    let mut world = World::new().await;
    let url = format!("{}/api/v1/info", world.url());
    let info = || async {
        reqwest::get(&url)
            .await
            .expect("answers")
            .json::<Value>()
            .await
            .expect("JSON")
    };
    let first = info().await;
    assert_eq!(first["restoredAt"], Value::Null);
    world.stop().await;
    world.start().await;
    assert_eq!(info().await["epoch"], first["epoch"]);
    world.stop().await;
    sparky_relay::declare_restored(world.database.url(), 12)
        .await
        .expect("writes");
    world.start().await;
    let second = info().await;
    assert_ne!(second["epoch"], first["epoch"]);
    assert_eq!(second["restoredAt"], 12);
}

/// A proof of `who` that says what no payment could have said.
fn said(who: &Participant, id: ChannelId, nonce: u64, transferred: u128) -> Value {
    let channel = who.channel(id);
    let proof = BalanceProof {
        channel_id: id,
        nonce,
        transferred: Amount(transferred),
        locks_root: Hash::ZERO,
    };
    let signed = proof.signed(who.key.sign(&proof.digest(channel.domain())));
    let mut streets = json!([{ "standing": [], "ack": null }, { "standing": [], "ack": null }]);
    streets[who.side(id).index()]["standing"] = json!([{ "signed": signed, "locks": [] }]);
    json!({ "streets": streets })
}

/// The contract keeps 48 bits of a nonce. What is above can not be posted by anybody, and an ack of it
/// would let go of all that can.
#[tokio::test]
async fn a_nonce_that_can_not_be_posted_is_taken_from_nobody() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    bob.accept(id, &alice.send(id, QTUM).await);
    let path = format!("/channels/{id}/streets");
    for nonce in [1_u64 << 48, 1 << 63, u64::MAX] {
        let lie = said(&alice, id, nonce, u128::from(QTUM));
        let (status, answer) = alice.put(&path, &lie).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert_eq!(answer["code"], "too-large");
    }
    assert_eq!(bob.shown(id).await.street(Side::A).nonce(), 1);
    bob.accept(id, &alice.send(id, QTUM).await);
}

/// Alice's signature under an end is out. A promise of Bob's that does not fit it would make her
/// deliver, and be paid by the old division.
#[tokio::test]
async fn what_contradicts_an_offered_end_is_not_passed_on() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    bob.accept(id, &alice.send(id, 10 * QTUM).await);
    let channel = alice.channel(id).clone();
    let close = channel
        .cooperative_close(alice.tip.height + 20, &alice.tip)
        .expect("possible");
    let offer = json!({
        "kind": "close", "netToA": close.net_to_a, "validUntil": close.valid_until,
        "sequence": close.sequence, "signature": alice.key.sign(&close.digest(channel.domain())),
    });
    let proposals = format!("/channels/{id}/proposals");
    assert_eq!(alice.post(&proposals, &offer).await.0, StatusCode::CREATED);
    let path = format!("/channels/{id}/streets");
    let more = said(&bob, id, 1, u128::from(QTUM));
    let (_, answer) = bob.put(&path, &more).await;
    assert_eq!(answer["code"], "channel-frozen", "{answer}");
    assert_eq!(alice.shown(id).await.street(Side::B).nonce(), 0);
    // What is known already is still answered well.
    assert_eq!(bob.bring(id).await.0, StatusCode::OK);
}
