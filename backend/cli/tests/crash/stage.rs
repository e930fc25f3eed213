//! A chain, a relay in a process of its own that may die at any moment, and two people who may not
//! lose anything by that.

use std::{
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, LazyLock},
    time::Duration,
};

use serde_json::Value;
use sparky_protocol::{Account, Amount, ChannelId, ContractCall, Hash, Side};
use sparky_qtum::{contract, rpc::Client, script::Gas};
use sparky_relay::{Deployment, migrate, set_deployment};
use tempfile::TempDir;

use crate::person::{Evidence, Person, Trouble};

/// Satoshi.
pub const QTUM: u64 = 100_000_000;

/// The finalization period of the channels here: the shortest that the contract takes.
pub const WINDOW: u32 = 10;

/// A wallet that the node does not have: whoever is to pay from it can not.
const NO_WALLET: &str = "nobody";

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

    /// Starts the relay, to end itself at the given visit of the given point if there is one. Returns
    /// when it is ready, or has ended before it was.
    pub async fn start(&mut self, end_at: Option<(&str, u32)>) {
        self.kill();
        let chain = self.chain.as_ref().expect("it runs");
        let mut command = sparky();
        command
            .args(["relay", "--network", "dev", "--rate-limit", "1000000"])
            .args(["--bind", &self.bind.to_string()])
            .args(["--database-url", &database(&self.folder)])
            .args(["--qtum-rpc-url", chain.rpc_url()]);
        if self.penniless {
            command.args(["--tower-wallet", NO_WALLET]);
        }
        if let Some((name, visit)) = end_at {
            self.fell = false;
            command.env("SPARKY_FAILPOINT", format!("{name}={visit}"));
        }
        if let Ok(log) = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("relay.log"))
        {
            command.stderr(log);
        }
        self.relay = Some(command.spawn().expect("it starts"));
        let url = format!("{}/readyz", self.url());
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client");
        for _ in 0..6_000 {
            if self.ended() {
                return;
            }
            if let Ok(answer) = http.get(&url).send().await
                && answer.status().is_success()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the relay never got ready: {}", self.log());
    }

    /// The same, with a tower whose wallet is empty or not.
    pub async fn start_with(&mut self, penniless: bool, end_at: Option<(&str, u32)>) {
        self.penniless = penniless;
        self.start(end_at).await;
    }

    /// What the relay wrote last.
    pub fn log(&self) -> String {
        let text =
            std::fs::read_to_string(self.folder.path().join("relay.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(30).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Ends the relay as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut relay) = self.relay.take() {
            // It may have ended already.
            let _ = relay.kill();
            let _ = relay.wait();
        }
    }

    /// Whether the relay has ended itself, by nothing but SIGKILL.
    pub fn ended(&mut self) -> bool {
        let Some(relay) = &mut self.relay else {
            return true;
        };
        let Some(status) = relay.try_wait().expect("a child") else {
            return false;
        };
        assert_eq!(
            status.signal(),
            Some(9),
            "the relay ended by itself: {status}\n{}",
            self.log()
        );
        self.fell = true;
        true
    }

    /// Waits until the relay ends itself. False when it does not in a while.
    pub async fn ends(&mut self, tenths: u32) -> bool {
        for _ in 0..tenths * 10 {
            if self.ended() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.ended()
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

    /// Checks what a settled channel has paid, and forgets it.
    pub fn retire(&mut self, id: ChannelId) {
        self.compare();
        let channel = self.people[0].channel(id);
        let facts = channel.facts();
        let settled = facts.settled.expect("it is settled");
        let [sent_by_a, sent_by_b] = Side::BOTH
            .map(|side| i128::try_from(channel.street(side).transferred().0).expect("small"));
        let entitled = [
            facts.net(Side::A).0 - sent_by_a + sent_by_b,
            facts.net(Side::B).0 + sent_by_a - sent_by_b,
        ];
        let paid =
            [settled.pay_a.0, settled.pay_b.0].map(|pay| i128::try_from(pay).expect("small"));
        // Alice closes, and sometimes with an old state: Bob is the honest one.
        assert!(
            entitled[1] <= paid[1],
            "Bob got {paid:?} and not {entitled:?}"
        );
        let penalty = i128::try_from(settled.penalty.0).expect("small");
        assert_eq!(paid[0] + penalty, entitled[0], "Alice got what is left");
        assert_eq!(
            paid[0] + paid[1],
            facts.net(Side::A).0 + facts.net(Side::B).0,
            "a settled channel pays out what it held"
        );
        for person in &mut self.people {
            person.held.remove(&id);
        }
        self.all.retain(|one| *one != id);
    }

    /// Waits until the relay stands where the chain stands. False when it has ended.
    pub async fn followed(&mut self) -> bool {
        let url = format!("{}/api/v1/chain/tip", self.url());
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client");
        for _ in 0..6_000 {
            if self.ended() {
                return false;
            }
            if let Ok(answer) = http.get(&url).send().await
                && let Ok(tip) = answer.json::<Value>().await
                && let Ok(best) = self.node.get_best_block_hash().await
                && tip["hash"] == best.to_string()
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the relay does not follow: {}", self.log());
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

    /// Starts an ordinary relay and checks everything that must hold after any crash.
    pub async fn check(&mut self) {
        if self.penniless || self.ended() {
            self.penniless = false;
            self.start(None).await;
        }
        for person in &mut self.people {
            let ids: Vec<ChannelId> = person.held.keys().copied().collect();
            let synced = async {
                person.connect().await?;
                for id in ids {
                    let facts = person.channel(id).facts();
                    if facts.closed.is_none() && facts.settled.is_none() {
                        person.ack(id).await?;
                    }
                }
                Ok(())
            };
            let synced: Result<(), Trouble> = synced.await;
            synced.unwrap_or_else(|why| panic!("nothing is broken: {why:?}\n"));
        }
        assert!(self.followed().await, "an ordinary relay ended");
        for person in &mut self.people {
            person.catch_up().await.expect("nothing is broken");
        }
        self.compare();
        self.count_the_money().await;
    }

    /// Both people hold the same, nothing that was acknowledged is missing, nothing came twice.
    fn compare(&self) {
        let [alice, bob] = &self.people;
        for id in alice.held.keys() {
            let (ours, theirs) = (alice.channel(*id), bob.channel(*id));
            for side in Side::BOTH {
                let newest = |channel: &sparky_protocol::Channel| {
                    let newest = channel.street(side).newest();
                    newest.map(|standing| standing.signed.proof)
                };
                assert_eq!(newest(ours), newest(theirs), "both hold the same proof");
                let seen = self.evidence.count(*id, side);
                assert_eq!(ours.street(side).nonce(), seen, "every nonce, once");
                let author = &self.people[side.index()];
                let acknowledged = author.acknowledged.get(id).copied().unwrap_or_default();
                assert!(acknowledged <= seen, "an acknowledged payment is gone");
            }
        }
        for person in &self.people {
            assert!(person.is_quiet(), "something was never acknowledged");
            let numbers: Vec<i64> = person.kept.iter().map(|(seq, _)| *seq).collect();
            let expected: Vec<i64> = (1..=person.cursor).collect();
            assert_eq!(numbers, expected, "events without gap or duplicate");
            assert_eq!((person.repeated, person.gaps), (0, 0), "each event once");
        }
    }

    /// What the contract holds is what is in channels that are not settled.
    async fn count_the_money(&self) {
        let mut expected = self.in_hand_channels().await;
        for id in &self.all {
            let facts = self.people[0].channel(*id).facts();
            if facts.settled.is_none() {
                expected += facts.net(Side::A).0 + facts.net(Side::B).0;
            }
        }
        let held = self.balance_of_the_contract().await;
        assert_eq!(i128::from(held), expected, "money came or went");
    }

    /// What is in the channels of the command line.
    async fn in_hand_channels(&self) -> i128 {
        let mut sum = 0;
        for id in &self.by_hand {
            let request = sparky_qtum::rpc::CallRequest {
                contract: &self.contract,
                data: &contract::View::Channel(*id).encode(),
                sender: None,
                gas_limit: None,
                value: 0,
            };
            let answer = self.node.call_contract(&request).await.expect("answers");
            let shown = contract::View::channel(&answer.output).expect("a channel");
            sum += shown.net_a.0 + shown.net_b.0;
        }
        sum
    }

    /// What the command line's channel holds, in satoshi.
    pub async fn hand_total(&self) -> u64 {
        u64::try_from(self.in_hand_channels().await).expect("small")
    }

    async fn balance_of_the_contract(&self) -> i64 {
        let address = serde_json::value::to_raw_value(&hex::encode(self.contract.0)).expect("JSON");
        let account: Value = self
            .node
            .call("getaccountinfo", &[address])
            .await
            .expect("answers");
        account["balance"].as_i64().expect("a balance")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kill();
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

fn database(folder: &TempDir) -> String {
    format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("relay.sqlite").display()
    )
}

fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
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
