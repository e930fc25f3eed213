//! What the browser's tests start from is what the core really writes.

use sparky_protocol::{Account, Amount, Channel, ChannelParams, Domain, Facts};

/// Alice opened channel 5 with Bob at block 100, with 100 QTUM.
fn opened() -> Channel {
    let account = |text: &str| text.parse().expect("invariant: 40 digits");
    let params = ChannelParams {
        number: 5,
        account_a: account("0x2352be3db3177f0a07efbe6da5857615b8c9901d"),
        account_b: account("0x7926223070547d2d15b2ef5e7383e541c338ffe9"),
        token: Account::ZERO,
        window: 50,
        penalty_bps: 10_000,
    };
    let domain = Domain {
        chain_id: 8890,
        contract: Account([0xc0; 20]),
    };
    Channel::new(domain, Facts::opened(params, Amount(10_000_000_000), 100))
}

#[test]
fn the_browser_tests_start_from_a_real_channel() {
    let fixture = include_str!("../../../starter-kit/src/core.fixture.json");
    let fixture: Channel = serde_json::from_str(fixture).expect("the fixture is a channel");
    assert_eq!(
        fixture,
        opened(),
        "{}",
        serde_json::to_string(&opened()).unwrap_or_default()
    );
}
