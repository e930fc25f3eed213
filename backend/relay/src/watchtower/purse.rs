//! The node's wallet, out of which the tower pays: what it holds, and transactions made from it.
//!
//! No key is here. Transactions are put together from confirmed coins, handed to the node to be signed,
//! and written down before they are sent. `sendtocontract` is not used: it may spend coins that are not
//! confirmed, refuses a gas price above 100, and knows no replacement.

use std::collections::BTreeSet;

use sparky_protocol::{ChannelId, Hash, Side};
use sparky_qtum::{
    contract::raised_gas_price,
    rpc::RpcError,
    script::{Contract, Gas},
    tx::{OutPoint, Transaction},
    wallet::{FeeRate, Output, Paid, Plan, Utxo, plan_together},
};

use crate::{
    app::App,
    error::{Error, Result},
    store::WatchAction,
};

/// What is known of the wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Purse {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// It can not pay. In words: what happened, what it means, what to do.
    Unusable(String),
    /// What it holds in confirmed coins, in satoshi, and whether that is little.
    Holds { satoshi: u64, is_low: bool },
}

impl Purse {
    /// What an operator must hear; nothing while all is well.
    pub(crate) fn warning(&self) -> Option<String> {
        match self {
            Self::Unusable(text) => Some(text.clone()),
            Self::Holds {
                satoshi,
                is_low: true,
            } => Some(format!(
                "The watchtower's wallet holds only {} QTUM. Payments are not touched; answers to old closes may stop. \
                 Send coins to it (getnewaddress tells where), or lower SPARKY_TOWER_LOW_BALANCE.",
                sparky_qtum::quantity::format(sparky_protocol::Amount((*satoshi).into()))
            )),
            Self::Unknown | Self::Holds { .. } => None,
        }
    }
}

/// Looks at the wallet and remembers. Tells the log when something changes for the worse.
pub(super) async fn look(app: &App) {
    let seen = match examine(app).await {
        Ok(seen) => seen,
        Err(cause) if cause.is_temporary() => return,
        Err(cause) => Purse::Unusable(unusable(&cause)),
    };
    if let Purse::Holds { satoshi, .. } = seen {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is for looking at")]
        metrics::gauge!("sparky_tower_balance_satoshi").set(satoshi as f64);
    }
    let warning = seen.warning();
    metrics::gauge!("sparky_tower_trouble").set(f64::from(u8::from(warning.is_some())));
    let is_news = app.purse.send_if_modified(|known| {
        let is_news = known.warning() != warning;
        *known = seen;
        is_news
    });
    match warning {
        Some(warning) if is_news => tracing::error!(warning, "the watchtower's wallet"),
        None if is_news => tracing::info!("the watchtower's wallet can pay"),
        _ => {}
    }
}

/// Another relay's tower pays now: what was seen here ages, and must not be told as if it were the present.
pub(super) fn forget(app: &App) {
    let known = app.purse.send_if_modified(|known| {
        let is_news = *known != Purse::Unknown;
        *known = Purse::Unknown;
        is_news
    });
    if known {
        metrics::gauge!("sparky_tower_balance_satoshi").set(f64::NAN);
        metrics::gauge!("sparky_tower_trouble").set(0.0);
        metrics::gauge!("sparky_watch_blocks_left_min").set(f64::INFINITY);
    }
}

async fn examine(app: &App) -> std::result::Result<Purse, RpcError> {
    let wallet = &app.tower_wallet;
    let info = wallet.get_wallet_info().await?;
    let unusable = |what: &str, todo: &str| {
        Purse::Unusable(format!(
            "The watchtower's wallet {what}. Payments are not touched; old closes are not answered. {todo}"
        ))
    };
    if info.unlocked_until == Some(0) {
        return Ok(unusable(
            "is locked",
            "Unlock it with walletpassphrase, or use one without a passphrase for the tower alone.",
        ));
    }
    if !info.private_keys_enabled {
        return Ok(unusable(
            "has no keys",
            "Name one with keys in SPARKY_TOWER_WALLET.",
        ));
    }
    let satoshi = wallet.get_confirmed_balance(1).await?;
    if satoshi == 0 {
        return Ok(unusable(
            "is empty",
            "Send coins to it; getnewaddress tells where.",
        ));
    }
    Ok(Purse::Holds {
        satoshi,
        is_low: satoshi < app.tower_limits.low_balance,
    })
}

