//! A participant at the command line: holds its key, keeps its channels, talks to a relay.
//!
//! Order is everything (PROTOCOL §4.1): decide, sign, write durably, then send.

pub mod backup;
pub mod book;
pub mod coins;
pub mod key;
mod loss;
pub mod offer;
pub mod relay;
mod send;
pub mod view;

use anyhow::{Context as _, Result};
use sparky_protocol::{Account, Domain, Rejected, SecretKey, Side, Tip};
use sparky_qtum::wallet::{self, Utxo};
use sparky_qtum::{Network, address};
use sparky_relay::{Chain, failpoint};

use self::book::Kept;
use self::loss::Met;
use self::relay::Relay;
pub use self::send::Mined;
use self::view::{Info, View};
use crate::args::{Context, Demo};
use crate::money;
use crate::output::Output;
use crate::problem::{self, Problem};
use crate::profile::{Profile, Writer};

/// A participant that is signed in and may write to its profile.
#[derive(Debug)]
pub struct Participant {
    key: SecretKey,
    /// The height at which this profile began to remember.
    since: u32,
    /// Who we are.
    pub account: Account,
    /// The text of the account.
    pub address: String,
    /// The relay, signed in.
    pub relay: Relay,
    /// What the relay says about itself and the chain.
    pub info: Info,
    network: Network,
    writer: Writer,
    output: Output,
    /// Transactions of earlier commands whose end nobody was told.
    unfinished: Vec<send::Sent>,
}

