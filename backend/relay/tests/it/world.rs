//! A world for one test: a chain, a contract on it, a relay, and people.

use std::{future::Future, net::SocketAddr, path::Path, time::Duration};

use serde_json::Value;
use sparky_devchain::Indexes;
use sparky_protocol::Hash;
use sparky_qtum::{contract, rpc::Client, script::Gas};
use sparky_relay::{
    Chain, Config, Deployment, Quotas, Relay, SecretUrl, TowerLimits, deployment, migrate,
    set_deployment,
};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::oneshot,
    task::JoinHandle,
};

use crate::{database::Database, participant::Participant};

/// What a participant has on chain when it arrives, in satoshi.
pub const WEALTH: u64 = 1_000 * 100_000_000;

/// Chain, database and relay.
pub struct World {
    pub chain: sparky_devchain::Handle,
    pub node: Client,
    pub deployment: Deployment,
    pub database: Database,
    relay: Option<Running>,
    bind: SocketAddr,
    tower: bool,
    /// What its tower may spend; counts from the next start.
    pub tower_limits: TowerLimits,
    /// The wallet that pays for its tower; counts from the next start.
    pub tower_wallet: Option<String>,
    adjust: Adjust,
    /// Where the chain keeps its blocks.
    #[allow(dead_code, reason = "dropped with the world")]
    folder: TempDir,
}

