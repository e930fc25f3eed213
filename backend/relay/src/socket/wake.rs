//! What a connection waits for: its client, its account's events, its answers, and what ends it.

use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::Value;

use super::{IN_FLIGHT, Proof, Session, wire::Closed};
use crate::{error::Result, hub::Notice};

/// What the loop woke up for.
pub(super) enum Wake {
    Frame(std::result::Result<String, Closed>),
    Done(Value, Result<Value>),
    Notice(Option<Notice>),
    Slow,
    Replaced,
    Stranger,
    Stopping,
    Tick,
}

impl Session {
    /// The next of them.
    pub(super) async fn wake(&mut self, ticks: &mut tokio::time::Interval) -> Wake {
        let Self {
            wire,
            peer,
            waiting,
            ends,
            ..
        } = self;
        let (busy, idle) = (IN_FLIGHT <= waiting.len(), waiting.is_empty());
        let notice = async {
            match peer {
                None => std::future::pending().await,
                Some(peer) => peer.connection.notices.next().await,
            }
        };
        let happens = async {
            tokio::select! {
                Some((id, result)) = waiting.next(), if !idle => Wake::Done(id, result),
                notice = notice => Wake::Notice(notice),
                frame = wire.next(), if !busy => Wake::Frame(frame),
                _ = ticks.tick() => Wake::Tick,
            }
        };
        tokio::select! {
            biased;
            Some(end) = ends.next() => end,
            wake = happens => wake,
        }
    }

    /// Looks out for what ends the connection, as things are now.
    pub(super) fn watch_ends(&mut self) {
        self.ends.clear();
        let stopping = self.app.stopping.clone().cancelled_owned();
        self.ends.push(stopping.map(|()| Wake::Stopping).boxed());
        let Some(peer) = &self.peer else {
            let late = tokio::time::sleep_until(self.sign_in_by);
            self.ends.push(late.map(|()| Wake::Stranger).boxed());
            return;
        };
        let taken = peer.seat.taken.clone().cancelled_owned();
        self.ends.push(taken.map(|()| Wake::Replaced).boxed());
        if let Proof::Session(life) = &peer.proof {
            let ended = life.ended.clone().cancelled_owned();
            self.ends.push(ended.map(|()| Wake::Stranger).boxed());
        }
        let mut slow = peer.connection.slow.clone();
        let slow = async move {
            // Forgotten by the hub is as bad.
            let _ = slow.wait_for(|slow| *slow).await;
            Wake::Slow
        };
        self.ends.push(slow.boxed());
    }
}
