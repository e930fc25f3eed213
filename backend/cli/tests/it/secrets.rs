//! Secrets stay where they belong: a story is played with everything logged that can be, and what is
//! left behind is searched for them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sparky_protocol::Login;
use sparky_qtum::{Network, wif};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

const WIF: &str = "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ";
const PASSPHRASE: &str = "correct-horse-battery-staple";
const RPC_PASSWORD: &str = "rpc-password-5e1f0a9c";
const PROOF_KEY: &str = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5";

/// A process whose output is kept in files.
struct Logged {
    child: Child,
    output: PathBuf,
}

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `sparky` with everything that can be logged, told its secrets as it should be: by its environment.
fn sparky(folder: &Path, name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Logged {
    let output = folder.join(format!("{name}.out"));
    let errors = folder.join(format!("{name}.err"));
    let child = Command::new(env!("CARGO_BIN_EXE_sparky"))
        .args(arguments)
        .env("RUST_LOG", "trace")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(File::create(&output).unwrap())
        .stderr(File::create(errors).unwrap())
        .spawn()
        .unwrap();
    Logged { child, output }
}

impl Logged {
    /// The last word of the first line, once it is there.
    fn url(&self) -> String {
        for _ in 0..6_000 {
            let text = fs::read_to_string(&self.output).unwrap();
            if let Some((line, _)) = text.split_once('\n') {
                return line.split_whitespace().last().unwrap().to_owned();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it did not start: {}", self.output.display());
    }

    fn arguments(&self) -> Vec<u8> {
        fs::read(format!("/proc/{}/cmdline", self.child.id())).unwrap()
    }
}

#[test]
fn no_secret_is_in_logs_database_answers_or_arguments() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let node = sparky(
        path,
        "node",
        &["devchain", "--rpc-port", "0"],
        &[("SPARKY_RPC_PASSWORD", RPC_PASSWORD)],
    );
    let rpc_url = node.url();
    assert!(
        rpc_url.contains(RPC_PASSWORD),
        "the test needs a secret to look for"
    );
    // Whoever starts it is told; that is the one place.
    fs::remove_file(&node.output).unwrap();
    let database = format!("sqlite://{}?mode=rwc", path.join("relay.sqlite").display());
    let services = [
        ("SPARKY_QTUM_RPC_URL", rpc_url.as_str()),
        ("SPARKY_DATABASE_URL", &database),
    ];
    run(path, "migrate", &["migrate"], &services, "");
    run(path, "prefund", &["prefund"], &services, "");
    let relay = sparky(
        path,
        "relay",
        &["relay", "--bind", "127.0.0.1:0"],
        &services,
    );
    let url = relay.url();

    // What people do, with a key of their own.
    let own = [
        ("SPARKY_PASSPHRASE", PASSPHRASE),
        ("SPARKY_RELAY", url.as_str()),
    ];
    run(path, "import", &["wallet", "import"], &own, WIF);
    run(path, "open", &["channel", "open", "bob", "100"], &own, "");
    run(path, "pay", &["pay", "bob", "20"], &own, "");
    run(path, "list", &["channel", "list"], &own, "");
    run(path, "help", &["relay", "--help"], &services, "");
    run(path, "doctor", &["doctor"], &[own, services].concat(), "");
    let wrong = [("SPARKY_PASSPHRASE", "wrong"), own[1]];
    fails(path, "wrong", &["pay", "bob", "1"], &wrong, "");
    // A key where none belongs: refused without being repeated.
    fails(path, "twice", &["wallet", "import"], &own, WIF);
    fails(
        path,
        "broken",
        &["wallet", "import", "--profile", "b"],
        &own,
        &WIF[1..],
    );

    let tokens = tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(sessions(&url));
    let command_lines = [node.arguments(), relay.arguments()].concat();
    drop((node, relay));

    let key = wif::decode(WIF, Network::Regtest).unwrap();
    let mut secrets = vec![
        ("the key", WIF.to_owned()),
        ("most of the key", WIF[1..].to_owned()),
        ("the key's bytes", hex::encode(key.to_bytes())),
        ("another key's bytes", PROOF_KEY.to_owned()),
        ("the passphrase", PASSPHRASE.to_owned()),
        ("the node's password", RPC_PASSWORD.to_owned()),
        (
            "the same, as it travels",
            base64(&format!("qtum:{RPC_PASSWORD}")),
        ),
    ];
    secrets.extend(tokens.into_iter().map(|token| ("a token", token)));
    let mut searched = 0;
    for file in files(path) {
        let bytes = fs::read(&file).unwrap();
        searched += bytes.len();
        for (what, secret) in &secrets {
            assert!(!holds(&bytes, secret), "{what} is in {}", file.display());
        }
    }
    for (what, secret) in &secrets {
        assert!(
            !holds(&command_lines, secret),
            "{what} is on a command line"
        );
    }
    // It would be no wonder if nothing had been written.
    let log = fs::read_to_string(path.join("relay.err")).unwrap();
    assert!(
        log.contains("TRACE") && log.contains("/api/v1/auth/sessions"),
        "{searched}"
    );
    assert!(100_000 < searched, "{searched}");
}

/// Sessions of somebody who does everything that a token is for, and some things that it is not.
async fn sessions(url: &str) -> Vec<String> {
    let http = reqwest::Client::new();
    let key = sparky_protocol::SecretKey::from_bytes(&[0xa5; 32]).unwrap();
    let address = sparky_qtum::address::encode(&key.account(), Network::Regtest);
    let post = |path: &str, body: Value| {
        let request = http.post(format!("{url}/api/v1{path}")).json(&body);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let challenge = post("/auth/challenges", json!({ "address": address })).await;
    let login: Login = serde_json::from_value(challenge["login"].clone()).unwrap();
    let answer =
        json!({ "challengeId": challenge["challengeId"], "signature": key.sign(&login.digest()) });
    let token = post("/auth/sessions", answer).await["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let ticket = http
        .post(format!("{url}/api/v1/auth/ws-tickets"))
        .bearer_auth(&token);
    let ticket: Value = ticket.send().await.unwrap().json().await.unwrap();
    let ticket = ticket["ticket"].as_str().unwrap().to_owned();
    let stale = "5a".repeat(32);
    let refused = http
        .get(format!("{url}/api/v1/channels"))
        .bearer_auth(&stale);
    assert_eq!(refused.send().await.unwrap().status().as_u16(), 401);
    // By mistake in the wrong place.
    for wrong in [WIF, PROOF_KEY, &token] {
        post("/auth/challenges", json!({ "address": wrong })).await;
        post(
            "/auth/sessions",
            json!({ "challengeId": wrong, "signature": wrong }),
        )
        .await;
    }
    for secret in [
        json!({ "token": token }),
        json!({ "ticket": ticket }),
        json!({ "token": stale }),
    ] {
        let socket = format!("{}/api/v1/ws", url.replace("http", "ws"));
        let (mut line, _) = tokio_tungstenite::connect_async(socket).await.unwrap();
        for (kind, data) in [("auth", secret), ("subscribe", json!({ "after": 0 }))] {
            let frame = json!({ "id": 1, "type": kind, "data": data }).to_string();
            line.send(Message::Text(frame.into())).await.unwrap();
            line.next().await.unwrap().unwrap();
        }
    }
    vec![token, ticket, stale]
}

/// Runs to its end, and keeps what it said.
fn call(
    folder: &Path,
    name: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
    input: &str,
) -> i32 {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_sparky"))
        .args(["--yes", "--data"])
        .arg(folder.join("data"))
        .args(arguments)
        .env("RUST_LOG", "trace")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(File::create(folder.join(format!("{name}.out"))).unwrap())
        .stderr(File::create(folder.join(format!("{name}.err"))).unwrap())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait().unwrap().code().unwrap_or(-1)
}

#[track_caller]
fn run(folder: &Path, name: &str, arguments: &[&str], variables: &[(&str, &str)], input: &str) {
    let code = call(folder, name, arguments, variables, input);
    let said = fs::read_to_string(folder.join(format!("{name}.err"))).unwrap();
    assert_eq!(code, 0, "{arguments:?}: {said}");
}

#[track_caller]
fn fails(folder: &Path, name: &str, arguments: &[&str], variables: &[(&str, &str)], input: &str) {
    assert_ne!(
        call(folder, name, arguments, variables, input),
        0,
        "{arguments:?}"
    );
}

/// Everything below a folder: logs, database, profiles.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for at in 0..=chunk.len() {
            let digit = bits >> (18 - 6 * at) & 63;
            out.push(char::from(DIGITS[digit as usize]));
        }
    }
    out
}

#[test]
fn what_travels_as_basic_authentication_is_searched_for() {
    assert_eq!(base64("qtum:test").trim_end_matches('='), "cXR1bTp0ZXN0");
    assert_eq!(base64("ab"), "YWI");
}
