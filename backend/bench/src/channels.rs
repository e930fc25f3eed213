//! Fills a database with channels, as the follower would have if each had been opened on the chain:
//! a hundred thousand of them would take the chain an hour and say nothing about the relay.

use std::fmt::Write as _;

use sparky_protocol::{Account, Amount, ChainEvent, ChannelId, ChannelParams};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

use crate::{person::Person, world::World};

/// What A puts into each channel, in satoshi.
pub(crate) const DEPOSIT: Amount = Amount(1_000_000_000_000);

/// Rows of one statement.
const ROWS: usize = 256;

/// One channel of the plan: who pays whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    pub(crate) params: ChannelParams,
    pub(crate) id: ChannelId,
    /// Which of the payers is A, and which of the payees is B.
    pub(crate) payer: usize,
    pub(crate) payee: usize,
}

/// Channels between all payers and all payees in turn, numbered from 1.
pub(crate) fn plan(payers: &[Person], payees: &[Person], count: usize) -> Vec<Lane> {
    let lane = |at: usize| {
        let payer = at % payers.len();
        // Everybody meets everybody before a pair opens a second channel.
        let payee = (at + at / payers.len()) % payees.len();
        let params = ChannelParams {
            number: at as u64 + 1,
            account_a: payers[payer].account,
            account_b: payees[payee].account,
            token: Account::ZERO,
            window: 100,
            penalty_bps: 10_000,
        };
        Lane {
            id: params.id(),
            params,
            payer,
            payee,
        }
    };
    (0..count).map(lane).collect()
}

/// Writes sessions, channels and their opening into the database at `url`.
pub(crate) async fn write(
    world: &World,
    url: &str,
    people: impl Iterator<Item = &Person>,
    lanes: &[Lane],
) -> anyhow::Result<()> {
    let mut connection = open(url).await?;
    let people: Vec<&Person> = people.collect();
    for piece in people.chunks(ROWS) {
        let sql = insert(
            "session (token_hash, account, created_at, expires_at)",
            piece.len(),
            4,
        );
        let mut query = sqlx::query(sql);
        for person in piece {
            query = query
                .bind(person.token_hash().to_vec())
                .bind(person.account.0.to_vec())
                .bind(0_i64)
                .bind(i64::from(u32::MAX));
        }
        query.execute(&mut connection).await?;
    }
    for (at, piece) in lanes.chunks(ROWS).enumerate() {
        let mut transaction = connection.begin().await?;
        let sql = insert(
            "channel (channel_id, number, account_a, account_b, token, period, penalty_bps)",
            piece.len(),
            7,
        );
        let mut channels = sqlx::query(sql);
        let sql = insert(
            "chain_event (block_hash, log_index, height, transaction_id, channel_id, kind, body)",
            piece.len(),
            7,
        );
        let mut events = sqlx::query(sql);
        for (row, lane) in piece.iter().enumerate() {
            let params = lane.params;
            channels = channels
                .bind(lane.id.0.0.to_vec())
                .bind(i64::try_from(params.number)?)
                .bind(params.account_a.0.to_vec())
                .bind(params.account_b.0.to_vec())
                .bind(params.token.0.to_vec())
                .bind(i64::from(params.window))
                .bind(i64::from(params.penalty_bps));
            let opened = ChainEvent::Opened {
                channel_id: lane.id,
                params,
                amount: DEPOSIT,
            };
            events = events
                .bind(vec![0; 32])
                .bind(i64::try_from(at * ROWS + row)?)
                .bind(i64::from(world.deployment.height))
                .bind(vec![0; 32])
                .bind(lane.id.0.0.to_vec())
                .bind("opened")
                .bind(serde_json::to_string(&opened)?);
        }
        channels.execute(&mut *transaction).await?;
        events.execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    connection.close().await?;
    Ok(())
}

pub(crate) async fn open(url: &str) -> anyhow::Result<AnyConnection> {
    sqlx::any::install_default_drivers();
    Ok(AnyConnection::connect(url).await?)
}

/// `insert into … values ($1, $2), …`
pub(crate) fn insert(into: &str, rows: usize, columns: usize) -> AssertSqlSafe<String> {
    let mut sql = format!("insert into {into} values");
    for row in 0..rows {
        sql.push_str(if row == 0 { " (" } else { ", (" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            let _ = write!(sql, "{comma}${}", row * columns + column + 1);
        }
        sql.push(')');
    }
    AssertSqlSafe(sql)
}
