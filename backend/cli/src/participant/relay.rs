//! The relay's REST interface, as one participant sees it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sparky_protocol::{Login, SecretKey};

use crate::problem::Problem;

const PATIENCE: Duration = Duration::from_secs(30);
/// A challenge that is good for longer than this is not an ordinary one.
const CHALLENGE_SECONDS: u64 = 15 * 60;

/// A relay, and our session with it once we have signed in.
#[derive(Clone)]
pub struct Relay {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is as good as a password.
        write!(f, "Relay({})", self.base)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Challenge {
    challenge_id: Value,
    login: Login,
}

#[derive(Deserialize)]
struct Session {
    token: String,
}

impl Relay {
    /// The relay at `base`, not signed in.
    pub fn new(base: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            base: base.trim_end_matches('/').into(),
            token: None,
        }
    }

    /// Signs in: asks for a challenge, checks that it is what it should be, signs it.
    ///
    /// # Errors
    /// `login-refused` when the challenge names another relay or account, `clock-skew`, and what the relay says.
    pub async fn sign_in(&mut self, key: &SecretKey, address: &str) -> Result<()> {
        let challenge: Challenge = self
            .post("/auth/challenges", &json!({ "address": address }))
            .await?;
        self.check(&challenge.login, key)?;
        let signature = key.sign(&challenge.login.digest());
        let answer = json!({ "challengeId": challenge.challenge_id, "signature": signature });
        let session: Session = self.post("/auth/sessions", &answer).await?;
        self.token = Some(session.token);
        Ok(())
    }

    /// What we sign must say what we know to be true, not what we were handed.
    fn check(&self, login: &Login, key: &SecretKey) -> Result<()> {
        let refuse = |code, text: String| Err(Problem::new(code, "Did not sign in", text).into());
        if login.account != key.account() {
            return refuse(
                "login-refused",
                "The challenge is for another account.".into(),
            );
        }
        if !is_same_place(&login.relay, &self.base) || !is_same_place(&login.origin, &self.base) {
            let text = format!(
                "The challenge is for {} from {}, and we talk to {}. If they are the same relay, name it with --relay as it names itself.",
                login.relay, login.origin, self.base
            );
            return refuse("login-refused", text);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        if login.expires_at < now || login.issued_at > now + 300 {
            let off = login.issued_at.abs_diff(now);
            return refuse(
                "clock-skew",
                format!("This clock and the relay's differ by {off} s."),
            );
        }
        if login.expires_at.saturating_sub(login.issued_at) > CHALLENGE_SECONDS {
            return refuse(
                "login-refused",
                "The challenge would be good for too long.".into(),
            );
        }
        Ok(())
    }

    /// `GET`.
    ///
    /// # Errors
    /// The relay's problem, or `relay-unreachable`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.send(self.request(Method::GET, path)).await
    }

    /// `GET`, with `None` for what does not exist.
    ///
    /// # Errors
    /// The relay's problem, or `relay-unreachable`.
    pub async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        match self.get(path).await {
            Ok(value) => Ok(Some(value)),
            Err(error) => match error.downcast_ref::<Problem>() {
                Some(problem) if problem.status == Some(404) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// `POST`.
    ///
    /// # Errors
    /// The relay's problem, or `relay-unreachable`.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// `PUT`.
    ///
    /// # Errors
    /// The relay's problem, or `relay-unreachable`.
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// Where the relay is.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}/api/v1{path}", self.base))
            .timeout(PATIENCE);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(refusal(response).await.into());
        }
        let bytes = response
            .bytes()
            .await
            .map_err(|error| self.unreachable(&error))?;
        // An answer without a body is read as null.
        let bytes = if bytes.is_empty() {
            b"null".as_slice()
        } else {
            &bytes
        };
        serde_json::from_slice(bytes).context("the relay's answer cannot be read")
    }

    fn unreachable(&self, error: &reqwest::Error) -> Problem {
        let text = format!(
            "{} does not answer ({error}). Your funds are in the contract; you can still close on chain.",
            self.base
        );
        Problem::new("relay-unreachable", "Relay not reachable", text).retryable()
    }
}

/// Whether two base URLs lead to one relay: a slash at the end changes nothing, nor does which of its two
/// names this machine is called by.
fn is_same_place(one: &str, other: &str) -> bool {
    let plain = |url: &str| {
        let url = url.trim_end_matches('/');
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let rest = match rest.strip_prefix("localhost") {
            Some(port) if port.is_empty() || port.starts_with(':') => format!("127.0.0.1{port}"),
            _ => rest.to_owned(),
        };
        format!("{scheme}://{rest}")
    };
    plain(one) == plain(other)
}

/// What a relay, or something in front of it, said instead of an answer.
async fn refusal(response: Response) -> Problem {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    serde_json::from_str::<Problem>(&text)
        .ok()
        .filter(|problem| !problem.code.is_empty())
        .map_or_else(
            || {
                let code = if status.is_server_error() {
                    "relay-unreachable"
                } else {
                    "bad-request"
                };
                Problem {
                    status: Some(status.as_u16()),
                    ..Problem::new(code, "The relay refused", format!("It answered {status}."))
                }
            },
            |problem| Problem {
                status: Some(status.as_u16()),
                ..problem
            },
        )
}

#[cfg(test)]
mod tests {
    use super::is_same_place;

    #[test]
    fn this_machine_has_two_names() {
        assert!(is_same_place(
            "http://localhost:8080/",
            "http://127.0.0.1:8080"
        ));
        assert!(is_same_place(
            "https://relay.example",
            "https://relay.example/"
        ));
        for other in [
            "http://localhost:8081",
            "https://localhost:8080",
            "http://localhost.example:8080",
            "http://127.0.0.1.example:8080",
        ] {
            assert!(!is_same_place(other, "http://127.0.0.1:8080"), "{other}");
        }
    }
}
