//! A bad network: a TCP proxy that knows where messages begin and end, and breaks them on purpose.
//!
//! It understands just enough of HTTP/1.1 and of WebSocket frames to find one message of one kind; all
//! else it passes on as it came.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From whoever connected.
    Up,
    /// To whoever connected.
    Down,
}

/// What is done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Both ends lose the connection, and the message is lost.
    CutBefore,
    /// The message arrives, and then the connection is lost.
    CutAfter,
    /// Half of the message arrives, and then the connection is lost.
    Halve,
    /// The message arrives twice.
    Repeat,
    /// The message arrives late.
    Delay(Duration),
}

/// One message to be broken: the next one that goes this way and contains this text.
#[derive(Clone, Debug)]
struct Rule {
    way: Way,
    contains: String,
    fault: Fault,
}

#[derive(Default)]
struct Plan {
    rules: Mutex<Vec<Rule>>,
    /// What every message says instead of something else, of the same length.
    lies: Mutex<Vec<(String, String)>>,
    /// How many messages were broken.
    broken: AtomicU32,
}

/// A running proxy.
pub struct Proxy {
    address: SocketAddr,
    plan: Arc<Plan>,
    cut: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a port of its own and passes everything on to `to`.
    pub async fn before(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let plan = Arc::new(Plan::default());
        let (cut, cuts) = watch::channel(0);
        let shared = Arc::clone(&plan);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (plan, mut cuts) = (Arc::clone(&shared), cuts.clone());
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = connection(stream, to, &plan) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self {
            address,
            plan,
            cut,
            task,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks the next message that goes this way and contains this text.
    pub fn break_next(&self, way: Way, contains: &str, fault: Fault) {
        let rule = Rule {
            way,
            contains: contains.to_owned(),
            fault,
        };
        self.plan
            .rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(rule);
    }

    /// From now on every message says the second text, filled up with spaces, in place of the first.
    pub fn say_instead(&self, truth: &str, lie: &str) {
        let lie = format!("{lie:width$}", width = truth.len());
        assert_eq!(truth.len(), lie.len(), "the length of a message stays");
        let lies = self.plan.lies.lock();
        lies.unwrap_or_else(PoisonError::into_inner)
            .push((truth.to_owned(), lie));
    }

    /// From now on messages are told as they are.
    pub fn be_honest(&self) {
        let lies = self.plan.lies.lock();
        lies.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many messages were broken so far.
    pub fn broken(&self) -> u32 {
        self.plan.broken.load(Ordering::SeqCst)
    }

    /// Ends every connection that there is.
    pub fn cut_all(&self) {
        self.cut.send_modify(|count| *count += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut_all();
        self.task.abort();
    }
}

impl Plan {
    /// What to do to this message, once.
    fn fault(&self, way: Way, text: &str) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let at = rules
            .iter()
            .position(|rule| rule.way == way && text.contains(&rule.contains))?;
        self.broken.fetch_add(1, Ordering::SeqCst);
        Some(rules.remove(at).fault)
    }
}

impl Plan {
    /// The message with its lies.
    fn told(&self, message: Vec<u8>) -> Vec<u8> {
        let lies = self.lies.lock().unwrap_or_else(PoisonError::into_inner);
        match String::from_utf8(message) {
            Ok(text) => lies
                .iter()
                .fold(text, |text, (truth, lie)| text.replace(truth, lie))
                .into_bytes(),
            Err(binary) => binary.into_bytes(),
        }
    }
}

/// Ends with an error when the connection has to be torn.
async fn connection(client: TcpStream, to: SocketAddr, plan: &Plan) -> io::Result<()> {
    let server = TcpStream::connect(to).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (mut up, mut down) = (
        Pipe::new(from_client, to_server),
        Pipe::new(from_server, to_client),
    );
    // Requests and answers alternate until one of them asks for a WebSocket.
    loop {
        let Some(request) = up.http(false).await? else {
            return Ok(());
        };
        let request = plan.told(request);
        let is_upgrade = request.starts_with(b"GET ") && contains(&request, "upgrade: websocket");
        let twice = up.pass(&request, Way::Up, plan).await?;
        let Some(answer) = down.http(is_upgrade).await? else {
            return Ok(());
        };
        let answer = plan.told(answer);
        // Whoever asked once hears one answer.
        if twice {
            down.http(false).await?;
        }
        // What answers a request is found by the request as well.
        let both = [lossy(&request), lossy(&answer)].concat();
        down.pass_as(&answer, &both, Way::Down, plan).await?;
        if is_upgrade {
            break;
        }
    }
    tokio::select! {
        ended = frames(&mut up, Way::Up, plan) => ended,
        ended = frames(&mut down, Way::Down, plan) => ended,
    }
}

async fn frames(pipe: &mut Pipe, way: Way, plan: &Plan) -> io::Result<()> {
    while let Some((frame, text)) = pipe.frame().await? {
        pipe.pass_as(&frame, &text, way, plan).await?;
    }
    Ok(())
}

/// One direction of a connection.
struct Pipe {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    read: Vec<u8>,
}

impl Pipe {
    fn new(from: OwnedReadHalf, to: OwnedWriteHalf) -> Self {
        Self {
            from,
            to,
            read: Vec::new(),
        }
    }

    /// Reads on until there are `size` bytes. False when the other side has ended.
    async fn fill(&mut self, size: usize) -> io::Result<bool> {
        while self.read.len() < size {
            if self.from.read_buf(&mut self.read).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take(&mut self, size: usize) -> Vec<u8> {
        let rest = self.read.split_off(size);
        std::mem::replace(&mut self.read, rest)
    }

    /// One HTTP message: head and body.
    async fn http(&mut self, head_only: bool) -> io::Result<Option<Vec<u8>>> {
        let end = loop {
            if let Some(at) = find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
            let more = self.read.len() + 1;
            if !self.fill(more).await? {
                return Ok(None);
            }
        };
        let head = lossy(&self.read[..end]).to_lowercase();
        if head_only {
            return Ok(Some(self.take(end)));
        }
        let size = match header(&head, "content-length") {
            Some(length) => end + length.parse::<usize>().unwrap_or_default(),
            None if header(&head, "transfer-encoding").is_some() => loop {
                if let Some(at) = find(&self.read[end..], b"0\r\n\r\n") {
                    break end + at + 5;
                }
                let more = self.read.len() + 1;
                if !self.fill(more).await? {
                    return Ok(None);
                }
            },
            None => end,
        };
        Ok(self.fill(size).await?.then(|| self.take(size)))
    }

    /// One WebSocket frame, and what it says.
    async fn frame(&mut self) -> io::Result<Option<(Vec<u8>, String)>> {
        if !self.fill(2).await? {
            return Ok(None);
        }
        let (masked, short) = (self.read[1] & 0x80 != 0, usize::from(self.read[1] & 0x7f));
        let extended = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let start = 2 + extended + if masked { 4 } else { 0 };
        if !self.fill(start).await? {
            return Ok(None);
        }
        let length = if extended == 0 {
            short
        } else {
            self.read[2..2 + extended]
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte))
        };
        if !self.fill(start + length).await? {
            return Ok(None);
        }
        let frame = self.take(start + length);
        let mut payload = frame[start..].to_vec();
        if masked {
            let mask = &frame[start - 4..start];
            for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
                *byte ^= mask;
            }
        }
        Ok(Some((frame, lossy(&payload))))
    }

    async fn pass(&mut self, bytes: &[u8], way: Way, plan: &Plan) -> io::Result<bool> {
        let text = lossy(bytes);
        self.pass_as(bytes, &text, way, plan).await
    }

    /// Passes a message on, unless it is one to be broken. True when it was sent twice.
    async fn pass_as(
        &mut self,
        bytes: &[u8],
        text: &str,
        way: Way,
        plan: &Plan,
    ) -> io::Result<bool> {
        let torn = || io::Error::from(io::ErrorKind::ConnectionReset);
        match plan.fault(way, text) {
            None => self.to.write_all(bytes).await?,
            Some(Fault::CutBefore) => return Err(torn()),
            Some(Fault::CutAfter) => {
                self.to.write_all(bytes).await?;
                // In good order, so that what was written is not overtaken by a reset.
                self.to.shutdown().await?;
                return Err(torn());
            }
            Some(Fault::Halve) => {
                self.to.write_all(&bytes[..bytes.len() / 2]).await?;
                self.to.shutdown().await?;
                return Err(torn());
            }
            Some(Fault::Repeat) => {
                self.to.write_all(bytes).await?;
                self.to.write_all(bytes).await?;
                return Ok(true);
            }
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                self.to.write_all(bytes).await?;
            }
        }
        Ok(false)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn contains(bytes: &[u8], what: &str) -> bool {
    lossy(bytes).to_lowercase().contains(what)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}
