//! What the relay tells, as far as a participant reads it.

use serde::Deserialize;
use serde_json::Value;
use sparky_protocol::{Account, Amount, Channel, ChannelId, Hash, Reserve, Signature, Tip, Word};

/// `GET /info`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// dev, regtest, testnet or mainnet.
    pub network: String,
    /// The EVM's chain id.
    pub chain_id: u64,
    /// Where the contract lives.
    pub contract: Account,
    /// Seconds between two blocks, on average.
    pub block_seconds: u32,
    /// Blocks until a deposit counts.
    pub confirmations: u32,
    /// Finalization periods in blocks.
    pub window: Window,
    /// The penalty of new channels, in 1/10,000 of what was hidden.
    pub penalty_bps: u16,
    /// What a participant must keep in its channel.
    #[serde(default)]
    pub reserve: Reserve,
    /// The last block.
    pub tip: Block,
    /// When the relay's database was last restored from a copy, if it was.
    #[serde(default)]
    pub restored_at: Option<u32>,
}

/// Finalization periods in blocks.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Window {
    /// For new channels.
    pub default: u32,
    /// The shortest.
    pub min: u32,
    /// The longest.
    pub max: u32,
}

/// A block.
#[derive(Clone, Debug, Deserialize)]
pub struct Block {
    /// Its height.
    pub height: u32,
}

impl Info {
    /// Where the chain stands, as the rules want to know it.
    pub fn protocol_tip(&self) -> Tip {
        Tip {
            height: self.tip.height,
            confirmations: self.confirmations,
            reserve: self.reserve,
        }
    }
}

/// `GET /channels`.
#[derive(Debug, Deserialize)]
pub struct List {
    /// The channels of the caller.
    pub items: Vec<View>,
}

/// One channel as the relay knows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Its id.
    pub channel_id: ChannelId,
    /// What people call it.
    pub number: u64,
    /// Both directions with what was signed.
    pub channel: Channel,
    /// Whether the partner is connected now.
    #[serde(default)]
    pub partner_online: bool,
    /// What the watchtower does for us.
    #[serde(default)]
    pub watch: Value,
    /// What was proposed and is open.
    #[serde(default)]
    pub proposals: Vec<Proposal>,
    /// What the participants ask each other after a loss.
    #[serde(default)]
    pub loss: Loss,
    /// Why something of what it shows was not taken over; said by us, never by the relay.
    #[serde(skip)]
    pub refused: Option<&'static str>,
}

/// What the participants ask each other after a loss.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Loss {
    /// The partner's question, while it waits for our word.
    pub asked: Option<Hash>,
    /// The partner's answer to our question.
    pub word: Option<Word>,
}

/// Something that one participant has signed and that waits for the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// Its id.
    pub id: Value,
    /// What is proposed.
    #[serde(flatten)]
    pub what: What,
    /// The last block in which it counts.
    pub valid_until: u32,
    /// The contract's sequence that it names.
    pub sequence: u16,
    /// The proposer's.
    pub signature: Signature,
}

/// What can be proposed.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum What {
    /// To end the channel now.
    Close {
        /// What A gains on its deposits, in satoshi.
        net_to_a: sparky_protocol::Net,
    },
    /// To take something out.
    Withdraw {
        /// Whose balance.
        from_b: bool,
        /// How much.
        amount_sat: Amount,
    },
}