fn unusable(cause: &RpcError) -> String {
    format!(
        "The watchtower's wallet can not be used: {cause}. Payments are not touched; old closes are not answered. {}",
        cause.what_to_do()
    )
}

/// A transaction that is signed and not sent.
pub(super) struct Made {
    pub(super) transaction: Transaction,
    /// The whole fee in satoshi.
    pub(super) fee: u64,
}

/// A call that is to be made.
pub(super) struct Order<'a> {
    pub(super) data: &'a [u8],
    pub(super) gas_limit: u64,
    /// The least gas price, in satoshi.
    pub(super) gas_price: u64,
}

/// Makes and signs a transaction with confirmed coins that no waiting action spends.
///
/// Where one was refused for the same purpose, another node may have it all the same: this one spends its
/// coins, so that one of the two is mined at most. What can not be made that way is made without: an answer
/// in time is worth more than a fee that is paid twice.
pub(super) async fn pay(
    app: &App,
    order: &Order<'_>,
    (id, guarded): (ChannelId, Side),
) -> Result<Made> {
    if let Some(coins) = loose_coins(app, id, guarded).await? {
        match make(app, order, &coins).await {
            // The node is away: that says nothing about these coins.
            Err(Error::Chain(cause)) if cause.is_temporary() => return Err(cause.into()),
            Err(cause) => tracing::warn!(%cause, "the watchtower pays with other coins"),
            made => return made,
        }
    }
    make(app, order, &[]).await
}

/// The coins of the newest transaction that was refused for a purpose, while neither a block nor anything
/// that waits spends them. None when the one before was refused with one of these coins, too.
async fn loose_coins(app: &App, id: ChannelId, guarded: Side) -> Result<Option<Vec<Utxo>>> {
    let actions = app.store.watch_actions(id).await?;
    let mut refused = actions
        .iter()
        .rev()
        .filter(|action| action.guarded == guarded && action.is_refused());
    let Some(newest) = refused.next() else {
        return Ok(None);
    };
    let Some((_, coins)) = coins_of(app, newest).await? else {
        return Ok(None);
    };
    let mut taken = spent_by_pending(app).await?;
    taken.extend(refused.take(1).flat_map(spent_by));
    for coin in &coins {
        let is_free = app.node.get_tx_out(&coin.txid, coin.vout).await?.is_some();
        if taken.contains(&coin.outpoint()) || !is_free {
            return Ok(None);
        }
    }
    Ok(Some(coins))
}

/// Makes a transaction that can not be mined beside `old`, because it spends its coins, and that a node
/// takes in its place. None when `old` is decided already, or its gas price can not be raised any more.
pub(super) async fn outbid(
    app: &App,
    order: &Order<'_>,
    old: &WatchAction,
) -> Result<Option<Made>> {
    let Some((waiting, coins)) = coins_of(app, old).await? else {
        return Ok(None);
    };
    let before = Paid {
        fee: paid(&coins, &waiting),
        size: old.raw.len(),
    };
    let mut price = order
        .gas_price
        .max(raised_gas_price(gas_of(&waiting).price));
    while price <= app.tower_limits.gas_price_max {
        let order = Order {
            gas_price: price,
            ..*order
        };
        let made = make(app, &order, &coins).await?;
        let now = Paid {
            fee: made.fee,
            size: made.transaction.encode().len(),
        };
        if now.outbids(before) {
            return Ok(Some(made));
        }
        price = raised_gas_price(price);
    }
    Ok(None)
}