/// A channel that cannot be shown.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LeftOut {
    /// Its number.
    pub number: u64,
    /// The code of what is wrong with it.
    pub code: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Participant {
    /// Opens the profile for writing and signs in.
    ///
    /// # Errors
    /// `relay-unreachable`, `wrong-network`, `no-wallet`, `second-tab` and what the relay says.
    pub async fn open(context: &Context) -> Result<Self> {
        let mut relay = Relay::new(&context.relay_url());
        let info: Info = relay.get("/info").await?;
        let chain: Chain = info.network.parse().map_err(anyhow::Error::msg)?;
        if let Some(given) = context.chain_given().filter(|given| *given != chain) {
            let text = format!(
                "{} serves {}, not {}.",
                relay.base(),
                chain.name(),
                given.name()
            );
            return Err(Problem::new("wrong-network", "Wrong network", text).into());
        }
        let profile = Profile::new(&context.data, chain.name(), &context.profile)?;
        let key = key::open(context, chain, &profile)?;
        let writer = profile.lock()?;
        let (network, account) = (chain.network(), key.account());
        let address = address::encode(&account, network);
        relay.sign_in(&key, &address).await?;
        let since = book::since(&writer, account, info.tip.height)?;
        let participant = Self {
            key,
            since,
            account,
            address,
            relay,
            info,
            network,
            writer,
            output: context.output,
            unfinished: Vec::new(),
        };
        participant.take_up_sent(context.dry_run).await
    }

    /// Where signatures count.
    pub fn domain(&self) -> Domain {
        Domain {
            chain_id: self.info.chain_id,
            contract: self.info.contract,
        }
    }

    /// Where the chain stands.
    pub fn tip(&self) -> Tip {
        self.info.protocol_tip()
    }

    /// The text of an account on this network.
    pub fn address_of(&self, account: &Account) -> String {
        address::encode(account, self.network)
    }

    /// Whom a person means: an address, hex digits, or a demo account's name where demo accounts exist.
    ///
    /// # Errors
    /// `invalid-address`.
    pub fn account_of(&self, text: &str) -> Result<Account> {
        let demo = [Demo::Alice, Demo::Bob]
            .into_iter()
            .find(|demo| demo.name() == text.to_lowercase());
        match demo.filter(|_| self.network.is_play_money()) {
            Some(demo) => Ok(key::import(demo.wif(), self.network)?.account()),
            None => coins::account(text, self.network),
        }
    }

    /// All our channels, brought up to date with the relay; newer promises on either side are
    /// verified, written and answered first. What breaks a rule is named and not taken over.
    ///
    /// # Errors
    /// The relay's problem.
    pub async fn channels(&self) -> Result<Vec<(View, Kept)>> {
        Ok(self.channels_told().await?.0)
    }

    /// The same, and beside them those that cannot be shown, each with why: one must not hide the others.
    ///
    /// # Errors
    /// The relay's problem.
    pub async fn channels_told(&self) -> Result<(Vec<(View, Kept)>, Vec<LeftOut>)> {
        let list: view::List = self.relay.get("/channels").await?;
        let (mut channels, mut left_out) = (Vec::new(), Vec::new());
        for mut view in list.items {
            match self.reconcile(&mut view).await {
                Ok(kept) => channels.push((view, kept)),
                Err(error) => {
                    let Problem { code, detail, .. } = problem::of(&error);
                    let number = view.number;
                    self.output
                        .note(format!("Warning: channel {number} is left out: {detail}"));
                    left_out.push(LeftOut {
                        number,
                        code,
                        detail,
                    });
                }
            }
        }
        Ok((channels, left_out))
    }

    /// One of our channels by its number or id, brought up to date with the relay.
    ///
    /// # Errors
    /// `unknown-channel`, `not-participant`, and as [`Self::channels`].
    pub async fn channel(&self, name: &str) -> Result<(View, Kept)> {
        let name = name.trim_start_matches('#');
        let is_id = name.len() == 66 && name.starts_with("0x");
        if !is_id && name.parse::<u64>().is_err() {
            let text = format!("{name:?} is no channel: give its number or its id.");
            return Err(Problem::new("unknown-channel", "No such channel", text).into());
        }
        let mut view: View = self.relay.get(&format!("/channels/{name}")).await?;
        let kept = self.reconcile(&mut view).await?;
        Ok((view, kept))
    }

    /// Our side of a channel.
    ///
    /// # Errors
    /// `not-participant`.
    pub fn side(&self, kept: &Kept) -> Result<Side> {
        kept.channel.side_of(&self.account).ok_or_else(|| {
            let [a, b] = Side::BOTH.map(|side| self.address_of(&kept.channel.account(side)));
            let text = format!("Channel {} is between {a} and {b}.", kept.number());
            Problem::new("not-participant", "This channel is not yours", text).into()
        })
    }

    /// Signs a digest with our key. The caller has written down what it binds us to.
    pub fn sign(&self, digest: &sparky_protocol::Hash) -> sparky_protocol::Signature {
        self.key.sign(digest)
    }

    /// Our coins on chain.
    ///
    /// # Errors
    /// The relay's problem.
    pub async fn coins(&self) -> Result<Vec<Utxo>> {
        coins::of(&self.relay, &self.address).await
    }

    /// What can be spent on chain and what still matures.
    ///
    /// # Errors
    /// The relay's problem.
    pub async fn balance(&self) -> Result<wallet::Balance> {
        Ok(wallet::balance(&self.coins().await?, &self.account))
    }

    /// Writes a channel. What has been written is what we stand by.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(&self, kept: &Kept) -> Result<()> {
        book::write(&self.writer, kept)
    }

    /// What we hold and what the relay shows, made one: facts from the chain, newer proofs and acks
    /// adopted after verification, what the partner sent acked, what the relay lacks sent again.
    async fn reconcile(&self, view: &mut View) -> Result<Kept> {
        let domain = self.domain();
        anyhow::ensure!(
            *view.channel.domain() == domain,
            "the relay shows channel {} of another contract",
            view.number
        );
        let held = book::read(&self.writer.profile, &view.channel_id)?
            .filter(|held| *held.channel.domain() == domain);
        let mut kept = held
            .clone()
            .unwrap_or_else(|| book::unknown(&view.channel, self.since, &self.tip()));
        let side = self.side(&kept)?;
        let Met { forgotten, refused } = self.meet(&mut kept, view)?;
        if let Some(why) = refused {
            self.output.note(format!(
                "Warning: the relay shows something in channel {} that breaks a rule, and it was not taken over: {why}.",
                view.number
            ));
            view.refused = Some(why.code());
        }
        self.respect_offers(&mut kept, view);
        let is_certain = kept.channel.doubt().is_none();
        let known = view.channel.street(side).nonce();
        if is_certain {
            kept.outbox
                .retain(|update| known < update.proof.proof.nonce);
        }
        let changed = held.as_ref() != Some(&kept);
        if changed {
            self.keep(&kept)?;
        }
        self.make_good(&kept, view, forgotten).await;
        // What the relay refuses now it may take later; it must not keep us from our channels.
        if is_certain && let Err(error) = self.deliver(&mut kept).await {
            tracing::warn!(channel = kept.number(), "{error:#}");
        }
        self.acknowledge(&mut kept).await?;
        if changed {
            self.back_up_soon().await;
        }
        Ok(kept)
    }

    /// What the partner has signed and may still use binds us too: a payment that contradicts it
    /// would be refused, so it is not signed in the first place.
    fn respect_offers(&self, kept: &mut Kept, view: &View) {
        for offer in offer::signed(view, kept) {
            // In doubt nothing is judged, and everything binds.
            kept.channel = match kept.channel.authorise(offer.what, &self.tip()) {
                Ok(bound) => bound,
                Err(Rejected::InDoubt { .. }) => kept.channel.remember(&[offer.what], &self.tip()),
                Err(_) => continue,
            };
        }
    }

    /// Sends what waits in the outbox, in order.
    ///
    /// # Errors
    /// The relay's problem; what was not taken stays in the outbox.
    pub async fn deliver(&self, kept: &mut Kept) -> Result<()> {
        while let Some(update) = kept.outbox.first() {
            let path = format!("/channels/{}/proofs", kept.channel.id());
            failpoint!("participant.proof.before");
            let _: serde_json::Value = self.relay.post(&path, update).await?;
            failpoint!("participant.proof.after");
            kept.outbox.remove(0);
            self.keep(kept)?;
        }
        Ok(())
    }

    /// Acks the partner's newest proof: agreed proofs protect both when the channel closes.
    async fn acknowledge(&self, kept: &mut Kept) -> Result<()> {
        let partner = self.side(kept)?.other();
        let Some(ack) = kept.channel.ack(partner) else {
            return Ok(());
        };
        let ack = ack.signed(self.sign(&ack.digest(kept.channel.domain())));
        kept.channel = kept
            .channel
            .accept_ack(&ack)
            .context("our own ack does not fit")?;
        self.keep(kept)?;
        let path = format!("/channels/{}/acks", kept.channel.id());
        failpoint!("participant.ack.before");
        let told: Result<serde_json::Value> = self.relay.post(&path, &ack).await;
        failpoint!("participant.ack.after");
        loss::later(kept, told);
        Ok(())
    }
}

/// A rule that was not kept, as people and programs read it.
pub fn refused(rejected: &Rejected, title: &str) -> Problem {
    if let Some(problem) = loss::problem(rejected) {
        return problem;
    }
    let title = match rejected {
        Rejected::InsufficientBalance { .. } => "Not enough in this channel",
        Rejected::ChannelClosing { .. } => "This channel is closing",
        Rejected::ChannelFrozen { .. } => "An agreement holds this channel",
        _ => title,
    };
    let detail = match rejected {
        Rejected::InsufficientBalance { needed, available } => format!(
            "You can send up to {}; you tried {}. Nothing was sent.",
            money::qtum(*available),
            money::qtum(*needed)
        ),
        other => format!("{other}. Nothing was sent."),
    };
    let problem = Problem::new(rejected.code(), title, detail);
    match rejected {
        Rejected::InsufficientBalance { needed, available } => problem
            .with("amountSat", needed.0.to_string())
            .with("maxSat", available.0.to_string()),
        _ => problem,
    }
}
