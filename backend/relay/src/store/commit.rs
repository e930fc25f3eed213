//! The group commit: many accepted proofs, one transaction, one fsync.

use std::collections::{BTreeMap, BTreeSet};

use sparky_protocol::{Account, ChannelId, Side};
use sqlx::{Any, Transaction};

use super::{
    Appended, NewEvent, Result, Store, StoredProposal, big,
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
        let mut transaction = self.begin().await?;
        let won = swap(&mut transaction, swaps).await?;
        let lost: BTreeSet<ChannelId> = swaps
            .iter()
            .filter(|swap| !won.contains(&(swap.id, swap.sender)))
            .map(|swap| swap.id)
            .collect();
        if !lost.is_empty() {
            transaction.rollback().await?;
            return Ok(SwapOutcome::Lost(lost));
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
}

/// The rule is in the statement, so that two writers racing each other can not both win.
async fn swap(
    transaction: &mut Transaction<'static, Any>,
    swaps: &[Swap],
) -> Result<BTreeSet<(ChannelId, Side)>> {
    let mut won = BTreeSet::new();
    for piece in pieces(swaps) {
        let sql = many_rows(
            transaction,
            "insert into direction (channel_id, sender, revision, base, nonce, acked, body, street) values",
            piece.len(),
            8,
            "on conflict (channel_id, sender) do update
             set revision = excluded.revision, base = excluded.base, nonce = excluded.nonce,
                 acked = excluded.acked, body = excluded.body, street = excluded.street
             where direction.revision = excluded.base and direction.nonce <= excluded.nonce
             returning channel_id, sender",
        );
        let mut query = sqlx::query(sql);
        for swap in piece {
            query = query
                .bind(swap.id.0.0.to_vec())
                .bind(side_number(swap.sender))
                .bind(swap.revision)
                .bind(swap.base)
                .bind(big(swap.nonce)?)
                .bind(big(swap.acked)?)
                .bind("")
                .bind(swap.street.clone());
        }
        for row in query.fetch_all(&mut **transaction).await? {
            let sender: usize = whole(&row, "sender")?;
            won.insert((
                ChannelId(sparky_protocol::Hash(fixed(&row, "channel_id")?)),
                Side::from_flag(sender == 1),
            ));
        }
    }
    Ok(won)
}
