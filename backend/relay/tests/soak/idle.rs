//! People who are there and do nothing: a connection each, that answers when it is asked.

use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::json;
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{participant::Participant, world::World};

/// Accounts that they share, so that signing in is not what is measured.
const ACCOUNTS: u8 = 20;

/// Connections that are made at once.
const AT_ONCE: usize = 64;

#[expect(
    clippy::async_yields_async,
    reason = "the handle is kept, not waited for"
)]
/// Connects so many, each signed in and subscribed. They leave when dropped.
pub async fn connect(world: &World, count: usize) -> Vec<AbortOnDropHandle<()>> {
    let mut tokens = Vec::new();
    for account in 0..ACCOUNTS {
        tokens.push(Participant::arrive(world, 230 + account).await.token);
    }
    let tokens = &tokens;
    let connections = stream::iter(0..count).map(|number| async move {
        let token = &tokens[number % tokens.len()];
        let url = format!("{}/api/v1/ws", world.url().replace("http", "ws"));
        // This side is not what is measured: it needs no large buffers.
        let small = WebSocketConfig::default()
            .read_buffer_size(4_096)
            .write_buffer_size(0);
        let (mut socket, _) = connect_async_with_config(url, Some(small), false)
            .await
            .expect("connects");
        for (kind, data) in [
            ("auth", json!({ "token": token })),
            ("subscribe", json!({ "after": 0 })),
        ] {
            let frame = json!({ "id": kind, "type": kind, "data": data }).to_string();
            socket
                .send(Message::Text(frame.into()))
                .await
                .expect("sends");
            let answer = socket.next().await.expect("an answer").expect("an answer");
            assert!(answer.into_text().expect("a text").contains("\"ok\""));
        }
        AbortOnDropHandle::new(tokio::spawn(async move {
            // Reading is what answers the pings.
            while let Some(Ok(_)) = socket.next().await {}
        }))
    });
    connections.buffer_unordered(AT_ONCE).collect().await
}
