//! Frames in and out, limits and close codes.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, timeout};

use crate::{body, limit::Bucket};

/// How long one write may take. A client that does not read for longer is slow.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// The client left, or the network did.
    Gone,
    /// A frame that is too large, or not ours.
    BadFrame,
    NotSignedIn,
    /// A newer connection of the account took its place.
    Replaced,
    /// It reads more slowly than it is told.
    Slow,
    /// It says more than anybody may, whatever it was answered.
    Flood,
    /// The relay stops, or its database does.
    Restart,
}

impl Closed {
    fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Gone => return None,
            Self::BadFrame => (4400, "bad frame: JSON of at most 64 KiB is expected"),
            Self::NotSignedIn => (4401, "sign in first"),
            Self::Replaced => (4409, "replaced by a newer connection of this account"),
            Self::Flood => (4429, "too many frames: connect again in a minute"),
            Self::Slow => (
                4413,
                "too slow: connect again and go on after the last event",
            ),
            Self::Restart => (1012, "the relay restarts: connect again"),
        };
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }
}

/// A WebSocket that knows our limits.
pub(super) struct Wire {
    socket: WebSocket,
    ponged: Instant,
    /// What the client may still say, frames of all kinds.
    frames: Bucket,
}

impl Wire {
    pub(super) fn new(socket: WebSocket, frames_per_minute: u32) -> Self {
        let now = Instant::now();
        Self {
            socket,
            ponged: now,
            frames: Bucket::new(frames_per_minute, now.into_std()),
        }
    }

    /// When the client last answered a ping.
    pub(super) fn ponged(&self) -> Instant {
        self.ponged
    }

    /// The next text. Safe to drop while it waits.
    pub(super) async fn next(&mut self) -> Result<String, Closed> {
        loop {
            let message = self.socket.next().await;
            if self.frames.take(Instant::now().into_std()).is_err() {
                return Err(Closed::Flood);
            }
            match message {
                Some(Ok(Message::Text(text))) if text.len() <= body::LIMIT => {
                    return Ok(text.to_string());
                }
                Some(Ok(Message::Text(_) | Message::Binary(_))) => return Err(Closed::BadFrame),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => self.ponged = Instant::now(),
                Some(Err(cause)) if is_too_large(&cause) => return Err(Closed::BadFrame),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Closed::Gone),
            }
        }
    }

    /// Sends a text now.
    pub(super) async fn send(&mut self, text: Arc<str>) -> Result<(), Closed> {
        self.feed(text).await?;
        self.flush().await
    }

    /// Queues a text; it leaves with the next flush at the latest.
    pub(super) async fn feed(&mut self, text: Arc<str>) -> Result<(), Closed> {
        in_time(self.socket.feed(Message::Text((&*text).into()))).await
    }

    pub(super) async fn flush(&mut self) -> Result<(), Closed> {
        in_time(self.socket.flush()).await
    }

    pub(super) async fn ping(&mut self) -> Result<(), Closed> {
        in_time(self.socket.send(Message::Ping(Vec::new().into()))).await
    }

    /// Says why, if somebody may still listen, and ends.
    pub(super) async fn close(mut self, closed: Closed) {
        if let Some(frame) = closed.frame() {
            let farewell = async {
                self.socket.send(Message::Close(Some(frame))).await?;
                // The close frame must not be overtaken by a reset: wait for the client's own.
                while let Some(Ok(_)) = self.socket.next().await {}
                Ok::<_, axum::Error>(())
            };
            let _ = timeout(PATIENCE, farewell).await;
        }
    }
}

async fn in_time(write: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Closed> {
    match timeout(PATIENCE, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Closed::Gone),
        Err(_) => Err(Closed::Slow),
    }
}

/// Whether the library refused a message for its size.
fn is_too_large(cause: &axum::Error) -> bool {
    std::error::Error::source(cause).is_some_and(|cause| cause.to_string().contains("too long"))
}
