//! The WebSocket: one connection, one task. It hands in what the client sends, in order, without
//! waiting for the disk in between, and tells what the account must hear, in order, without gap.

mod frame;
mod tell;
mod wake;
mod wire;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{State, WebSocketUpgrade, ws::WebSocket},
    http::HeaderMap,
    response::Response,
};
use futures_util::{future::BoxFuture, stream::FuturesUnordered};
use serde_json::{Value, json};
use sparky_protocol::{Account, ChannelId};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use self::{
    frame::{Request, Verb},
    wake::Wake,
    wire::{Closed, Wire},
};
use crate::{
    app::App,
    auth, body,
    channels::submit::{self, Pending},
    clock,
    crowd::Seat,
    door::Guest,
    error::{Error, Result},
    fleet,
    hub::Connection,
    layers::Host,
    routes::Routes,
    sessions::{self, Life},
};

/// Requests of one connection that may wait for the disk at once; then it is not read from.
const IN_FLIGHT: usize = 1_024;

/// How long a connection may be silent before it is asked, and before it is given up.
const PING: Duration = Duration::from_secs(20);
const DEAD: Duration = Duration::from_secs(45);

/// Channels of one connection that are remembered as looked at.
const CHANNELS: usize = 1_024;

/// Bytes of frames that leave with one write at most, unless a frame is larger.
const WRITTEN_AT_ONCE: usize = 8 * 1_024;

/// Events that one replay reads at once.
const PAGE: i64 = 256;

/// Events that a client may acknowledge before the store is told.
const ACKNOWLEDGED_AT_ONCE: i64 = 64;

/// What a browser asks for when it can not send a header: this, and `bearer.<token>`.
const PROTOCOL: &str = "sparky.v1";

pub(crate) fn routes() -> Routes {
    Routes::new().get("/api/v1/ws", upgrade)
}

/// Reads a frame as a client's, and answers what is refused of it.
#[cfg(feature = "readers")]
pub(crate) fn read_frame(text: &str) {
    if let Some(Request { id, verb }) = Request::parse(text) {
        match verb {
            Ok(Verb::Paper { paper, .. }) => drop((id, paper.nonce())),
            Ok(_) => drop(id),
            Err(error) => drop(tell::answer(&id, Err(error))),
        }
    }
}

