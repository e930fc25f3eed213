//! A channel that everybody in these tests knows.

use sparky_protocol::{
    Account, Amount, ChainEvent, Channel, ChannelParams, Domain, Facts, SecretKey, Side,
};

/// A channel to read for: A deposited 100, B 50. Its participants' keys are 1 and 2.
pub fn known() -> Channel {
    let [account_a, account_b] =
        [1, 2].map(|byte| SecretKey::from_bytes(&[byte; 32]).expect("a key").account());
    let params = ChannelParams {
        number: 1,
        account_a,
        account_b,
        token: Account::ZERO,
        window: 50,
        penalty_bps: 10_000,
    };
    let domain = Domain {
        chain_id: 8_890,
        contract: Account([0xc0; 20]),
    };
    let mut facts = Facts::opened(params, Amount(100), 1_000);
    let (channel_id, amount) = (params.id(), Amount(50));
    let to = Side::B;
    facts.apply(
        1_001,
        &ChainEvent::Deposited {
            channel_id,
            to,
            amount,
        },
    );
    Channel::new(domain, facts)
}
