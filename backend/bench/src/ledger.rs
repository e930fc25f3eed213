//! Accepting a payment in the core, without anything around it.

use std::time::Duration;

use sparky_protocol::{
    Account, Amount, Channel, ChannelParams, Domain, Facts, Operation, Reserve, SecretKey, Side,
    Tip, Update,
};

use crate::{
    channels::DEPOSIT,
    measure::{Rate, real},
};

/// How many payments are signed beforehand.
const SIGNED: u64 = 2_048;

/// Accepts signed payments one after the other, as often as there is time.
pub(crate) fn accept(during: Duration) -> anyhow::Result<Rate> {
    let key = SecretKey::from_bytes(&[7; 32])?;
    let params = ChannelParams {
        number: 1,
        account_a: key.account(),
        account_b: Account([9; 20]),
        token: Account::ZERO,
        window: 100,
        penalty_bps: 10_000,
    };
    let domain = Domain {
        chain_id: 8_890,
        contract: Account([5; 20]),
    };
    let tip = Tip {
        height: 100,
        confirmations: 1,
        reserve: Reserve::NONE,
    };
    let fresh = Channel::new(domain, Facts::opened(params, DEPOSIT, 1));
    let mut channel = fresh.clone();
    let mut updates = Vec::new();
    for _ in 0..SIGNED {
        let operations = vec![Operation::Transfer { amount: Amount(1) }];
        let proof = channel.propose(Side::A, &operations, &tip)?;
        let update = Update {
            operations,
            proof: proof.signed(key.sign(&proof.digest(&domain))),
        };
        channel = channel.accept(&update, &tip)?;
        updates.push(update);
    }
    let (mut times, begin) = (0, std::time::Instant::now());
    while begin.elapsed() < during {
        let mut channel = fresh.clone();
        for update in &updates {
            channel = channel.accept(update, &tip)?;
        }
        times += SIGNED;
    }
    let seconds = begin.elapsed().as_secs_f64();
    anyhow::ensure!(0.0 < real(times), "nothing was accepted");
    Ok(Rate { times, seconds })
}
