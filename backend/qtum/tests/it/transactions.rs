//! Raw transactions that qtumd accepted, made by another implementation with the same keys.

use serde::Deserialize;
use sparky_protocol::SecretKey;
use sparky_qtum::script::{Kind, OpSender, Script};
use sparky_qtum::tx::{SIGHASH_ALL, Transaction};
use sparky_qtum::{Network, Txid, contract, wif};

#[derive(Deserialize)]
struct Recorded {
    note: String,
    signer: String,
    txid: Txid,
    hex: String,
}

fn recorded() -> Vec<Recorded> {
    serde_json::from_str(include_str!("../vectors/transactions.json")).unwrap()
}

fn key(name: &str) -> SecretKey {
    let wif = match name {
        "alice" => "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ",
        "bob" => "cMbgxCJrTYUqgcmiC1berh5DFrtY1KeU4PXZ6NZxgenniF1mXCRk",
        "deployer" => "cVLiw3xKLNVMVKkhNhQGxHc6VmAgdu7jeyt2KYND2BCbwnHqiPBw",
        other => panic!("nobody is called {other}"),
    };
    wif::decode(wif, Network::Regtest).unwrap()
}

#[test]
fn bytes_and_ids_are_those_of_qtumd() {
    for Recorded {
        note, txid, hex, ..
    } in recorded()
    {
        let transaction = Transaction::from_hex(&hex).unwrap();
        assert_eq!(transaction.to_hex(), hex, "{note}");
        assert_eq!(transaction.txid(), txid, "{note}");
    }
}

#[test]
fn signing_again_gives_the_same_bytes() {
    for Recorded {
        note, signer, hex, ..
    } in recorded()
    {
        let mut transaction = Transaction::from_hex(&hex).unwrap();
        for input in &mut transaction.inputs {
            input.script_sig = Script::default();
        }
        for index in 0..transaction.outputs.len() {
            let script = transaction.outputs[index].script.clone();
            if let Some((sender, rest)) = OpSender::split(script.as_bytes()) {
                let unsigned = OpSender {
                    script_sig: Vec::new(),
                    ..sender
                };
                transaction.outputs[index].script = unsigned.wrap(&Script(rest.to_vec()));
                transaction
                    .sign_sender(index, &key("alice"), SIGHASH_ALL)
                    .unwrap();
            }
        }
        transaction.sign(&key(&signer)).unwrap();
        assert_eq!(transaction.to_hex(), hex, "{note}");
    }
}

#[test]
fn contract_outputs_come_apart_and_together() {
    let mut kinds = Vec::new();
    for Recorded { note, hex, .. } in recorded() {
        for output in Transaction::from_hex(&hex).unwrap().outputs {
            let kind = output.script.kind();
            kinds.push(kind.name());
            if let Kind::Contract(contract) = kind {
                assert_eq!(contract.to_script(), output.script, "{note}");
            }
        }
    }
    for expected in ["pubkeyhash", "create", "call", "call_sender"] {
        assert!(kinds.contains(&expected), "{expected}");
    }
}

#[test]
fn a_contract_lies_where_qtumd_put_it() {
    let created = recorded()
        .into_iter()
        .find(|recorded| recorded.note.starts_with("OP_CREATE Probe"));
    let account = contract::address_of_creation(&created.unwrap().txid, 0);
    assert_eq!(
        account.to_string(),
        "0xd3d5408ab319aa0f6b6adaabf058d4893f4a974e"
    );
}

#[test]
fn a_key_can_not_sign_for_another_sender() {
    let sponsored = recorded()
        .into_iter()
        .find(|recorded| recorded.note.starts_with("OP_SENDER"))
        .unwrap();
    let mut transaction = Transaction::from_hex(&sponsored.hex).unwrap();
    assert!(
        transaction
            .sign_sender(0, &key("bob"), SIGHASH_ALL)
            .is_err()
    );
    assert!(
        transaction
            .sign_sender(1, &key("alice"), SIGHASH_ALL)
            .is_err()
    );
    assert!(
        transaction
            .sign_sender(9, &key("alice"), SIGHASH_ALL)
            .is_err()
    );
}
