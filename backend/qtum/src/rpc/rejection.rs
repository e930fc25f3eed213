//! Why a transaction was refused, in words for people.

/// A plain sentence for the reason with which `sendrawtransaction` refused.
///
/// Codes: −22 not decodable, −25 inputs missing, −26 policy or consensus, −27 mined already. The
/// reason can go on after a comma; what counts stands in front.
pub fn explain_rejection(code: i64, reason: &str) -> String {
    let head = reason.split([',', ' ']).next().unwrap_or(reason);
    let sentence = match (code, head) {
        (-27, _) => "The transaction is in a block already.",
        (-22, _) => "The bytes are not a transaction.",
        (-25, _) | (_, "bad-txns-inputs-missingorspent" | "missing-inputs") => {
            "A coin in it does not exist or is spent already; build the transaction again with fresh coins."
        }
        (_, "txn-mempool-conflict") => {
            "A coin in it is being spent by another transaction that can not be replaced."
        }
        (_, "insufficient" | "insufficient-fee") => {
            "It would replace another transaction but pays no higher fee."
        }
        (_, "min" | "min-relay-fee-not-met" | "mempool") => {
            "The fee is too low: at least 400 satoshi per byte."
        }
        (_, "bad-txns-fee-notenough") => "The fee does not cover the gas of its contract calls.",
        (_, "bad-tx-low-gas-price") => "The gas price is too low: at least 40 satoshi.",
        (_, "bad-tx-too-little-mempool-gas") => "The gas limit is too low: at least 22,000.",
        (_, "bad-txns-contract-nonstandard" | "bad-tx-version-rootvm") => {
            "A contract output is malformed."
        }
        (_, "bad-txns-invalid-sender-script") => {
            "The first coin must belong to a plain address, because its owner is the sender of the call."
        }
        (_, "bad-txns-premature-spend-of-coinbase") => {
            "A coin in it is a block reward or gas refund younger than 2,000 blocks."
        }
        (_, "dust") => "An output is smaller than 0.000728 QTUM, which the network does not relay.",
        (_, "too-long-mempool-chain") => {
            "Too many of its ancestors wait in the mempool; wait for a block."
        }
        (_, "mandatory-script-verify-flag-failed" | "non-mandatory-script-verify-flag") => {
            "A signature in it is wrong."
        }
        (_, "max-fee-exceeded") => "The fee is higher than the node's limit.",
        (_, "scriptpubkey") => {
            "An output is not standard, or its gas limit is outside 10,000 to 20,000,000."
        }
        _ => return format!("The node says: {}.", clip(reason)),
    };
    sentence.to_owned()
}

/// Reasons can repeat a whole script.
fn clip(reason: &str) -> String {
    const LONGEST: usize = 200;
    reason
        .chars()
        .take(LONGEST)
        .collect::<String>()
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::explain_rejection;

    #[test]
    fn known_reasons_become_sentences_and_unknown_ones_stay() {
        assert!(explain_rejection(-26, "dust").contains("0.000728"));
        assert!(
            explain_rejection(-26, "min relay fee not met, 80000 < 90400").contains("400 satoshi")
        );
        assert!(
            explain_rejection(-26, "insufficient fee, rejecting replacement").contains("replace")
        );
        assert!(explain_rejection(-25, "").contains("coin"));
        assert_eq!(
            explain_rejection(-26, "brand-new-rule"),
            "The node says: brand-new-rule."
        );
    }
}
