//! What a hostile or broken client hands in: each refused with its code, and nothing changes.

use reqwest::StatusCode;
use serde_json::{Value, json};
use sparky_protocol::{
    Ack, Amount, BalanceProof, Hash, Lock, Operation, PaymentHash, SecretKey, Side, Update,
};

use crate::{
    participant::Participant,
    world::{QTUM, World},
};

fn signed(
    who: &Participant,
    key: &SecretKey,
    operations: Vec<Operation>,
    proof: BalanceProof,
) -> Update {
    let domain = who.channels.values().next().expect("a channel").domain();
    Update {
        operations,
        proof: proof.signed(key.sign(&proof.digest(domain))),
    }
}

fn transfer(amount: u64) -> Vec<Operation> {
    vec![Operation::Transfer {
        amount: Amount(amount.into()),
    }]
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "a table of everything that can be wrong with a proof"
)]
async fn every_bad_proof_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let first = alice.send(id, QTUM).await;
    let good = alice.sign(id, transfer(QTUM)).proof.proof;
    let before = alice.view(id).await["channel"].clone();
    let stranger = SecretKey::from_bytes(&[9; 32]).expect("a key");
    let with = |proof: BalanceProof| signed(&alice, &alice.key, transfer(QTUM), proof);
    let mut flipped = with(good);
    flipped.proof.signature.vs[0] ^= 0x80;
    let mut other = with(good);
    other.proof.proof.transferred = Amount(u128::from(3 * QTUM));
    let far = Lock {
        id: 128,
        amount: Amount(1),
        expiry: 999_999,
        payment_hash: PaymentHash::default(),
    };
    let cases: Vec<(Update, &str)> = vec![
        (flipped, "bad-signature"),
        (other, "operations-mismatch"),
        (
            signed(&alice, &stranger, transfer(QTUM), good),
            "not-participant",
        ),
        (with(BalanceProof { nonce: 3, ..good }), "nonce-gap"),
        (with(BalanceProof { nonce: 0, ..good }), "stale-nonce"),
        (
            with(BalanceProof {
                nonce: (1 << 48) - 1,
                ..good
            }),
            "nonce-gap",
        ),
        (
            with(BalanceProof {
                transferred: Amount(0),
                ..good
            }),
            "transferred-fell",
        ),
        (
            with(BalanceProof {
                locks_root: Hash([1; 32]),
                ..good
            }),
            "operations-mismatch",
        ),
        (signed(&alice, &alice.key, vec![], good), "no-operations"),
        (
            signed(&alice, &alice.key, transfer(0), good),
            "nothing-sent",
        ),
        (
            signed(
                &alice,
                &alice.key,
                transfer(200 * QTUM),
                BalanceProof {
                    transferred: Amount(u128::from(201 * QTUM)),
                    ..good
                },
            ),
            "insufficient-channel-balance",
        ),
        (
            signed(
                &alice,
                &alice.key,
                vec![Operation::LockAdd {
                    lock: far,
                    onion: vec![],
                }],
                good,
            ),
            "lock-expiry-out-of-range",
        ),
        // A different proof under a used nonce, really signed: two programs write with one key.
        (
            with(BalanceProof {
                nonce: 1,
                transferred: Amount(5),
                ..good
            }),
            "nonce-conflict",
        ),
        // The same, forged.
        (
            signed(
                &bob,
                &stranger,
                transfer(5),
                BalanceProof {
                    nonce: 1,
                    transferred: Amount(5),
                    ..good
                },
            ),
            "not-participant",
        ),
    ];
    for (update, code) in cases {
        let (status, refused) = alice.submit(id, &update).await;
        assert_eq!(refused["code"], code, "{refused}");
        assert!(status.is_client_error(), "{status}");
        assert_eq!(refused["type"], format!("/problems/{code}"));
    }
    assert_eq!(alice.view(id).await["channel"], before);
    // A replay of the same bytes is no failure and no payment.
    assert_eq!(alice.submit(id, &first).await.0, StatusCode::OK);
    assert_eq!(alice.view(id).await["channel"], before);
    // Overdraft of the other direction: Bob has what Alice sent, not more.
    let proof = BalanceProof {
        channel_id: id,
        nonce: 1,
        transferred: Amount(u128::from(QTUM) + 1),
        locks_root: Hash::ZERO,
    };
    let (_, refused) = bob
        .submit(id, &signed(&bob, &bob.key, transfer(QTUM + 1), proof))
        .await;
    assert_eq!(refused["code"], "insufficient-channel-balance");
    assert_eq!(refused["params"]["maxSat"], QTUM.to_string(), "{refused}");
}

