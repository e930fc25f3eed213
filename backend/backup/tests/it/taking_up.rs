//! Taking up a backup: an old memory may be read, and signs nothing.

use sparky_backup::{Kept, restored};
use sparky_protocol::{Amount, Authorisation, Hash, Operation, Rejected, Side, Tip};

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

/// The phone has signed a close that waits to be mined; the laptop knows the same promises, not that.
/// Paying on would make the declaration false.
#[test]
fn what_binds_is_taken_up_where_all_promises_are_known() {
    let known = kept(2);
    let mut saved = kept(2);
    let close = Authorisation::close(Side::A, tip().height + 5);
    saved.channel = saved.channel.authorise(close, &tip()).expect("possible");
    let taken = restored(Some(&known), &saved, Side::A, QUESTION, &tip())
        .expect("honest")
        .expect("it binds");
    assert_eq!(taken.channel.authorisations(), [close]);
    assert_eq!(taken.outbox, known.outbox);
    assert_eq!(taken.channel.doubt(), None, "nothing of its own was lost");
    // What has ended binds nobody.
    let later = Tip {
        height: tip().height + 50,
        ..tip()
    };
    let over = restored(Some(&known), &saved, Side::A, QUESTION, &later);
    assert_eq!(over, Ok(None));
}

/// What was given up can still be shown on chain: a backup of who gave way brings that too.
#[test]
fn what_was_given_up_stays_remembered() {
    let base = kept(1).channel;
    let (relay, _) = paid(&base, 2);
    let (mine, _) = paid(&base, 7);
    let saved = Kept {
        channel: mine
            .give_way(Side::A, relay.streets(), &tip())
            .expect("genuine"),
        outbox: Vec::new(),
    };
    let more = paid(&saved.channel, 1).0;
    let saved = Kept {
        channel: more,
        outbox: Vec::new(),
    };
    let known = kept(1);
    let taken = restored(Some(&known), &saved, Side::A, QUESTION, &tip())
        .expect("honest")
        .expect("news");
    assert_eq!(taken.channel.street(Side::A).forgone(), Amount(8));
}
