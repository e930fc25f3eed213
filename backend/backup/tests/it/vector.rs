//! `docs/spec/vectors/backup.json`: what other programs must be able to open, and reproduce.
//!
//! The test compares; `SPARKY_WRITE_VECTORS=1` writes the file again after a deliberate change.

use serde_json::{Value, json};
use sparky_backup::{Content, File, Kept, Stretch, blob};

use crate::{channel, content, key, paid};

const PASSPHRASE: &str = "correct horse battery staple";

fn vector() -> Value {
    let (channel, update) = paid(&channel(), 20);
    let content = content(vec![Kept {
        channel,
        outbox: vec![update],
    }]);
    let (salt, nonce) = ([0x11; 16], [0x22; 24]);
    let file = File::seal(&content, &key(1), PASSPHRASE, Stretch::NEW, salt, nonce);
    let blob = blob::seal(&content, &key(1), nonce).expect("seals");
    json!({
        "secretKey": format!("0x{}", hex::encode(*key(1).to_bytes())),
        "passphrase": PASSPHRASE,
        "content": content,
        "file": file.expect("seals"),
        "revision": content.revision,
        "blob": format!("0x{}", hex::encode(blob)),
    })
}

#[test]
fn both_forms_are_what_was_published() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/spec/vectors/backup.json"
    );
    let computed = vector();
    if std::env::var_os("SPARKY_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&computed).expect("JSON");
        std::fs::write(path, text + "\n").expect("writes");
    }
    let text = std::fs::read_to_string(path).expect("the vector");
    let published: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(published, computed);

    let file = File::parse(&published["file"].to_string()).expect("a file");
    let opened = file.open(PASSPHRASE).expect("opens");
    let content: Content = serde_json::from_value(published["content"].clone()).expect("content");
    assert_eq!(opened.content, content);
}
