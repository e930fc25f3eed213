//! Cooperative closes and withdrawals that wait for the second signature.

use sparky_protocol::{ChannelId, Hash, Side};
use sqlx::{Row as _, any::AnyRow};

use super::{
    Appended, NewEvent, Result, Store, Transaction, big, channel::side_number, fixed, whole,
};

/// A proposal as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct StoredProposal {
    pub(crate) id: String,
    pub(crate) channel_id: ChannelId,
    pub(crate) proposer: Side,
    /// What was signed: the protocol's authorisation as JSON.
    pub(crate) body: String,
    /// The last block in which the contract takes it.
    pub(crate) valid_until: u32,
    pub(crate) signature: String,
    pub(crate) countersignature: Option<String>,
    /// The height at which it was withdrawn or found expired.
    pub(crate) ended_at: Option<u32>,
}

const COLUMNS: &str =
    "proposal_id, channel_id, proposer, body, valid_until, signature, countersignature, ended_at";

/// Keeps a new proposal within a transaction.
pub(super) async fn put(transaction: &mut Transaction, proposal: &StoredProposal) -> Result<()> {
    let sql = "
        insert into proposal (proposal_id, channel_id, proposer, body, valid_until, signature)
        values ($1, $2, $3, $4, $5, $6) on conflict (proposal_id) do nothing";
    sqlx::query(sql)
        .bind(proposal.id.clone())
        .bind(proposal.channel_id.0.0.to_vec())
        .bind(side_number(proposal.proposer))
        .bind(proposal.body.clone())
        .bind(big(proposal.valid_until)?)
        .bind(proposal.signature.clone())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

impl Store {
    /// Adds the partner's signature to a proposal that still waits for it; none if it does not.
    pub(crate) async fn countersign(
        &self,
        id: &str,
        signature: &str,
        events: &[NewEvent],
    ) -> Result<Option<Appended>> {
        let sql = "
            update proposal set countersignature = $2
            where proposal_id = $1 and countersignature is null and ended_at is null";
        let mut transaction = self.begin().await?;
        let changed = sqlx::query(sql)
            .bind(id.to_owned())
            .bind(signature.to_owned())
            .execute(&mut *transaction)
            .await?;
        if changed.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(None);
        }
        let appended = Self::append(&mut transaction, events).await?;
        crate::failpoint!("relay.countersign.before");
        transaction.commit().await?;
        crate::failpoint!("relay.countersign.after");
        Ok(Some(appended))
    }

    /// Ends a proposal that is still open; none if it is not.
    pub(crate) async fn end_proposal(
        &self,
        id: &str,
        height: u32,
        events: &[NewEvent],
    ) -> Result<Option<Appended>> {
        let sql = "update proposal set ended_at = $2 where proposal_id = $1 and ended_at is null";
        let mut transaction = self.begin().await?;
        let changed = sqlx::query(sql)
            .bind(id.to_owned())
            .bind(big(height)?)
            .execute(&mut *transaction)
            .await?;
        if changed.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(None);
        }
        let appended = Self::append(&mut transaction, events).await?;
        crate::failpoint!("relay.end-proposal.before");
        transaction.commit().await?;
        crate::failpoint!("relay.end-proposal.after");
        Ok(Some(appended))
    }

    /// One proposal of a channel.
    pub(crate) async fn proposal(
        &self,
        channel: ChannelId,
        id: &str,
    ) -> Result<Option<StoredProposal>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "select {COLUMNS} from proposal where channel_id = $1 and proposal_id = $2"
        ));
        let row = sqlx::query(sql)
            .bind(channel.0.0.to_vec())
            .bind(id.to_owned())
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The proposals of a channel whose last block is `height` or later, withdrawn ones included:
    /// what was signed once can be used until then.
    pub(crate) async fn proposals(
        &self,
        channel: ChannelId,
        height: u32,
    ) -> Result<Vec<StoredProposal>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "select {COLUMNS} from proposal where channel_id = $1 and valid_until >= $2 order by valid_until, proposal_id"
        ));
        let rows = sqlx::query(sql)
            .bind(channel.0.0.to_vec())
            .bind(big(height)?)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(read).collect()
    }

    /// The same of all channels.
    pub(crate) async fn binding_proposals(&self, height: u32) -> Result<Vec<StoredProposal>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "select {COLUMNS} from proposal where valid_until >= $1 order by valid_until, proposal_id"
        ));
        let rows = sqlx::query(sql)
            .bind(big(height)?)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Open proposals whose last block is below `height`.
    pub(crate) async fn outlived_proposals(&self, height: u32) -> Result<Vec<StoredProposal>> {
        let sql = sqlx::AssertSqlSafe(format!(
            "select {COLUMNS} from proposal where ended_at is null and valid_until < $1"
        ));
        let rows = sqlx::query(sql)
            .bind(big(height)?)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &AnyRow) -> Result<StoredProposal> {
    let proposer: usize = whole(row, "proposer")?;
    let ended_at: Option<i64> = row.try_get("ended_at")?;
    Ok(StoredProposal {
        id: row.try_get("proposal_id")?,
        channel_id: ChannelId(Hash(fixed(row, "channel_id")?)),
        proposer: Side::from_flag(proposer == 1),
        body: row.try_get("body")?,
        valid_until: whole(row, "valid_until")?,
        signature: row.try_get("signature")?,
        countersignature: row.try_get("countersignature")?,
        ended_at: ended_at.map(|height| u32::try_from(height).unwrap_or(u32::MAX)),
    })
}
