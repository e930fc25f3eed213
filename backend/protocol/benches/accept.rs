//! What a payment costs: `cargo bench -p sparky-protocol`.
//!
//! A relay accepts once per payment, a sender proposes, signs and accepts, a recipient accepts.

use std::{hint::black_box, time::Instant};

use sparky_protocol::{
    Account, Amount, Channel, ChannelParams, Domain, Facts, Hash, Operation, Reserve, SecretKey,
    Side, Tip, Update,
};

fn main() {
    let keys = [1, 2].map(|byte| SecretKey::from_bytes(&[byte; 32]).expect("a key"));
    let params = ChannelParams {
        number: 1,
        account_a: keys[0].account(),
        account_b: keys[1].account(),
        token: Account::ZERO,
        window: 50,
        penalty_bps: 10_000,
    };
    let domain = Domain {
        chain_id: 8_890,
        contract: Account([0xc0; 20]),
    };
    let tip = Tip {
        height: 100,
        confirmations: 1,
        reserve: Reserve::NONE,
    };
    let channel = Channel::new(domain, Facts::opened(params, Amount(1_000_000), 1));
    let operations = vec![Operation::Transfer { amount: Amount(1) }];
    let propose = |channel: &Channel| {
        channel
            .propose(Side::A, &operations, &tip)
            .expect("covered")
    };
    let update = |channel: &Channel| {
        let proof = propose(channel);
        let signature = keys[0].sign(&proof.digest(channel.domain()));
        Update {
            operations: operations.clone(),
            proof: proof.signed(signature),
        }
    };
    let first = update(&channel);
    let mut asleep = channel.clone();
    for _ in 0..100 {
        asleep = asleep.accept(&update(&asleep), &tip).expect("covered");
    }
    let next = update(&asleep);
    let (digest, signature) = (
        first.proof.proof.digest(channel.domain()),
        first.proof.signature,
    );

    measure("sign", || keys[0].sign(&Hash([7; 32])));
    measure("verify", || signature.verify(&digest, &params.account_a));
    measure("propose", || propose(&channel));
    measure("accept the first payment", || channel.accept(&first, &tip));
    measure("accept the 101st unacked payment", || {
        asleep.accept(&next, &tip)
    });
    measure("copy a channel with 32 unacked payments", || asleep.clone());
}

fn measure<T>(name: &str, mut run: impl FnMut() -> T) {
    const ROUNDS: u32 = 2_000;
    for _ in 0..ROUNDS / 10 {
        black_box(run());
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(run());
    }
    println!("{:>9.2?}  {name}", start.elapsed() / ROUNDS);
}
