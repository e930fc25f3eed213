//! The corpus is what the product itself writes: made here, kept in `fuzz/corpus`.
//!
//! `SPARKY_WRITE_CORPUS=1 cargo test -p sparky-cli --test decoders corpus` writes it again.

use std::{fs, path::Path};

use serde_json::{Value, json};
use sparky_backup::{Content, File, Kept, Stretch, blob};
use sparky_protocol::{Account, Amount, Hash, Reserve, SecretKey, Side, Tip, Update};

use crate::mutate;

#[path = "../../../qtum/tests/decoders/known.rs"]
mod known;
use known::known;

/// Examples by reader.
fn made() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut all = Vec::new();
    for (name, document) in frames() {
        let frame = json!({ "id": 7, "type": name, "data": document });
        all.push(("frame", name.to_owned(), frame.to_string().into_bytes()));
    }
    for (name, document) in bodies() {
        all.push(("body", name.to_owned(), document.to_string().into_bytes()));
    }
    let (key, content) = (key(1), content());
    let quick = Stretch {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };
    let file = File::seal(&content, &key, "correct horse", quick, [3; 16], [4; 24]);
    let file = serde_json::to_vec(&file.expect("it is sealed")).expect("JSON");
    let kept = serde_json::to_vec(&content.channels[0]).expect("JSON");
    all.push(("backup", "file".into(), file));
    all.push(("backup", "kept".into(), kept));
    let text = serde_json::to_vec(&content).expect("JSON");
    all.push(("backup", "content".into(), text));
    let sealed = blob::seal(&content, &key, [5; 24]).expect("it is sealed");
    all.push(("blob", "relay".into(), sealed));
    for (name, document) in [
        ("result", json!({ "result": 5, "error": null, "id": 1 })),
        (
            "error",
            json!({ "result": null, "error": { "code": -5, "message": "No such block" }, "id": 1 }),
        ),
        ("other", json!({ "jsonrpc": "2.0", "result": {}, "id": 2 })),
    ] {
        all.push(("reply", name.into(), document.to_string().into_bytes()));
    }
    all
}

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).expect("a key")
}

fn tip() -> Tip {
    Tip {
        height: 1_100,
        confirmations: 1,
        reserve: Reserve::NONE,
    }
}

/// A payment of 10 from A.
fn payment() -> Update {
    let operations = vec![sparky_protocol::Operation::Transfer { amount: Amount(10) }];
    let channel = known();
    let proof = channel.propose(Side::A, &operations, &tip());
    let proof = proof.expect("it is there");
    let signature = key(1).sign(&proof.digest(channel.domain()));
    Update {
        operations,
        proof: proof.signed(signature),
    }
}

fn content() -> Content {
    let update = payment();
    let channel = known().accept(&update, &tip());
    Content {
        version: sparky_backup::VERSION,
        account: key(1).account(),
        network: "regtest".into(),
        domain: *known().domain(),
        revision: 7,
        made_at: 1_700_000_000,
        channels: vec![Kept {
            channel: channel.expect("it is right"),
            outbox: vec![update],
        }],
        app: json!({ "names": {} }),
    }
}

fn papers() -> (Value, Value, Value) {
    let update = payment();
    let channel = known();
    let refused = channel.accept(&update, &Tip { height: 0, ..tip() });
    let held = channel.accept(&update, &tip()).expect("it is right");
    let unsigned = held.ack(Side::A).expect("something to ack");
    let ack = unsigned.signed(key(2).sign(&unsigned.digest(channel.domain())));
    let why = refused.err().unwrap_or_else(|| {
        let again = held.accept(&update, &tip());
        again.expect_err("it is held")
    });
    let nack = held.nack(Side::A, &update, &why);
    (json!(update), json!(ack), json!(nack))
}

