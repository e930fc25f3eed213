//! A Qtum that lives in a test: blocks, coins, an EVM and qtumd's RPC.
//!
//! [`spawn`] starts a node with qtumd's JSON-RPC on a port of its own; dropping or shutting down the
//! [`Handle`] frees it. [`evm`] is the EVM alone.
//!
//! What a contract wallet can see is as in Qtum Core 27.1 on regtest, transaction ids and block
//! hashes included. Deliberately different: nobody stakes and there are no peers; the code of the
//! system contracts `0x80`–`0x86` is not here, so a call to them fails; only keys can spend, not
//! scripts; a chain that is not [`Config::empty`] begins with 20 million QTUM in the default wallet
//! and mines by itself. Methods that qtumd does not have begin with `dev_`.

#![forbid(unsafe_code)]

pub mod evm;

mod assemble;
mod block;
mod chain;
mod coins;
mod execute;
mod index;
mod log;
mod mempool;
mod node;
mod options;
mod policy;
mod roots;
mod rpc;
mod trie;
mod verify;
mod view;
mod wallet;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Reads bytes as a file of blocks: for the fuzzers.
#[cfg(feature = "readers")]
pub fn read_log(bytes: &[u8]) {
    log::read(bytes);
}

pub use options::Indexes;
pub use rpc::parameters;

/// How to start a node.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the RPC listens; port 0 takes a free one.
    pub rpc_bind: SocketAddr,
    /// RPC user.
    pub user: String,
    /// RPC password.
    pub password: String,
    /// Where blocks and wallets are kept; `None` keeps them in memory.
    pub data_dir: Option<PathBuf>,
    /// Height 0, no wallet, no instant mining, no `dev_*` methods: as a fresh `qtumd -regtest`.
    pub empty: bool,
    /// What qtumd keeps only when it is told to.
    pub indexes: Indexes,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rpc_bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            user: "qtum".to_owned(),
            password: "test".to_owned(),
            data_dir: None,
            empty: false,
            indexes: Indexes::default(),
        }
    }
}

/// A running node. Dropping it stops the node.
#[derive(Debug)]
pub struct Handle {
    url: String,
    address: SocketAddr,
    server: JoinHandle<()>,
    stopping: CancellationToken,
    _guard: DropGuard,
}

impl Handle {
    /// `http://user:password@host:port`.
    pub fn rpc_url(&self) -> &str {
        &self.url
    }

    /// Where the RPC listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Completes when somebody asked for the end by the RPC method `stop`.
    pub async fn stopped(&self) {
        self.stopping.cancelled().await;
    }

    /// Stops the node and waits until its port is free.
    pub async fn shutdown(self) {
        self.stopping.cancel();
        if let Err(error) = self.server.await {
            tracing::error!(%error, "the chain's RPC ended badly");
        }
    }
}

/// Starts a node.
///
/// # Errors
/// When the port is taken, or the data directory can not be read or written.
pub async fn spawn(config: Config) -> anyhow::Result<Handle> {
    let Config {
        rpc_bind,
        user,
        password,
        data_dir,
        empty,
        indexes,
    } = config;
    let listener = TcpListener::bind(rpc_bind)
        .await
        .with_context(|| format!("can not listen on {rpc_bind}"))?;
    let address = listener.local_addr()?;
    let opened =
        tokio::task::spawn_blocking(move || node::Node::open(empty, indexes, data_dir.as_deref()));
    let node = opened
        .await?
        .context("the data of the chain can not be opened")?;
    let stopping = CancellationToken::new();
    let router = rpc::Rpc::new(node, &user, &password, stopping.clone()).router();
    let url = format!("http://{user}:{password}@{address}");
    let ended = stopping.clone().cancelled_owned();
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router)
            .with_graceful_shutdown(ended)
            .await
        {
            tracing::error!(%error, "the chain's RPC failed");
        }
    });
    Ok(Handle {
        url,
        address,
        server,
        _guard: stopping.clone().drop_guard(),
        stopping,
    })
}
