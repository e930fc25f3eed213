//! A large database: a hundred thousand channels that have been paid in, a million proofs that wait
//! in mailboxes.

use sparky_protocol::{
    Amount, BalanceProof, Hash, Operation, SecretKey, Side, Signature, SignedProof, Street, Update,
};
use sqlx::{AnyConnection, Connection as _};

use crate::{
    channels::{Lane, insert, open},
    person::Person,
};

/// Proofs of each channel that lie in its payee's mailbox.
const WAITING: u64 = 10;

/// Rows of one statement.
const ROWS: usize = 256;

/// Gives every channel a newest proof and its payee the last ten. The signatures are one real
/// signature over and over: who reads them at the start does not verify what was verified.
pub(crate) async fn pay(url: &str, payees: &[Person], lanes: &[Lane]) -> anyhow::Result<u64> {
    let mut connection = open(url).await?;
    if url.starts_with("sqlite") {
        // It is thrown away in a minute.
        sqlx::raw_sql("pragma synchronous = off")
            .execute(&mut connection)
            .await?;
    }
    let signature = SecretKey::from_bytes(&[7; 32])?.sign(&Hash([9; 32]));
    for piece in lanes.chunks(ROWS) {
        let into = "direction (channel_id, sender, revision, base, nonce, acked, body, street)";
        let mut query = sqlx::query(insert(into, 2 * piece.len(), 8));
        for lane in piece {
            for sender in [Side::A, Side::B] {
                query = query
                    .bind(lane.id.0.0.to_vec())
                    .bind(i64::from(sender.is_b()))
                    .bind(i64::try_from(WAITING)?)
                    .bind(i64::try_from(WAITING - 1)?)
                    .bind(i64::try_from(WAITING)?)
                    .bind(0_i64)
                    .bind("")
                    .bind(street(lane, signature)?);
            }
        }
        query.execute(&mut connection).await?;
    }
    let mut seqs = vec![0_i64; payees.len()];
    let mut rows = Vec::with_capacity(ROWS);
    let mut stored = 0;
    for lane in lanes {
        for nonce in 1..=WAITING {
            seqs[lane.payee] += 1;
            rows.push((lane, nonce, seqs[lane.payee]));
            if rows.len() == ROWS {
                stored += events(&mut connection, payees, &rows, signature).await?;
                rows.clear();
            }
        }
    }
    stored += events(&mut connection, payees, &rows, signature).await?;
    for (payee, seq) in payees.iter().zip(seqs) {
        let sql = "insert into account_sequence (account, seq) values ($1, $2)";
        sqlx::query(sql)
            .bind(payee.account.0.to_vec())
            .bind(seq)
            .execute(&mut connection)
            .await?;
    }
    connection.close().await?;
    if let Some(file) = url.strip_prefix("sqlite://") {
        // The relay must not wait for what this has written and nobody has flushed.
        let file = file.split('?').next().unwrap_or(file);
        std::fs::File::open(file)?.sync_all()?;
    }
    Ok(stored)
}

fn proof(lane: &Lane, nonce: u64, signature: Signature) -> SignedProof {
    let proof = BalanceProof {
        channel_id: lane.id,
        nonce,
        transferred: Amount(nonce.into()),
        locks_root: Hash::ZERO,
    };
    proof.signed(signature)
}

/// The newest proof, in the relay's own form.
fn street(lane: &Lane, signature: Signature) -> anyhow::Result<Vec<u8>> {
    let standing = serde_json::json!({
        "standing": [{ "signed": proof(lane, WAITING, signature), "locks": [] }],
        "ack": null,
    });
    let street: Street = serde_json::from_value(standing)?;
    Ok(street.to_bytes())
}

async fn events(
    connection: &mut AnyConnection,
    payees: &[Person],
    rows: &[(&Lane, u64, i64)],
    signature: Signature,
) -> anyhow::Result<u64> {
    if rows.is_empty() {
        return Ok(0);
    }
    let into = "account_event (account, seq, created_at, kind, body, channel_id, sender, nonce)";
    let mut query = sqlx::query(insert(into, rows.len(), 8));
    for (lane, nonce, seq) in rows {
        let update = Update {
            operations: vec![Operation::Transfer { amount: Amount(1) }],
            proof: proof(lane, *nonce, signature),
        };
        let body = serde_json::json!({ "channelId": lane.id, "update": update });
        query = query
            .bind(payees[lane.payee].account.0.to_vec())
            .bind(*seq)
            .bind(0_i64)
            .bind("proof.received")
            .bind(body.to_string())
            .bind(lane.id.0.0.to_vec())
            .bind(0_i64)
            .bind(i64::try_from(*nonce)?);
    }
    query.execute(connection).await?;
    Ok(u64::try_from(rows.len())?)
}
