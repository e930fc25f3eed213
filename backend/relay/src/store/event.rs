//! What accounts must hear: numbered, kept, replayed.

use std::{collections::BTreeMap, sync::Arc};

use sparky_protocol::{Account, ChannelId, Side};
use sqlx::Row as _;

use super::{Result, Store, Transaction, big, fixed, many_rows, pieces};
use crate::clock;

/// An event that has no number yet.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    pub(crate) account: Account,
    /// The type of the frame, `proof.received` for example.
    pub(crate) kind: &'static str,
    /// The data of the frame, as JSON.
    pub(crate) body: Arc<str>,
    /// Which proof it carries, if it carries one: channel, sender, nonce.
    pub(crate) proof: Option<(ChannelId, Side, u64)>,
}

/// An event that has its number.
#[derive(Clone, Debug)]
pub(crate) struct StoredEvent {
    pub(crate) seq: i64,
    /// Milliseconds since 1970.
    pub(crate) created_at: i64,
    pub(crate) kind: String,
    pub(crate) body: String,
}

impl StoredEvent {
    /// The frame as it goes over the wire.
    pub(crate) fn frame(&self) -> Arc<str> {
        frame(self.seq, self.created_at, &self.kind, &self.body)
    }
}

/// What became of appended events: whom to tell which frame under which number.
pub(crate) type Appended = Vec<(Account, i64, Arc<str>)>;

fn frame(seq: i64, created_at: i64, kind: &str, body: &str) -> Arc<str> {
    let ts = clock::rfc3339(created_at);
    format!(r#"{{"seq":{seq},"ts":"{ts}","type":"{kind}","data":{body}}}"#).into()
}

impl Store {
    /// Numbers and writes events within a transaction. Nobody may be told before it has committed.
    pub(crate) async fn append(
        transaction: &mut Transaction,
        events: &[NewEvent],
    ) -> Result<Appended> {
        let mail = Mail {
            kept: &BTreeMap::new(),
            receipts: Vec::new(),
        };
        Self::append_with(transaction, events, &mail).await
    }

    /// [`Store::append`], and removes from mailboxes what is not needed there any more.
    pub(super) async fn append_with(
        transaction: &mut Transaction,
        events: &[NewEvent],
        mail: &Mail<'_>,
    ) -> Result<Appended> {
        let mut next = take_numbers(transaction, events, mail).await?;
        for (account, seq) in mail.kept {
            acknowledge(transaction, *account, *seq).await?;
        }
        for receipt in &mail.receipts {
            revoke(transaction, receipt).await?;
        }
        let now = clock::millis();
        let numbered: Vec<(i64, &NewEvent)> = events
            .iter()
            .map(|event| {
                let seq = next
                    .get_mut(&event.account)
                    .expect("invariant: every account took its numbers");
                *seq += 1;
                (*seq - 1, event)
            })
            .collect();
        for piece in pieces(&numbered) {
            let sql = many_rows(
                transaction,
                "insert into account_event (account, seq, created_at, kind, body, channel_id, sender, nonce) values",
                piece.len(),
                8,
                "",
            );
            let mut query = sqlx::query(sql);
            for (seq, event) in piece {
                let nonce = event.proof.map(|(_, _, nonce)| big(nonce)).transpose()?;
                query = query
                    .bind(&event.account.0[..])
                    .bind(*seq)
                    .bind(now)
                    .bind(event.kind)
                    .bind(&*event.body)
                    .bind(event.proof.as_ref().map(|(id, _, _)| &id.0.0[..]))
                    .bind(
                        event
                            .proof
                            .map(|(_, sender, _)| super::channel::side_number(sender)),
                    )
                    .bind(nonce);
            }
            query.execute(&mut **transaction).await?;
        }
        Ok(numbered
            .into_iter()
            .map(|(seq, event)| (event.account, seq, frame(seq, now, event.kind, &event.body)))
            .collect())
    }

    /// Events of an account above `after`, oldest first.
    pub(crate) async fn events(
        &self,
        account: Account,
        after: i64,
        limit: i64,
    ) -> Result<Vec<StoredEvent>> {
        let sql = "
            select seq, created_at, kind, body from account_event
            where account = $1 and seq > $2 order by seq limit $3";
        let rows = sqlx::query(sql)
            .bind(account.0.to_vec())
            .bind(after)
            .bind(limit)
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(StoredEvent {
                    seq: row.try_get("seq")?,
                    created_at: row.try_get("created_at")?,
                    kind: row.try_get("kind")?,
                    body: row.try_get("body")?,
                })
            })
            .collect()
    }

    /// Events that somebody has still to hear, all accounts together.
    pub(crate) async fn count_events(&self) -> Result<i64> {
        // The cast is for Postgres, which sums to a decimal.
        let sql = "select cast(coalesce(sum(seq - acked), 0) as bigint) from account_sequence";
        sqlx::query_scalar(sql).fetch_one(&self.read).await
    }

    /// The last number handed out to an account, and whether everything above `after` is still here.
    pub(crate) async fn sequence(&self, account: Account, after: i64) -> Result<(i64, Retained)> {
        let sql = "
            select s.seq, (select count(*) from account_event e where e.account = s.account and e.seq > $2) as held
            from account_sequence s where s.account = $1";
        let row = sqlx::query(sql)
            .bind(account.0.to_vec())
            .bind(after)
            .fetch_optional(&self.read)
            .await?;
        let (last, held): (i64, i64) = match row {
            Some(row) => (row.try_get("seq")?, row.try_get("held")?),
            None => (0, 0),
        };
        let complete = after <= last && held == last - after;
        Ok((
            last,
            if complete {
                Retained::All
            } else {
                Retained::WithGap
            },
        ))
    }

    /// The received proofs of one direction above a nonce, as their events carry them.
    pub(crate) async fn proofs(
        &self,
        id: ChannelId,
        sender: Side,
        after: u64,
        limit: i64,
    ) -> Result<Vec<(u64, String)>> {
        let sql = "
            select nonce, body from account_event
            where channel_id = $1 and sender = $2 and nonce is not null and nonce > $3
            order by nonce limit $4";
        let rows = sqlx::query(sql)
            .bind(id.0.0.to_vec())
            .bind(super::channel::side_number(sender))
            .bind(big(after)?)
            .bind(limit)
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| Ok((super::whole(row, "nonce")?, row.try_get("body")?)))
            .collect()
    }
}

