//! Transactions that a wallet pays for: coins, change, fee and signatures.

use sparky_protocol::Account;
use sparky_qtum::script::{Contract, OpSender, Script, p2pkh};
use sparky_qtum::tx::{SIGHASH_ALL, Transaction, TxIn, TxOut};

use super::{Spendable, Wallet, WalletError};
use crate::chain::Chain;
use crate::policy::{FEE_RATE, fee_at};

/// Change below this goes to the miner: it would cost as much to spend.
const LEAST_CHANGE: u64 = 72_800;
/// Signature and public key in an input, at most.
const SCRIPT_SIG_SIZE: u64 = 108;
/// Signature and public key behind `OP_SENDER`, with lengths.
const PROOF_SIZE: u64 = 111;

impl Wallet {
    /// Pays `outputs` and `gas_fee`, with the change in front of them. `first` is spent first if
    /// given. Signs `OP_SENDER` prefixes of own accounts.
    pub fn pay(
        &self,
        chain: &Chain,
        outputs: Vec<TxOut>,
        gas_fee: u64,
        first: Option<Spendable>,
        change: Option<Account>,
    ) -> Result<Transaction, WalletError> {
        self.ensure_unlocked(chain)?;
        let senders = outputs
            .iter()
            .filter(|output| sender_of(output).is_some())
            .count() as u64;
        let paid = outputs
            .iter()
            .map(|output| output.value)
            .sum::<u64>()
            .saturating_add(gas_fee);
        let mut coins: Vec<Spendable> = first.into_iter().collect();
        let mut available = self.spendable(chain, None).into_iter();
        let mut tx = Transaction {
            version: 2,
            inputs: Vec::new(),
            outputs,
            lock_time: 0,
        };
        loop {
            tx.inputs = coins
                .iter()
                .map(|coin| TxIn::unsigned(coin.outpoint))
                .collect();
            let size = tx.virtual_size() as u64
                + SCRIPT_SIG_SIZE * coins.len() as u64
                + PROOF_SIZE * senders;
            let have: u64 = coins.iter().map(|coin| coin.output.value).sum();
            let without_change = paid.saturating_add(fee_at(FEE_RATE, size) + 1);
            if let Some(first) = coins.first()
                && without_change <= have
            {
                let value = have - without_change;
                let with_change = fee_at(FEE_RATE, 34);
                if LEAST_CHANGE + with_change <= value {
                    let script = p2pkh(&change.unwrap_or(first.account));
                    tx.outputs.insert(
                        0,
                        TxOut {
                            value: value - with_change,
                            script,
                        },
                    );
                }
                break;
            }
            let taken =
                |coin: &Spendable| coins.iter().any(|other| other.outpoint == coin.outpoint);
            let next = available
                .by_ref()
                .find(|coin| !taken(coin))
                .ok_or(WalletError::Funds)?;
            coins.push(next);
        }
        self.sign(&mut tx, &coins)?;
        Ok(tx)
    }

    fn sign(&self, tx: &mut Transaction, coins: &[Spendable]) -> Result<(), WalletError> {
        for index in 0..tx.outputs.len() {
            if let Some(account) = tx.outputs.get(index).and_then(sender_of) {
                tx.sign_sender(
                    index,
                    self.key(&account).ok_or(WalletError::Key)?,
                    SIGHASH_ALL,
                )?;
            }
        }
        for (index, coin) in coins.iter().enumerate() {
            tx.sign_input(index, self.key(&coin.account).ok_or(WalletError::Key)?)?;
        }
        Ok(())
    }

    /// Signs the inputs that spend own coins; whether all inputs are signed now.
    pub fn sign_known(&self, chain: &Chain, tx: &mut Transaction) -> bool {
        let mut complete = true;
        for index in 0..tx.inputs.len() {
            let previous = tx.inputs[index].previous;
            let coin = chain
                .view
                .coins
                .get(&previous)
                .cloned()
                .or_else(|| chain.mempool.coin(&previous, 0));
            let key = coin.and_then(|coin| self.key(&coin.output.script.p2pkh_account()?));
            let signed = key.is_some_and(|key| tx.sign_input(index, key).is_ok());
            complete &= signed || !tx.inputs[index].script_sig.as_bytes().is_empty();
        }
        complete
    }
}

/// Puts an unsigned `OP_SENDER` in front of a contract script, as qtumd's wallet always does.
pub(crate) fn with_sender(account: Account, contract: &Script) -> Script {
    OpSender {
        account,
        script_sig: Vec::new(),
    }
    .wrap(contract)
}

fn sender_of(output: &TxOut) -> Option<Account> {
    Some(Contract::parse(output.script.as_bytes())?.sender?.account)
}
