//! Payments: signed, sent, answered, heard, acknowledged.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::value::to_raw_value;
use sparky_protocol::{
    Amount, BalanceProof, ChannelId, Hash, Operation, Side, UnsignedAck, Update,
};
use tokio::sync::watch;

use crate::{
    fleet::{Fleet, Frame, Payee, Payer, Shared},
    measure::{self, quantile, real},
};

/// After how many payments of a lane its payee signs a receipt, and after how many events it tells
/// the relay what it has kept. Each payee at other ones: people do not do it at one instant.
const RECEIPT: u64 = 64;
const KEPT: i64 = 64;

/// How hard the fleet works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) seconds: f64,
    /// Payments of one connection that may wait for their answer.
    pub(crate) window: usize,
    /// Payments per second of all together; none is as fast as they are answered.
    pub(crate) pace: Option<f64>,
    /// Whether payees verify what they hear, as a wallet does.
    pub(crate) verify: bool,
}

impl Load {
    /// As fast as it is answered, with so many payments of each connection under way.
    pub(crate) const fn flood(window: usize) -> Self {
        Self {
            seconds: 4.0,
            window,
            pace: None,
            verify: false,
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) payments: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Microseconds of processor time per payment: of all clients together.
    pub(crate) clients_us: f64,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        real(self.payments) / self.seconds
    }
}

