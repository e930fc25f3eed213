//! A node made of canned answers, on a real socket.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use sparky_qtum::rpc::{Client, Patience};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What was asked: method, parameters, and the whole head of the HTTP request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub params: Value,
    pub head: String,
}

/// HTTP status and body for a question.
type Answer = (u16, String);

pub struct Node {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Node {
    /// Answers every question with what `answer` says; the id is put in here.
    pub async fn start(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://qtum:te%40st@{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new(answer));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&answer)));
            }
        });
        Self { url, asked }
    }

    /// Says the same to everything.
    pub async fn saying(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::start(move |_| (status, body.clone())).await
    }

    /// A client that does not wait long.
    pub fn client(&self) -> Client {
        let patience = Patience {
            timeout: Duration::from_secs(10),
            attempts: 4,
            pause: Duration::from_millis(1),
        };
        Client::with_patience(&self.url, patience).unwrap()
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<Mutex<impl FnMut(&Asked) -> Answer + Send + 'static>>,
) {
    while let Some((head, body)) = read_request(&mut stream).await {
        let request: Value = serde_json::from_str(&body).unwrap();
        let method = request["method"].as_str().unwrap().to_owned();
        let asked = Asked {
            method,
            params: request["params"].clone(),
            head,
        };
        log.lock().unwrap().push(asked.clone());
        let (status, body) = (answer.lock().unwrap())(&asked);
        let body = body.replace("$id", &request["id"].to_string());
        let response = format!(
            "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec())
                .unwrap()
                .to_ascii_lowercase();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap()
                .parse()
                .unwrap();
            if end + 4 + length <= bytes.len() {
                let body = String::from_utf8(bytes[end + 4..end + 4 + length].to_vec()).unwrap();
                return Some((String::from_utf8(bytes[..end].to_vec()).unwrap(), body));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// A question and its answer as recorded.
#[derive(Deserialize)]
pub struct Recorded {
    pub name: String,
    pub method: String,
    pub http: u16,
    #[serde(default)]
    result: Option<Box<serde_json::value::RawValue>>,
    #[serde(default)]
    error: Option<Box<serde_json::value::RawValue>>,
}

impl Recorded {
    pub fn body(&self) -> String {
        let text = |part: &Option<Box<serde_json::value::RawValue>>| {
            part.as_ref()
                .map_or("null".to_owned(), |raw| raw.get().to_owned())
        };
        format!(
            r#"{{"result":{},"error":{},"id":$id}}"#,
            text(&self.result),
            text(&self.error)
        )
    }
}

pub fn recorded(name: &str) -> Recorded {
    include_str!("../vectors/answers.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Recorded>(line).unwrap())
        .find(|recorded| recorded.name == name)
        .unwrap_or_else(|| panic!("no answer is recorded as {name}"))
}

/// A node that has only the recorded answer `name`, and insists on being asked for it.
pub async fn replay(name: &str) -> Node {
    let answer = recorded(name);
    Node::start(move |asked| {
        assert_eq!(asked.method, answer.method);
        (answer.http, answer.body())
    })
    .await
}
