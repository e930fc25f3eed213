//! Questions to the contract that cost nothing.

use ethabi::Token;
use serde::Serialize;
use sparky_protocol::{Account, Amount, ChannelId, Hash, Net, PaymentHash, Side};

use super::abi::{self, CHANNELS, address, bytes32};
use super::{to_amount, to_number};

/// A question, to be sent with `callcontract`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The number of the newest channel.
    ChannelCount,
    /// What is stored of a channel.
    Channel(ChannelId),
    /// What was posted for a direction during a close.
    Direction(ChannelId, Side),
    /// The height at which a payment hash was first opened.
    PreimageBlock(PaymentHash),
    /// What `withdraw` would pay: account, asset.
    Credit(Account, Account),
    /// Shortest finalization period.
    MinWindow,
    /// Longest finalization period.
    MaxWindow,
    /// Separator of the EIP-712 domain.
    DomainSeparator,
}

/// The answer to [`View::Channel`]. All zero if the channel never was or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelView {
    /// A's deposits less its withdrawals.
    pub net_a: Net,
    /// B's deposits less its withdrawals.
    pub net_b: Net,
    /// Last height for corrections; 0 while open.
    pub deadline: u32,
    /// Cooperative withdrawals so far.
    pub sequence: u16,
    /// 1 = exists, 2 = B closed it, 4 = by `recover`, 8 = counter-claimed, 16 / 32 = posted from A / B.
    pub flags: u16,
}

/// The answer to [`View::Direction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectionView {
    /// Of the posted proof; 0 if none.
    pub nonce: u64,
    /// Of the posted proof.
    pub transferred: Amount,
    /// What the sender owes at least.
    pub floor: Amount,
    /// What the sender declared when it closed.
    pub declared: Amount,
    /// Of the posted proof.
    pub locks_root: Hash,
}

impl View {
    /// The data of the call.
    pub fn encode(&self) -> Vec<u8> {
        let (name, arguments) = match self {
            Self::ChannelCount => ("channelCount", vec![]),
            Self::Channel(id) => ("channel", vec![bytes32(&id.0.0)]),
            Self::Direction(id, side) => (
                "direction",
                vec![bytes32(&id.0.0), Token::Bool(side.is_b())],
            ),
            Self::PreimageBlock(hash) => ("preimageBlock", vec![bytes32(&hash.0.0)]),
            Self::Credit(account, token) => ("credit", vec![address(account), address(token)]),
            Self::MinWindow => ("minWindow", vec![]),
            Self::MaxWindow => ("maxWindow", vec![]),
            Self::DomainSeparator => ("domainSeparator", vec![]),
        };
        abi::encode(&CHANNELS, name, &arguments)
    }

    /// The answer to a question with one number: count, height, window.
    pub fn number(output: &[u8]) -> Option<u64> {
        to_number(one(output, &ethabi::ParamType::Uint(64)).as_ref()?)
    }

    /// The answer to [`View::Credit`].
    pub fn amount(output: &[u8]) -> Option<Amount> {
        to_amount(one(output, &ethabi::ParamType::Uint(256)).as_ref()?)
    }

    /// The answer to [`View::DomainSeparator`].
    pub fn hash(output: &[u8]) -> Option<Hash> {
        output.try_into().ok().map(Hash)
    }

    /// The answer to [`View::Channel`].
    pub fn channel(output: &[u8]) -> Option<ChannelView> {
        let values = decode_outputs("channel", output)?;
        let [net_a, net_b, deadline, sequence, flags] = values.as_slice() else {
            return None;
        };
        Some(ChannelView {
            net_a: to_net(net_a)?,
            net_b: to_net(net_b)?,
            deadline: to_number(deadline)?,
            sequence: to_number(sequence)?,
            flags: to_number(flags)?,
        })
    }

    /// The answer to [`View::Direction`].
    pub fn direction(output: &[u8]) -> Option<DirectionView> {
        let values = decode_outputs("direction", output)?;
        let [nonce, transferred, floor, declared, root] = values.as_slice() else {
            return None;
        };
        Some(DirectionView {
            nonce: to_number(nonce)?,
            transferred: to_amount(transferred)?,
            floor: to_amount(floor)?,
            declared: to_amount(declared)?,
            locks_root: Hash(root.clone().into_fixed_bytes()?.try_into().ok()?),
        })
    }
}

fn one(output: &[u8], kind: &ethabi::ParamType) -> Option<Token> {
    if output.len() == 32 {
        abi::decode_word(kind, output)
    } else {
        None
    }
}

fn decode_outputs(name: &str, output: &[u8]) -> Option<Vec<Token>> {
    abi::decode_static(&abi::function(&CHANNELS, name).outputs, output)
}

/// Two's complement of 256 bits to a number within `int96`.
fn to_net(token: &Token) -> Option<Net> {
    let value = token.clone().into_int()?;
    let net = if value.bit(255) {
        let magnitude = (!value).overflowing_add(1.into()).0;
        if 96 < magnitude.bits() {
            return None;
        }
        Net(0).minus(Net(i128::try_from(magnitude.as_u128()).ok()?))
    } else {
        if 96 < value.bits() {
            return None;
        }
        Net(i128::try_from(value.as_u128()).ok()?)
    };
    net.fits().then_some(net)
}
