//! Clients: one WebSocket per person, signed in and subscribed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use sparky_protocol::{Amount, ChannelId, Domain};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest as _, protocol::WebSocketConfig},
};

use crate::{channels::Lane, latency::Clock, person::Person};

/// A frame that the relay sends.
#[derive(Deserialize)]
pub(crate) struct Frame<'a> {
    #[serde(default)]
    pub(crate) seq: Option<i64>,
    #[serde(rename = "type")]
    pub(crate) kind: &'a str,
    #[serde(borrow)]
    pub(crate) data: &'a RawValue,
}

/// Everybody who pays and everybody who is paid, and what they share.
pub(crate) struct Fleet {
    pub(crate) shared: Arc<Shared>,
    pub(crate) payers: Vec<Payer>,
    pub(crate) payees: Vec<Payee>,
}

/// What all tasks of a fleet look at.
pub(crate) struct Shared {
    pub(crate) domain: Domain,
    pub(crate) payers: Vec<Person>,
    pub(crate) payees: Vec<Person>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) by_id: HashMap<ChannelId, usize>,
    /// When which payment left.
    pub(crate) clock: Clock,
    /// Payments that their payees have heard of.
    pub(crate) received: AtomicU64,
}

/// Someone who pays over the lanes that begin at them.
pub(crate) struct Payer {
    pub(crate) who: usize,
    pub(crate) line: Line,
    pub(crate) lanes: Vec<Paying>,
    /// Which lane pays next.
    pub(crate) next: usize,
    pub(crate) in_flight: usize,
}

/// What a payer knows of one of its lanes.
pub(crate) struct Paying {
    pub(crate) lane: usize,
    pub(crate) nonce: u64,
    pub(crate) transferred: Amount,
}

/// Someone who is paid.
pub(crate) struct Payee {
    pub(crate) who: usize,
    pub(crate) line: Line,
    /// The last event that was heard.
    pub(crate) seq: i64,
    /// The newest nonce of each lane that ends here.
    pub(crate) nonces: HashMap<usize, u64>,
}

/// One connection.
pub(crate) struct Line(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Line {
    /// Connects and signs in.
    pub(crate) async fn connect(relay: &str, person: &Person) -> anyhow::Result<Self> {
        let url = format!("{}/api/v1/ws", relay.replacen("http", "ws", 1));
        let mut request = url.as_str().into_client_request()?;
        request
            .headers_mut()
            .insert("authorization", format!("Bearer {}", person.token).parse()?);
        // A read begins by clearing as much as it could take: 128 KiB unless told, for a frame of 700 bytes.
        let config = WebSocketConfig::default().read_buffer_size(4 * 1_024);
        let (socket, _) =
            tokio_tungstenite::connect_async_with_config(request, Some(config), true).await?;
        Ok(Self(socket))
    }

    /// [`Line::connect`], and subscribes: answers what is the last event there was.
    pub(crate) async fn subscribe(relay: &str, person: &Person) -> anyhow::Result<(Self, i64)> {
        #[derive(Deserialize)]
        struct Start {
            last: i64,
        }
        let mut line = Self::connect(relay, person).await?;
        let mut after = i64::from(u32::MAX);
        // A client that is ahead is told where the end is.
        line.feed(format!(
            r#"{{"id":1,"type":"subscribe","data":{{"after":{after}}}}}"#
        ))
        .await?;
        line.flush().await?;
        loop {
            let text = line.next().await?;
            let frame: Frame = serde_json::from_str(&text)?;
            match frame.kind {
                "ok" => {
                    let start: Start = serde_json::from_str(frame.data.get())?;
                    after = start.last;
                }
                "error" => bail!("not subscribed: {}", frame.data),
                "resync.required" => return Ok((line, after)),
                _ => {}
            }
        }
    }

    /// The next text.
    pub(crate) async fn next(&mut self) -> anyhow::Result<String> {
        loop {
            match self.0.next().await.context("the relay hung up")?? {
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(frame) => bail!("the relay closed: {frame:?}"),
                _ => {}
            }
        }
    }

    pub(crate) async fn feed(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.0.feed(Message::Text(text.into())).await?)
    }

    pub(crate) async fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.0.flush().await?)
    }
}

impl Fleet {
    /// Connects payers to the first relay and payees to the last.
    pub(crate) async fn connect(
        relays: &[&str],
        domain: Domain,
        [payers, payees]: [Vec<Person>; 2],
        lanes: Vec<Lane>,
    ) -> anyhow::Result<Self> {
        let (first, last) = (
            relays.first().context("no relay")?,
            relays.last().context("no relay")?,
        );
        let mut fleet = Self {
            payers: Vec::new(),
            payees: Vec::new(),
            shared: Arc::new(Shared {
                domain,
                by_id: lanes
                    .iter()
                    .enumerate()
                    .map(|(at, lane)| (lane.id, at))
                    .collect(),
                clock: Clock::new(Instant::now(), lanes.len()),
                lanes,
                payers,
                payees,
                received: AtomicU64::new(0),
            }),
        };
        let shared = &fleet.shared;
        for (who, person) in shared.payers.iter().enumerate() {
            let (line, _) = Line::subscribe(first, person).await?;
            let lanes = shared.lanes.iter().enumerate();
            fleet.payers.push(Payer {
                who,
                line,
                lanes: lanes
                    .filter(|(_, lane)| lane.payer == who)
                    .map(|(lane, _)| Paying {
                        lane,
                        nonce: 0,
                        transferred: Amount::ZERO,
                    })
                    .collect(),
                next: 0,
                in_flight: 0,
            });
        }
        for (who, person) in shared.payees.iter().enumerate() {
            let (line, seq) = Line::subscribe(last, person).await?;
            fleet.payees.push(Payee {
                who,
                line,
                seq,
                nonces: HashMap::new(),
            });
        }
        Ok(fleet)
    }

    /// Payments that arrived so far.
    pub(crate) fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Acquire)
    }
}
