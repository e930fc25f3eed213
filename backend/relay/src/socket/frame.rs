//! What clients say: `{id, type, data}`, one JSON object per frame.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sparky_protocol::{Ack, ChannelId, Nack, Update};

use crate::{
    channels::submit::Paper,
    error::{Error, Result},
};

/// A frame of the client: what the answer refers to, and what it wants, if that can be read.
pub(super) struct Request {
    pub(super) id: Value,
    pub(super) verb: Result<Verb>,
}

/// What a client wants.
pub(super) enum Verb {
    Hello {},
    Auth {
        token: Option<String>,
        ticket: Option<String>,
    },
    Subscribe {
        after: i64,
    },
    Paper {
        channel_id: ChannelId,
        paper: Box<Paper>,
    },
    Ack {
        seq: i64,
    },
    Ping {},
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: Value,
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow, default)]
    data: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct Auth {
    token: Option<String>,
    ticket: Option<String>,
}

#[derive(Deserialize)]
struct Subscribe {
    #[serde(default)]
    after: i64,
}

#[derive(Deserialize)]
struct Seq {
    seq: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProofSubmit {
    channel_id: ChannelId,
    update: Update,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AckSubmit {
    channel_id: ChannelId,
    ack: Ack,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NackSubmit {
    channel_id: ChannelId,
    nack: Nack,
}

/// Every type of frame that a client may send. The API description lists the same.
pub(super) const KINDS: [&str; 8] = [
    "hello",
    "auth",
    "subscribe",
    "proof.submit",
    "ack.submit",
    "nack.submit",
    "ack",
    "ping",
];

impl Request {
    /// None for what is not a frame at all: then nothing can be answered.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let Envelope { id, kind, data } = serde_json::from_str(text).ok()?;
        let data = data.map_or("{}", serde_json::value::RawValue::get);
        Some(Self {
            id,
            verb: verb(&kind, data),
        })
    }
}

fn verb(kind: &str, data: &str) -> Result<Verb> {
    if !KINDS.contains(&kind) {
        return Err(unknown(kind));
    }
    Ok(match kind {
        "hello" => Verb::Hello {},
        "ping" => Verb::Ping {},
        "auth" => {
            let Auth { token, ticket } = read(data)?;
            Verb::Auth { token, ticket }
        }
        "subscribe" => Verb::Subscribe {
            after: read::<Subscribe>(data)?.after,
        },
        "ack" => Verb::Ack {
            seq: read::<Seq>(data)?.seq,
        },
        "proof.submit" => {
            let ProofSubmit { channel_id, update } = read(data)?;
            Verb::Paper {
                channel_id,
                paper: Box::new(Paper::Proof(update)),
            }
        }
        "ack.submit" => {
            let AckSubmit { channel_id, ack } = read(data)?;
            Verb::Paper {
                channel_id,
                paper: Box::new(Paper::Ack(ack)),
            }
        }
        "nack.submit" => {
            let NackSubmit { channel_id, nack } = read(data)?;
            Verb::Paper {
                channel_id,
                paper: Box::new(Paper::Nack(nack)),
            }
        }
        other => return Err(unknown(other)),
    })
}

fn unknown(kind: &str) -> Error {
    Error::BadRequest(format!("there is no frame of type {kind:.40}"))
}

fn read<T: DeserializeOwned>(data: &str) -> Result<T> {
    crate::body::parse(data.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_frame_can_not_be_answered() {
        for text in [
            "",
            "no",
            "[]",
            "{}",
            "{\"id\":1}",
            "{\"type\":5}",
            "\"ping\"",
            "{\"type\":\"ping\"",
        ] {
            assert!(Request::parse(text).is_none(), "{text}");
        }
    }

    /// The description lists the frames that are read here: neither more nor less.
    #[test]
    fn every_frame_is_described_and_read() {
        let text = include_str!("../../../../docs/api/openapi.json");
        let document: Value = serde_json::from_str(text).expect("JSON");
        let described = &document["paths"]["/api/v1/ws"]["get"]["x-frames"];
        assert_eq!(described, &serde_json::json!(KINDS));
        for kind in KINDS {
            let refused = verb(kind, "{}").err().map(|error| error.code());
            assert_ne!(refused, Some("bad-request"), "{kind}");
        }
    }

    #[test]
    fn an_unknown_type_or_wrong_data_is_answered() {
        let codes = [
            (r#"{"id":1,"type":"nonsense"}"#, "bad-request"),
            (
                r#"{"id":1,"type":"ack","data":{"seq":"x"}}"#,
                "invalid-value",
            ),
            (
                r#"{"id":1,"type":"proof.submit","data":{}}"#,
                "invalid-value",
            ),
        ];
        for (text, code) in codes {
            let request = Request::parse(text).expect("a frame");
            assert_eq!(request.id, Value::from(1));
            assert_eq!(
                request.verb.err().map(|error| error.code()),
                Some(code),
                "{text}"
            );
        }
    }
}
