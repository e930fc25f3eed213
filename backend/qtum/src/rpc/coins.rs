//! The coins of an account, put together from three answers of the node.

use std::collections::BTreeSet;

use sparky_protocol::Account;

use super::{Client, OutputState, RpcError};
use crate::address;
use crate::network::Network;
use crate::tx::OutPoint;
use crate::wallet::Utxo;

impl Client {
    /// The unspent outputs of an account, those waiting in the mempool included, and the height that
    /// the confirmations count from.
    ///
    /// The address index lists what the mempool spends and can not tell a young reward; so every coin
    /// is checked with `gettxout`, which can.
    pub async fn unspent(
        &self,
        account: &Account,
        network: Network,
    ) -> Result<(Vec<Utxo>, u32), RpcError> {
        let address = address::encode(account, network);
        let height = self.get_block_count().await?;
        let confirmed = self.get_address_utxos(&[&address]).await?;
        let waiting = self.get_address_mempool(&[&address]).await?;

        let mut seen = BTreeSet::new();
        let confirmed = confirmed.iter().map(|row| OutPoint {
            txid: row.txid,
            vout: row.output_index,
        });
        let waiting = waiting
            .iter()
            .filter(|row| 0 < row.satoshis)
            .map(|row| OutPoint {
                txid: row.txid,
                vout: row.index,
            });
        let mut coins = Vec::new();
        for outpoint in confirmed
            .chain(waiting)
            .filter(|outpoint| seen.insert(*outpoint))
        {
            if let Some(state) = self.get_tx_out(&outpoint.txid, outpoint.vout).await? {
                coins.push(coin(outpoint, &state, height));
            }
        }
        Ok((coins, height))
    }
}

fn coin(outpoint: OutPoint, state: &OutputState, tip: u32) -> Utxo {
    let confirmations = state.confirmations;
    let mut coin = Utxo {
        txid: outpoint.txid,
        vout: outpoint.vout,
        value: state.value,
        script: state.script.script.clone(),
        height: (confirmations != 0).then(|| tip.saturating_sub(confirmations - 1)),
        confirmations,
        coinbase: state.coinbase || state.coinstake,
        spendable: true,
    };
    coin.spendable = !coin.is_immature();
    coin
}
