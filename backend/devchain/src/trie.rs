//! Roots of Ethereum's state trie, computed from scratch over sorted keys.

use sha3::{Digest, Keccak256};

/// keccak256.
pub(crate) fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// RLP of a byte string.
pub(crate) fn rlp_bytes(bytes: &[u8]) -> Vec<u8> {
    if let [short @ 0..0x80] = bytes {
        return vec![*short];
    }
    let mut encoded = rlp_header(0x80, bytes.len());
    encoded.extend_from_slice(bytes);
    encoded
}

/// RLP of a number: big-endian without leading zeroes.
pub(crate) fn rlp_number(number: u64) -> Vec<u8> {
    rlp_bytes(trimmed(&number.to_be_bytes()))
}

/// RLP of a list whose items are encoded already.
pub(crate) fn rlp_list(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    let mut encoded = rlp_header(0xc0, payload.len());
    encoded.extend(payload);
    encoded
}

/// Without the zeroes in front.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeroes = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeroes..]
}

fn rlp_header(offset: u8, length: usize) -> Vec<u8> {
    let digits = length.to_be_bytes();
    let digits = trimmed(&digits);
    let byte = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
    if length < 56 {
        return vec![offset + byte(length)];
    }
    let mut header = vec![offset + 55 + byte(digits.len())];
    header.extend_from_slice(digits);
    header
}

/// The root of a secure trie: keys are hashed first. Values are RLP already.
pub(crate) fn secure_root(entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> [u8; 32] {
    let mut leaves: Vec<_> = entries
        .into_iter()
        .map(|(key, value)| (nibbles(&keccak(&key)), value))
        .collect();
    leaves.sort_unstable();
    if leaves.is_empty() {
        return keccak(&[0x80]);
    }
    keccak(&node(&leaves, 0))
}

fn nibbles(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .collect()
}

/// The node over `leaves`, which agree in their first `depth` nibbles.
fn node(leaves: &[(Vec<u8>, Vec<u8>)], depth: usize) -> Vec<u8> {
    let ([(first, _), ..], [.., (last, _)]) = (leaves, leaves) else {
        return vec![0x80];
    };
    if let [(path, value)] = leaves {
        return rlp_list(&[rlp_bytes(&compact(&path[depth..], true)), rlp_bytes(value)]);
    }
    let shared = first[depth..]
        .iter()
        .zip(&last[depth..])
        .take_while(|(a, b)| a == b)
        .count();
    if 0 < shared {
        let below = reference(node(leaves, depth + shared));
        return rlp_list(&[
            rlp_bytes(&compact(&first[depth..depth + shared], false)),
            below,
        ]);
    }
    let mut rest = leaves;
    let mut items = Vec::with_capacity(17);
    for nibble in 0..16 {
        let count = rest
            .iter()
            .take_while(|(path, _)| path[depth] == nibble)
            .count();
        let (here, after) = rest.split_at(count);
        rest = after;
        items.push(if here.is_empty() {
            vec![0x80]
        } else {
            reference(node(here, depth + 1))
        });
    }
    items.push(vec![0x80]);
    rlp_list(&items)
}

fn reference(node: Vec<u8>) -> Vec<u8> {
    if node.len() < 32 {
        node
    } else {
        rlp_bytes(&keccak(&node))
    }
}

/// Hex-prefix encoding of a path.
fn compact(path: &[u8], is_leaf: bool) -> Vec<u8> {
    let flag = if is_leaf { 0x20 } else { 0 };
    let (first, rest) = match path {
        [odd, rest @ ..] if path.len() % 2 == 1 => (flag | 0x10 | odd, rest),
        _ => (flag, path),
    };
    let mut bytes = vec![first];
    bytes.extend(rest.chunks(2).map(|pair| pair[0] << 4 | pair[1]));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_root_is_ethereums() {
        let root = secure_root([]);
        assert_eq!(
            hex::encode(root),
            "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
        );
    }

    /// One contract with 5 QTUM, as recorded from qtumd.
    #[test]
    fn a_utxo_root_is_qtumds() {
        let txid = hex::decode("f3617530fb50ef1fbf7a734142b86d020ce133a5af7609b0b5920bf378915006")
            .unwrap();
        let txid: Vec<u8> = txid.into_iter().rev().collect();
        let contract = hex::decode("d3d5408ab319aa0f6b6adaabf058d4893f4a974e").unwrap();
        let coin = rlp_list(&[
            rlp_bytes(&txid),
            rlp_number(0),
            rlp_number(500_000_000),
            rlp_number(1),
        ]);
        let root = secure_root([(contract, coin)]);
        assert_eq!(
            hex::encode(root),
            "694d51ff88759e438964fe8001c4d2cdc106269460721440e9846f79bcb98c62"
        );
    }
}
