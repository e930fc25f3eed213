//! What a connection tells its client: answers, the account's events, who comes and goes.

use std::sync::Arc;

use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};

use super::{PAGE, Peer, Session, wire::Closed};
use crate::{
    chain::follow::tip_frame,
    error::{Error, Result},
    events,
    hub::Notice,
};

impl Session {
    /// From here on the account's events are told: first what was missed, then what happens.
    pub(super) async fn subscribe(&mut self, id: &Value, after: i64) -> Result<()> {
        let account = self.peer.as_ref().ok_or(Error::NotSignedIn)?.account;
        let start = events::start(&self.app.store, account, after).await?;
        if let Some(peer) = &mut self.peer {
            peer.told = Some(start.after);
        }
        let told = async {
            self.reply(
                id.clone(),
                Ok(json!({ "after": start.after, "last": start.last })),
            )
            .await?;
            // Blocks that came between the client's last question and now were told to nobody.
            self.wire.send(tip_frame(&self.app)).await?;
            if start.gap {
                let remark = json!({ "type": "resync.required", "data": { "after": start.after } });
                self.wire.send(remark.to_string().into()).await?;
            }
            self.replay().await
        };
        // A connection that broke is noticed by the next read.
        let _: std::result::Result<(), Closed> = told.await;
        Ok(())
    }

    /// Tells what the store has above the last number that was told.
    pub(super) async fn replay(&mut self) -> std::result::Result<(), Closed> {
        loop {
            let Some(Peer {
                account,
                told: Some(after),
                ..
            }) = self.peer
            else {
                return Ok(());
            };
            let Ok(page) = self.app.store.events(account, after, PAGE).await else {
                return Err(Closed::Restart);
            };
            let Some(last) = page.last().map(|event| event.seq) else {
                return Ok(());
            };
            crate::failpoint!("relay.replay.before");
            for event in &page {
                self.wire.feed(event.frame()).await?;
            }
            self.wire.flush().await?;
            crate::failpoint!("relay.replay.after");
            if let Some(peer) = &mut self.peer {
                peer.told = Some(last);
            }
        }
    }

    /// Tells a notice and whatever else has come meanwhile, with one flush.
    pub(super) async fn notices(&mut self, first: Notice) -> std::result::Result<(), Closed> {
        let mut next = Some(first);
        while let Some(notice) = next {
            self.notice(notice).await?;
            next = self
                .peer
                .as_mut()
                .and_then(|peer| peer.connection.notices.next_now());
        }
        crate::failpoint!("relay.event.before");
        self.wire.flush().await?;
        crate::failpoint!("relay.event.after");
        Ok(())
    }

    pub(super) async fn notice(&mut self, notice: Notice) -> std::result::Result<(), Closed> {
        let Some(peer) = &mut self.peer else {
            return Ok(());
        };
        match (notice, &mut peer.told) {
            (Notice::Passing(frame), _) => self.wire.feed(frame).await,
            (Notice::Upto(seq), Some(told)) if *told < seq => self.replay().await,
            // Not subscribed, or told already while the gap before it was read.
            (Notice::Event(..), None) | (Notice::Upto(_), _) => Ok(()),
            (Notice::Event(seq, _), Some(told)) if seq <= *told => Ok(()),
            (Notice::Event(seq, frame), Some(told)) if seq == *told + 1 => {
                *told = seq;
                self.wire.feed(frame).await
            }
            (Notice::Event(..), Some(_)) => self.replay().await,
        }
    }

    /// Answers a request and all others that have become durable meanwhile, with one flush.
    pub(super) async fn replies(
        &mut self,
        id: Value,
        result: Result<Value>,
    ) -> std::result::Result<(), Closed> {
        let mut next = Some((id, result));
        while let Some((id, result)) = next {
            self.wire.feed(answer(&id, result)).await?;
            next = self.waiting.next().now_or_never().flatten();
        }
        self.wire.flush().await
    }

    pub(super) async fn reply(
        &mut self,
        id: Value,
        result: Result<Value>,
    ) -> std::result::Result<(), Closed> {
        crate::failpoint!("relay.reply.before");
        self.wire.send(answer(&id, result)).await?;
        crate::failpoint!("relay.reply.after");
        Ok(())
    }

    /// Has the store told what the client has kept, once that is more than `most` events.
    pub(super) fn store_ack(&mut self, most: i64) {
        let Some(peer) = &mut self.peer else { return };
        if most < peer.acked - peer.stored_ack {
            self.app.committer.keep(peer.account, peer.acked);
            peer.stored_ack = peer.acked;
        }
    }
}

pub(super) fn answer(id: &Value, result: Result<Value>) -> Arc<str> {
    let frame = match result {
        Ok(data) => json!({ "replyTo": id, "type": "ok", "data": data }),
        Err(error) => json!({ "replyTo": id, "type": "error", "data": error.document() }),
    };
    frame.to_string().into()
}
