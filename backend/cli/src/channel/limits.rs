//! What keeps a channel safe and is no rule of the contract: long periods, and not too much for them.

use anyhow::Result;
use sparky_protocol::{Amount, Side, policy};
use sparky_relay::Chain;

use crate::args::Context;
use crate::money;
use crate::participant::book::Kept;
use crate::participant::view::Info;
use crate::problem::Problem;

/// The finalization period for a new channel: the one asked for, or the default, if it is possible.
///
/// # Errors
/// `window-out-of-range`.
pub fn window(info: &Info, asked: Option<u32>) -> Result<u32> {
    let window = asked.unwrap_or(info.window.default);
    // Whatever the relay says: where there is something to lose, a day is the least.
    let least = info.window.min.max(chain(info)?.min_window());
    let most = info.window.max;
    if (least..=most).contains(&window) {
        return Ok(window);
    }
    let text =
        format!("{window} blocks: between {least} and {most} are possible here. Nothing was sent.");
    Err(Problem::new(
        "window-out-of-range",
        "Finalization period out of range",
        text,
    )
    .into())
}

/// What a channel holds once `more` is in it, as far as anybody can know: all that was put in and not
/// taken out, confirmed or not.
pub fn capacity(kept: &Kept, more: Amount) -> Amount {
    let facts = kept.channel.facts();
    let held = facts.net(Side::A).plus(facts.net(Side::B)).to_amount();
    Amount(held.0.saturating_add(more.0))
}

/// How much the period protects, if the channel would hold more than that: on public chains, where
/// blocks can be filled with other people's transactions.
///
/// # Errors
/// When the relay names a chain that is none.
pub fn too_much(info: &Info, capacity: Amount, window: u32) -> Result<Option<Amount>> {
    let is_public = !chain(info)?.is_private();
    Ok(policy::capacity_warning(capacity, window).filter(|_| is_public))
}

/// Says so before anybody confirms.
pub fn warn(context: &Context, safe: Option<Amount>, capacity: Amount, window: u32, instead: &str) {
    if let Some(safe) = safe {
        context.output.note(format!(
            "Warning: the channel would hold {}, and {window} blocks protect about {}. With more in it, it can pay to \
             keep answers out of blocks for so long. {instead}",
            money::qtum(capacity),
            money::qtum(safe)
        ));
    }
}

fn chain(info: &Info) -> Result<Chain> {
    info.network.parse().map_err(anyhow::Error::msg)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::problem;

    /// What a relay says of itself that would allow anything.
    fn info(network: &str) -> Info {
        serde_json::from_value(json!({
            "network": network, "chainId": 81, "contract": "0x1111111111111111111111111111111111111111",
            "blockSeconds": 32, "confirmations": 10, "window": { "default": 2_700, "min": 1, "max": 100_000 },
            "penaltyBps": 10_000, "tip": { "height": 1 },
        }))
        .unwrap()
    }

    #[test]
    fn less_than_a_day_is_refused_where_there_is_something_to_lose() {
        let refused = window(&info("mainnet"), Some(2_699)).unwrap_err();
        assert_eq!(problem::of(&refused).code, "window-out-of-range");
        assert!(problem::of(&refused).detail.contains("2700"), "{refused}");
        assert_eq!(window(&info("mainnet"), Some(2_700)).unwrap(), 2_700);
        assert_eq!(window(&info("mainnet"), None).unwrap(), 2_700);
        assert!(window(&info("mainnet"), Some(100_001)).is_err());
        assert_eq!(window(&info("testnet"), Some(10)).unwrap(), 10);
    }

    #[test]
    fn more_than_the_period_protects_is_named_on_public_chains() {
        let day = Amount(135_0000_0000);
        let more = Amount(day.0 + 1);
        for (network, capacity, safe) in [
            ("mainnet", more, Some(day)),
            ("testnet", more, Some(day)),
            ("mainnet", day, None),
            ("regtest", more, None),
            ("dev", more, None),
        ] {
            let said = too_much(&info(network), capacity, 2_700).unwrap();
            assert_eq!(said, safe, "{network} {capacity:?}");
        }
    }
}