fn frames() -> Vec<(&'static str, Value)> {
    let id = known().params().id();
    let (update, ack, nack) = papers();
    vec![
        ("hello", json!({})),
        ("auth", json!({ "token": "00", "ticket": null })),
        ("subscribe", json!({ "after": 5 })),
        ("proof.submit", json!({ "channelId": id, "update": update })),
        ("ack.submit", json!({ "channelId": id, "ack": ack })),
        ("nack.submit", json!({ "channelId": id, "nack": nack })),
        ("ack", json!({ "seq": 5 })),
        ("ping", json!({})),
    ]
}

fn bodies() -> Vec<(&'static str, Value)> {
    let (update, ack, nack) = papers();
    let channel = known().accept(&payment(), &tip());
    let channel = channel.expect("it is right");
    let signature = payment().proof.signature;
    let withdraw = json!({
        "kind": "withdraw", "fromB": true, "amountSat": "5",
        "validUntil": 1_120, "sequence": 1, "signature": signature,
    });
    let close = json!({
        "kind": "close", "netToA": "-5", "validUntil": 1_120, "sequence": 1, "signature": signature,
    });
    let call =
        json!({ "to": Account([0xc0; 20]), "data": "0x01020304", "sender": "q", "amountSat": "5" });
    vec![
        ("proof", update),
        ("ack", ack),
        ("nack", nack),
        ("close", close),
        ("withdraw", withdraw),
        ("countersignature", json!({ "signature": signature })),
        ("switch", json!({ "enabled": true })),
        ("streets", json!({ "streets": channel.streets() })),
        ("question", json!({ "question": Hash([7; 32]) })),
        ("word", json!(channel.word(Hash([7; 32])).signed(signature))),
        ("challenge", json!({ "address": "qAddress" })),
        (
            "sign-in",
            json!({ "challengeId": "00", "signature": signature }),
        ),
        ("backup", json!({ "revision": 1, "blob": "0x00" })),
        ("broadcast", json!({ "hex": "00", "purpose": "open" })),
        ("call", call),
        ("mine", json!({ "blocks": 1 })),
        (
            "faucet",
            json!({ "address": "qAddress", "amountSat": "100000" }),
        ),
    ]
}

/// The file of a chain that mined a payment and left a block.
async fn blocks() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let config = sparky_devchain::Config {
        data_dir: Some(folder.path().to_owned()),
        ..sparky_devchain::Config::default()
    };
    let node = sparky_devchain::spawn(config).await.expect("it starts");
    let client = sparky_qtum::rpc::Client::new(node.rpc_url()).expect("a client");
    let mined = client.dev_mine(1).await.expect("a block");
    client.invalidate_block(&mined[0]).await.expect("it goes");
    node.shutdown().await;
    fs::read(folder.path().join("blocks.log")).expect("it can be read")
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    fs::create_dir_all(root().join(target)).expect("a folder");
    fs::write(root().join(target).join(name), bytes).expect("a file");
}

#[test]
fn the_corpus_holds_what_the_product_writes() {
    let writes = std::env::var_os("SPARKY_WRITE_CORPUS").is_some();
    for (target, name, bytes) in made() {
        if writes {
            write(target, &name, &bytes);
        }
        assert!(
            mutate::examples(target).contains(&bytes),
            "{target}/{name} is not in the corpus: run this with SPARKY_WRITE_CORPUS=1"
        );
    }
}

/// A chain is another one each time, so that only its reader can tell that it is one.
#[tokio::test]
async fn a_chain_is_read_as_it_was_written() {
    let bytes = blocks().await;
    if std::env::var_os("SPARKY_WRITE_CORPUS").is_some() {
        write("blocks", "left", &bytes);
        // Its first record alone.
        let length = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
        let end = 16 + usize::try_from(length).expect("short");
        write("blocks", "first", &bytes[..end]);
    }
    sparky_devchain::read_log(&bytes);
    assert!(
        mutate::examples("blocks")
            .iter()
            .all(|bytes| bytes.starts_with(b"QTUMLOG1"))
    );
}
