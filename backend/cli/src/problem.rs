//! What went wrong, as one document (RFC 9457) with a stable code, and the exit code that follows.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The exit codes of `sparky`. Scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Anything that has no code of its own.
    General = 1,
    /// The command line itself is wrong.
    Usage = 2,
    /// Relay or node did not answer, or is not ready.
    Unreachable = 3,
    /// Not signed in, not allowed, wrong passphrase.
    Auth = 4,
    /// No such channel, profile, transaction.
    NotFound = 5,
    /// Not enough money, in the channel or on chain.
    Insufficient = 6,
    /// Refused by a rule: ours, the relay's, the network's or the contract's.
    Rejected = 7,
    /// Not finished yet.
    Pending = 8,
    /// Somebody closed with an old balance and it wants an answer.
    Dispute = 9,
    /// `--dry-run` came to the end; nothing was signed or sent.
    DryRun = 10,
}

/// A problem document, as the relay sends it and as we print it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    pub r#type: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What happened this time.
    pub detail: String,
    /// The stable code.
    pub code: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Whether money is in danger until somebody acts.
    pub funds_at_risk: bool,
    /// The figures in the detail, for programs.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

impl Problem {
    /// A problem with its code, its title and what happened.
    pub fn new(code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("/problems/{code}"),
            title: title.into(),
            detail: detail.into(),
            code: code.into(),
            ..Self::default()
        }
    }

    /// The same problem with one more figure.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }

    /// The same problem, marked as worth another try.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// The exit code that belongs to this problem.
    pub fn exit(&self) -> Exit {
        match self.code.as_str() {
            "usage" => Exit::Usage,
            "relay-unreachable" | "chain-unreachable" | "chain-behind" | "not-running" => {
                Exit::Unreachable
            }
            "not-participant" | "session-expired" | "clock-skew" | "wrong-passphrase"
            | "passphrase-needed" => Exit::Auth,
            "not-found" | "unknown-channel" | "channel-not-found" | "no-wallet" => Exit::NotFound,
            "insufficient-channel-balance"
            | "insufficient-onchain-balance"
            | "partner-cannot-receive" => Exit::Insufficient,
            "tx-not-confirming" | "payment-pending" | "timeout" | "not-final" | "recovering" => {
                Exit::Pending
            }
            "stale-close-detected" => Exit::Dispute,
            "dry-run" => Exit::DryRun,
            "internal" => Exit::General,
            _ => self.exit_by_status(),
        }
    }

    fn exit_by_status(&self) -> Exit {
        match self.status {
            Some(401 | 403) => Exit::Auth,
            Some(404) => Exit::NotFound,
            Some(408 | 429 | 502 | 503 | 504) => Exit::Unreachable,
            Some(500..) => Exit::General,
            _ => Exit::Rejected,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.title, self.detail, self.code)
    }
}

impl std::error::Error for Problem {}

/// The problem inside an error, or the error as a problem of the general kind.
pub fn of(error: &anyhow::Error) -> Problem {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.clone();
    }
    Problem::new("internal", "Something went wrong", format!("{error:#}"))
}

/// Prints a problem where errors go: a document for programs, a sentence for people.
pub fn print(problem: &Problem, as_json: bool) {
    if as_json {
        eprintln!("{}", json!(problem));
    } else {
        eprintln!("error: {problem}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_and_the_status_decides_for_unknown_ones() {
        let of = |code: &str, status| {
            Problem {
                status,
                ..Problem::new(code, "t", "d")
            }
            .exit()
        };
        assert_eq!(
            of("insufficient-channel-balance", Some(409)),
            Exit::Insufficient
        );
        assert_eq!(of("not-participant", Some(403)), Exit::Auth);
        assert_eq!(of("brand-new-code", Some(404)), Exit::NotFound);
        assert_eq!(of("brand-new-code", Some(422)), Exit::Rejected);
        assert_eq!(of("brand-new-code", None), Exit::Rejected);
        assert_eq!(of("brand-new-code", Some(503)), Exit::Unreachable);
    }

    #[test]
    fn an_error_without_a_code_becomes_internal() {
        let problem = of(&anyhow::anyhow!("disk on fire").context("writing"));
        assert_eq!(problem.code, "internal");
        assert_eq!(problem.detail, "writing: disk on fire");
    }
}
