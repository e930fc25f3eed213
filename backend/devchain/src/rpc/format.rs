//! Transactions, scripts and blocks as JSON.

use serde_json::{Value, json};
use sparky_qtum::script::{Kind, Pushes, Script};
use sparky_qtum::tx::{OutPoint, Transaction, TxOut};

use super::params::{base58, qtum};
use crate::block::{Block, Tx};
use crate::chain::Chain;
use crate::index::Owner;

/// Bits of regtest as a difficulty.
pub(crate) const DIFFICULTY: f64 = 4.656_542_373_906_925e-10;

/// `scriptPubKey` of an output.
pub(crate) fn script_json(script: &Script) -> Value {
    let kind = script.kind();
    let mut json = json!({
        "asm": asm(script.as_bytes(), false),
        "desc": descriptor(script),
        "hex": hex::encode(script.as_bytes()),
        "type": kind.name(),
    });
    if let Some(address) = payable_address(&kind) {
        json["address"] = address.into();
    }
    json
}

fn payable_address(kind: &Kind) -> Option<String> {
    match kind {
        Kind::PubKeyHash(account) => Some(base58(account.0)),
        _ => None,
    }
}

fn descriptor(script: &Script) -> String {
    let inner = match script.kind() {
        Kind::PubKeyHash(account) => format!("addr({})", base58(account.0)),
        Kind::PubKey(_) => {
            let bytes = script.as_bytes();
            format!("pk({})", hex::encode(&bytes[1..bytes.len() - 1]))
        }
        _ => format!("raw({})", hex::encode(script.as_bytes())),
    };
    let checksum = descriptor_checksum(&inner);
    format!("{inner}#{checksum}")
}

/// The eight characters that guard a descriptor against typing mistakes.
pub(crate) fn descriptor_checksum(descriptor: &str) -> String {
    const INPUT: &str = "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ ";
    const OUTPUT: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATORS: [u64; 5] = [
        0xf5_dee5_1989,
        0xa9_fdca_3312,
        0x1b_ab10_e32d,
        0x37_06b1_677a,
        0x64_4d62_6ffd,
    ];
    let step = |state: u64, value: u64| {
        let top = state >> 35;
        let shifted = (state & 0x7_ffff_ffff) << 5 ^ value;
        (0..)
            .zip(GENERATORS)
            .fold(shifted, |state, (bit, generator)| {
                if top >> bit & 1 == 1 {
                    state ^ generator
                } else {
                    state
                }
            })
    };
    let (mut state, mut class, mut count) = (1, 0, 0);
    for character in descriptor.chars() {
        let Some(position) = INPUT.find(character) else {
            return String::new();
        };
        let position = position as u64;
        state = step(state, position & 31);
        class = class * 3 + (position >> 5);
        count += 1;
        if count == 3 {
            state = step(state, class);
            (class, count) = (0, 0);
        }
    }
    if 0 < count {
        state = step(state, class);
    }
    state = (0..8).fold(state, |state, _| step(state, 0)) ^ 1;
    (0..8)
        .map(|index| {
            char::from(OUTPUT[usize::try_from(state >> (5 * (7 - index)) & 31).unwrap_or(0)])
        })
        .collect()
}

/// A script as words. Short pushes are numbers, long ones hexadecimal; in inputs the signature hash
/// type is written out.
fn asm(script: &[u8], of_input: bool) -> String {
    let mut words = Vec::new();
    let mut rest = script;
    while let Some((opcode, after)) = rest.split_first() {
        let mut pushes = Pushes::new(rest);
        let push = if matches!(opcode, 0x51..=0x60) {
            None
        } else {
            pushes.next().flatten()
        };
        match push {
            Some([]) => words.push("0".to_owned()),
            Some(data) if data.len() <= 4 => words.push(number(data).to_string()),
            Some(data) => words.push(data_word(data, of_input)),
            None => words.push(opcode_name(*opcode)),
        }
        rest = if push.is_some() { pushes.rest() } else { after };
    }
    words.join(" ")
}

fn data_word(data: &[u8], of_input: bool) -> String {
    match data.split_last() {
        Some((1, der)) if of_input && der.first() == Some(&0x30) => {
            format!("{}[ALL]", hex::encode(der))
        }
        _ => hex::encode(data),
    }
}

/// A number as script reads it: little-endian, the top bit is the sign.
fn number(data: &[u8]) -> i64 {
    let Some((top, _)) = data.split_last() else {
        return 0;
    };
    let magnitude = data
        .iter()
        .rev()
        .fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
    if top & 0x80 == 0 {
        magnitude
    } else {
        -(magnitude & !(0x80 << (8 * (data.len() - 1))))
    }
}

