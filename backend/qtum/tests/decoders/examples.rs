//! The corpus is what the product itself writes: made here, kept in `fuzz/corpus`.
//!
//! `SPARKY_WRITE_CORPUS=1 cargo test -p sparky-qtum --test decoders corpus` writes it again.

use std::{fs, path::Path};

use sparky_protocol::{
    Account, Amount, Authorisation, Channel, Hash, Lock, Login, Operation, Preimage, Reserve,
    SecretKey, Side, Tip, Update,
};
use sparky_qtum::{Network, address, contract, wif};

use crate::{mutate, targets};

/// Examples by reader.
fn made() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let json = |value: &dyn erased::Json| value.bytes();
    let (update, locked, channel) = story();
    let ack = channel.street(Side::A).acked().map(|(_, ack)| *ack);
    let ack = ack.expect("it is acked");
    let streets = channel.streets().clone();
    let tip = tip();
    let close = channel.cooperative_withdraw(Side::A, Amount(5), tip.height + 5, &tip);
    let withdraw = Authorisation::CooperativeWithdraw(close.expect("it is there"));
    let nack = channel.nack(
        Side::A,
        &update,
        &channel.accept(&update, &tip).expect_err("held"),
    );
    let login = Login {
        account: Account([1; 20]),
        relay: "https://relay.example".into(),
        origin: "https://dapp.example".into(),
        nonce: Hash([7; 32]),
        issued_at: 1_700_000_000,
        expires_at: 1_700_000_300,
    };
    let call = channel.close_call(Side::A, 1_200);
    let encoded = contract::encode(&call);
    let key = SecretKey::from_bytes(&[1; 32]).expect("a key");
    let network = Network::Regtest;
    let written = address::encode(&key.account(), network);
    let secret = wif::encode(&key, network).to_string();
    let signature = update.proof.signature;
    let topic = contract::topic("Deposited").expect("an event");
    let log: Vec<u8> = [&[3][..], &topic.0, &[1; 32], &[0; 32], &[0; 31], &[9]].concat();
    let gas = sparky_qtum::script::Gas {
        limit: 250_000,
        price: 40,
    };
    let call_script = sparky_qtum::script::call(&Account([0xc0; 20]), encoded.clone(), gas);
    let pay = sparky_qtum::script::p2pkh(&key.account());
    let mut all = vec![
        ("update", "transfer", json(&update)),
        ("update", "lock", json(&locked)),
        ("ack", "ack", json(&ack)),
        ("ack", "nack", json(&nack)),
        (
            "word",
            "held",
            json(&channel.word(Hash([7; 32])).signed(update.proof.signature)),
        ),
        ("streets", "both", json(&streets)),
        ("street", "paid", channel.street(Side::A).to_bytes()),
        ("street", "new", channel.street(Side::B).to_bytes()),
        ("channel", "open", json(&channel)),
        ("channel", "new", json(&targets::known())),
        ("authorisation", "withdraw", json(&withdraw)),
        (
            "authorisation",
            "close",
            json(&Authorisation::close(Side::B, 1_120)),
        ),
        ("messages", "login", json(&login)),
        ("messages", "call", json(&call)),
        ("messages", "settle", json(&channel.settle_call())),
        ("messages", "facts", json(channel.facts())),
        ("messages", "proof", json(&update.proof)),
        ("text", "amount", b"100000000".to_vec()),
        ("text", "net", b"-5".to_vec()),
        (
            "text",
            "account",
            Account([0xc0; 20]).to_string().into_bytes(),
        ),
        ("text", "hash", Hash([7; 32]).to_string().into_bytes()),
        ("text", "key", key.public_key().to_string().into_bytes()),
        ("text", "signature", signature.to_string().into_bytes()),
        ("text", "network", network.to_string().into_bytes()),
        ("signature", "good", signature.to_bytes().to_vec()),
        ("signature", "key", key.public_key().to_bytes().to_vec()),
        ("address", "base58", written.into_bytes()),
        ("address", "hex", key.account().to_string().into_bytes()),
        (
            "address",
            "bech32",
            b"qcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kyl3x7r".to_vec(),
        ),
        ("wif", "regtest", secret.into_bytes()),
        ("quantity", "qtum", b"12.34567890".to_vec()),
        ("quantity", "one", b"1".to_vec()),
        ("script", "p2pkh", pay.0),
        ("script", "call", call_script.0),
        ("log", "deposited", log),
        ("answer", "words", vec![0; 128]),
        ("answer", "revert", encoded),
    ];
    all.extend(recorded());
    all
}

/// What a real node said.
fn recorded() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let json = |value: &dyn erased::Json| value.bytes();
    let mut all = Vec::new();
    let answers = include_str!("../vectors/answers.jsonl");
    for line in answers.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("a record");
        if let (Some(name), Some(result)) = (record["name"].as_str(), record.get("result")) {
            let name: &'static str = name.to_owned().leak();
            all.push(("rpc", name, json(result)));
        }
    }
    let sent = include_str!("../vectors/transactions.json");
    let sent: Vec<serde_json::Value> = serde_json::from_str(sent).expect("transactions");
    for (name, one) in ["first", "second", "third", "fourth"].into_iter().zip(sent) {
        let bytes = hex::decode(one["hex"].as_str().expect("hex")).expect("hex");
        all.push(("transaction", name, bytes));
    }
    all
}

mod erased {
    use serde::Serialize;

    /// Anything that can be written as JSON.
    pub trait Json {
        fn bytes(&self) -> Vec<u8>;
    }

    impl<T: Serialize> Json for T {
        fn bytes(&self) -> Vec<u8> {
            serde_json::to_vec(self).expect("it can be written")
        }
    }
}

fn tip() -> Tip {
    Tip {
        height: 1_100,
        confirmations: 1,
        reserve: Reserve::NONE,
    }
}

/// A payment, a conditional payment, an ack.
fn story() -> (Update, Update, Channel) {
    let keys = [1, 2].map(|byte| SecretKey::from_bytes(&[byte; 32]).expect("a key"));
    let send = |channel: &Channel, operation: Operation| {
        let operations = vec![operation];
        let proof = channel
            .propose(Side::A, &operations, &tip())
            .expect("it is there");
        let signature = keys[0].sign(&proof.digest(channel.domain()));
        let update = Update {
            operations,
            proof: proof.signed(signature),
        };
        let next = channel.accept(&update, &tip()).expect("it is right");
        (update, next)
    };
    let amount = Amount(10);
    let (update, channel) = send(&targets::known(), Operation::Transfer { amount });
    let unsigned = channel.ack(Side::A).expect("something to ack");
    let ack = unsigned.signed(keys[1].sign(&unsigned.digest(channel.domain())));
    let channel = channel.accept_ack(&ack).expect("the ack fits");
    let lock = Lock {
        id: channel.next_lock_id(Side::A),
        amount,
        expiry: 1_120,
        payment_hash: Preimage([5; 32]).payment_hash(),
    };
    let onion = vec![1, 2, 3];
    let (locked, channel) = send(&channel, Operation::LockAdd { lock, onion });
    (update, locked, channel)
}

#[test]
fn the_corpus_holds_what_the_product_writes() {
    let write = std::env::var_os("SPARKY_WRITE_CORPUS").is_some();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (target, name, bytes) in made() {
        if write {
            fs::create_dir_all(root.join(target)).expect("a folder");
            fs::write(root.join(target).join(name), &bytes).expect("a file");
        }
        assert!(
            mutate::examples(target).contains(&bytes),
            "{target}/{name} is not in the corpus: run this with SPARKY_WRITE_CORPUS=1"
        );
    }
}