/// Whether a client that asks for what it missed can get all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retained {
    All,
    /// Something was removed, or the client is ahead of this database: it must ask for the
    /// channels anew.
    WithGap,
}

/// Notes that the account has kept everything up to `seq`, and removes what nobody needs of what it had
/// not said so before: an event that was heard, unless it is a proof that no newer acknowledged one has
/// replaced. Those go when one does, see [`revoke`]: whoever has heard much and signed few receipts
/// would otherwise have all of it looked at again each time.
async fn acknowledge(transaction: &mut Transaction, account: Account, seq: i64) -> Result<()> {
    // Nobody else moves it meanwhile: this transaction has just taken numbers of the account.
    let before: Option<i64> = sqlx::query_scalar(
        "select acked from account_sequence where account = $1 and acked < $2 and $2 <= seq",
    )
    .bind(account.0.to_vec())
    .bind(seq)
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(before) = before else { return Ok(()) };
    sqlx::query("update account_sequence set acked = $2 where account = $1")
        .bind(account.0.to_vec())
        .bind(seq)
        .execute(&mut **transaction)
        .await?;
    let sql = "
        delete from account_event
        where account = $1 and $2 < seq and seq <= $3
          and (nonce is null
               or nonce < (select d.acked from direction d
                           where d.channel_id = account_event.channel_id and d.sender = account_event.sender))";
    sqlx::query(sql)
        .bind(account.0.to_vec())
        .bind(before)
        .bind(seq)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Removes the proofs of a direction that an acknowledged one has replaced, as far as their recipient
/// has said that it has them.
async fn revoke(transaction: &mut Transaction, receipt: &Receipt) -> Result<()> {
    let sql = "
        delete from account_event
        where channel_id = $1 and sender = $2 and nonce is not null and nonce < $3
          and seq <= (select s.acked from account_sequence s where s.account = account_event.account)";
    sqlx::query(sql)
        .bind(receipt.id.0.0.to_vec())
        .bind(super::channel::side_number(receipt.sender))
        .bind(big(receipt.acked)?)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// What recipients have said, besides the payments of one transaction.
pub(super) struct Mail<'a> {
    /// Up to which event accounts have kept what they were told.
    pub(super) kept: &'a BTreeMap<Account, i64>,
    pub(super) receipts: Vec<Receipt>,
}

/// That the proofs of a direction below the nonce `acked` are revoked.
pub(super) struct Receipt {
    /// Who signed it, in whose mailbox they lie.
    pub(super) account: Account,
    pub(super) id: ChannelId,
    pub(super) sender: Side,
    pub(super) acked: u64,
}

/// Takes as many numbers as each account needs and answers with the first. Accounts are visited in
/// order, those whose mailbox only becomes lighter too, so that two processes never wait for each other.
async fn take_numbers(
    transaction: &mut Transaction,
    events: &[NewEvent],
    mail: &Mail<'_>,
) -> Result<BTreeMap<Account, i64>> {
    let signed = mail.receipts.iter().map(|receipt| &receipt.account);
    let mut counts: BTreeMap<Account, i64> = mail
        .kept
        .keys()
        .chain(signed)
        .map(|account| (*account, 0))
        .collect();
    for event in events {
        *counts.entry(event.account).or_default() += 1;
    }
    let mut next = BTreeMap::new();
    let wanted: Vec<(Account, i64)> = counts
        .iter()
        .map(|(account, count)| (*account, *count))
        .collect();
    for piece in pieces(&wanted) {
        let sql = many_rows(
            transaction,
            "insert into account_sequence (account, seq) values",
            piece.len(),
            2,
            "on conflict (account) do update set seq = account_sequence.seq + excluded.seq returning account, seq",
        );
        let mut query = sqlx::query(sql);
        for (account, count) in piece {
            query = query.bind(&account.0[..]).bind(*count);
        }
        for row in query.fetch_all(&mut **transaction).await? {
            let account = Account(fixed(&row, "account")?);
            let last: i64 = row.try_get("seq")?;
            next.insert(account, last - counts[&account] + 1);
        }
    }
    Ok(next)
}
