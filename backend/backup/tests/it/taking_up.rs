//! Taking up a backup: an old memory may be read, and signs nothing.

use sparky_backup::{Kept, restored};
use sparky_protocol::{Amount, Hash, Operation, Rejected, Side};

use crate::{channel, paid, tip};

const QUESTION: Hash = Hash([9; 32]);

fn kept(payments: u32) -> Kept {
    let mut kept = Kept {
        channel: channel(),
        outbox: Vec::new(),
    };
    for _ in 0..payments {
        let (channel, update) = paid(&kept.channel, 1);
        kept = Kept {
            channel,
            outbox: vec![update],
        };
    }
    kept
}

#[test]
fn where_nothing_is_known_everything_is_taken_and_nothing_signed() {
    let taken = restored(None, &kept(3), Side::A, QUESTION, &tip())
        .expect("honest")
        .expect("news");
    assert_eq!(taken.outbox, kept(3).outbox);
    assert_eq!(taken.channel.street(Side::A).nonce(), 3);
    let operations = [Operation::Transfer { amount: Amount(1) }];
    let refused = taken.channel.propose(Side::A, &operations, &tip());
    assert_eq!(refused, Err(Rejected::InDoubt { partner: false }));
}

#[test]
fn an_older_backup_brings_no_news() {
    let known = kept(4);
    for old in 0..=4 {
        let taken = restored(Some(&known), &kept(old), Side::A, QUESTION, &tip());
        assert_eq!(taken, Ok(None), "{old}");
    }
}

#[test]
fn a_newer_backup_is_taken_up_in_doubt() {
    let taken = restored(Some(&kept(2)), &kept(4), Side::A, QUESTION, &tip())
        .expect("honest")
        .expect("news");
    assert_eq!(taken.channel.street(Side::A).nonce(), 4);
    assert!(taken.channel.doubt().is_some());
    assert_eq!(taken.outbox, kept(4).outbox);
}

#[test]
fn a_backup_is_believed_no_more_than_a_relay() {
    let mut forged = kept(3);
    let text = serde_json::to_string(&forged.channel).expect("JSON");
    let text = text.replace("\"transferred\":\"3\"", "\"transferred\":\"2\"");
    forged.channel = serde_json::from_str(&text).expect("a channel");
    let refused = restored(Some(&kept(1)), &forged, Side::A, QUESTION, &tip());
    assert!(refused.is_err(), "{refused:?}");
}
