//! Transactions: planned, signed, written down, sent, waited for.
//!
//! A command may end at any moment, between sending and hearing what became of it too. So what is
//! signed is durable before it leaves, and the next command takes it up: it sends again what the
//! network does not know, and whoever asks for the same call once more waits for the transaction that
//! is on its way. Otherwise opening or depositing "again" would pay in twice.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sparky_protocol::{Amount, ContractCall};
use sparky_qtum::contract;
use sparky_qtum::wallet::{self, Coins, Policy, WalletError};
use sparky_relay::failpoint;

use super::view::Info;
use super::{Participant, coins};
use crate::money;
use crate::problem::{self, Problem};

const FILE: &str = "transactions.json";

/// A transaction that was mined and did what it should.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mined {
    /// Its id.
    pub txid: String,
    /// The block that holds it.
    pub height: Option<u32>,
    /// The fee of the bytes and the most that the gas could cost, in satoshi.
    pub fee_sat: String,
    /// Gas used.
    pub gas_used: u64,
    /// It was sent by an earlier command that did not see its end; this one has sent nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
}

/// A transaction as it was signed, until its end is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    txid: String,
    hex: String,
    /// What it is for: open, deposit, …
    purpose: String,
    /// The output that makes the call: two that are equal do the same.
    call: String,
    fee_sat: String,
}

impl Participant {
    /// Plans the transaction for a contract call: says what it costs before anybody confirms.
    ///
    /// # Errors
    /// `insufficient-onchain-balance`.
    pub async fn plan(&self, call: &ContractCall) -> Result<wallet::Plan> {
        let output =
            contract::output(&self.info.contract, call).map_err(|error| wallet_problem(&error))?;
        // A dispute has a deadline: an ancestor that never confirms would hold the call back.
        let coins = match call {
            ContractCall::Open { .. } | ContractCall::Deposit { .. } => Coins::PreferConfirmed,
            _ => Coins::ConfirmedOnly,
        };
        let policy = Policy {
            coins,
            ..Policy::default()
        };
        wallet::plan(&self.coins().await?, &self.account, &[output], policy)
            .map_err(|error| wallet_problem(&error).into())
    }

    /// Signs a plan for a call, writes it down, sends it and waits until it is mined and has succeeded.
    ///
    /// # Errors
    /// `tx-rejected`, `contract-reverted`, `tx-not-confirming`.
    pub async fn execute(
        &self,
        plan: &wallet::Plan,
        call: &ContractCall,
        purpose: &str,
    ) -> Result<Mined> {
        let transaction = plan
            .sign(&self.key)
            .map_err(|error| wallet_problem(&error))?;
        let sent = Sent {
            txid: transaction.txid().to_string(),
            hex: transaction.to_hex(),
            purpose: purpose.to_owned(),
            call: self.name_of(call)?,
            fee_sat: plan.fee.to_string(),
        };
        self.note(&sent)?;
        failpoint!("participant.broadcast.before");
        if let Err(error) = coins::broadcast(&self.relay, &sent.hex, purpose).await {
            // Without a clear no it may be on its way.
            if problem::of(&error).code == "tx-rejected" {
                self.strike(&sent)?;
            }
            return Err(error);
        }
        failpoint!("participant.broadcast.after");
        self.end_of(&sent).await
    }

