//! Backups as their users meet them: made here, opened there, damaged, old, of somebody else.
#![allow(missing_docs)]

mod form;
mod taking_up;
mod vector;

use sparky_backup::{Content, Kept, Stretch, VERSION};
use sparky_protocol::{
    Account, Amount, Channel, ChannelParams, Domain, Facts, Operation, Reserve, SecretKey, Side,
    Tip, Update,
};

const QUICK: Stretch = Stretch {
    memory_kib: 64,
    passes: 1,
    lanes: 1,
};

fn key(at: u8) -> SecretKey {
    SecretKey::from_bytes(&[at; 32]).expect("a key")
}

fn tip() -> Tip {
    Tip {
        height: 100,
        confirmations: 1,
        reserve: Reserve::NONE,
    }
}

fn domain() -> Domain {
    Domain {
        chain_id: 8_890,
        contract: Account([0xc0; 20]),
    }
}

/// Channel 5, into which A put 100.
fn channel() -> Channel {
    let params = ChannelParams {
        number: 5,
        account_a: key(1).account(),
        account_b: key(2).account(),
        token: Account::ZERO,
        window: 50,
        penalty_bps: 10_000,
    };
    Channel::new(domain(), Facts::opened(params, Amount(100), 10))
}

/// One more payment of A.
fn paid(channel: &Channel, amount: u128) -> (Channel, Update) {
    let operations = vec![Operation::Transfer {
        amount: Amount(amount),
    }];
    let proof = channel
        .propose(Side::A, &operations, &tip())
        .expect("it can be paid");
    let update = Update {
        operations,
        proof: proof.signed(key(1).sign(&proof.digest(channel.domain()))),
    };
    let next = channel.accept(&update, &tip()).expect("by the rules");
    (next, update)
}

fn content(channels: Vec<Kept>) -> Content {
    Content {
        version: VERSION,
        account: key(1).account(),
        network: "dev".into(),
        domain: domain(),
        revision: 7,
        made_at: 1_700_000_000,
        channels,
        app: serde_json::json!({ "name": "Alice" }),
    }
}
