//! The coins of a wallet: which it can spend now, and which still wait.

use sparky_protocol::Account;
use sparky_qtum::script::p2pkh;
use sparky_qtum::tx::{OutPoint, TxOut};

use super::Wallet;
use crate::chain::Chain;
use crate::index::Owner;

/// A coin that a wallet can spend.
#[derive(Clone, Debug)]
pub(crate) struct Spendable {
    pub outpoint: OutPoint,
    pub output: TxOut,
    pub account: Account,
    pub confirmations: u32,
}

impl Wallet {
    /// What can be spent now, confirmed coins first, then the larger.
    pub fn spendable(&self, chain: &Chain, accounts: Option<&Account>) -> Vec<Spendable> {
        let view = &chain.view;
        let mut found = Vec::new();
        for account in self
            .accounts()
            .filter(|own| accounts.is_none_or(|only| only == own))
        {
            let script = p2pkh(&account);
            for (height, outpoint) in view.index.unspent(&Owner::Key(account.0)) {
                let Some(coin) = view.coins.get(outpoint) else {
                    continue;
                };
                if coin.output.script == script && coin.is_mature(view.height()) {
                    let confirmations = view.height() - height + 1;
                    let output = coin.output.clone();
                    found.push(Spendable {
                        outpoint: *outpoint,
                        output,
                        account,
                        confirmations,
                    });
                }
            }
        }
        for entry in chain.mempool.iter() {
            // Own change can be spent before it is confirmed.
            let own = |output: &TxOut| {
                output
                    .script
                    .p2pkh_account()
                    .filter(|account| self.key(account).is_some())
            };
            if !entry.spent.iter().all(|output| own(output).is_some()) {
                continue;
            }
            for (vout, output) in (0..).zip(&entry.tx.outputs) {
                let (outpoint, output) = (entry.tx.outpoint(vout), output.clone());
                if let Some(account) =
                    own(&output).filter(|own| accounts.is_none_or(|only| only == own))
                {
                    found.push(Spendable {
                        outpoint,
                        output,
                        account,
                        confirmations: 0,
                    });
                }
            }
        }
        found.retain(|coin| chain.mempool.spender(&coin.outpoint).is_none());
        found.sort_by_key(|coin| {
            (
                coin.confirmations == 0,
                std::cmp::Reverse(coin.output.value),
                coin.outpoint,
            )
        });
        found
    }

    /// Coins that wait for maturity, in satoshi.
    pub fn immature(&self, chain: &Chain) -> u64 {
        let view = &chain.view;
        let unspent = self.accounts().flat_map(|account| {
            view.index
                .unspent(&Owner::Key(account.0))
                .filter_map(|(_, outpoint)| view.coins.get(outpoint))
        });
        unspent
            .filter(|coin| !coin.is_mature(view.height()))
            .map(|coin| coin.output.value)
            .sum()
    }
}
