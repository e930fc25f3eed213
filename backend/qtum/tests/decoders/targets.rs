//! One function per reader of bytes that somebody else wrote. The fuzz targets (`fuzz/`) and the
//! test beside this file call the same ones.
//!
//! Reading must neither panic nor change what it reads: whatever is accepted is written back and read
//! again, and must be the same.

#[cfg(feature = "rpc")]
use serde::de::DeserializeOwned;
use sparky_protocol::{
    Account, Ack, Amount, Authorisation, ChainEvent, Channel, ChannelId, ContractCall,
    CooperativeClose, CooperativeWithdraw, Facts, Hash, Login, Nack, Net, PublicKey, Reserve, Side,
    Signature, SignedProof, Street, Tip, Update, Word,
    watch::{Caller, watch},
};
use sparky_qtum::{
    Network, Txid, address,
    contract::{self, View, qrc20},
    quantity, script,
    tx::Transaction,
    wif,
};

#[path = "json.rs"]
mod json;
#[path = "known.rs"]
mod known;
use json::json;
pub use known::known;

/// A reader: its name, which is also that of its corpus, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("update", update),
    ("ack", ack),
    ("word", word),
    ("streets", streets),
    ("street", street),
    ("channel", channel),
    ("authorisation", authorisation),
    ("messages", messages),
    ("text", text),
    ("signature", signature),
    ("address", address),
    ("wif", wif),
    ("quantity", quantity),
    ("script", script),
    ("transaction", transaction),
    ("log", log),
    ("answer", answer),
    #[cfg(feature = "rpc")]
    ("rpc", rpc),
];

fn tip(height: u32) -> Tip {
    Tip {
        height,
        confirmations: 1,
        reserve: Reserve::NONE,
    }
}

/// A proof with its operations, as it travels.
fn update(bytes: &[u8]) {
    let Some(update) = json::<Update>(bytes) else {
        return;
    };
    let (known, tip) = (known(), tip(1_100));
    if let Ok(next) = known.accept(&update, &tip) {
        check(&next, &tip);
        let again = next.accept(&update, &tip);
        assert!(again.is_err_and(|why| why.code() == "already-held"));
    }
}

/// Nobody ever has more than there is.
fn check(channel: &Channel, tip: &Tip) {
    let balances = Side::BOTH.map(|side| channel.balances(side, tip));
    let sum = balances[0].balance.plus(balances[1].balance);
    assert_eq!(sum, Some(channel.facts().capacity(tip)));
}

/// A receipt, as it travels.
fn ack(bytes: &[u8]) {
    if let Some(ack) = json::<Ack>(bytes) {
        assert!(known().accept_ack(&ack).is_err(), "there is nothing to ack");
    }
    json::<Nack>(bytes);
}

/// What a partner says to whoever lost its memory.
fn word(bytes: &[u8]) {
    if let Some(word) = json::<Word>(bytes) {
        let (known, partner) = (known(), Side::B);
        let _ = known.hear_partner(&word, partner);
    }
}

/// A direction in its short form, as it lies in the relay's database.
fn street(bytes: &[u8]) {
    if let Ok(street) = Street::from_bytes(bytes) {
        let written = street.to_bytes();
        assert_eq!(Street::from_bytes(&written), Ok(street));
    }
}

/// Both streets, as relay or partner show them.
fn streets(bytes: &[u8]) {
    let Some(shown) = json::<[Street; 2]>(bytes) else {
        return;
    };
    let (known, tip) = (known(), tip(1_100));
    if let Ok(next) = known.adopt(&shown, &tip) {
        for side in Side::BOTH {
            let (before, after) = (known.street(side), next.street(side));
            assert!(before.nonce() <= after.nonce() && after.acked_nonce() <= after.nonce());
        }
        check(&next, &tip);
    }
    for own in Side::BOTH {
        let _ = known.adopt_own(own, &shown);
    }
}

/// A channel as it lies on a disk or in a backup.
fn channel(bytes: &[u8]) {
    let Some(channel) = json::<Channel>(bytes) else {
        return;
    };
    // Whatever a damaged disk says, asking must not panic.
    for height in [0, 1_000, u32::MAX] {
        let tip = tip(height);
        channel.phase(height);
        for side in Side::BOTH {
            channel.balances(side, &tip);
            channel.withdrawable(side, &tip);
            channel.ack(side);
            channel.next_lock_id(side);
            contract::encode(&channel.close_call(side, height));
            for caller in [Caller::Participant, Caller::Tower] {
                if let Some(action) = watch(&channel, side, caller, height) {
                    contract::encode(&action.call);
                }
            }
        }
        contract::encode(&channel.settle_call());
        let _ = known().adopt(channel.streets(), &tip);
    }
}

/// What both must sign.
fn authorisation(bytes: &[u8]) {
    let tip = tip(1_100);
    json::<CooperativeClose>(bytes);
    json::<CooperativeWithdraw>(bytes);
    if let Some(what) = json::<Authorisation>(bytes)
        && let Ok(bound) = known().authorise(what, &tip)
    {
        check(&bound, &tip);
        let _ = known().remember(&[what], &tip);
    }
}

/// The other things that are said in JSON.
fn messages(bytes: &[u8]) {
    if let Some(login) = json::<Login>(bytes) {
        login.digest();
    }
    json::<ChainEvent>(bytes);
    json::<Facts>(bytes);
    json::<SignedProof>(bytes);
    if let Some(call) = json::<ContractCall>(bytes) {
        contract::encode(&call);
    }
}

