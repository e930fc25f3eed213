//! Backups: what an account keeps here against the loss of its device. Sealed with a key that only its
//! wallet can make, so there is nothing to verify; what is held is order.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    auth::Caller,
    body::Body,
    clock,
    error::{Error, Result},
    routes::Routes,
};

/// The largest backup, in bytes; the database has the same limit.
pub(crate) const LARGEST: usize = 256 * 1_024;

/// Its body: hexadecimal digits and some words around them.
const BODY: usize = 2 * LARGEST + 1_024;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/backup", show)
        .put("/api/v1/backup", keep)
}

async fn show(State(app): State<App>, Caller(caller): Caller) -> Result<Json<Value>> {
    let stored = app.store.backup(caller).await?;
    Ok(Json(stored.map_or_else(
        || json!({ "revision": 0, "blob": null, "storedAt": null }),
        |backup| {
            json!({
                "revision": backup.revision,
                "blob": format!("0x{}", hex::encode(backup.body)),
                "storedAt": clock::rfc3339(backup.stored_at.saturating_mul(1_000)),
            })
        },
    )))
}

#[derive(Deserialize)]
pub(crate) struct Backup {
    revision: u64,
    blob: String,
}

/// A relay that was itself restored may be far behind: any higher revision is the next.
async fn keep(
    State(app): State<App>,
    Caller(caller): Caller,
    Body(backup): Body<Backup, BODY>,
) -> Result<Json<Value>> {
    let invalid = |field, reason: &str| Error::InvalidValue {
        field,
        reason: reason.to_owned(),
    };
    let body = backup
        .blob
        .strip_prefix("0x")
        .and_then(|digits| hex::decode(digits).ok())
        .ok_or_else(|| invalid("blob", "not 0x and hexadecimal digits"))?;
    if LARGEST < body.len() {
        return Err(Error::PayloadTooLarge {
            size: body.len(),
            limit: LARGEST,
        });
    }
    // What the database counts with is smaller than what JSON can write.
    if backup.revision == 0 || i64::try_from(backup.revision).is_err() {
        return Err(invalid("revision", "counts from 1"));
    }
    if app.store.put_backup(caller, backup.revision, body).await? {
        return Ok(Json(json!({ "revision": backup.revision })));
    }
    let newest = app.store.backup(caller).await?;
    Err(Error::BackupOlder {
        newest: newest.map_or(0, |newest| newest.revision),
        got: backup.revision,
    })
}