    /// The end of an earlier command's transaction that makes the same call, if there is one: then
    /// nothing more is to be sent.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub async fn finish(&self, call: &ContractCall) -> Result<Option<Mined>> {
        let name = self.name_of(call)?;
        let Some(sent) = self.unfinished.iter().find(|sent| sent.call == name) else {
            return Ok(None);
        };
        self.output.note(format!(
            "An earlier command has sent this already, as transaction {}; waiting for that one …",
            sent.txid
        ));
        let mined = self.end_of(sent).await?;
        Ok(Some(Mined {
            resumed: true,
            ..mined
        }))
    }

    /// Looks at what earlier commands have sent: sends again what must not get lost, and forgets what
    /// has ended.
    pub(super) async fn take_up_sent(mut self, dry_run: bool) -> Result<Self> {
        for sent in self.noted()? {
            match self.look_at(&sent, dry_run).await {
                Ok(true) => self.unfinished.push(sent),
                Ok(false) => {}
                // What cannot be looked at now stays written down, and binds.
                Err(error) => {
                    self.output.note(format!(
                        "Warning: what became of transaction {} is not known: {}",
                        sent.txid,
                        problem::of(&error).detail
                    ));
                    self.unfinished.push(sent);
                }
            }
        }
        Ok(self)
    }

    /// Whether whoever asks for the same again should wait for this one.
    async fn look_at(&self, sent: &Sent, dry_run: bool) -> Result<bool> {
        let Sent { txid, purpose, .. } = sent;
        let path = format!("/chain/transactions/{txid}");
        let seen: Option<coins::Seen> = self.relay.find(&path).await?;
        let what = format!("Transaction {txid} ({purpose}) of an earlier command");
        if let Some(seen) = seen {
            if let Some(height) = seen.block_height.filter(|_| 0 < seen.confirmations) {
                if !dry_run {
                    self.strike(sent)?;
                }
                let failed = seen.receipts.iter().any(coins::Receipt::failed);
                let how = if failed {
                    ", and the contract refused it"
                } else {
                    ""
                };
                self.output
                    .note(format!("{what} is in block {height}{how}."));
                return Ok(!failed);
            }
            self.output.note(format!("{what} waits for a block."));
            return Ok(true);
        }
        if dry_run {
            return Ok(true);
        }
        // Money that was on its way goes on. Everything else has a deadline or is decided anew.
        if !matches!(purpose.as_str(), "open" | "deposit") {
            self.strike(sent)?;
            return Ok(false);
        }
        match coins::broadcast(&self.relay, &sent.hex, purpose).await {
            Ok(_) => {
                self.output.note(format!("{what} was sent again."));
                Ok(true)
            }
            Err(error) if problem::of(&error).code == "tx-rejected" => {
                self.strike(sent)?;
                let why = problem::of(&error).detail;
                self.output.note(format!(
                    "{what} can not be sent any more, nothing was paid by it: {why}"
                ));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for the end of a transaction, and forgets it then.
    async fn end_of(&self, sent: &Sent) -> Result<Mined> {
        let end = coins::confirmed(&self.relay, &sent.txid).await;
        let is_over = match &end {
            Ok(_) => true,
            Err(error) => problem::of(error).code == "contract-reverted",
        };
        if is_over {
            self.strike(sent)?;
        }
        let seen = end?;
        if let Some(height) = seen.block_height {
            self.followed(height).await?;
        }
        Ok(Mined {
            txid: sent.txid.clone(),
            height: seen.block_height,
            fee_sat: sent.fee_sat.clone(),
            gas_used: seen.receipts.iter().map(|receipt| receipt.gas_used).sum(),
            resumed: false,
        })
    }

    /// The node knows a block before the relay has read it: waits until the relay tells what is in
    /// it, so that whoever asks next hears of it.
    async fn followed(&self, height: u32) -> Result<()> {
        for _ in 0..200 {
            let info: Info = self.relay.get("/info").await?;
            if height <= info.tip.height {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tracing::warn!(height, "the relay has not read the block yet");
        Ok(())
    }

    fn name_of(&self, call: &ContractCall) -> Result<String> {
        let output =
            contract::output(&self.info.contract, call).map_err(|error| wallet_problem(&error))?;
        Ok(format!(
            "{}:{}",
            output.value,
            hex::encode(&output.script.0)
        ))
    }

    fn noted(&self) -> Result<Vec<Sent>> {
        let text = self.writer.profile.read(FILE)?;
        text.map_or_else(
            || Ok(Vec::new()),
            |text| serde_json::from_str(&text).context("transactions.json cannot be read"),
        )
    }

    fn note(&self, sent: &Sent) -> Result<()> {
        let mut all = self.noted()?;
        all.push(sent.clone());
        self.writer.write(FILE, &serde_json::to_string(&all)?)
    }

    fn strike(&self, sent: &Sent) -> Result<()> {
        let mut all = self.noted()?;
        all.retain(|one| one != sent);
        self.writer.write(FILE, &serde_json::to_string(&all)?)
    }
}

fn wallet_problem(error: &WalletError) -> Problem {
    let detail = match error {
        WalletError::Insufficient {
            need,
            have,
            immature,
            fee,
        } => {
            let qtum = |satoshi: &u64| money::qtum(Amount((*satoshi).into()));
            format!(
                "Need {} including a fee of {}; you have {} ({} still maturing). Nothing was sent.",
                qtum(need),
                qtum(fee),
                qtum(have),
                qtum(immature)
            )
        }
        other => format!("{other}. Nothing was sent."),
    };
    Problem::new(error.code(), "Not possible on chain", detail)
}
