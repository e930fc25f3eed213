//! Which contract this relay serves.

use std::fs::File;

use sparky_protocol::{Account, Hash};
use sqlx::Row as _;

use super::{Dialect, Result, Store, Transaction, big, fixed, sqlite_file, whole};

/// Not the lock of the SQL migrations: those are over when the contract is deployed.
const DEPLOYMENT_LOCK: i64 = super::MIGRATION_LOCK + 1;

/// The contract that a relay serves, as `sparky migrate` deployed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// dev, regtest, testnet or mainnet.
    pub network: String,
    /// Where the contract lives.
    pub contract: Account,
    /// sha256 of its deployed code.
    pub code_hash: Hash,
    /// The height of the block that created it.
    pub height: u32,
}

/// A contract that was sent and is not in enough blocks yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// dev, regtest, testnet or mainnet.
    pub network: String,
    /// The transaction.
    pub txid: String,
    /// Where the contract will be.
    pub contract: Account,
    /// The signed transaction, to be sent again by whoever was interrupted; an attempt of a program
    /// that sent it before it wrote this down has none.
    pub raw: Option<Vec<u8>>,
}

/// While it lives, nobody else deploys for the same database.
#[must_use = "dropping it lets the next one deploy"]
#[derive(Debug)]
pub struct Turn {
    _transaction: Option<Transaction>,
    _file: Option<File>,
}

impl Store {
    /// Waits until nobody else deploys for this database, however many migrate at once. Not the lock
    /// of a transaction that writes: deploying takes minutes, and on SQLite nobody else could write.
    pub(crate) async fn take_turn(&self, url: &str) -> anyhow::Result<Turn> {
        if self.dialect == Dialect::Postgres {
            let mut transaction = self.begin().await?;
            sqlx::query("select pg_advisory_xact_lock($1)")
                .bind(DEPLOYMENT_LOCK)
                .execute(&mut *transaction)
                .await?;
            return Ok(Turn {
                _transaction: Some(transaction),
                _file: None,
            });
        }
        let Some(path) = sqlite_file(url).filter(|path| !path.contains(":memory:")) else {
            return Ok(Turn {
                _transaction: None,
                _file: None,
            });
        };
        let path = format!("{path}.migrating");
        let locking = tokio::task::spawn_blocking(move || {
            let file = File::create(&path)?;
            file.lock()?;
            std::io::Result::Ok(file)
        });
        Ok(Turn {
            _transaction: None,
            _file: Some(locking.await??),
        })
    }

    /// The attempt to deploy that is under way, if there is one.
    pub(crate) async fn attempt(&self) -> Result<Option<Attempt>> {
        let row = sqlx::query("select network, txid, contract, raw from deployment_attempt")
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            Ok(Attempt {
                network: row.try_get("network")?,
                txid: row.try_get("txid")?,
                contract: Account(fixed(&row, "contract")?),
                raw: row.try_get("raw")?,
            })
        })
        .transpose()
    }

    /// Notes what is about to be sent; `None` forgets it.
    pub(crate) async fn put_attempt(&self, attempt: Option<&Attempt>) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query("delete from deployment_attempt")
            .execute(&mut *transaction)
            .await?;
        if let Some(attempt) = attempt {
            let sql = "
                insert into deployment_attempt (deployment_attempt_id, network, txid, contract, raw)
                values (1, $1, $2, $3, $4)";
            sqlx::query(sql)
                .bind(attempt.network.clone())
                .bind(attempt.txid.clone())
                .bind(attempt.contract.0.to_vec())
                .bind(attempt.raw.clone())
                .execute(&mut *transaction)
                .await?;
        }
        crate::failpoint!("migrate.attempt.before");
        transaction.commit().await?;
        crate::failpoint!("migrate.attempt.after");
        Ok(())
    }

    /// The deployment, if there is one.
    pub(crate) async fn deployment(&self) -> Result<Option<Deployment>> {
        let row = sqlx::query("select network, contract, code_hash, height from deployment")
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            Ok(Deployment {
                network: row.try_get("network")?,
                contract: Account(fixed(&row, "contract")?),
                code_hash: Hash(fixed(&row, "code_hash")?),
                height: whole(&row, "height")?,
            })
        })
        .transpose()
    }

    /// Writes the deployment. Replaces another one only while no channel hangs on it: what was
    /// signed for one contract is worth nothing to the next, and must not be lost for it. False when
    /// it was kept for that reason.
    pub(crate) async fn put_deployment(&self, deployment: &Deployment) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let known: Option<Vec<u8>> = sqlx::query_scalar("select contract from deployment")
            .fetch_optional(&mut *transaction)
            .await?;
        if known.is_some_and(|known| known != deployment.contract.0) {
            let channels: i64 = sqlx::query_scalar("select count(*) from channel")
                .fetch_one(&mut *transaction)
                .await?;
            if channels != 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
            sqlx::query("delete from block")
                .execute(&mut *transaction)
                .await?;
        }
        let sql = "
            insert into deployment (deployment_id, network, contract, code_hash, height)
            values (1, $1, $2, $3, $4)
            on conflict (deployment_id) do update
            set network = excluded.network, contract = excluded.contract,
                code_hash = excluded.code_hash, height = excluded.height";
        sqlx::query(sql)
            .bind(deployment.network.clone())
            .bind(deployment.contract.0.to_vec())
            .bind(deployment.code_hash.0.to_vec())
            .bind(big(deployment.height)?)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("delete from deployment_attempt")
            .execute(&mut *transaction)
            .await?;
        crate::failpoint!("migrate.deployment.before");
        transaction.commit().await?;
        crate::failpoint!("migrate.deployment.after");
        Ok(true)
    }
}
