//! What counts as a signature.

use serde_json::{Value, json};
use sparky_protocol::{Account, Hash, Signature};

use super::{DEMO_KEYS, dev, digests::proofs, key};

pub fn rows() -> Vec<Value> {
    let row = |name: &str, digest: &Hash, account: &Account, signature: &Signature| {
        let parts = [signature.r, signature.vs, signature.x, signature.y].map(Hash);
        json!({
            "name": name,
            "digest": digest,
            "account": account,
            "r": parts[0],
            "vs": parts[1],
            "x": parts[2],
            "y": parts[3],
            "valid": signature.verify(digest, account).is_ok(),
        })
    };
    let mut rows = Vec::new();
    for (at, (owner, ..)) in DEMO_KEYS.iter().enumerate().take(2) {
        for proof in proofs() {
            let digest = proof.digest(&dev());
            let name = format!("{owner}, proof {}", proof.nonce);
            rows.push(row(
                &name,
                &digest,
                &key(at).account(),
                &key(at).sign(&digest),
            ));
        }
    }
    let digest = proofs()[0].digest(&dev());
    let good = key(0).sign(&digest);
    let mut parity = good;
    parity.vs[0] ^= 0x80;
    let forged = [
        ("the parity bit flipped", parity),
        (
            "s above half the order",
            Signature {
                vs: high_s(&good.vs),
                ..good
            },
        ),
        ("r zero", Signature { r: [0; 32], ..good }),
        (
            "s zero",
            Signature {
                vs: [0; 32],
                ..good
            },
        ),
        (
            "r above the order",
            Signature {
                r: [0xff; 32],
                ..good
            },
        ),
        (
            "another y of the same parity",
            Signature {
                y: [0x02; 32],
                ..good
            },
        ),
        ("the partner's key", key(1).sign(&digest)),
        ("over another digest", key(0).sign(&Hash::ZERO)),
        ("absent", Signature::ABSENT),
    ];
    for (name, signature) in forged {
        let forged = row(name, &digest, &key(0).account(), &signature);
        assert_eq!(forged["valid"], json!(false), "{name}");
        rows.push(forged);
    }
    rows
}

/// `order − s`, whose top bit is then read as parity as well.
fn high_s(vs: &[u8; 32]) -> [u8; 32] {
    const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let order: Hash = ORDER.parse().expect("hex");
    let mut difference = [0; 32];
    let mut borrow = 0;
    for at in (0..32).rev() {
        let s = if at == 0 { vs[0] & 0x7f } else { vs[at] };
        let left = 256 + i16::from(order.0[at]) - i16::from(s) - borrow;
        difference[at] = u8::try_from(left % 256).expect("a byte");
        borrow = i16::from(left < 256);
    }
    difference
}
