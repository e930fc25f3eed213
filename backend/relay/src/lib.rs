//! The relay: verifies what participants sign, stores it, forwards it, and watches the chain.
//!
//! It never holds a key or a coin: it can refuse service, it can not steal. A payment passes through
//! `socket` or `channels`, is verified by `sparky-protocol` against the channel in `book`, made durable
//! by `commit`, and told by `hub`. A block passes through `chain::follow` into facts and events, and
//! wakes `watchtower`.
//!
//! What is absent on purpose: rules (they are in `sparky-protocol`), scripts and logs (`sparky-qtum`),
//! SQL outside of `store`, secret keys (a lint forbids their type here).

#![forbid(unsafe_code)]

mod app;
mod auth;
mod backups;
mod body;
mod book;
mod chain;
mod channels;
mod clock;
mod commit;
mod config;
mod crowd;
mod dev;
mod door;
mod error;
mod events;
pub mod failpoint;
mod fleet;
mod gauges;
mod housekeeping;
mod hub;
mod layers;
mod limit;
mod ops;
mod problems;
mod quotas;
#[cfg(feature = "readers")]
pub mod readers;
mod routes;
mod sessions;
mod socket;
mod store;
mod thread;
mod vital;
mod watchtower;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use axum::Router;
use sparky_protocol::{Account, Domain};
use sparky_qtum::{
    contract::{self, View},
    rpc,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use config::{Chain, Config, SecretUrl, TowerLimits};
pub use quotas::Quotas;
pub use store::{Attempt, Deployment, Turn, migrate};

use crate::{
    app::{App, Block, Limits, Parts},
    book::Book,
    chain::mirror::Mirror,
    commit::{Committer, Job},
    crowd::Doors,
    error::Error,
    fleet::Fleet,
    hub::Hub,
    limit::Limiter,
    routes::Routes,
    sessions::Sessions,
    store::Store,
    vital::Vital,
};

/// How the node is asked for its health: once, and not for long.
const PROBE: rpc::Patience = rpc::Patience {
    timeout: Duration::from_secs(5),
    attempts: 1,
    pause: Duration::ZERO,
};

/// A relay that is ready to serve.
pub struct Relay {
    app: App,
    jobs: mpsc::Receiver<Job>,
    queues: fleet::Queues,
    nats_url: Option<SecretUrl>,
}

impl Relay {
    /// Opens the database and looks at the contract. Refuses a database without schema or deployment,
    /// of another network, and a node that has another contract there, each with what to do about it.
    pub async fn open(config: Config) -> anyhow::Result<Self> {
        ops::recorder();
        let store = Store::open(config.database_url.expose()).await?;
        let deployment = store
            .deployment()
            .await?
            .context("no contract is deployed yet: run `sparky migrate` first")?;
        ensure!(
            deployment.network == config.network.name(),
            "the database belongs to the network {}, the configuration says {}",
            deployment.network,
            config.network.name()
        );
        let node = rpc::Client::new(config.qtum_rpc_url.expose())?;
        let chain = node.get_blockchain_info().await?.chain;
        ensure!(
            chain == config.network.network().rpc_chain(),
            "the node follows the chain {chain}, and the configuration says {}: name another node, or another network",
            config.network.name()
        );
        let window_bounds = look(&node, &deployment).await?;
        ensure!(
            config.network.min_window() <= window_bounds[0],
            "the contract takes finalization periods of {} blocks, and on {} none below {} protects anybody: deploy it \
             with `sparky migrate`",
            window_bounds[0],
            config.network.name(),
            config.network.min_window()
        );
        let contract_block = node
            .get_block_hash(deployment.height)
            .await?
            .context("the node lost the contract's block")?;
        let tower_wallet = config
            .tower_wallet
            .as_deref()
            .map_or_else(|| node.clone(), |name| node.for_wallet(name));
        let network = config.network.network();
        let allowed_contracts = allowed_contracts(&config)?;
        let (committer, jobs) = Committer::new();
        let quotas = config.quotas.bounds(config.network);
        let (fleet, queues) = Fleet::new(config.network, config.nats_url.is_some());
        let tip = last_block(&store, &deployment).await?;
        let epoch = store.epoch(sessions::random_token()).await?;
        let app = App::new(Parts {
            chain: config.network,
            public_url: config.public_url(),
            allowed_origins: config
                .allowed_origins
                .iter()
                .map(|origin| origin.trim_end_matches('/').to_owned())
                .collect(),
            confirmations: config.confirmations(),
            doors: Doors::new(quotas.connections, quotas.host_connections),
            crowd: Arc::default(),
            tower_wallet,
            tower_limits: config.tower_limits,
            probe: rpc::Client::with_patience(config.qtum_rpc_url.expose(), PROBE)?,
            purse: watch::Sender::new(watchtower::Purse::default()),
            allowed_contracts,
            domain: Domain {
                chain_id: network.chain_id(),
                contract: deployment.contract,
            },
            deployment,
            contract_block,
            window_bounds,
            store,
            epoch,
            node,
            hub: Hub::default(),
            fleet,
            mirror: Mirror::default(),
            book: Book::default(),
            committer,
            sessions: Sessions::default(),
            limits: Limits {
                accounts: Limiter::new(quotas.per_minute),
                hosts: Limiter::new(quotas.host_per_minute()),
            },
            quotas,
            tip: watch::Sender::new(tip),
            stopping: CancellationToken::new(),
            connections: TaskTracker::new(),
            node_trouble: watch::Sender::new(Some("the chain was not followed yet".to_owned())),
            tower_on: AtomicBool::new(config.tower),
            tower_wake: tokio::sync::Notify::new(),
            tower_checked: AtomicU32::new(0),
        });
        app.mirror.look(&app).await?;
        let (begin, channels) = (Instant::now(), app.book.fill(&app).await?);
        tracing::info!(channels, took = ?begin.elapsed(), "the channels are loaded");
        Ok(Self {
            app,
            jobs,
            queues,
            nats_url: config.nats_url,
        })
    }

    /// Serves on `listener` until `shutdown` completes. What the API does not know, `assets` answers:
    /// the DApp.
    ///
    /// Tasks: the committer, who tells what it wrote, the fleet, the follower, the watchtower, the housekeeper, the doorkeeper
    /// (who ends connections with their sessions), the checkpointer, and one per connection. When one of
    /// all but those ends before its time, the relay stops and this is an error.
    pub async fn serve(
        self,
        listener: TcpListener,
        assets: Router,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let Self {
            app,
            jobs,
            queues,
            nats_url,
        } = self;
        let tasks = TaskTracker::new();
        let vital = Vital::new(app.stopping.clone());
        let _closes = app.committer.closes();
        let (written, untold) = commit::written();
        let committer = vital.guard("committer", commit::run(app.clone(), jobs, written));
        let committer = thread::spawn("committer", committer)?;
        let teller = tokio::spawn(vital.guard("teller", commit::tell(app.clone(), untold)));
        let fleet = fleet::run(app.clone(), queues, nats_url);
        let fleet = tokio::spawn(vital.guard("fleet", fleet));
        tasks.spawn(vital.guard("follower", chain::follow::run(app.clone())));
        tasks.spawn(vital.guard("watchtower", watchtower::run(app.clone())));
        tasks.spawn(vital.guard("housekeeper", housekeeping::run(app.clone())));
        tasks.spawn(vital.guard("doorkeeper", sessions::run(app.clone())));
        tasks.spawn(vital.guard("checkpointer", store::checkpoint::run(app.clone())));
        let shutdown = vital.or_failed(shutdown);
        let router = all_routes()
            .router
            .route(
                "/api/{*rest}",
                axum::routing::any(|| async { Error::NotFound("address") }),
            )
            .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
            .with_state(app.clone())
            .fallback_service(assets);
        door::serve(&app, listener, layers::wrap(router, &app), shutdown).await;
        tasks.close();
        tasks.wait().await;
        // Nobody needs the leases here any more: another relay need not wait for them.
        app.fleet.give_up(&app.store).await;
        app.connections.close();
        app.connections.wait().await;
        // Everybody who could accept something has ended: write what is left, then let go.
        app.committer.close();
        let last = committer.await;
        let heard = teller.await;
        // The last to go: it says to the others what was written until now.
        app.fleet.stopping.cancel();
        let told = fleet.await;
        app.store.close().await;
        vital.verdict()?;
        last.context("the committer has failed")?;
        heard.context("the teller has failed")?;
        Ok(told?)
    }
}

/// The contracts besides our own that may be called.
fn allowed_contracts(config: &Config) -> anyhow::Result<Vec<Account>> {
    let network = config.network.network();
    config
        .allowed_contracts
        .iter()
        .map(|text| sparky_qtum::address::parse(text, network).with_context(|| text.clone()))
        .collect()
}

/// Every endpoint there is.
fn all_routes() -> Routes {
    ops::routes()
        .and(auth::routes())
        .and(channels::routes())
        .and(backups::routes())
        .and(events::routes())
        .and(chain::routes())
        .and(dev::routes())
        .and(socket::routes())
}

/// The contract that the database at `url` says is deployed.
pub async fn deployment(url: &str) -> anyhow::Result<Option<Deployment>> {
    let store = Store::open(url).await?;
    let deployment = store.deployment().await?;
    store.close().await;
    Ok(deployment)
}

/// Waits until nobody else deploys a contract for the database at `url`, and keeps others waiting until
/// what it gives is dropped.
pub async fn take_turn(url: &str) -> anyhow::Result<Turn> {
    Store::open(url).await?.take_turn(url).await
}

/// The attempt to deploy that the database at `url` knows of, if one is under way.
pub async fn deployment_attempt(url: &str) -> anyhow::Result<Option<Attempt>> {
    let store = Store::open(url).await?;
    let attempt = store.attempt().await?;
    store.close().await;
    Ok(attempt)
}

/// Notes in the database at `url` what was sent to be deployed; `None` forgets it. It is forgotten with
/// [`set_deployment`] too.
pub async fn set_deployment_attempt(url: &str, attempt: Option<&Attempt>) -> anyhow::Result<()> {
    let store = Store::open(url).await?;
    store.put_attempt(attempt).await?;
    store.close().await;
    Ok(())
}

/// Notes in the database at `url` that it was restored from an older copy, at this height of the chain.
/// Relays that are started on it from now on say so, and clients bring what was forgotten.
pub async fn declare_restored(url: &str, height: u32) -> anyhow::Result<()> {
    let store = Store::open(url).await?;
    store.begin_epoch(sessions::random_token(), height).await?;
    store.close().await;
    Ok(())
}

/// Notes in the database at `url` which contract is deployed. Refuses when the database holds
/// channels of another one: their proofs are money.
pub async fn set_deployment(url: &str, deployment: &Deployment) -> anyhow::Result<()> {
    let store = Store::open(url).await?;
    let written = store.put_deployment(deployment).await?;
    store.close().await;
    ensure!(
        written,
        "this database holds channels of another contract: keep it for them, and use a new database for {}",
        deployment.contract
    );
    Ok(())
}

/// Compares the contract on the chain with the one that was deployed, and asks it for its bounds of
/// the finalization period.
async fn look(node: &rpc::Client, deployment: &Deployment) -> anyhow::Result<[u32; 2]> {
    let Some(code) = node.get_code(&deployment.contract).await? else {
        bail!(
            "the node has no contract at {}: it follows another chain, or a new one; run `sparky migrate`",
            deployment.contract
        );
    };
    ensure!(
        contract::is_channel_contract(&code),
        "the contract at {} is not the one that this program knows: run `sparky migrate`",
        deployment.contract
    );
    let mut bounds = [0; 2];
    for (bound, view) in bounds.iter_mut().zip([View::MinWindow, View::MaxWindow]) {
        let data = view.encode();
        let request = rpc::CallRequest {
            contract: &deployment.contract,
            data: &data,
            sender: None,
            gas_limit: None,
            value: 0,
        };
        let answer = node.call_contract(&request).await?;
        let number =
            View::number(&answer.output).context("the contract does not tell its bounds")?;
        *bound = u32::try_from(number)?;
    }
    Ok(bounds)
}

/// Where the relay stood when it stopped.
async fn last_block(store: &Store, deployment: &Deployment) -> anyhow::Result<Block> {
    let last = store.last_block().await?;
    Ok(last.unwrap_or(Block {
        height: deployment.height.saturating_sub(1),
        ..Block::default()
    }))
}