fn opcode_name(opcode: u8) -> String {
    let name = match opcode {
        0x51..=0x60 => return (opcode - 0x50).to_string(),
        0x6a => "OP_RETURN",
        0x76 => "OP_DUP",
        0x87 => "OP_EQUAL",
        0x88 => "OP_EQUALVERIFY",
        0xa9 => "OP_HASH160",
        0xac => "OP_CHECKSIG",
        0xae => "OP_CHECKMULTISIG",
        0xc1 => "OP_CREATE",
        0xc2 => "OP_CALL",
        0xc3 => "OP_SPEND",
        0xc4 => "OP_SENDER",
        _ => "OP_UNKNOWN",
    };
    name.to_owned()
}

/// A transaction without what the chain knows of it.
pub(crate) fn transaction_json(tx: &Transaction) -> Value {
    let vin: Vec<Value> = tx.inputs.iter().map(|input| {
        if input.previous == OutPoint::NULL {
            let mut json = json!({ "coinbase": hex::encode(input.script_sig.as_bytes()), "sequence": input.sequence });
            add_witness(&mut json, &input.witness);
            return json;
        }
        let script = input.script_sig.as_bytes();
        let mut json = json!({
            "txid": input.previous.txid.to_string(),
            "vout": input.previous.vout,
            "scriptSig": { "asm": asm(script, true), "hex": hex::encode(script) },
            "sequence": input.sequence,
        });
        add_witness(&mut json, &input.witness);
        json
    }).collect();
    let vout: Vec<Value> = tx.outputs.iter().enumerate().map(|(index, output)| {
        json!({ "value": qtum(output.value), "n": index, "scriptPubKey": script_json(&output.script) })
    }).collect();
    let (size, stripped) = (tx.encode().len(), tx.encode_without_witness().len());
    json!({
        "txid": tx.txid().to_string(),
        "hash": tx.witness_hash().to_string(),
        "version": tx.version,
        "size": size,
        "vsize": tx.virtual_size(),
        "weight": 3 * stripped + size,
        "locktime": tx.lock_time,
        "vin": vin,
        "vout": vout,
    })
}

fn add_witness(json: &mut Value, witness: &[Vec<u8>]) {
    if !witness.is_empty() {
        json["txinwitness"] = witness.iter().map(hex::encode).collect();
    }
}

/// What inputs spent and who spent the outputs, as the indexes know it.
pub(crate) fn add_index_details(chain: &Chain, tx: &Tx, json: &mut Value) {
    let previous = |outpoint: &OutPoint| -> Option<TxOut> {
        let found = match chain.mempool.get(&outpoint.txid) {
            Some(entry) => &entry.tx,
            None => chain.view.transaction(&outpoint.txid)?.0,
        };
        found
            .outputs
            .get(usize::try_from(outpoint.vout).ok()?)
            .cloned()
    };
    for (index, input) in tx.inputs.iter().enumerate() {
        if let Some(output) = previous(&input.previous) {
            let vin = &mut json["vin"][index];
            vin["value"] = qtum(output.value);
            vin["valueSat"] = output.value.into();
            if let Some(Owner::Key(account)) = Owner::of(&output.script) {
                vin["address"] = base58(account).into();
            }
        }
    }
    for ((vout, index), output) in (0..).zip(0_usize..).zip(&tx.outputs) {
        let json = &mut json["vout"][index];
        json["valueSat"] = output.value.into();
        if let Some(spent) = chain.view.index.spent_by(&tx.outpoint(vout)) {
            json["spentTxId"] = spent.txid.to_string().into();
            json["spentIndex"] = spent.input.into();
            json["spentHeight"] = spent.height.into();
        }
    }
}

/// The header fields of a block.
pub(crate) fn header_json(chain: &Chain, block: &Block, height: u32) -> Value {
    let tip = chain.view.height();
    let is_active = chain.is_active(&block.hash);
    let confirmations = if is_active {
        i64::from(tip - height) + 1
    } else {
        -1
    };
    let reversed = |bytes: [u8; 32]| sparky_qtum::BlockHash(bytes).to_string();
    let mut json = json!({
        "hash": block.hash.to_string(),
        "confirmations": confirmations,
        "height": height,
        "version": block.header.version,
        "versionHex": format!("{:08x}", block.header.version),
        "merkleroot": reversed(block.header.merkle_root),
        "time": block.header.time,
        "mediantime": chain.view.median_time_at(height.min(tip)),
        "nonce": block.header.nonce,
        "bits": format!("{:08x}", block.header.bits),
        "difficulty": DIFFICULTY,
        "chainwork": chainwork(height),
        "nTx": block.txs.len(),
        "hashStateRoot": reversed(block.header.state_root),
        "hashUTXORoot": reversed(block.header.utxo_root),
        "flags": "proof-of-work",
        "proofhash": block.hash.to_string(),
        "modifier": reversed(chain.modifier(&block.hash)),
    });
    if 0 < height {
        json["previousblockhash"] = block.header.previous.to_string().into();
    }
    if let Some(next) = chain.view.block(height + 1).filter(|_| is_active) {
        json["nextblockhash"] = next.hash.to_string().into();
    }
    json
}

/// Two hashes of work for every block.
pub(crate) fn chainwork(height: u32) -> String {
    format!("{:064x}", 2 * (u64::from(height) + 1))
}
