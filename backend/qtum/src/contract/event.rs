//! Logs to facts.

use ethabi::Token;
use sparky_protocol::{Account, ChainEvent, ChannelId, ChannelParams, Hash, Preimage, Side};

use super::abi::{self, CHANNELS, decode_static, decode_word};
use super::{to_account, to_amount, to_number};

/// The first topic of the event with this Solidity name, for filters.
pub fn topic(name: &str) -> Option<Hash> {
    CHANNELS
        .event(name)
        .ok()
        .map(|event| Hash(event.signature().0))
}

/// What a log says, if `contract` wrote it and it is one of the events we know.
///
/// Any other bytes are `None`, never a panic: a log by another contract can look like anything.
pub fn decode_log(
    contract: &Account,
    address: &Account,
    topics: &[Hash],
    data: &[u8],
) -> Option<ChainEvent> {
    if contract != address {
        return None;
    }
    let (first, topics) = topics.split_first()?;
    let event = abi::event(first)?;
    let (indexed, plain): (Vec<_>, Vec<_>) = event
        .inputs
        .iter()
        .cloned()
        .partition(|input| input.indexed);
    if indexed.len() != topics.len() {
        return None;
    }
    let mut values = Vec::with_capacity(event.inputs.len());
    for (input, topic) in indexed.iter().zip(topics) {
        values.push(decode_word(&input.kind, &topic.0)?);
    }
    let inputs: Vec<ethabi::Param> = plain
        .into_iter()
        .map(|input| ethabi::Param {
            name: input.name,
            kind: input.kind,
            internal_type: None,
        })
        .collect();
    values.extend(decode_static(&inputs, data)?);
    build(&event.name, &Values(&values))
}

/// The values of an event, the indexed ones first.
struct Values<'a>(&'a [Token]);

impl Values<'_> {
    fn word(&self, index: usize) -> Option<[u8; 32]> {
        self.0
            .get(index)?
            .clone()
            .into_fixed_bytes()?
            .try_into()
            .ok()
    }

    fn channel_id(&self) -> Option<ChannelId> {
        self.word(0).map(|id| ChannelId(Hash(id)))
    }

    fn side(&self, index: usize) -> Option<Side> {
        self.0.get(index)?.clone().into_bool().map(Side::from_flag)
    }

    fn amount(&self, index: usize) -> Option<sparky_protocol::Amount> {
        to_amount(self.0.get(index)?)
    }

    fn account(&self, index: usize) -> Option<Account> {
        to_account(self.0.get(index)?)
    }

    fn number<T: TryFrom<u64>>(&self, index: usize) -> Option<T> {
        to_number(self.0.get(index)?)
    }
}

fn build(name: &str, values: &Values<'_>) -> Option<ChainEvent> {
    Some(match name {
        "Opened" => ChainEvent::Opened {
            channel_id: values.channel_id()?,
            params: ChannelParams {
                number: values.number(3)?,
                account_a: values.account(1)?,
                account_b: values.account(2)?,
                token: values.account(4)?,
                window: values.number(5)?,
                penalty_bps: values.number(6)?,
            },
            amount: values.amount(7)?,
        },
        "Deposited" => ChainEvent::Deposited {
            channel_id: values.channel_id()?,
            to: values.side(1)?,
            amount: values.amount(2)?,
        },
        "Withdrawn" => ChainEvent::Withdrawn {
            channel_id: values.channel_id()?,
            from: values.side(1)?,
            amount: values.amount(2)?,
            sequence: values.number(3)?,
        },
        "CooperativelyClosed" => ChainEvent::CooperativelyClosed {
            channel_id: values.channel_id()?,
            pay_a: values.amount(1)?,
            pay_b: values.amount(2)?,
        },
        "Closed" => ChainEvent::Closed {
            channel_id: values.channel_id()?,
            by: values.side(1)?,
            declared: values.amount(2)?,
            nonce: values.number(3)?,
            transferred: values.amount(4)?,
            locks_root: Hash(values.word(5)?),
            deadline: values.number(6)?,
        },
        "Recovered" => ChainEvent::Recovered {
            channel_id: values.channel_id()?,
            by: values.side(1)?,
            deadline: values.number(2)?,
        },
        "CounterClaimed" => ChainEvent::CounterClaimed {
            channel_id: values.channel_id()?,
            sender: values.side(1)?,
            nonce: values.number(2)?,
            transferred: values.amount(3)?,
            locks_root: Hash(values.word(4)?),
            settleable_at: values.number(5)?,
        },
        "FloorRaised" => ChainEvent::FloorRaised {
            channel_id: values.channel_id()?,
            sender: values.side(1)?,
            floor: values.amount(2)?,
        },
        "Settled" => ChainEvent::Settled {
            channel_id: values.channel_id()?,
            pay_a: values.amount(1)?,
            pay_b: values.amount(2)?,
            penalty: values.amount(3)?,
        },
        // The event carries the preimage only: its hash follows from it and costs gas to log.
        "PreimageRegistered" => {
            let preimage = Preimage(values.word(0)?);
            ChainEvent::PreimageRegistered {
                payment_hash: preimage.payment_hash(),
                preimage,
            }
        }
        "Credited" => ChainEvent::Credited {
            account: values.account(0)?,
            token: values.account(1)?,
            amount: values.amount(2)?,
        },
        "CreditWithdrawn" => ChainEvent::CreditWithdrawn {
            account: values.account(0)?,
            token: values.account(1)?,
            to: values.account(2)?,
            amount: values.amount(3)?,
        },
        _ => return None,
    })
}
