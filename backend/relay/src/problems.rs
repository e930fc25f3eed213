//! The table of everything that can go wrong at this door, in the words that people read.
//!
//! The slug is the promise: programs match on it, `/problems/{slug}` explains it, and it never
//! changes its meaning.

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};

use crate::{body::Path, error::Error};

/// One kind of problem.
pub(crate) struct Problem {
    /// The stable code, and the last part of the problem's address.
    pub(crate) code: &'static str,
    pub(crate) status: u16,
    pub(crate) title: &'static str,
    /// What it means and what to do, for the page.
    pub(crate) help: &'static str,
    /// Whether the same request may succeed later, unchanged.
    pub(crate) retryable: Retryable,
}

/// Whether it is worth asking again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retryable {
    Yes,
    No,
}

use Retryable::{No, Yes};

const fn row(
    code: &'static str,
    status: u16,
    retryable: Retryable,
    title: &'static str,
    help: &'static str,
) -> Problem {
    Problem {
        code,
        status,
        title,
        help,
        retryable,
    }
}

/// Every problem of the relay. Sorted by what one was doing.
#[rustfmt::skip]
pub(crate) const PROBLEMS: &[Problem] = &[
    // Asking.
    row("bad-request", 400, No, "The request can not be read.", "It is not valid JSON, or not the JSON that this address expects. Nothing was done."),
    row("invalid-value", 422, No, "A value does not fit.", "One field has a value that it can not have. The detail names it. Nothing was done."),
    row("invalid-address", 422, No, "That is not an address of this network.", "Addresses are base58 with a checksum and belong to one network; forty hexadecimal digits are accepted too."),
    row("payload-too-large", 413, No, "Too much at once.", "Bodies and frames are limited to 64 KiB. Nothing was done."),
    row("too-slow", 408, Yes, "The request did not arrive.", "A request must be complete within half a minute. Nothing was done."),
    row("quota-exceeded", 429, Yes, "Too much is kept for you already.", "What one account or one channel may leave here has a bound. Wait until some of it is done. Nothing was done."),
    row("not-found", 404, No, "There is nothing here.", "The address or the thing it names does not exist on this relay."),
    row("method-not-allowed", 405, No, "This address does not know that verb.", "The API description at /openapi.json lists the verbs of every address."),
    row("rate-limited", 429, Yes, "Too fast.", "Wait as long as the Retry-After header says, then ask again. Nothing was done."),
    row("internal", 500, Yes, "The relay could not do it.", "The operator has been told. Nothing was acknowledged, so asking again is safe; your funds are in the contract and need no relay."),
    // Signing in.
    row("not-signed-in", 401, No, "Please sign in.", "This address needs a session: sign a login challenge and send its token."),
    row("session-expired", 401, No, "Please unlock again.", "The session has ended. Sign in again; nothing is lost."),
    row("login-refused", 401, No, "The login was refused.", "A challenge is good for one answer, for five minutes, from the page that asked for it, signed by the account it names."),
    row("clock-skew", 401, No, "Your clock is off.", "Sign-in needs a clock within five minutes."),
    row("demo-key-refused", 403, No, "This demo key is public.", "The keys of the demo accounts are published, so they are for dev and regtest only. Create a key of your own."),
    row("origin-refused", 403, No, "Pages of this origin may not sign in here.", "The operator lists the origins that may. Do not sign in through a page that you do not know."),
    row("not-participant", 403, No, "This channel is not yours.", "A channel's proofs are shown to its two participants only."),
    // Paying.
    row("unknown-channel", 404, No, "No such channel.", "The chain that this relay follows has no channel of that number or id."),
    row("insufficient-channel-balance", 409, No, "Not enough in this channel.", "The sender can not pay for this proof: its deposits that count and what it received do not cover it. Nothing was sent."),
    row("stale-nonce", 409, No, "Another window or device paid meanwhile.", "A newer proof of this direction is stored. Fetch the channel and pay again if you still want to. Nothing was sent."),
    row("nonce-conflict", 409, No, "Two different proofs with one number.", "A different proof with this nonce is stored already. Two programs sign with one key: stop one of them. Nothing was sent."),
    row("bad-signature", 422, No, "The signature does not match this account.", "Check that your wallet is on the account that the channel names. Nothing was sent."),
    row("channel-closing", 409, No, "This channel is closing.", "No new payments. It will be paid out when its finalization period is over."),
    row("channel-frozen", 409, Yes, "Something signed holds this channel.", "A close or withdrawal that you signed would be contradicted. Wait until it is mined or its last block has passed. Nothing was sent."),
    row("nonce-gap", 409, Yes, "A proof in between is missing.", "Send the missing ones first. Nothing was sent."),
    row("wrong-channel", 422, No, "This belongs to another channel.", "The proof names another channel than the address. Nothing was sent."),
    row("already-held", 409, No, "This is held already.", "The very same bytes are stored. Nothing changed."),
    row("no-operations", 422, No, "An update that does nothing.", "A proof needs at least one operation. Nothing was sent."),
    row("nothing-sent", 422, No, "A payment of nothing.", "The amount must be more than zero. Nothing was sent."),
    row("too-large", 422, No, "More than the contract can store.", "Amounts are below 2^96. Nothing was sent."),
    row("transferred-fell", 422, No, "What was sent never falls.", "A newer proof may only say more than the older one. Nothing was sent."),
    row("operations-mismatch", 422, No, "The operations lead to another proof.", "The signed proof must follow exactly from the last one. Nothing was sent."),
    row("lock-id-used", 422, No, "The lock's number was used before.", "Lock ids only rise within a direction. Nothing was sent."),
    row("lock-expiry-out-of-range", 422, No, "The lock expires outside the allowed range.", "It must expire after now and within the finalization period. Nothing was sent."),
    row("too-many-locks", 422, No, "Too many locks.", "A proof carries at most 64. Nothing was sent."),
    row("unknown-lock", 422, No, "No such lock is open.", "It was settled, removed, or never added. Nothing was sent."),
    row("wrong-preimage", 422, No, "The preimage does not open the lock.", "Its sha256 is not the payment hash. Nothing was sent."),
    row("lock-not-expired", 422, Yes, "The lock has not expired.", "It can be removed as expired after its last block. Nothing was sent."),
    row("too-many-unacked", 409, Yes, "Too many proofs wait for an ack.", "The recipient must acknowledge before more can be sent. Nothing was sent."),
    row("unknown-proof", 422, No, "The ack is for a proof that is not held here.", "Fetch the channel and acknowledge its newest proof."),
    row("locks-open", 409, Yes, "Conditional payments are still open.", "They must be settled or removed first. Nothing was signed away."),
    row("wrong-sequence", 409, No, "The contract has moved on.", "The authorisation names an older sequence of the contract. Make a new one."),
    row("valid-until-out-of-range", 422, No, "It would bind too long, or has ended.", "The last block must lie ahead and within the allowed range."),
    row("wrong-split", 409, No, "Not the division of the newest proofs.", "A payment was made meanwhile. Propose again."),
    row("wrong-locks", 422, No, "The locks do not match the proof.", "The shown list does not hash to the root that was signed."),
    row("proposal-refused", 422, No, "The proposal does not fit.", "It must be signed by a participant for this channel as the chain knows it now."),
    row("proposal-ended", 409, No, "The proposal is no longer open.", "It was withdrawn, answered, or its last block has passed."),
    row("recovering", 409, Yes, "This device does not know its newest state yet.", "Its memory was lost or restored. It signs nothing until it has heard the relay and, where that is not enough, the partner."),
    // Backups.
    row("backup-older", 409, No, "A newer backup is stored.", "Another device of this account has stored a newer backup. Fetch it, take it up, and store the next one."),
    // The chain.
    row("chain-unreachable", 503, Yes, "The Qtum node does not answer.", "Payments work; opening and closing wait. Try again soon."),
    row("chain-behind", 503, Yes, "The node is syncing.", "Payments work; opening and closing wait."),
    row("unknown-transaction", 404, Yes, "No such transaction.", "The node knows no transaction of this id, neither mined nor waiting."),
    row("tx-rejected", 422, No, "The network refused the transaction.", "Your money has not moved. The detail has the node's reason."),
    row("contract-reverted", 422, No, "The contract refused.", "Only the fee was spent, the rest came back. The detail has the contract's reason."),
    row("contract-not-listed", 403, No, "This contract is not called from here.", "The relay passes calls only to the contract that it serves and to the assets of its channels."),
];

