//! The leases: what only one relay may do at a time.

use sqlx::Row as _;

use super::{Result, Store, Transaction, big, whole};

/// A lease as all relays see it.
#[derive(Clone, Debug)]
pub(crate) struct LeaseRow {
    pub(crate) name: String,
    /// None while it is free.
    pub(crate) holder: Option<String>,
    /// Counts the holders.
    pub(crate) term: i64,
    /// Counts what was written under it.
    pub(crate) changes: i64,
    /// The height up to which its holders have done their work.
    pub(crate) height: u32,
}

/// What a holder shows when it writes: that it is this one, and in its own time.
#[derive(Clone, Debug)]
pub(crate) struct Fence {
    pub(crate) lease: &'static str,
    pub(crate) holder: String,
    pub(crate) term: i64,
}

impl Fence {
    /// Passes the fence within a transaction: from here to its end nobody else can take the lease.
    /// False when somebody has: then nothing of this transaction may be kept.
    pub(crate) async fn pass(&self, transaction: &mut Transaction) -> Result<bool> {
        let sql = "
            update lease set changes = changes + 1
            where lease_id = $1 and holder = $2 and term = $3";
        let passed = sqlx::query(sql)
            .bind(self.lease)
            .bind(self.holder.clone())
            .bind(self.term)
            .execute(&mut **transaction)
            .await?;
        Ok(passed.rows_affected() == 1)
    }
}

impl Store {
    /// All leases that were ever taken.
    pub(crate) async fn leases(&self) -> Result<Vec<LeaseRow>> {
        let rows = sqlx::query("select lease_id, holder, term, changes, height from lease")
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(LeaseRow {
                    name: row.try_get("lease_id")?,
                    holder: row.try_get("holder")?,
                    term: row.try_get("term")?,
                    changes: row.try_get("changes")?,
                    height: whole(row, "height")?,
                })
            })
            .collect()
    }

    /// Takes a lease that was seen in `term` (0: it was not there) and found free, or whose holder was
    /// seen standing still at `beat`. None when it was somebody else's by then, or the holder lives.
    pub(crate) async fn take_lease(
        &self,
        lease: &'static str,
        holder: &str,
        term: i64,
        beat: i64,
    ) -> Result<Option<Fence>> {
        let sql = "
            insert into lease (lease_id, holder, term, changes, height) values ($1, $2, 1, 0, 0)
            on conflict (lease_id) do update set holder = excluded.holder, term = lease.term + 1
            where lease.term = $3
              and (lease.holder is null
                   or not exists (select 1 from relay r where r.relay_id = lease.holder and r.beat <> $4))
            returning term";
        crate::failpoint!("relay.lease.before");
        let term: Option<i64> = sqlx::query_scalar(sql)
            .bind(lease)
            .bind(holder.to_owned())
            .bind(term)
            .bind(beat)
            .fetch_optional(&mut *self.writer().await?)
            .await?;
        crate::failpoint!("relay.lease.after");
        Ok(term.map(|term| Fence {
            lease,
            holder: holder.to_owned(),
            term,
        }))
    }

    /// Gives a lease back, if it is still held.
    pub(crate) async fn release_lease(&self, fence: &Fence) -> Result<()> {
        sqlx::query(
            "update lease set holder = null where lease_id = $1 and holder = $2 and term = $3",
        )
        .bind(fence.lease)
        .bind(fence.holder.clone())
        .bind(fence.term)
        .execute(&mut *self.writer().await?)
        .await?;
        Ok(())
    }

    /// Notes up to which height the holder has done its work. False when it holds the lease no more.
    pub(crate) async fn note_height(&self, fence: &Fence, height: u32) -> Result<bool> {
        let sql = "
            update lease set height = $4 where lease_id = $1 and holder = $2 and term = $3";
        crate::failpoint!("relay.height.before");
        let noted = sqlx::query(sql)
            .bind(fence.lease)
            .bind(fence.holder.clone())
            .bind(fence.term)
            .bind(big(height)?)
            .execute(&mut *self.writer().await?)
            .await?;
        crate::failpoint!("relay.height.after");
        Ok(noted.rows_affected() == 1)
    }
}
