//! A chain, a relay in a process of its own that may die at any moment, and two people who may not
//! lose anything by that.

mod checks;
mod relay;

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, LazyLock},
    time::Duration,
};

use sparky_protocol::{Account, Amount, ChannelId, ContractCall, Hash};
use sparky_qtum::{contract, rpc::Client, script::Gas};
use sparky_relay::{Deployment, migrate, set_deployment};
use tempfile::TempDir;

use self::relay::{database, free_address};
use crate::person::{Evidence, Person, Trouble};

/// Satoshi.
pub const QTUM: u64 = 100_000_000;

/// The finalization period of the channels here: the shortest that the contract takes.
pub const WINDOW: u32 = 10;

/// The built binary, or rather a copy: a build in the meantime must not change what is tested.
pub fn sparky() -> Command {
    static COPY: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sparky");
        std::fs::copy(env!("CARGO_BIN_EXE_sparky"), &path).expect("a copy");
        (folder, path)
    });
    let mut command = Command::new(&COPY.1);
    // Nothing of this machine's settings may leak into a test.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SPARKY_")) {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Everything that one round of crashes needs.
pub struct Stage {
    pub chain: Option<sparky_devchain::Handle>,
    pub node: Client,
    pub contract: Account,
    pub people: [Person; 2],
    /// The channel for payments; disputes have their own.
    pub id: ChannelId,
    /// Every channel that was opened.
    pub all: Vec<ChannelId>,
    /// Channels of the command line's profiles.
    pub by_hand: Vec<ChannelId>,
    /// What both said last that they have there, in satoshi.
    pub by_hand_balances: [u64; 2],
    pub evidence: Arc<Evidence>,
    pub folder: TempDir,
    relay: Option<Child>,
    bind: SocketAddr,
    penniless: bool,
    pub dice: Dice,
    /// Whether the relay has ended itself since it was last told where to.
    pub fell: bool,
}

impl Stage {
    pub async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let chain = sparky_devchain::spawn(sparky_devchain::Config {
            data_dir: Some(folder.path().join("chain")),
            ..Default::default()
        })
        .await
        .expect("a chain");
        let node = Client::new(chain.rpc_url()).expect("a client");
        let deployment = deploy(&node).await;
        let database = database(&folder);
        migrate(&database).await.expect("migrates");
        set_deployment(&database, &deployment)
            .await
            .expect("notes the deployment");
        let bind = free_address();
        let evidence = Arc::new(Evidence::default());
        let url = format!("http://{bind}");
        let people = [1, 2].map(|seed| Person::new(seed, &url, deployment.contract, &evidence));
        let demo = [
            "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf",
            "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW",
        ];
        let addresses = people.iter().map(|person| person.address.as_str());
        for address in addresses.chain(demo) {
            node.dev_faucet(address, 100_000 * QTUM)
                .await
                .expect("a faucet");
        }
        let mut stage = Self {
            chain: Some(chain),
            node,
            contract: deployment.contract,
            people,
            id: ChannelId(Hash::ZERO),
            all: Vec::new(),
            by_hand: Vec::new(),
            by_hand_balances: [0; 2],
            evidence,
            folder,
            relay: None,
            bind,
            penniless: false,
            dice: Dice(seed | 1),
            fell: false,
        };
        stage.start(None).await;
        stage.id = stage.open(1_000).await;
        stage
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.bind)
    }

    /// Both come back.
    pub async fn connect(&mut self) -> Result<(), Trouble> {
        for person in &mut self.people {
            person.connect().await?;
        }
        Ok(())
    }

    /// Opens a channel from Alice to Bob and waits until both know it.
    pub async fn open(&mut self, deposit: u64) -> ChannelId {
        let [alice, bob] = &mut self.people;
        let call = ContractCall::Open {
            account_b: bob.account,
            token: Account::ZERO,
            amount: Amount((deposit * QTUM).into()),
            window: WINDOW,
            penalty_bps: 10_000,
        };
        for person in [&mut *alice, bob] {
            person.sign_in().await.expect("an ordinary relay");
        }
        let before = ids(alice).await.expect("an ordinary relay");
        let hex = alice.transaction(&call).await.expect("coins");
        alice.broadcast(&hex, "open").await.expect("is taken");
        let id = loop {
            let now = ids(alice).await.expect("the relay runs");
            if let Some(new) = now
                .iter()
                .find(|id| !before.contains(id) && !self.all.contains(id))
            {
                break *new;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        for person in [alice, bob] {
            person.resync(id).await.expect("the relay runs");
        }
        self.all.push(id);
        id
    }

    /// Mines blocks that can not be the very ones that were invalidated.
    pub async fn mine_anew(&self, blocks: u32) {
        let address = self.node.get_new_address().await.expect("an address");
        self.node
            .generate_to_address(blocks, &address)
            .await
            .expect("mines");
    }

    /// Stops the node and starts it again on the same port: what waited in its memory is gone.
    pub async fn restart_node(&mut self) {
        let chain = self.chain.take().expect("it runs");
        let address = chain.address();
        chain.shutdown().await;
        let again = sparky_devchain::spawn(sparky_devchain::Config {
            rpc_bind: address,
            data_dir: Some(self.folder.path().join("chain")),
            ..Default::default()
        })
        .await
        .expect("the chain starts again");
        self.chain = Some(again);
    }
}

async fn ids(person: &Person) -> Result<Vec<ChannelId>, Trouble> {
    let list = person.get("/channels").await?;
    Ok(list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| serde_json::from_value(item["channelId"].clone()).ok())
        .collect())
}

async fn deploy(node: &Client) -> Deployment {
    let gas = Gas {
        limit: contract::DEPLOY_GAS_LIMIT,
        price: 40,
    };
    let created = node
        .create_contract(&contract::deployment(WINDOW, 100_000), gas, None)
        .await
        .expect("deploys");
    let receipt = node
        .get_transaction_receipt(&created.txid)
        .await
        .expect("answers")
        .pop()
        .expect("mined at once");
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

/// Small numbers that look random and can be had again.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(most)).expect("small")
    }
}