#[tokio::test]
async fn a_proof_of_another_channel_contract_or_chain_is_refused() {
    let world = World::new().await;
    let (mut alice, bob, id) = world.channel(100).await;
    let second = alice.open(&world, &bob, 50 * QTUM).await;
    alice.refresh(second).await;
    let update = alice.sign(second, transfer(QTUM));
    let (_, refused) = alice.submit(id, &update).await;
    assert_eq!(refused["code"], "wrong-channel", "{refused}");
    let domain = *alice.channel(id).domain();
    let proof = alice.sign(id, transfer(QTUM)).proof.proof;
    for domain in [
        sparky_protocol::Domain {
            chain_id: 81,
            ..domain
        },
        sparky_protocol::Domain {
            contract: sparky_protocol::Account([1; 20]),
            ..domain
        },
    ] {
        let update = Update {
            operations: transfer(QTUM),
            proof: proof.signed(alice.key.sign(&proof.digest(&domain))),
        };
        assert_eq!(alice.submit(id, &update).await.1["code"], "bad-signature");
    }
}

#[tokio::test]
async fn every_bad_ack_is_refused() {
    let world = World::new().await;
    let (mut alice, mut bob, id) = world.channel(100).await;
    bob.accept(id, &alice.send(id, QTUM).await);
    let good = bob.ack(id);
    let path = format!("/channels/{id}/acks");
    let domain = *bob.channel(id).domain();
    let by_alice = Ack {
        signature: alice.key.sign(&good.digest(&domain)),
        ..good
    };
    let of_another = Ack {
        proof_hash: Hash([5; 32]),
        ..good
    };
    let ahead = Ack { nonce: 7, ..good };
    let other_way = Ack {
        sender: Side::B,
        ..good
    };
    for (ack, code) in [
        (by_alice, "bad-signature"),
        (of_another, "unknown-proof"),
        (ahead, "unknown-proof"),
        (other_way, "unknown-proof"),
    ] {
        assert_eq!(bob.post(&path, &json!(ack)).await.1["code"], code);
    }
    assert_eq!(bob.post(&path, &json!(good)).await.0, StatusCode::CREATED);
    assert_eq!(bob.post(&path, &json!(good)).await.0, StatusCode::OK);
    // An older one that is genuine is late, not wrong.
    bob.accept(id, &alice.send(id, QTUM).await);
    let newer = bob.ack(id);
    assert_eq!(bob.post(&path, &json!(newer)).await.0, StatusCode::CREATED);
    assert_eq!(bob.post(&path, &json!(good)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn garbage_is_answered_with_a_code() {
    let world = World::new().await;
    let (alice, _, id) = world.channel(1).await;
    let http = reqwest::Client::new();
    let url = format!("{}/api/v1/channels/{id}/proofs", world.url());
    let bodies: [(&str, u16, &str); 6] = [
        ("", 400, "bad-request"),
        ("{", 400, "bad-request"),
        ("null", 422, "invalid-value"),
        ("{}", 422, "invalid-value"),
        (
            r#"{"operations":[],"proof":{"proof":{"channelId":"0x","nonce":-1}}}"#,
            422,
            "invalid-value",
        ),
        (
            r#"{"operations":[{"type":"transfer","amount":"1e8"}]}"#,
            422,
            "invalid-value",
        ),
    ];
    for (body, status, code) in bodies {
        let answer = http
            .post(&url)
            .bearer_auth(&alice.token)
            .body(body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{body}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(answer.headers().contains_key("x-request-id"));
        let problem: Value = answer.json().await.expect("a problem");
        assert_eq!(problem["code"], code, "{body}");
    }
    let large = "x".repeat(64 * 1024 + 1);
    let answer = http
        .post(&url)
        .bearer_auth(&alice.token)
        .body(large)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        answer.json::<Value>().await.expect("a problem")["code"],
        "payload-too-large"
    );

    for (path, code) in [
        ("/channels/99", "unknown-channel"),
        ("/channels/nonsense", "unknown-channel"),
        ("/channels/-1", "unknown-channel"),
        (
            "/channels/340282366920938463463374607431768211455",
            "unknown-channel",
        ),
        ("/channels/by-number/x", "invalid-value"),
        ("/chain/utxos/QnotAnAddress", "invalid-address"),
        ("/chain/transactions/xyz", "unknown-transaction"),
        ("/events?after=x", "bad-request"),
        ("/nothing/here", "not-found"),
    ] {
        assert_eq!(alice.get(path).await.1["code"], code, "{path}");
    }
    assert_eq!(
        alice.get("/auth/sessions").await.1["code"],
        "method-not-allowed"
    );
}

#[tokio::test]
async fn who_asks_too_fast_waits() {
    let world = World::with_rate_limit(100).await;
    let alice = Participant::arrive(&world, 1).await;
    let mut refused = None;
    for _ in 0..200 {
        let (status, problem) = alice.get("/channels").await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(problem);
            break;
        }
    }
    let refused = refused.expect("a limit");
    assert_eq!(refused["code"], "rate-limited");
    let again = reqwest::Client::new()
        .get(format!("{}/api/v1/channels", world.url()))
        .bearer_auth(&alice.token);
    let again = again.send().await.expect("an answer");
    assert!(
        again.status() != StatusCode::TOO_MANY_REQUESTS
            || again.headers().contains_key("retry-after")
    );
    assert!(
        refused["params"]["s"]
            .as_u64()
            .is_some_and(|seconds| 0 < seconds),
        "{refused}"
    );
}
