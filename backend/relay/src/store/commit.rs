//! The group commit: many accepted proofs, one transaction, one fsync.

use std::collections::{BTreeMap, BTreeSet};

use sparky_protocol::{Account, ChannelId, Side};
use sqlx::{Any, AnyConnection, AssertSqlSafe, any::AnyArguments, query::Query};

use super::{
    Appended, NewEvent, Result, Store, StoredProposal, Transaction, big,
    channel::side_number,
    event::{Mail, Receipt},
    fixed, many_rows, pieces, whole,
};

/// A change of one direction, made upon revision `base`. At most one per direction in a batch.
#[derive(Clone, Debug)]
pub(crate) struct Swap {
    pub(crate) id: ChannelId,
    pub(crate) sender: Side,
    pub(crate) base: i64,
    pub(crate) revision: i64,
    pub(crate) nonce: u64,
    pub(crate) acked: u64,
    /// Whose mailbox a new receipt makes lighter, if there is one.
    pub(crate) receipt_of: Option<Account>,
    /// The direction in its short form.
    pub(crate) street: Vec<u8>,
}

impl Swap {
    fn receipt(&self) -> Option<Receipt> {
        self.receipt_of.map(|account| Receipt {
            account,
            id: self.id,
            sender: self.sender,
            acked: self.acked,
        })
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum SwapOutcome {
    /// All is durable; these events may be told.
    Committed(Appended),
    /// Nothing was written: somebody else had changed these channels.
    Lost(BTreeSet<ChannelId>),
}

impl Store {
    /// Writes all swaps, proposals and events, and what accounts have kept, or nothing when one swap was made upon an old revision.
    pub(crate) async fn commit(
        &self,
        swaps: &[Swap],
        proposals: &[&StoredProposal],
        events: &[NewEvent],
        kept: &BTreeMap<Account, i64>,
    ) -> Result<SwapOutcome> {
        let mut transaction = self.begin_again().await?;
        if !swap(&mut transaction, swaps).await? {
            transaction.rollback().await?;
            return Ok(SwapOutcome::Lost(self.losers(swaps).await?));
        }
        for proposal in proposals {
            super::proposal::put(&mut transaction, proposal).await?;
        }
        let mail = Mail {
            kept,
            receipts: swaps.iter().filter_map(Swap::receipt).collect(),
        };
        let appended = Self::append_with(&mut transaction, events, &mail).await?;
        crate::failpoint!("relay.commit.before");
        transaction.commit().await?;
        crate::failpoint!("relay.commit.after");
        Ok(SwapOutcome::Committed(appended))
    }

    /// Which channels of swaps that were not all won somebody else had changed. A revision is never
    /// reached again, so who lost would lose once more.
    async fn losers(&self, swaps: &[Swap]) -> Result<BTreeSet<ChannelId>> {
        let mut transaction = self.begin_again().await?;
        let mut won = BTreeSet::new();
        for piece in pieces(swaps) {
            let sql = swap_sql(&transaction, piece.len(), "returning channel_id, sender");
            for row in swap_query(sql, piece)?.fetch_all(&mut *transaction).await? {
                let sender: usize = whole(&row, "sender")?;
                won.insert((
                    ChannelId(sparky_protocol::Hash(fixed(&row, "channel_id")?)),
                    Side::from_flag(sender == 1),
                ));
            }
        }
        transaction.rollback().await?;
        Ok(swaps
            .iter()
            .filter(|swap| !won.contains(&(swap.id, swap.sender)))
            .map(|swap| swap.id)
            .collect())
    }
}

/// Writes the swaps and says whether all of them won: what is counted is not handed over row by row, and
/// nearly always that is all there is to know. The rule is in the statement, so that two writers racing
/// each other can not both win.
async fn swap(transaction: &mut Transaction, swaps: &[Swap]) -> Result<bool> {
    let mut won = 0;
    for piece in pieces(swaps) {
        let sql = swap_sql(transaction, piece.len(), "");
        let done = swap_query(sql, piece)?.execute(&mut **transaction).await?;
        won += done.rows_affected();
    }
    Ok(usize::try_from(won) == Ok(swaps.len()))
}

fn swap_sql(connection: &AnyConnection, swaps: usize, after: &str) -> AssertSqlSafe<String> {
    many_rows(
        connection,
        "insert into direction (channel_id, sender, revision, base, nonce, acked, body, street) values",
        swaps,
        8,
        &format!(
            "on conflict (channel_id, sender) do update
             set revision = excluded.revision, base = excluded.base, nonce = excluded.nonce,
                 acked = excluded.acked, body = excluded.body, street = excluded.street
             where direction.revision = excluded.base and direction.nonce <= excluded.nonce
             {after}"
        ),
    )
}

fn swap_query(
    sql: AssertSqlSafe<String>,
    swaps: &[Swap],
) -> Result<Query<'static, Any, AnyArguments>> {
    let mut query = sqlx::query(sql);
    for swap in swaps {
        query = query
            .bind(&swap.id.0.0[..])
            .bind(side_number(swap.sender))
            .bind(swap.revision)
            .bind(swap.base)
            .bind(big(swap.nonce)?)
            .bind(big(swap.acked)?)
            .bind("")
            .bind(&swap.street[..]);
    }
    Ok(query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrate;

    async fn two_channels(folder: &tempfile::TempDir) -> Store {
        let url = format!(
            "sqlite://{}?mode=rwc",
            folder.path().join("relay.sqlite").display()
        );
        migrate(&url).await.expect("migrates");
        let store = Store::open(&url).await.expect("opens");
        for id in [1_u8, 2] {
            let sql = "
                insert into channel (channel_id, number, account_a, account_b, token, period, penalty_bps)
                values ($1, 1, $2, $3, $4, 10, 0)";
            sqlx::query(sql)
                .bind(vec![id; 32])
                .bind(vec![3; 20])
                .bind(vec![4; 20])
                .bind(vec![0; 20])
                .execute(&mut *store.writer().await.expect("a writer"))
                .await
                .expect("a channel");
        }
        store
    }

    fn upon(base: i64, id: u8) -> Swap {
        Swap {
            id: ChannelId(sparky_protocol::Hash([id; 32])),
            sender: Side::A,
            base,
            revision: base + 1,
            nonce: 1,
            acked: 0,
            receipt_of: None,
            street: vec![id],
        }
    }

    async fn commit(store: &Store, swaps: &[Swap]) -> SwapOutcome {
        let event = NewEvent {
            account: Account([4; 20]),
            kind: "proof.received",
            body: "{}".into(),
            proof: None,
        };
        store
            .commit(swaps, &[], &[event], &BTreeMap::new())
            .await
            .expect("a database")
    }

    #[tokio::test]
    async fn one_swap_upon_an_old_revision_undoes_all_and_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = two_channels(&folder).await;
        let first = commit(&store, &[upon(0, 1), upon(0, 2)]).await;
        assert!(matches!(first, SwapOutcome::Committed(told) if told[0].1 == 1));

        let SwapOutcome::Lost(lost) = commit(&store, &[upon(1, 1), upon(0, 2)]).await else {
            panic!("a second change upon revision 0");
        };
        assert_eq!(lost, BTreeSet::from([upon(0, 2).id]));

        // The first would have been refused if its revision had moved on, and no number was used up.
        let again = commit(&store, &[upon(1, 1), upon(1, 2)]).await;
        assert!(matches!(again, SwapOutcome::Committed(told) if told[0].1 == 2));
        store.close().await;
    }
}
