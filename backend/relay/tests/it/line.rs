//! A WebSocket to the relay, as a client uses it.

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, protocol::CloseFrame},
};

use crate::{participant::Participant, world::World};

/// How long anything may take: the machine may be slow, an answer that never comes is a defect.
const PATIENCE: Duration = Duration::from_mins(1);

/// One connection.
pub struct Line {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u64,
    /// Frames that came while something else was waited for.
    pub heard: VecDeque<Value>,
}

impl Line {
    /// A connection that has not said anything yet.
    pub async fn connect(world: &World) -> Self {
        Self::connect_to(&world.url()).await
    }

    /// The same, to the relay at this address.
    pub async fn connect_to(url: &str) -> Self {
        let url = format!("{}/api/v1/ws", url.replace("http", "ws"));
        let (socket, _) = connect_async(url).await.expect("connects");
        Self {
            socket,
            next_id: 0,
            heard: VecDeque::new(),
        }
    }

    /// A connection that has signed in and hears everything after `after`.
    pub async fn open(world: &World, who: &Participant, after: i64) -> Self {
        Self::open_at(&world.url(), who, after).await
    }

    /// The same, to the relay at this address.
    pub async fn open_at(url: &str, who: &Participant, after: i64) -> Self {
        let mut line = Self::connect_to(url).await;
        line.ok("hello", json!({ "version": 1, "features": [] }))
            .await;
        line.ok("auth", json!({ "token": who.token })).await;
        line.ok("subscribe", json!({ "after": after })).await;
        line
    }

    pub async fn say(&mut self, text: String) {
        self.socket
            .send(Message::Text(text.into()))
            .await
            .expect("sends");
    }

    /// Sends a request and answers with its number.
    pub async fn request(&mut self, kind: &str, data: Value) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        self.say(json!({ "id": id, "type": kind, "data": data }).to_string())
            .await;
        id
    }

    /// The answer to a request.
    pub async fn answer(&mut self, id: u64) -> Value {
        self.wait(|frame| frame["replyTo"] == id).await
    }

    /// Sends a request and waits for its answer.
    pub async fn ask(&mut self, kind: &str, data: Value) -> Value {
        let id = self.request(kind, data).await;
        self.answer(id).await
    }

    /// Sends a request that must go well.
    pub async fn ok(&mut self, kind: &str, data: Value) -> Value {
        let answer = self.ask(kind, data).await;
        assert_eq!(answer["type"], "ok", "{answer}");
        answer["data"].clone()
    }

    /// Waits for a frame of this type.
    pub async fn hear(&mut self, kind: &str) -> Value {
        self.wait(|frame| frame["type"] == kind).await
    }

    /// Waits for a frame; what came before it stays.
    pub async fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.heard.iter().position(&wanted) {
            return self.heard.remove(at).expect("it is there");
        }
        loop {
            let frame = self
                .next()
                .await
                .unwrap_or_else(|closed| panic!("closed: {closed:?}"));
            if wanted(&frame) {
                return frame;
            }
            self.heard.push_back(frame);
        }
    }

    /// The next frame, or how the connection was closed.
    pub async fn next(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .expect("an answer in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Reads until the relay closes, and says with which code.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match self.next().await {
                Ok(_) => {}
                Err(Some(frame)) => return frame.code.into(),
                Err(None) => panic!("closed without a code"),
            }
        }
    }
}
