//! One function per reader of bytes that somebody else wrote, beyond those of `sparky-qtum`: what the
//! relay reads from clients, what a person keeps in files, what a node says around an answer. The fuzz
//! targets (`fuzz/`) and the test beside this file call the same ones.

use sparky_backup::{Content, File, Kept, blob, restored};
use sparky_protocol::{Hash, Reserve, SecretKey, Side, Tip};
use sparky_qtum::rpc;

#[path = "../../../qtum/tests/decoders/json.rs"]
mod json;
use json::json;

/// A reader: its name, which is also that of its corpus, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const SERVICES: &[Target] = &[
    ("frame", sparky_relay::readers::frame),
    ("body", sparky_relay::readers::body),
    ("backup", backup),
    ("blob", sealed),
    ("blocks", sparky_devchain::read_log),
    ("reply", reply),
];

/// A file that somebody kept, what is in it, and a channel as a profile keeps it.
fn backup(bytes: &[u8]) {
    if let Ok(text) = core::str::from_utf8(bytes)
        && let Ok(file) = File::parse(text)
    {
        let written = serde_json::to_string(&file).expect("what was read can be written");
        assert_eq!(File::parse(&written).ok(), Some(file.clone()));
        // What is whole was written by the product, and asks for what these examples ask for.
        let _ = file.open("correct horse");
    }
    for kept in json::<Content>(bytes)
        .into_iter()
        .flat_map(|all| all.channels)
    {
        take_up(&kept);
    }
    if let Some(kept) = json::<Kept>(bytes) {
        take_up(&kept);
    }
}

/// What is taken up is in doubt, and never behind what was known.
fn take_up(kept: &Kept) {
    let tip = Tip {
        height: 1_100,
        confirmations: 1,
        reserve: Reserve::NONE,
    };
    for side in Side::BOTH {
        if let Ok(Some(anew)) = restored(None, kept, side, Hash::ZERO, &tip) {
            assert!(anew.channel.doubt().is_some());
        }
        let mut known = kept.clone();
        known.outbox.clear();
        if let Ok(Some(again)) = restored(Some(&known), kept, side, Hash::ZERO, &tip) {
            for sender in Side::BOTH {
                let (before, after) = (known.channel.street(sender), again.channel.street(sender));
                assert!(before.nonce() <= after.nonce());
            }
        }
    }
}

/// What a relay shows as somebody's backup.
fn sealed(bytes: &[u8]) {
    let key = SecretKey::from_bytes(&[1; 32]).expect("a key");
    for revision in [0, 7, u64::MAX] {
        if let Ok(content) = blob::open(bytes, &key, revision) {
            assert_eq!(
                (content.revision, content.account),
                (revision, key.account())
            );
        }
    }
}

/// A node's answer with what is around it, under every status.
fn reply(bytes: &[u8]) {
    let Ok(body) = core::str::from_utf8(bytes) else {
        return;
    };
    for status in [200, 401, 403, 404, 500, 503] {
        let status = rpc::StatusCode::from_u16(status).expect("a status");
        match rpc::read_reply::<serde_json::Value>(status, body, "getblockcount", 1) {
            Ok(value) => drop(value.to_string()),
            Err(why) => drop(why.to_string()),
        }
        let _ = rpc::read_reply::<rpc::BlockchainInfo>(status, body, "getblockchaininfo", 1);
    }
}