impl Fleet {
    /// Pays for a while, and waits until everything that was sent has arrived.
    pub(crate) async fn run(&mut self, load: Load) -> anyhow::Result<Measured> {
        let own = std::process::id();
        let (before, begin) = (self.received(), Instant::now());
        let used = measure::processor_seconds(own);
        let (stop, stopped) = watch::channel(false);
        let mut hearing = tokio::task::JoinSet::new();
        for mut payee in self.payees.drain(..) {
            let (shared, stopped) = (Arc::clone(&self.shared), stopped.clone());
            hearing.spawn(async move {
                let heard = payee.hear(&shared, load.verify, stopped).await;
                heard.map(|latencies| (payee, latencies))
            });
        }
        let until = begin + Duration::from_secs_f64(load.seconds);
        let payers = real(u64::try_from(self.payers.len())?);
        let step = load.pace.map(|pace| Duration::from_secs_f64(payers / pace));
        let mut paying = tokio::task::JoinSet::new();
        for mut payer in self.payers.drain(..) {
            let shared = Arc::clone(&self.shared);
            paying.spawn(async move {
                let sent = match step {
                    None => payer.flood(&shared, load.window, until).await,
                    Some(step) => payer.walk(&shared, step, until).await,
                };
                sent.map(|sent| (payer, sent))
            });
        }
        let mut sent = 0;
        while let Some(paid) = paying.join_next().await {
            let (payer, of_payer) = paid??;
            sent += of_payer;
            self.payers.push(payer);
        }
        let patience = Instant::now();
        while self.received() - before < sent {
            ensure!(
                patience.elapsed() < Duration::from_mins(1),
                "{} of {sent} payments arrived",
                self.received() - before
            );
            if let Some(early) = hearing.try_join_next() {
                early??;
                bail!("a payee stopped listening");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let seconds = begin.elapsed().as_secs_f64();
        let clients = measure::processor_seconds(own) - used;
        stop.send_replace(true);
        let mut latencies = Vec::new();
        while let Some(heard) = hearing.join_next().await {
            let (payee, of_payee) = heard??;
            latencies.extend(of_payee);
            self.payees.push(payee);
        }
        self.payers.sort_by_key(|payer| payer.who);
        latencies.sort_unstable();
        let millis = |of_thousand| real(quantile(&latencies, of_thousand)) / 1e6;
        Ok(Measured {
            payments: sent,
            seconds,
            p50_ms: millis(500),
            p99_ms: millis(990),
            clients_us: clients * 1e6 / real(sent.max(1)),
        })
    }
}

impl Payer {
    /// Keeps as many payments under way as the window allows.
    async fn flood(
        &mut self,
        shared: &Shared,
        window: usize,
        until: Instant,
    ) -> anyhow::Result<u64> {
        let mut sent = 0;
        loop {
            let more = Instant::now() < until;
            if !more && self.in_flight == 0 {
                return Ok(sent);
            }
            while more && self.in_flight < window {
                self.pay(shared, Instant::now()).await?;
                sent += 1;
            }
            self.line.flush().await?;
            let text = self.line.next().await?;
            self.read(&text)?;
            while let Some(text) = self.line.next().now_or_never() {
                self.read(&text?)?;
            }
        }
    }

    /// Pays once in every step, whatever the answers do.
    async fn walk(
        &mut self,
        shared: &Shared,
        step: Duration,
        until: Instant,
    ) -> anyhow::Result<u64> {
        // Not all in the same instant.
        let part = u32::try_from(self.who % 97)?;
        let mut next = Instant::now() + step * part / 97;
        let mut sent = 0;
        loop {
            let more = next < until;
            if !more && self.in_flight == 0 {
                return Ok(sent);
            }
            tokio::select! {
                text = self.line.next() => self.read(&text?)?,
                () = tokio::time::sleep_until(next.into()), if more => {
                    while next <= Instant::now() {
                        self.pay(shared, next).await?;
                        sent += 1;
                        next += step;
                    }
                    self.line.flush().await?;
                }
            }
        }
    }

    /// Signs the next payment and hands it to the line.
    async fn pay(&mut self, shared: &Shared, instant: Instant) -> anyhow::Result<()> {
        let at = self.next % self.lanes.len();
        self.next = at + 1;
        let paying = &mut self.lanes[at];
        paying.nonce += 1;
        paying.transferred.0 += 1;
        let lane = &shared.lanes[paying.lane];
        let proof = BalanceProof {
            channel_id: lane.id,
            nonce: paying.nonce,
            transferred: paying.transferred,
            locks_root: Hash::ZERO,
        };
        let signature = shared.payers[self.who]
            .key
            .sign(&proof.digest(&shared.domain));
        let update = Update {
            operations: vec![Operation::Transfer { amount: Amount(1) }],
            proof: proof.signed(signature),
        };
        let text = format!(
            r#"{{"id":{},"type":"proof.submit","data":{{"channelId":"{}","update":{}}}}}"#,
            paying.nonce,
            lane.id,
            to_raw_value(&update)?
        );
        shared.clock.left(paying.lane, paying.nonce, instant);
        self.in_flight += 1;
        self.line.feed(text).await
    }

    fn read(&mut self, text: &str) -> anyhow::Result<()> {
        let frame: Frame = serde_json::from_str(text)?;
        match frame.kind {
            "ok" => self.in_flight -= 1,
            "error" => bail!("a payment was refused: {}", frame.data),
            _ => {}
        }
        Ok(())
    }
}

/// The data of a payment that is told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    channel_id: ChannelId,
    update: Update,
}

impl Payee {
    /// Listens until told to stop; answers how long each payment was under way, in nanoseconds.
    async fn hear(
        &mut self,
        shared: &Shared,
        verify: bool,
        mut stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<Vec<u64>> {
        let mut latencies = Vec::new();
        let own = i64::try_from(self.who)?;
        loop {
            let text = tokio::select! {
                text = self.line.next() => text?,
                _ = stopped.wait_for(|stopped| *stopped) => return Ok(latencies),
            };
            let frame: Frame = serde_json::from_str(&text)?;
            if frame.kind == "error" {
                bail!("a payee was refused something: {}", frame.data);
            }
            let Some(seq) = frame.seq else { continue };
            ensure!(
                seq == self.seq + 1,
                "event {seq} came after event {}",
                self.seq
            );
            self.seq = seq;
            if (seq + own) % KEPT == 0 {
                let kept = format!(r#"{{"id":0,"type":"ack","data":{{"seq":{seq}}}}}"#);
                self.line.feed(kept).await?;
                self.line.flush().await?;
            }
            if frame.kind == "proof.received" {
                let received: Received = serde_json::from_str(frame.data.get())?;
                latencies.push(self.accept(shared, &received, verify).await?);
                shared.received.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    async fn accept(
        &mut self,
        shared: &Shared,
        received: &Received,
        verify: bool,
    ) -> anyhow::Result<u64> {
        let Some(at) = shared.by_id.get(&received.channel_id).copied() else {
            bail!("a payment in a channel that nobody opened");
        };
        let (lane, signed) = (&shared.lanes[at], &received.update.proof);
        let proof = &signed.proof;
        let newest = self.nonces.entry(at).or_default();
        ensure!(
            proof.nonce == *newest + 1,
            "nonce {} came after {newest}",
            proof.nonce
        );
        *newest = proof.nonce;
        if verify {
            signed.verify(&shared.domain, &lane.params.account_a)?;
        }
        let took = shared.clock.took(at, proof.nonce);
        if (proof.nonce + u64::try_from(self.who)?) % RECEIPT == 0 {
            let unsigned = UnsignedAck {
                channel_id: lane.id,
                sender: Side::A,
                nonce: proof.nonce,
                proof_hash: proof.struct_hash(),
            };
            let signature = shared.payees[self.who]
                .key
                .sign(&unsigned.digest(&shared.domain));
            let ack = unsigned.signed(signature);
            let text = format!(
                r#"{{"id":0,"type":"ack.submit","data":{{"channelId":"{}","ack":{}}}}}"#,
                lane.id,
                to_raw_value(&ack)?
            );
            self.line.feed(text).await?;
            self.line.flush().await?;
        }
        Ok(took)
    }
}
