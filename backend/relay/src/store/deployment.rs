//! Which contract this relay serves.

use sparky_protocol::{Account, Hash};
use sqlx::Row as _;

use super::{Result, Store, big, fixed, whole};

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

impl Store {
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
        transaction.commit().await?;
        Ok(true)
    }
}
