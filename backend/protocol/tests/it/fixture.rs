//! A channel to test with: A deposited 100, B 50, both long confirmed.

use sparky_protocol::{
    Account, Amount, ChainEvent, Channel, ChannelParams, Domain, Facts, Lock, Operation, Preimage,
    Rejected, Reserve, SecretKey, Side, Tip, Update,
};

pub const OPENED: u32 = 1_000;
pub const WINDOW: u32 = 50;

pub fn key(side: Side) -> SecretKey {
    SecretKey::from_bytes(&[1 + u8::from(side.is_b()); 32]).expect("a key")
}

pub fn params() -> ChannelParams {
    ChannelParams {
        number: 1,
        account_a: key(Side::A).account(),
        account_b: key(Side::B).account(),
        token: Account::ZERO,
        window: WINDOW,
        penalty_bps: 10_000,
    }
}

pub fn channel() -> Channel {
    let domain = Domain {
        chain_id: 8_890,
        contract: Account([0xc0; 20]),
    };
    let mut facts = Facts::opened(params(), Amount(100), OPENED);
    let (channel_id, amount) = (params().id(), Amount(50));
    facts.apply(
        OPENED + 1,
        &ChainEvent::Deposited {
            channel_id,
            to: Side::B,
            amount,
        },
    );
    Channel::new(domain, facts)
}

pub fn tip() -> Tip {
    at(OPENED + 100)
}

pub fn at(height: u32) -> Tip {
    Tip {
        height,
        confirmations: 1,
        reserve: Reserve::NONE,
    }
}

pub fn transfer(amount: u128) -> Operation {
    Operation::Transfer {
        amount: Amount(amount),
    }
}

pub fn preimage(at: u8) -> Preimage {
    Preimage([at; 32])
}

/// The next lock of `sender`, good for 20 more blocks, opened by `preimage(at)`.
pub fn lock(channel: &Channel, sender: Side, amount: u128, at: u8) -> Lock {
    Lock {
        id: channel.next_lock_id(sender),
        amount: Amount(amount),
        expiry: tip().height + 20,
        payment_hash: preimage(at).payment_hash(),
    }
}

pub fn add(lock: Lock) -> Operation {
    Operation::LockAdd {
        lock,
        onion: vec![],
    }
}

/// What `sender` sends next, by the rules.
pub fn update(channel: &Channel, sender: Side, operations: Vec<Operation>) -> Update {
    let proof = channel
        .propose(sender, &operations, &tip())
        .expect("the rules allow it");
    let signature = key(sender).sign(&proof.digest(channel.domain()));
    Update {
        operations,
        proof: proof.signed(signature),
    }
}

/// With one more update of `sender`.
pub fn send(channel: &Channel, sender: Side, operations: Vec<Operation>) -> Channel {
    channel
        .accept(&update(channel, sender, operations), &tip())
        .expect("the rules allow it")
}

/// With `sender`'s newest proof acked.
pub fn acked(channel: &Channel, sender: Side) -> Channel {
    let unsigned = channel.ack(sender).expect("something to ack");
    let signature = key(sender.other()).sign(&unsigned.digest(channel.domain()));
    channel
        .accept_ack(&unsigned.signed(signature))
        .expect("the ack fits")
}

#[track_caller]
pub fn assert_code<T>(result: Result<T, Rejected>, code: &str) {
    match result {
        Ok(_) => panic!("accepted; should be {code}"),
        Err(why) => assert_eq!(why.code(), code, "{why}"),
    }
}