/// A signed transaction that spends `first` in any case.
async fn make(app: &App, order: &Order<'_>, first: &[Utxo]) -> Result<Made> {
    let plan = plan(app, order, first).await?;
    sign(app, &plan).await
}

async fn plan(app: &App, order: &Order<'_>, first: &[Utxo]) -> Result<Plan> {
    let gas = Gas {
        limit: order.gas_limit,
        price: order.gas_price,
    };
    let output = Output::call(&app.deployment.contract, order.data.to_vec(), 0, gas);
    let mut coins = app.tower_wallet.list_confirmed_unspent().await?;
    let taken = spent_by_pending(app).await?;
    coins.retain(|coin| !taken.contains(&coin.outpoint()));
    // An estimate looks back; the mempool says what it takes now.
    let estimated = app.node.estimate_smart_fee(2).await?;
    let least = app.node.get_mempool_min_fee().await?;
    let rate = estimated
        .max(least)
        .map_or(FeeRate::MINIMUM, FeeRate::per_kilobyte);
    plan_together(first, &coins, &[output], rate)
        .map_err(|cause| Error::Internal(format!("the watchtower's wallet: {cause}")))
}

async fn sign(app: &App, plan: &Plan) -> Result<Made> {
    let signed = app
        .tower_wallet
        .sign_with_wallet(&plan.transaction.to_hex())
        .await?;
    let transaction = Transaction::from_hex(&signed.hex)
        .ok()
        .filter(|_| signed.complete)
        .ok_or_else(|| Error::Internal("the node's wallet did not sign".into()))?;
    Ok(Made {
        transaction,
        fee: plan.fee,
    })
}

/// A waiting transaction and the coins it spends, while no block spends them.
async fn coins_of(app: &App, action: &WatchAction) -> Result<Option<(Transaction, Vec<Utxo>)>> {
    let Ok(waiting) = Transaction::decode(&action.raw) else {
        return Ok(None);
    };
    let mut coins = Vec::new();
    for input in &waiting.inputs {
        let (txid, vout) = (input.previous.txid, input.previous.vout);
        let Some(coin) = app.node.get_mined_tx_out(&txid, vout).await? else {
            return Ok(None);
        };
        coins.push(Utxo {
            txid,
            vout,
            value: coin.value,
            script: coin.script.script,
            height: None,
            confirmations: coin.confirmations,
            coinbase: coin.coinbase || coin.coinstake,
            spendable: true,
        });
    }
    Ok(Some((waiting, coins)))
}

async fn spent_by_pending(app: &App) -> Result<BTreeSet<OutPoint>> {
    let pending = app.store.pending_watch_actions().await?;
    Ok(pending.iter().flat_map(spent_by).collect())
}

fn spent_by(action: &WatchAction) -> impl Iterator<Item = OutPoint> {
    let transaction = Transaction::decode(&action.raw).ok();
    let inputs = transaction
        .into_iter()
        .flat_map(|transaction| transaction.inputs);
    inputs.map(|input| input.previous)
}

fn paid(coins: &[Utxo], transaction: &Transaction) -> u64 {
    let spent = coins
        .iter()
        .fold(0_u64, |sum, coin| sum.saturating_add(coin.value));
    let kept = transaction
        .outputs
        .iter()
        .fold(0_u64, |sum, output| sum.saturating_add(output.value));
    spent.saturating_sub(kept)
}

/// The gas of a transaction's call; nothing if it has none.
pub(super) fn gas_of(transaction: &Transaction) -> Gas {
    let mut calls = transaction
        .outputs
        .iter()
        .filter_map(|output| Contract::parse(&output.script.0));
    calls
        .next()
        .map_or(Gas { limit: 0, price: 0 }, |call| call.gas)
}

/// The name of a need: the digest of its call.
pub(super) fn need_of(data: &[u8]) -> Hash {
    Hash::sha256(data)
}
