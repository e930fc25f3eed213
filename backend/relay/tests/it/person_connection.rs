//! How a person reaches the relay: requests, a session and a line, each of which may break.

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sparky_protocol::{ChannelId, Login};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use super::{PATIENCE, Person, Result, Trouble};

impl Person {
    /// A request. What is not an answer of the relay itself counts as broken.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let broken = |cause: reqwest::Error| Trouble::Broken(cause.to_string());
        let mut request = self
            .http
            .request(method, format!("{}/api/v1{path}", self.url));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(broken)?;
        let status = answer.status();
        let text = answer.text().await.map_err(broken)?;
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        match status {
            _ if status.is_success() => Ok(value),
            StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => {
                Err(Trouble::Broken(value.to_string()))
            }
            _ if status.is_server_error() => Err(Trouble::Broken(value.to_string())),
            _ => Err(Trouble::Refused(value)),
        }
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// A new session.
    pub async fn sign_in(&mut self) -> Result<()> {
        self.token.clear();
        let challenge = self
            .post("/auth/challenges", &json!({ "address": self.address }))
            .await?;
        let login: Login = serde_json::from_value(challenge["login"].clone()).expect("a login");
        let answer = json!({ "challengeId": challenge["challengeId"], "signature": self.key.sign(&login.digest()) });
        // A challenge can be answered once: when the answer got lost, the next try asks for another.
        let session = match self.post("/auth/sessions", &answer).await {
            Err(Trouble::Refused(why)) => return Err(Trouble::Broken(why.to_string())),
            other => other?,
        };
        session["token"]
            .as_str()
            .expect("a token")
            .clone_into(&mut self.token);
        Ok(())
    }

    /// Comes back: signs in if it must, listens from the last event on, and brings every channel up
    /// to date in both directions.
    pub async fn connect(&mut self) -> Result<()> {
        self.line = None;
        if self.token.is_empty() {
            self.sign_in().await?;
        }
        let url = format!("{}/api/v1/ws", self.url.replace("http", "ws"));
        let connecting = tokio::time::timeout(PATIENCE, connect_async(url));
        let (line, _) = connecting
            .await
            .map_err(|_| Trouble::Broken("no connection in time".into()))?
            .map_err(|cause| Trouble::Broken(cause.to_string()))?;
        self.line = Some(line);
        if let Err(why) = self.request("auth", json!({ "token": self.token })).await {
            self.token.clear();
            return Err(match why {
                Trouble::Refused(why) => Trouble::Broken(why.to_string()),
                broken @ Trouble::Broken(_) => broken,
            });
        }
        self.request("subscribe", json!({ "after": self.cursor }))
            .await?;
        let ids: Vec<ChannelId> = self.held.keys().copied().collect();
        for id in ids {
            self.resync(id).await?;
            self.flush(id).await?;
        }
        Ok(())
    }

    /// Tears the connection without a word.
    pub fn disconnect(&mut self) {
        self.line = None;
    }

    /// A request over the WebSocket, and its answer; events that come before it are kept.
    pub async fn request(&mut self, kind: &str, data: Value) -> Result<Value> {
        self.last_id += 1;
        let id = self.last_id;
        let text = json!({ "id": id, "type": kind, "data": data }).to_string();
        self.say(&text).await?;
        loop {
            let frame = self.next().await?;
            if frame["replyTo"] != id {
                self.keep(&frame)?;
                continue;
            }
            return match frame["type"].as_str() {
                Some("ok") => Ok(frame["data"].clone()),
                _ => Err(Trouble::Refused(frame["data"].clone())),
            };
        }
    }

    async fn say(&mut self, text: &str) -> Result<()> {
        let Some(line) = &mut self.line else {
            return Err(Trouble::Broken("not connected".into()));
        };
        let sent = line.send(Message::Text(text.into())).await;
        sent.map_err(|cause| self.broke(cause.to_string()))
    }

    async fn next(&mut self) -> Result<Value> {
        loop {
            let Some(line) = &mut self.line else {
                return Err(Trouble::Broken("not connected".into()));
            };
            match tokio::time::timeout(PATIENCE, line.next()).await {
                Err(_) => return Err(self.broke("nothing was heard in time".into())),
                Ok(Some(Ok(Message::Text(text)))) => {
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Ok(Some(Ok(Message::Close(frame)))) => {
                    return Err(self.broke(format!("closed: {frame:?}")));
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(cause))) => return Err(self.broke(cause.to_string())),
                Ok(None) => return Err(self.broke("ended".into())),
            }
        }
    }

    pub(super) fn broke(&mut self, why: String) -> Trouble {
        self.line = None;
        Trouble::Broken(why)
    }

    /// Hears and keeps events until one of this type has come.
    pub async fn hear(&mut self, kind: &str) -> Result<Value> {
        loop {
            let frame = self.next().await?;
            self.keep(&frame)?;
            if frame["type"] == kind {
                return Ok(frame);
            }
        }
    }
}
