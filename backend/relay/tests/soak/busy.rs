//! Pairs who pay each other over many channels at once, acknowledge, leave and come back.

use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::{Value, json};
use sparky_protocol::{Account, Amount, ChannelId, ContractCall, Update};
use sparky_qtum::{contract, wallet};

use crate::{
    line::Line,
    participant::Participant,
    size::Size,
    world::{QTUM, World},
};

/// Satoshi in each channel: more than an hour, or a night, of single ones.
const DEPOSIT: u64 = QTUM / 10;

/// All of them.
pub struct Pairs {
    all: Vec<Pair>,
    payments: u64,
    /// In a minute one channel of so many pays.
    every: u32,
}

struct Pair {
    alice: Participant,
    bob: Participant,
    lines: Option<[Line; 2]>,
    /// The last event that each of the two has kept.
    kept: [i64; 2],
    channels: Vec<ChannelId>,
}

impl Pairs {
    /// Two for each pair arrive, and the first opens all channels in one transaction.
    pub async fn meet(world: &World, size: Size) -> Self {
        let pairs = stream::iter(0..size.pairs)
            .map(|number| Pair::meet(world, 1 + 2 * number, size.channels))
            .buffered(8)
            .collect::<Vec<Pair>>()
            .await;
        let mut pairs = Self {
            all: pairs,
            payments: 0,
            every: size.every,
        };
        world.mine(2).await;
        for pair in &mut pairs.all {
            pair.channels = pair.alice.ids().await;
            assert_eq!(pair.channels.len(), size.channels);
            for id in pair.channels.clone() {
                pair.alice.refresh(id).await;
                pair.bob.refresh(id).await;
            }
        }
        pairs
    }

    /// Everybody is there and listens.
    pub async fn connect(&mut self, world: &World) {
        join_all(self.all.iter_mut().map(|pair| pair.connect(world))).await;
    }

    /// A minute's payments.
    pub async fn pay(&mut self, minute: u32) {
        let every = self.every;
        let turn = |at: usize| u32::try_from(at).unwrap_or(0) % every == minute % every;
        let paid = join_all(self.all.iter_mut().map(|pair| pair.pay(turn))).await;
        self.payments += paid.into_iter().sum::<u64>();
    }

    /// Some leave and come back with a new session and a new connection, and miss nothing.
    pub async fn come_and_go(&mut self, world: &World, minute: u32) {
        let at = usize::try_from(minute).unwrap_or(0) % self.all.len();
        let pair = &mut self.all[at];
        pair.lines = None;
        for who in [&mut pair.alice, &mut pair.bob] {
            let (status, said) = who
                .ask(reqwest::Method::DELETE, "/auth/sessions", None)
                .await;
            assert_eq!(status, reqwest::StatusCode::NO_CONTENT, "{said}");
            who.token.clear();
            who.sign_in().await;
        }
        pair.connect(world).await;
    }

    /// What was sent is what the relay holds, on every channel.
    pub async fn everything_arrived(&mut self) {
        let mut transferred = 0;
        for pair in &mut self.all {
            for id in pair.channels.clone() {
                let side = pair.alice.side(id);
                let sent = pair.alice.channel(id).street(side).nonce();
                pair.bob.refresh(id).await;
                assert_eq!(pair.bob.channel(id).street(side).nonce(), sent);
                transferred += sent;
            }
        }
        assert_eq!(transferred, self.payments, "one satoshi for each");
    }

    pub fn channels(&self) -> usize {
        self.all.iter().map(|pair| pair.channels.len()).sum()
    }

    /// Connections of all of them.
    pub fn lines(&self) -> usize {
        self.all
            .iter()
            .flat_map(|pair| &pair.lines)
            .flatten()
            .count()
    }

    pub fn payments(&self) -> u64 {
        self.payments
    }
}

impl Pair {
    async fn meet(world: &World, seed: u8, channels: usize) -> Self {
        let alice = Participant::arrive(world, seed).await;
        let bob = Participant::arrive(world, seed + 1).await;
        world
            .node
            .dev_faucet(&alice.address, 100 * QTUM)
            .await
            .expect("a faucet");
        let open = ContractCall::Open {
            account_b: bob.account,
            token: Account::ZERO,
            amount: Amount(DEPOSIT.into()),
            window: 100,
            penalty_bps: 10_000,
        };
        let outputs: Vec<_> = (0..channels)
            .map(|_| contract::output(&world.deployment.contract, &open).expect("an output"))
            .collect();
        let (coins, _) = world
            .node
            .unspent(&alice.account, sparky_qtum::Network::Regtest)
            .await
            .expect("coins");
        let plan = wallet::plan(&coins, &alice.account, &outputs, wallet::Policy::default());
        let signed = plan.expect("a plan").sign(&alice.key).expect("signs");
        world
            .node
            .send_raw_transaction(&signed.to_hex())
            .await
            .expect("is taken");
        Self {
            alice,
            bob,
            lines: None,
            kept: [0; 2],
            channels: Vec::new(),
        }
    }

    async fn connect(&mut self, world: &World) {
        let alice = Line::open(world, &self.alice, self.kept[0]).await;
        let bob = Line::open(world, &self.bob, self.kept[1]).await;
        self.lines = Some([alice, bob]);
    }

    /// One payment on each channel whose turn it is; Bob takes and acknowledges it, and both say
    /// what they have kept.
    async fn pay(&mut self, turn: impl Fn(usize) -> bool) -> u64 {
        let Self {
            alice,
            bob,
            lines,
            kept,
            channels,
        } = self;
        let [from, to] = lines.as_mut().expect("connected");
        let due = channels.iter().enumerate().filter(|(at, _)| turn(*at));
        let due: Vec<ChannelId> = due.map(|(_, id)| *id).collect();
        let mut asked = Vec::new();
        for id in &due {
            let data = json!({ "channelId": id, "update": alice.pay(*id, 1) });
            asked.push(from.request("proof.submit", data).await);
        }
        for request in asked {
            let answer = from.answer(request).await;
            assert_eq!(answer["type"], "ok", "{answer}");
        }
        for _ in &due {
            let event = to.hear("proof.received").await;
            kept[1] = kept[1].max(seq(&event));
            let id: ChannelId =
                serde_json::from_value(event["data"]["channelId"].clone()).expect("an id");
            let update: Update =
                serde_json::from_value(event["data"]["update"].clone()).expect("an update");
            bob.accept(id, &update);
            let data = json!({ "channelId": id, "ack": bob.ack(id) });
            to.ok("ack.submit", data).await;
        }
        for _ in &due {
            let event = from.hear("proof.acked").await;
            kept[0] = kept[0].max(seq(&event));
            let id: ChannelId =
                serde_json::from_value(event["data"]["channelId"].clone()).expect("an id");
            let ack = serde_json::from_value(event["data"]["ack"].clone()).expect("an ack");
            let next = alice.channel(id).accept_ack(&ack).expect("accepts");
            alice.channels.insert(id, next);
        }
        from.ok("ack", json!({ "seq": kept[0] })).await;
        to.ok("ack", json!({ "seq": kept[1] })).await;
        // Blocks and whoever came and went: heard, and of no interest.
        from.heard.clear();
        to.heard.clear();
        u64::try_from(due.len()).unwrap_or(0)
    }
}

fn seq(event: &Value) -> i64 {
    event["seq"].as_i64().expect("a number")
}