/// Numbers and hashes as text.
fn text(bytes: &[u8]) {
    fn same<T: core::str::FromStr + ToString + PartialEq + core::fmt::Debug>(text: &str) {
        if let Ok(value) = text.parse::<T>() {
            assert_eq!(value.to_string().parse::<T>().ok(), Some(value));
        }
    }
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    same::<Amount>(text);
    same::<Net>(text);
    same::<Hash>(text);
    same::<Account>(text);
    same::<ChannelId>(text);
    same::<PublicKey>(text);
    same::<Signature>(text);
    same::<Txid>(text);
    same::<Network>(text);
}

/// The 128 bytes of a signature.
fn signature(bytes: &[u8]) {
    if let Some((head, rest)) = bytes.split_first_chunk::<128>() {
        let signature = Signature::from_bytes(head);
        assert_eq!(signature.to_bytes(), *head);
        let digest = Hash::keccak(&[rest]);
        let account = signature.signer_account();
        let _ = signature.verify(&digest, &account);
        assert!(signature.verify(&digest, &Account::ZERO).is_err());
    }
    if let Some((key, _)) = bytes.split_first_chunk::<33>()
        && let Ok(key) = PublicKey::from_bytes(key)
    {
        assert_eq!(PublicKey::from_bytes(&key.to_bytes()), Ok(key));
    }
}

/// What a person types as an address.
fn address(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    for network in Network::ALL {
        if let Ok(account) = address::parse(text, network) {
            let written = address::encode(&account, network);
            assert_eq!(address::decode(&written, network), Ok(account));
        }
        if let Err(why) = address::decode(text, network) {
            let _ = why.to_string();
        }
    }
}

/// What a person types as a key.
fn wif(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    for network in Network::ALL {
        match wif::decode(text, network) {
            Ok(key) => assert_eq!(*wif::encode(&key, network), text.trim()),
            // A refusal must not repeat what may be a secret.
            Err(why) => {
                let may_be = 20 < text.len() && !text.contains(char::is_whitespace);
                assert!(!may_be || !why.to_string().contains(text));
            }
        }
    }
}

/// What a person types as an amount.
fn quantity(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    for amount in [quantity::parse(text), quantity::parse_qtum(text)]
        .into_iter()
        .flatten()
    {
        for written in [quantity::format(amount), quantity::format_full(amount)] {
            assert_eq!(quantity::parse(&written), Ok(amount));
        }
    }
}

/// The script of an output.
fn script(bytes: &[u8]) {
    let script = script::Script(bytes.to_vec());
    let kind = script.kind();
    assert!(!kind.name().is_empty());
    if let Some(account) = script.p2pkh_account() {
        assert_eq!(script::p2pkh(&account), script);
    }
    if let Some(parsed) = script::Contract::parse(bytes) {
        assert_eq!(script::Contract::parse(&parsed.to_script().0), Some(parsed));
    }
    if let Some((_, inner)) = script::OpSender::split(bytes) {
        script::Contract::parse(inner);
    }
}

/// A transaction from a node or for a broadcast.
fn transaction(bytes: &[u8]) {
    if let Ok(text) = core::str::from_utf8(bytes) {
        let _ = Transaction::from_hex(text);
    }
    let Ok(transaction) = Transaction::decode(bytes) else {
        return;
    };
    assert_eq!(transaction.encode(), bytes, "one transaction, one form");
    transaction.txid();
    assert!(transaction.virtual_size() <= bytes.len());
    for output in &transaction.outputs {
        output.script.kind();
    }
}

/// A log of the contract: topics of 32 bytes, as many as the first byte says, then data.
fn log(bytes: &[u8]) {
    let Some((count, rest)) = bytes.split_first() else {
        return;
    };
    let (topics, data) = rest.split_at(rest.len().min(32 * usize::from(count % 5)));
    let topics: Vec<_> = topics
        .as_chunks::<32>()
        .0
        .iter()
        .map(|topic| Hash(*topic))
        .collect();
    let at = Account([0xc0; 20]);
    if let Some(event) = contract::decode_log(&at, &at, &topics, data) {
        let json = serde_json::to_vec(&event).expect("an event can be told");
        assert_eq!(
            serde_json::from_slice::<ChainEvent>(&json).ok(),
            Some(event)
        );
    }
}

/// What a call of the contract returns.
fn answer(bytes: &[u8]) {
    let _ = contract::explain(bytes).reason.len();
    View::number(bytes);
    View::amount(bytes);
    View::hash(bytes);
    View::channel(bytes);
    View::direction(bytes);
    qrc20::balance(bytes);
    contract::is_channel_contract(bytes);
}

/// The node's answers.
#[cfg(feature = "rpc")]
fn rpc(bytes: &[u8]) {
    use sparky_qtum::rpc;

    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
        serde_json::from_slice(bytes).ok()
    }
    read::<rpc::BlockchainInfo>(bytes);
    read::<rpc::NetworkInfo>(bytes);
    read::<rpc::Header>(bytes);
    read::<rpc::Block>(bytes);
    read::<rpc::VerboseBlock>(bytes);
    read::<rpc::OutputState>(bytes);
    read::<rpc::AddressUtxo>(bytes);
    read::<rpc::AddressBalance>(bytes);
    read::<rpc::MempoolDelta>(bytes);
    read::<rpc::SentCall>(bytes);
    read::<rpc::CreatedContract>(bytes);
    read::<rpc::DgpInfo>(bytes);
    for receipt in read::<Vec<rpc::Receipt>>(bytes).unwrap_or_default() {
        receipt.succeeded();
    }
    if let Some(outcome) = read::<rpc::CallOutcome>(bytes) {
        let _ = format!("{outcome:?}");
    }
    if let Some(raw) = read::<rpc::RawTransaction>(bytes) {
        let _ = raw.decode();
    }
    if let Ok(text) = core::str::from_utf8(bytes) {
        rpc::explain_rejection(-26, text);
    }
}
