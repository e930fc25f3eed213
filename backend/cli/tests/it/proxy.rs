//! Something between the command line and its relay that may answer in the relay's place, or change
//! what it says: a relay in trouble, or a dishonest one.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What becomes of a request.
pub enum Fate {
    /// The relay answers.
    Pass,
    /// This status with this body, and the relay hears nothing.
    Answer(u16, String),
    /// The relay answers, and the answer is lost: only this status arrives.
    Lose(u16),
    /// The relay answers, and its text is changed.
    Change(Box<dyn FnOnce(String) -> String + Send>),
}

/// Decides over a request by its first line: `POST /api/v1/… HTTP/1.1`.
type Rule = Box<dyn FnMut(&str) -> Fate + Send>;

/// Serves until the test ends.
pub struct Proxy {
    /// Where it is.
    pub url: String,
    upstream: Arc<OnceLock<String>>,
    rule: Arc<Mutex<Rule>>,
}

impl Proxy {
    /// Listens; lets everything pass.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            upstream: Arc::default(),
            rule: Arc::new(Mutex::new(Box::new(|_| Fate::Pass))),
        };
        let (upstream, rule) = (Arc::clone(&proxy.upstream), Arc::clone(&proxy.rule));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let upstream = upstream.get().expect("it was told").clone();
                let rule = Arc::clone(&rule);
                // Whoever goes away in the middle wants no answer.
                std::thread::spawn(move || serve(client, &upstream, &rule));
            }
        });
        proxy
    }

    /// Where requests go on to.
    pub fn to(&self, url: &str) {
        let address = url.trim_start_matches("http://");
        self.upstream.set(address.to_owned()).unwrap();
    }

    /// What happens from now on.
    pub fn rule(&self, rule: impl FnMut(&str) -> Fate + Send + 'static) {
        *self.rule.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(rule);
    }
}

/// One request and its answer.
fn serve(client: TcpStream, upstream: &str, rule: &Mutex<Rule>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (first, head, body) = message(&mut reader)?;
    let fate = rule.lock().unwrap_or_else(PoisonError::into_inner)(&first);
    if let Fate::Answer(status, text) = fate {
        return answer(client, &format!("HTTP/1.1 {status} Because"), &text);
    }
    let mut relay = TcpStream::connect(upstream)?;
    write!(relay, "{first}\r\n{head}Connection: close\r\n\r\n")?;
    relay.write_all(&body)?;
    let (status, _, body) = message(&mut BufReader::new(relay))?;
    let text = String::from_utf8_lossy(&body).into_owned();
    match fate {
        Fate::Change(change) => answer(client, &status, &change(text)),
        Fate::Lose(status) => answer(client, &format!("HTTP/1.1 {status} Lost"), ""),
        _ => answer(client, &status, &text),
    }
}

fn answer(mut client: TcpStream, status: &str, text: &str) -> std::io::Result<()> {
    let kind = "Content-Type: application/json\r\nConnection: close\r\n";
    let length = text.len();
    write!(
        client,
        "{status}\r\n{kind}Content-Length: {length}\r\n\r\n{text}"
    )
}

/// First line, other lines without what is about this connection alone, and body.
fn message(reader: &mut impl BufRead) -> std::io::Result<(String, String, Vec<u8>)> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut head, mut length, mut chunked) = (String::new(), None, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let (name, value) = line.trim().split_once(':').unwrap_or_default();
        match name.to_lowercase().as_str() {
            "" => break,
            "connection" => continue,
            "content-length" => length = value.trim().parse::<u64>().ok(),
            "transfer-encoding" => chunked = value.contains("chunked"),
            _ => {}
        }
        head.push_str(&line);
    }
    assert!(!chunked, "the relay's answers have a length");
    let mut body = Vec::new();
    reader.take(length.unwrap_or(0)).read_to_end(&mut body)?;
    Ok((first.trim_end().to_owned(), head, body))
}