async fn upgrade(
    State(app): State<App>,
    Extension(guest): Extension<Guest>,
    Extension(Host(host)): Extension<Host>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response> {
    auth::allowed_origin(&app, &headers)?;
    let token = auth::bearer(&headers).or_else(|| auth::protocol_token(&headers));
    let proven = match token {
        Some(token) => Some(Proven::by_token(&app, token).await?),
        None => None,
    };
    // Frames above our own limit are answered with a close code, so the library's is a little higher.
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_frame_size(4 * body::LIMIT)
        .max_message_size(4 * body::LIMIT)
        .read_buffer_size(4 * 1_024)
        .write_buffer_size(WRITTEN_AT_ONCE)
        .max_write_buffer_size(8 * body::LIMIT);
    let tracker = app.connections.clone();
    Ok(upgrade.on_upgrade(move |socket| {
        tracker.track_future(async move {
            serve(app, socket, host, proven).await;
            drop(guest);
        })
    }))
}

async fn serve(app: App, socket: WebSocket, host: IpAddr, proven: Option<Proven>) {
    metrics::gauge!("sparky_ws_connections").increment(1.0);
    let mut session = Session {
        wire: Wire::new(socket, app.quotas.frames_per_minute()),
        app: app.clone(),
        host,
        peer: None,
        sign_in_by: Instant::now() + app.quotas.sign_in_time,
        paid_in: BTreeMap::new(),
        waiting: FuturesUnordered::new(),
        ends: FuturesUnordered::new(),
    };
    session.watch_ends();
    if let Some(proven) = proven {
        session.sign_in(proven).await;
    }
    let closed = session.run().await;
    tracing::debug!(?closed, "connection ended");
    session.end(closed).await;
    metrics::gauge!("sparky_ws_connections").decrement(1.0);
}

/// One connection.
struct Session {
    app: App,
    wire: Wire,
    /// Whom its requests count for until it has signed in.
    host: IpAddr,
    sign_in_by: Instant,
    /// Who is at the other end, once they have signed in.
    peer: Option<Peer>,
    /// The channels of which something was handed in here, and what was the last.
    paid_in: BTreeMap<ChannelId, Pending>,
    /// Requests that wait for the disk.
    waiting: FuturesUnordered<BoxFuture<'static, (Value, Result<Value>)>>,
    /// What ends it, whatever its client says. They are kept, so that each is looked at when it has
    /// happened and not with every frame.
    ends: FuturesUnordered<BoxFuture<'static, Wake>>,
}

struct Peer {
    account: Account,
    proof: Proof,
    seat: Seat,
    connection: Connection,
    /// The number of the last event that was told; none before the client has subscribed.
    told: Option<i64>,
    /// What the client says it has kept, and how much of that the store knows.
    acked: i64,
    stored_ack: i64,
}

/// An account, and what says that it is the one at the other end.
struct Proven {
    account: Account,
    proof: Proof,
}

/// What a connection goes on living by.
enum Proof {
    /// A session: when it ends, so does the connection.
    Session(Arc<Life>),
    /// A ticket, until a session that began with it would end.
    Until(i64),
}

impl Proven {
    async fn by_token(app: &App, token: &str) -> Result<Self> {
        let account = app.sessions.account(&app.store, token).await?;
        Ok(Self {
            account,
            proof: Proof::Session(app.sessions.hold(sessions::token_hash(token))),
        })
    }

    async fn by_ticket(app: &App, ticket: &str) -> Result<Self> {
        Ok(Self {
            account: app.sessions.redeem(&app.store, ticket).await?,
            proof: Proof::Until(clock::seconds() + i64::from(app.quotas.session_seconds)),
        })
    }
}

impl Session {
    async fn run(&mut self) -> Closed {
        let born = Instant::now();
        let mut heard = born;
        let mut ticks = interval_at(born + PING, PING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wake = self.wake(&mut ticks).await;
            let went = match wake {
                Wake::Frame(Err(closed)) => return closed,
                Wake::Frame(Ok(text)) => {
                    heard = Instant::now();
                    self.frame(&text).await
                }
                Wake::Done(id, result) => self.replies(id, result).await,
                Wake::Notice(Some(notice)) => self.notices(notice).await,
                Wake::Notice(None) | Wake::Stopping => return Closed::Restart,
                Wake::Slow => return Closed::Slow,
                Wake::Replaced => return Closed::Replaced,
                Wake::Stranger => return Closed::NotSignedIn,
                Wake::Tick if DEAD <= heard.max(self.wire.ponged()).elapsed() => {
                    return Closed::Gone;
                }
                Wake::Tick if self.is_out_of_time() => return Closed::NotSignedIn,
                Wake::Tick => {
                    self.store_ack(0);
                    self.wire.ping().await
                }
            };
            if let Err(closed) = went {
                return closed;
            }
        }
    }

    async fn frame(&mut self, text: &str) -> std::result::Result<(), Closed> {
        let Some(request) = Request::parse(text) else {
            return Err(Closed::BadFrame);
        };
        let Request { id, verb } = request;
        let result = match verb {
            Ok(verb) => self.verb(&id, verb).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(None) => Ok(()),
            Ok(Some(data)) => self.reply(id, Ok(data)).await,
            Err(error) => self.reply(id, Err(error)).await,
        }
    }

    /// The answer, if it is known at once.
    async fn verb(&mut self, id: &Value, verb: Verb) -> Result<Option<Value>> {
        match verb {
            Verb::Ping {} => Ok(Some(json!({}))),
            Verb::Hello {} => Ok(Some(
                json!({ "version": 1, "features": [], "relay": self.app.public_url }),
            )),
            Verb::Auth { token, ticket } => {
                let token_is_known = token
                    .as_deref()
                    .is_some_and(|token| self.app.sessions.remembers(token));
                if !token_is_known {
                    self.pay_for_request()?;
                }
                self.auth(token, ticket).await.map(Some)
            }
            Verb::Subscribe { after } => {
                self.pay_for_request()?;
                self.subscribe(id, after).await.map(|()| None)
            }
            Verb::Ack { seq } => {
                let peer = self.peer.as_mut().ok_or(Error::NotSignedIn)?;
                peer.acked = peer.acked.max(seq);
                self.store_ack(ACKNOWLEDGED_AT_ONCE);
                Ok(Some(json!({})))
            }
            Verb::Paper { channel_id, paper } => {
                let account = self.peer.as_ref().ok_or(Error::NotSignedIn)?.account;
                self.pay_for_request()?;
                let nonce = paper.nonce();
                // Its client may come from another relay, and know more of the channel than is
                // remembered here: look once, rather than refuse what it sends one after the other.
                if CHANNELS <= self.paid_in.len() {
                    self.paid_in.retain(|_, last| last.is_pending());
                }
                let (under_way, pending) = submit::under_way();
                let before = self.paid_in.insert(channel_id, pending);
                if before.is_none() && !self.app.fleet.is_alone() {
                    self.app
                        .book
                        .forget_if_overtaken(&self.app, channel_id)
                        .await?;
                }
                let after = before.and_then(|mut last| last.is_pending().then_some(last));
                let order = (under_way, after);
                let (handed, done) =
                    submit::hand_in(&self.app, account, channel_id, *paper, order).await;
                let id = id.clone();
                self.waiting.push(Box::pin(async move {
                    let stored = handed.durable().await;
                    drop(done);
                    (id, stored.map(|_| json!({ "nonce": nonce })))
                }));
                Ok(None)
            }
        }
    }

    /// What asks the database counts as a request: of the account, or of the host before.
    fn pay_for_request(&self) -> Result<()> {
        let limits = &self.app.limits;
        let paid = match &self.peer {
            Some(peer) => limits.accounts.take(peer.account),
            None => limits.hosts.take(self.host),
        };
        paid.map_err(Error::too_fast)
    }

    async fn auth(&mut self, token: Option<String>, ticket: Option<String>) -> Result<Value> {
        let proven = match (token, ticket) {
            (Some(token), _) => Proven::by_token(&self.app, &token).await?,
            (None, Some(ticket)) => Proven::by_ticket(&self.app, &ticket).await?,
            (None, None) => return Err(Error::NotSignedIn),
        };
        let account = proven.account;
        match &mut self.peer {
            Some(peer) if peer.account != account => {
                return Err(Error::LoginRefused(
                    "this connection belongs to another account",
                ));
            }
            // A newer session: the connection goes on by that one.
            Some(peer) => {
                peer.proof = proven.proof;
                self.watch_ends();
            }
            None => self.sign_in(proven).await,
        }
        Ok(json!({ "address": self.app.address(account) }))
    }

    /// Whether the time of a ticket is over.
    fn is_out_of_time(&self) -> bool {
        let proof = self.peer.as_ref().map(|peer| &peer.proof);
        matches!(proof, Some(Proof::Until(end)) if *end <= clock::seconds())
    }

    async fn sign_in(&mut self, Proven { account, proof }: Proven) {
        let seat = self
            .app
            .crowd
            .sit(account, self.app.quotas.account_connections);
        let (connection, came) = self.app.hub.join(account);
        self.peer = Some(Peer {
            account,
            proof,
            seat,
            connection,
            told: None,
            acked: 0,
            stored_ack: 0,
        });
        self.watch_ends();
        if came {
            presence(&self.app, account).await;
        }
    }

    async fn end(mut self, closed: Closed) {
        self.store_ack(0);
        let Self {
            app, wire, peer, ..
        } = self;
        if let Some(Peer {
            account,
            connection,
            ..
        }) = peer
            && app.hub.leave(account, connection.id)
        {
            presence(&app, account).await;
        }
        wire.close(closed).await;
    }
}

/// Tells the partners of an account that it came or went: here now, and through the pulse elsewhere.
async fn presence(app: &App, account: Account) {
    fleet::announce(app, account).await;
    if !app.fleet.is_alone() {
        app.fleet.look();
    }
}
