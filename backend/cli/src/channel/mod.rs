//! `sparky channel`: one file per verb.

mod agree;
mod close;
mod counter_claim;
mod deposit;
mod give_way;
mod join;
mod limits;
mod list;
mod open;
mod recover;
mod settle;
mod show;
mod withdraw;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sparky_protocol::{Amount, ContractCall, Phase};

use crate::args::Context;
use crate::confirm::confirm;
use crate::money;
use crate::participant::book::Kept;
use crate::participant::{Mined, Participant};
use crate::problem::Problem;

/// The verbs of `sparky channel`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Open a channel to a partner's address, with or without a first deposit
    Open(open::Args),
    /// Follow a channel that the partner opened
    Join(Which),
    /// List your channels
    List(list::Args),
    /// Show one channel whole
    Show(Which),
    /// Put more into a channel
    Deposit(deposit::Args),
    /// Propose to take something out while the channel stays open
    Withdraw(withdraw::Args),
    /// Agree to what the partner proposed: a withdrawal or the end
    Agree(Which),
    /// Close: together with the partner, or alone
    Close(close::Args),
    /// Close alone after losing one's data: three times the period, no penalty
    Recover(Which),
    /// Two devices paid with one key: take the relay's state and drop what never arrived
    GiveWay(Which),
    /// Answer the partner's close with a newer proof
    CounterClaim(Which),
    /// Pay both out after the finalization period
    Settle(Which),
}

/// Names a channel.
#[derive(Debug, Args)]
pub struct Which {
    /// The channel's number or id
    channel: String,
}

/// Runs one of them.
///
/// # Errors
/// The codes of the rules, the relay, the network and the contract.
pub async fn run(verb: Verb, context: &Context) -> Result<()> {
    match verb {
        Verb::Open(args) => open::run(&args, context).await,
        Verb::Join(which) => join::run(&which, context).await,
        Verb::List(args) => list::run(&args, context).await,
        Verb::Show(which) => show::run(&which, context).await,
        Verb::Deposit(args) => deposit::run(&args, context).await,
        Verb::Withdraw(args) => withdraw::run(&args, context).await,
        Verb::Agree(which) => agree::run(&which, context).await,
        Verb::Close(args) => close::run(&args, context).await,
        Verb::Recover(which) => recover::run(&which, context).await,
        Verb::GiveWay(which) => give_way::run(&which, context).await,
        Verb::CounterClaim(which) => counter_claim::run(&which, context).await,
        Verb::Settle(which) => settle::run(&which, context).await,
    }
}

/// Plans a call, asks, sends it, waits for its block.
async fn transact(
    context: &Context,
    participant: &Participant,
    call: &ContractCall,
    what: &str,
    purpose: &str,
) -> Result<Mined> {
    if let Some(mined) = finish(context, participant, call).await? {
        return Ok(mined);
    }
    let plan = participant.plan(call).await?;
    let fee = money::qtum(Amount(plan.fee.into()));
    confirm(
        context,
        &format!("{what} The fee is at most {fee}; unused gas comes back."),
    )?;
    context.output.note("Sent; waiting for a block …");
    participant.execute(&plan, call, purpose).await
}

/// The end of the same call by an earlier command. A rehearsal waits for nobody.
async fn finish(
    context: &Context,
    participant: &Participant,
    call: &ContractCall,
) -> Result<Option<Mined>> {
    if context.dry_run {
        return Ok(None);
    }
    participant.finish(call).await
}

/// Prints what a transaction did.
fn tell(context: &Context, mined: &Mined, text: &str, more: Value) -> Result<()> {
    let mut value = json!(mined);
    if let (Some(all), Value::Object(more)) = (value.as_object_mut(), more) {
        all.extend(more);
    }
    let place = mined
        .height
        .map_or_else(String::new, |height| format!(" in block {height}"));
    context.output.show(&value, |_| {
        format!("{text}\nTransaction {}{place}.", mined.txid)
    })
}

/// Refuses what only an open channel can do.
fn require_open(participant: &Participant, kept: &Kept) -> Result<()> {
    if kept.channel.phase(participant.tip().height) == Phase::Open {
        return Ok(());
    }
    let text = format!(
        "Channel {} takes no new promises. Nothing was sent.",
        kept.number()
    );
    Err(Problem::new("channel-closing", "This channel is closing", text).into())
}

/// The last block in which something that is signed now may be executed: within one window, and
/// soon enough that nobody is bound for long.
fn valid_until(participant: &Participant, kept: &Kept) -> u32 {
    const PATIENCE: u32 = 40;
    participant
        .tip()
        .height
        .saturating_add(kept.channel.params().window.min(PATIENCE))
}