/// What a test changes about the relay's settings.
type Adjust = Box<dyn Fn(&mut Config) + Send + Sync>;

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl World {
    /// Everything runs, the tower watches.
    pub async fn new() -> Self {
        Self::with(true, |_| {}).await
    }

    /// Everything runs and nobody watches.
    pub async fn without_tower() -> Self {
        Self::with(false, |_| {}).await
    }

    /// Everything runs, with so many requests per minute and account.
    pub async fn with_rate_limit(rate_limit: u32) -> Self {
        Self::adjusted(move |config| config.quotas.rate_limit = Some(rate_limit)).await
    }

    /// Everything runs, with other settings.
    pub async fn adjusted(adjust: impl Fn(&mut Config) + Send + Sync + 'static) -> Self {
        Self::with(true, adjust).await
    }

    /// Everything runs on an SQLite file, whatever this run of the tests is about.
    pub async fn in_file() -> Self {
        Self::on(Database::in_file(), true, Box::new(|_| {})).await
    }

    #[allow(dead_code, reason = "for tests of several relays")]
    /// Everything but the relay: who wants one starts it at [`bind`](Self::bind).
    pub async fn without_relay() -> Self {
        Self::prepare(Database::new().await, true, Box::new(|_| {}))
            .await
            .0
    }

    #[allow(dead_code, reason = "for tests of several relays")]
    /// Where its relay listens.
    pub fn bind(&self) -> SocketAddr {
        self.bind
    }

    async fn with(tower: bool, adjust: impl Fn(&mut Config) + Send + Sync + 'static) -> Self {
        Self::on(Database::new().await, tower, Box::new(adjust)).await
    }

    async fn on(database: Database, tower: bool, adjust: Adjust) -> Self {
        let (mut world, listener) = Self::prepare(database, tower, adjust).await;
        world.run(listener).await;
        world
    }

    /// Everything runs on a database that has its past already, and on the chain that it followed.
    pub async fn with_history(database: Database, blocks: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = chain_config(&folder);
        let data = config.data_dir.as_deref().expect("it is kept");
        std::fs::create_dir_all(data).expect("a folder");
        std::fs::copy(blocks, data.join("blocks.log")).expect("copies");
        let chain = sparky_devchain::spawn(config).await.expect("a chain");
        let deployment = deployment(database.url()).await.expect("opens");
        let deployment = deployment.expect("the database has one");
        let (mut world, listener) = Self::assemble(
            (chain, folder),
            deployment,
            database,
            true,
            Box::new(|_| {}),
        );
        world.run(listener).await;
        world
    }

    async fn prepare(database: Database, tower: bool, adjust: Adjust) -> (Self, TcpListener) {
        let folder = tempfile::tempdir().expect("a folder");
        let chain = sparky_devchain::spawn(chain_config(&folder))
            .await
            .expect("a chain");
        let deployment = deploy(&Client::new(chain.rpc_url()).expect("a client")).await;
        migrate(database.url()).await.expect("migrates");
        set_deployment(database.url(), &deployment)
            .await
            .expect("notes the deployment");
        Self::assemble((chain, folder), deployment, database, tower, adjust)
    }

    fn assemble(
        (chain, folder): (sparky_devchain::Handle, TempDir),
        deployment: Deployment,
        database: Database,
        tower: bool,
        adjust: Adjust,
    ) -> (Self, TcpListener) {
        // The port stays the same when the relay is restarted, as its address is part of the login.
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)));
        let bind = listener.local_addr().expect("an address");
        let world = Self {
            node: Client::new(chain.rpc_url()).expect("a client"),
            chain,
            deployment,
            database,
            relay: None,
            bind,
            tower,
            adjust,
            tower_limits: TowerLimits::default(),
            tower_wallet: None,
            folder,
        };
        (world, listener)
    }

    /// How the relay of this world is set up.
    pub fn config(&self) -> Config {
        let mut config = Config {
            bind: self.bind,
            database_url: SecretUrl::from(self.database.url().to_owned()),
            nats_url: None,
            qtum_rpc_url: SecretUrl::from(self.chain.rpc_url().to_owned()),
            network: Chain::Dev,
            public_url: None,
            allowed_origins: Vec::new(),
            confirmations: None,
            tower: self.tower,
            tower_wallet: self.tower_wallet.clone(),
            tower_limits: self.tower_limits,
            allowed_contracts: Vec::new(),
            quotas: Quotas::default(),
        };
        (self.adjust)(&mut config);
        config
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.bind)
    }

    async fn run(&mut self, listener: TcpListener) {
        let relay = Relay::open(self.config()).await.expect("opens");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { drop(stopped.await) };
        let task = tokio::spawn(relay.serve(listener, axum::Router::new(), shutdown));
        self.relay = Some(Running { stop, task });
        self.ready().await;
    }

    /// Stops the node and starts it again on its blocks, without what `change` switches off.
    pub async fn restart_node(&mut self, change: impl FnOnce(&mut Indexes)) {
        let mut config = chain_config(&self.folder);
        config.rpc_bind = self.chain.address();
        change(&mut config.indexes);
        self.node.call::<String>("stop", &[]).await.expect("stops");
        self.chain = eventually("the node's port is free", || async {
            sparky_devchain::spawn(config.clone()).await.ok()
        })
        .await;
    }

    /// Status and body of `/readyz`, once it says what is wanted.
    pub async fn readiness(&self, what: &str, wanted: impl Fn(u16, &Value) -> bool) -> Value {
        let url = format!("{}/readyz", self.url());
        eventually(what, || async {
            let answer = get(&url).await?;
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.ok()?;
            wanted(status, &body).then_some(body)
        })
        .await
    }

    /// Waits until the relay says that it is ready.
    pub async fn ready(&self) {
        let url = format!("{}/readyz", self.url());
        eventually("the relay is ready", || async {
            let answer = get(&url).await?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Stops the relay, as an operator would.
    pub async fn stop(&mut self) {
        let running = self.relay.take().expect("it runs");
        running.stop.send(()).expect("it listens");
        running
            .task
            .await
            .expect("it does not panic")
            .expect("it ends well");
    }

    /// Starts the relay again, on the same database and address.
    pub async fn start(&mut self) {
        let listener = TcpListener::bind(self.bind)
            .await
            .expect("the port is free");
        self.run(listener).await;
    }

    /// A copy of the database as it is now. The relay has been stopped, so one file is all of it.
    pub fn copy_database(&self) -> Vec<u8> {
        std::fs::read(self.database_file()).expect("a file")
    }

    /// Puts an older copy back in its place, as an operator does after a broken disk.
    pub fn go_back_to(&self, copy: &[u8]) {
        let file = self.database_file();
        for ending in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
        }
        std::fs::write(file, copy).expect("writes");
    }

    fn database_file(&self) -> std::path::PathBuf {
        let url = self.database.url();
        let file = url.strip_prefix("sqlite://").expect("a file");
        file.split('?').next().unwrap_or(file).into()
    }

    /// Somebody with money on chain who has signed in.
    pub async fn participant(&self, seed: u8) -> Participant {
        let participant = Participant::arrive(self, seed).await;
        self.node
            .dev_faucet(&participant.address, WEALTH)
            .await
            .expect("a faucet");
        self.mine(1).await;
        participant
    }

    /// Alice and Bob, and a channel between them with Alice's deposit in QTUM.
    pub async fn channel(
        &self,
        deposit: u64,
    ) -> (Participant, Participant, sparky_protocol::ChannelId) {
        let mut alice = self.participant(1).await;
        let mut bob = self.participant(2).await;
        let id = alice.open(self, &bob, deposit * QTUM).await;
        alice.refresh(id).await;
        bob.refresh(id).await;
        (alice, bob, id)
    }

    /// Mines blocks and waits until the relay has followed them.
    pub async fn mine(&self, blocks: u32) {
        self.node.dev_mine(blocks).await.expect("mines");
        self.followed().await;
    }

    /// Mines blocks that can not be the very ones that were invalidated: their reward goes elsewhere.
    pub async fn mine_anew(&self, blocks: u32) {
        let address = self.node.get_new_address().await.expect("an address");
        self.node
            .generate_to_address(blocks, &address)
            .await
            .expect("mines");
        self.followed().await;
    }

    /// Waits until the relay stands where the chain stands.
    pub async fn followed(&self) {
        self.followed_at(&self.url()).await;
    }

    /// Waits until one of several relays stands there.
    pub async fn followed_at(&self, relay: &str) {
        let url = format!("{relay}/api/v1/chain/tip");
        eventually("the relay follows the chain", || async {
            let best = self.node.get_best_block_hash().await.ok()?.to_string();
            let tip: Value = get(&url).await?.json().await.ok()?;
            (tip["hash"] == best).then_some(())
        })
        .await;
    }
}

/// An answer, if there is one soon: who asks again and again must not wait for ever for one of them.
pub async fn get(url: &str) -> Option<reqwest::Response> {
    let asked = reqwest::Client::new()
        .get(url)
        .timeout(Duration::from_secs(10));
    asked.send().await.ok()
}

/// A chain that keeps its blocks in the world's folder.
fn chain_config(folder: &TempDir) -> sparky_devchain::Config {
    sparky_devchain::Config {
        data_dir: Some(folder.path().join("chain")),
        ..sparky_devchain::Config::default()
    }
}

/// Satoshi.
pub const QTUM: u64 = 100_000_000;

/// A port of its own. The kernel keeps little for those who do not read, so that a slow client is
/// noticed after few messages.
fn listen(bind: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option");
    socket.set_send_buffer_size(16 * 1024).expect("an option");
    socket.bind(bind).expect("the port is free");
    socket.listen(64).expect("listens")
}

/// The contract, deployed by the node's wallet.
async fn deploy(node: &Client) -> Deployment {
    let gas = Gas {
        limit: contract::DEPLOY_GAS_LIMIT,
        price: 40,
    };
    let created = node
        .create_contract(&contract::deployment(10, 100_000), gas, None)
        .await
        .expect("deploys");
    let receipt = eventually("the contract is mined", || async {
        node.get_transaction_receipt(&created.txid)
            .await
            .ok()?
            .pop()
    })
    .await;
    assert!(receipt.succeeded(), "{receipt:?}");
    let code = node
        .get_code(&receipt.contract_address)
        .await
        .expect("answers")
        .expect("code");
    Deployment {
        network: "dev".into(),
        contract: receipt.contract_address,
        code_hash: Hash::sha256(&code),
        height: receipt.block_number,
    }
}

/// Asks until there is an answer. Fails when there is none after three minutes: the machine may be slow,
/// a condition that never comes is a defect.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(3), asking)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"))
}