/// The problem of this code.
///
/// # Panics
/// When the code is in no row: codes are constants of this crate, and a test visits them all.
pub(crate) fn problem(code: &str) -> &'static Problem {
    PROBLEMS
        .iter()
        .find(|row| row.code == code)
        .expect("invariant: every code has its row")
}

/// The problem of this code, if there is one.
pub(crate) fn find(code: &str) -> Option<&'static Problem> {
    PROBLEMS.iter().find(|row| row.code == code)
}

/// `GET /problems/{slug}`: the page behind a problem's address.
pub(crate) async fn page(Path(slug): Path<String>) -> Response {
    let Some(row) = find(&slug) else {
        return Error::NotFound("problem").into_response();
    };
    let retry = match row.retryable {
        Yes => "Asking again later may help.",
        No => "Asking again unchanged does not help.",
    };
    let Problem {
        code,
        status,
        title,
        help,
        ..
    } = row;
    (
        StatusCode::OK,
        Html(format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head>\
             <body><main><h1>{title}</h1><p>{help}</p><p>{retry}</p>\
             <p>Code <code>{code}</code>, HTTP status {status}.</p></main></body></html>"
        )),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use sparky_protocol::Rejected;

    use super::*;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let mut codes: Vec<_> = PROBLEMS.iter().map(|row| row.code).collect();
        codes.sort_unstable();
        let before = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), before);
        assert!(
            codes
                .iter()
                .all(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        );
    }

    /// Every rule of the protocol that an answer can carry has its row.
    #[test]
    fn every_rule_has_a_page() {
        let zero = sparky_protocol::ChannelId::default();
        let account = sparky_protocol::Account::ZERO;
        let amount = sparky_protocol::Amount::ZERO;
        let net = sparky_protocol::Net::default();
        let rules = [
            Rejected::WrongChannel {
                expected: zero,
                got: zero,
            },
            Rejected::NotParticipant { account },
            Rejected::AlreadyHeld { nonce: 0 },
            Rejected::ChannelClosing { height: 0 },
            Rejected::ChannelFrozen { until: 0 },
            Rejected::StaleNonce { newest: 0, got: 0 },
            Rejected::NonceGap { newest: 0, got: 0 },
            Rejected::NoOperations,
            Rejected::NothingSent,
            Rejected::TooLarge,
            Rejected::LockIdUsed { last: 0, got: 0 },
            Rejected::LockExpiryOutOfRange {
                height: 0,
                latest: 0,
                expiry: 0,
            },
            Rejected::TooManyLocks { most: 0, got: 0 },
            Rejected::UnknownLock { id: 0 },
            Rejected::WrongPreimage { id: 0 },
            Rejected::LockNotExpired {
                id: 0,
                earliest: 0,
                height: 0,
            },
            Rejected::TransferredFell {
                last: amount,
                got: amount,
            },
            Rejected::OperationsMismatch {
                expected: amount,
                got: amount,
            },
            Rejected::InsufficientBalance {
                needed: amount,
                available: amount,
            },
            Rejected::TooManyUnacked { most: 0 },
            Rejected::UnknownProof {
                oldest: 0,
                newest: 0,
                got: 0,
            },
            Rejected::LocksOpen { open: 0 },
            Rejected::WrongSequence {
                expected: 0,
                got: 0,
            },
            Rejected::ValidUntilOutOfRange {
                height: 0,
                latest: 0,
                got: 0,
            },
            Rejected::WrongSplit {
                expected: net,
                got: net,
            },
            Rejected::WrongLocks { nonce: 0 },
            Rejected::BadSignature(sparky_protocol::BadSignature::Absent),
        ];
        for rule in rules {
            assert!(find(rule.code()).is_some(), "{}", rule.code());
        }
    }

    #[test]
    fn no_page_breaks_its_own_markup() {
        for row in PROBLEMS {
            assert!(
                !row.title.contains(['<', '&']) && !row.help.contains(['<', '&']),
                "{}",
                row.code
            );
        }
    }
}
