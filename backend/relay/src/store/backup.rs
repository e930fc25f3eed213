//! Sealed backups of accounts, their questions after a loss, and the life of this database.

use sparky_protocol::{Account, ChannelId, Hash, Side, Word};
use sqlx::Row as _;

use super::{Appended, NewEvent, Result, Store, big, channel::side_number, fixed, whole};
use crate::clock;

/// A sealed backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredBackup {
    pub(crate) revision: u64,
    pub(crate) body: Vec<u8>,
    /// Seconds since 1970.
    pub(crate) stored_at: i64,
}

/// A question of one participant, and the partner's answer once it is there.
#[derive(Clone, Debug)]
pub(crate) struct StoredQuestion {
    pub(crate) asker: Side,
    pub(crate) question: Hash,
    pub(crate) word: Option<String>,
}

/// One life of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) name: String,
    /// The height of the chain when it was restored from a copy, if it was.
    pub(crate) restored_at: Option<u32>,
}

impl Store {
    /// Keeps a backup unless a newer one, or another of the same revision, is here. The rule is in the
    /// statement: of two devices one wins.
    pub(crate) async fn put_backup(
        &self,
        account: Account,
        revision: u64,
        body: Vec<u8>,
    ) -> Result<bool> {
        let sql = "
            insert into backup (account, revision, body, stored_at) values ($1, $2, $3, $4)
            on conflict (account) do update
            set revision = excluded.revision, body = excluded.body, stored_at = excluded.stored_at
            where backup.revision < excluded.revision
               or backup.revision = excluded.revision and backup.body = excluded.body
            returning revision";
        crate::failpoint!("relay.backup.before");
        let kept = sqlx::query(sql)
            .bind(account.0.to_vec())
            .bind(big(revision)?)
            .bind(body)
            .bind(clock::seconds())
            .fetch_optional(&mut *self.writer().await?)
            .await?;
        crate::failpoint!("relay.backup.after");
        Ok(kept.is_some())
    }

    /// The backup of an account.
    pub(crate) async fn backup(&self, account: Account) -> Result<Option<StoredBackup>> {
        let row = sqlx::query("select revision, body, stored_at from backup where account = $1")
            .bind(account.0.to_vec())
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            Ok(StoredBackup {
                revision: whole(&row, "revision")?,
                body: row.try_get("body")?,
                stored_at: row.try_get("stored_at")?,
            })
        })
        .transpose()
    }

    /// Notes what a participant asks, and tells. The same question again keeps its answer.
    pub(crate) async fn put_question(
        &self,
        id: ChannelId,
        asker: Side,
        question: Hash,
        events: &[NewEvent],
    ) -> Result<Appended> {
        let sql = "
            insert into question (channel_id, asker, question, word) values ($1, $2, $3, null)
            on conflict (channel_id, asker) do update
            set question = excluded.question, word = null
            where question.question <> excluded.question
            returning asker";
        let mut transaction = self.begin().await?;
        let is_new = sqlx::query(sql)
            .bind(id.0.0.to_vec())
            .bind(side_number(asker))
            .bind(question.0.to_vec())
            .fetch_optional(&mut *transaction)
            .await?
            .is_some();
        let events = if is_new { events } else { &[] };
        let appended = Self::append(&mut transaction, events).await?;
        crate::failpoint!("relay.question.before");
        transaction.commit().await?;
        crate::failpoint!("relay.question.after");
        Ok(appended)
    }

    /// Notes the answer to a question that is still asked, and tells; `None` when it is not.
    pub(crate) async fn put_word(
        &self,
        asker: Side,
        word: &Word,
        body: String,
        events: &[NewEvent],
    ) -> Result<Option<Appended>> {
        let sql = "
            update question set word = $4
            where channel_id = $1 and asker = $2 and question = $3
            returning asker";
        let mut transaction = self.begin().await?;
        let fits = sqlx::query(sql)
            .bind(word.channel_id.0.0.to_vec())
            .bind(side_number(asker))
            .bind(word.question.0.to_vec())
            .bind(body)
            .fetch_optional(&mut *transaction)
            .await?
            .is_some();
        if !fits {
            transaction.rollback().await?;
            return Ok(None);
        }
        let appended = Self::append(&mut transaction, events).await?;
        crate::failpoint!("relay.word.before");
        transaction.commit().await?;
        crate::failpoint!("relay.word.after");
        Ok(Some(appended))
    }

    /// What the participants of a channel ask each other.
    pub(crate) async fn questions(&self, id: ChannelId) -> Result<Vec<StoredQuestion>> {
        let rows = sqlx::query("select asker, question, word from question where channel_id = $1")
            .bind(id.0.0.to_vec())
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| {
                let asker: usize = whole(row, "asker")?;
                Ok(StoredQuestion {
                    asker: Side::from_flag(asker == 1),
                    question: Hash(fixed(row, "question")?),
                    word: row.try_get("word")?,
                })
            })
            .collect()
    }

    /// The present life of the database; its first one begins here.
    pub(crate) async fn epoch(&self, first: String) -> Result<Epoch> {
        let sql = "
            insert into epoch (epoch_id, name, restored_at) values (1, $1, null)
            on conflict (epoch_id) do nothing";
        sqlx::query(sql)
            .bind(first)
            .execute(&mut *self.writer().await?)
            .await?;
        let row = sqlx::query("select name, restored_at from epoch where epoch_id = 1")
            .fetch_one(&mut *self.writer().await?)
            .await?;
        let restored_at: Option<i64> = row.try_get("restored_at")?;
        Ok(Epoch {
            name: row.try_get("name")?,
            restored_at: restored_at.map(|at| u32::try_from(at).unwrap_or(u32::MAX)),
        })
    }

    /// Begins the next life: what follows a restoration from a copy.
    pub(crate) async fn begin_epoch(&self, name: String, restored_at: u32) -> Result<()> {
        let sql = "
            insert into epoch (epoch_id, name, restored_at) values (1, $1, $2)
            on conflict (epoch_id) do update
            set name = excluded.name, restored_at = excluded.restored_at";
        sqlx::query(sql)
            .bind(name)
            .bind(i64::from(restored_at))
            .execute(&mut *self.writer().await?)
            .await?;
        Ok(())
    }
}
