//! Blocks: header, transactions, hashes.

use std::ops::Deref;
use std::sync::Arc;

use sparky_qtum::digest::sha256d;
use sparky_qtum::script::{Script, push, push_number};
use sparky_qtum::tx::{OutPoint, Transaction, TxIn, TxOut};
use sparky_qtum::{BlockHash, Txid};

use crate::evm::{Bytes20, Bytes32};
use crate::roots::Roots;

/// A transaction with its id, which is asked for often.
#[derive(Debug)]
pub(crate) struct Tx {
    inner: Transaction,
    txid: Txid,
}

impl Tx {
    pub fn new(inner: Transaction) -> Arc<Self> {
        let txid = inner.txid();
        Arc::new(Self { inner, txid })
    }

    pub const fn id(&self) -> Txid {
        self.txid
    }

    pub fn size(&self) -> usize {
        self.inner.encode().len()
    }

    pub fn weight(&self) -> usize {
        3 * self.inner.encode_without_witness().len() + self.size()
    }

    pub const fn outpoint(&self, vout: u32) -> OutPoint {
        OutPoint {
            txid: self.txid,
            vout,
        }
    }
}

impl Deref for Tx {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.inner
    }
}

/// The fields that the block hash covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub version: u32,
    pub previous: BlockHash,
    pub merkle_root: Bytes32,
    pub time: u32,
    pub bits: u32,
    pub nonce: u32,
    pub state_root: Bytes32,
    pub utxo_root: Bytes32,
}

impl Header {
    /// As hashed and stored: Bitcoin's 80 bytes, the two roots, no stake, no signature.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(181);
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&self.previous.0);
        bytes.extend_from_slice(&self.merkle_root);
        bytes.extend_from_slice(&self.time.to_le_bytes());
        bytes.extend_from_slice(&self.bits.to_le_bytes());
        bytes.extend_from_slice(&self.nonce.to_le_bytes());
        bytes.extend_from_slice(&self.state_root);
        bytes.extend_from_slice(&self.utxo_root);
        bytes.extend_from_slice(&[0; 32]);
        bytes.extend_from_slice(&[0xff; 4]);
        bytes.push(0);
        bytes
    }

    pub fn hash(&self) -> BlockHash {
        BlockHash(sha256d(&self.encode()))
    }

    /// Counts the nonce up until the hash is below regtest's target: about two tries.
    pub fn mine(&mut self) {
        while !is_below_target(&self.hash().0) {
            self.nonce = self.nonce.wrapping_add(1);
        }
    }
}

/// Whether a hash, a number with its lowest byte first, is not above `0x7fffff` and 29 zero bytes.
fn is_below_target(hash: &Bytes32) -> bool {
    let (low, high) = hash.split_at(29);
    match high {
        [0xff, 0xff, 0x7f] => low.iter().all(|byte| *byte == 0),
        [_, _, top] => *top < 0x80,
        _ => false,
    }
}

/// A block with its transactions.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub header: Header,
    pub hash: BlockHash,
    pub txs: Vec<Arc<Tx>>,
}

impl Block {
    /// Closes a block: fills in the merkle root and finds a nonce.
    pub fn seal(mut header: Header, txs: Vec<Arc<Tx>>) -> Self {
        header.merkle_root = merkle_root(txs.iter().map(|tx| tx.id().0).collect());
        header.mine();
        Self {
            hash: header.hash(),
            header,
            txs,
        }
    }

    /// Qtum's regtest genesis; with `premine` another one that owns those outputs as well.
    pub fn genesis(roots: Roots, premine: Option<Transaction>) -> Self {
        let message = b"Sep 02, 2017 Bitcoin breaks $5,000 in latest price frenzy";
        let mut script_sig = vec![0];
        push_number(&mut script_sig, 488_804_799);
        push(&mut script_sig, &[4]);
        push(&mut script_sig, message);
        let mut script = Vec::new();
        push(&mut script, &GENESIS_KEY);
        script.push(0xac);
        let coinbase = Transaction {
            version: 1,
            inputs: vec![coinbase_input(script_sig, Vec::new())],
            outputs: vec![TxOut {
                value: 5_000_000_000,
                script: Script(script),
            }],
            lock_time: 0,
        };
        let header = Header {
            version: 1,
            previous: BlockHash::default(),
            merkle_root: [0; 32],
            time: 1_504_695_029,
            bits: crate::evm::REGTEST_BITS,
            nonce: 17,
            state_root: roots.state,
            utxo_root: roots.utxo,
        };
        let txs = [coinbase].into_iter().chain(premine).map(Tx::new).collect();
        Self::seal(header, txs)
    }

    /// Bytes of the block as it would be sent.
    pub fn size(&self) -> usize {
        self.header.encode().len() + 1 + self.txs.iter().map(|tx| tx.size()).sum::<usize>()
    }

    /// Whom the block pays, as `COINBASE` says it.
    pub fn author(&self) -> Bytes20 {
        let script = self
            .txs
            .first()
            .and_then(|tx| tx.outputs.first())
            .map(|output| &output.script);
        script
            .and_then(|script| script.kind().sender())
            .map_or([0; 20], |account| account.0)
    }
}

const GENESIS_KEY: [u8; 65] = constant(
    b"040d61d8653448c98731ee5fffd303c15e71ec2057b77f11ab3601979728cdaff2\
      d68afbba14e4fa0bc44f2072b0b23ef63717f8cdfbe58dcd33f32b6afe98741a",
);

/// The bytes of a constant that is written in lower-case hexadecimal.
pub(crate) const fn constant<const N: usize>(digits: &[u8]) -> [u8; N] {
    const fn nibble(digit: u8) -> u8 {
        if digit <= b'9' {
            digit - b'0'
        } else {
            digit - b'a' + 10
        }
    }
    let mut bytes = [0; N];
    let mut index = 0;
    while index < N {
        bytes[index] = nibble(digits[2 * index]) << 4 | nibble(digits[2 * index + 1]);
        index += 1;
    }
    bytes
}

pub(crate) fn coinbase_input(script_sig: Vec<u8>, witness: Vec<Vec<u8>>) -> TxIn {
    TxIn {
        previous: OutPoint::NULL,
        script_sig: Script(script_sig),
        sequence: u32::MAX,
        witness,
    }
}

/// The reward transaction of a block: outputs without the commitment, which is appended here.
pub(crate) fn coinbase(height: u32, mut outputs: Vec<TxOut>, others: &[Arc<Tx>]) -> Transaction {
    let mut script_sig = Vec::new();
    match height {
        1..=16 => script_sig.push(u8::try_from(0x50 + height).unwrap_or_default()),
        _ => push_number(&mut script_sig, height.into()),
    }
    script_sig.push(0);
    let mut leaves = vec![[0; 32]];
    leaves.extend(others.iter().map(|tx| tx.witness_hash().0));
    let mut preimage = merkle_root(leaves).to_vec();
    preimage.extend_from_slice(&[0; 32]);
    let mut script = vec![0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
    script.extend_from_slice(&sha256d(&preimage));
    outputs.push(TxOut {
        value: 0,
        script: Script(script),
    });
    Transaction {
        version: 2,
        inputs: vec![coinbase_input(script_sig, vec![vec![0; 32]])],
        outputs,
        lock_time: 0,
    }
}

fn merkle_root(mut level: Vec<Bytes32>) -> Bytes32 {
    while 1 < level.len() {
        level = level
            .chunks(2)
            .map(|pair| sha256d(&[pair[0], *pair.last().unwrap_or(&pair[0])].concat()))
            .collect();
    }
    level.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evm::Evm;
    use crate::roots::RootCache;

    #[test]
    fn genesis_is_regtests() {
        let roots = RootCache::default().roots(&mut Evm::default(), false);
        let block = Block::genesis(roots, None);
        let merkle_root = BlockHash(block.header.merkle_root);
        assert_eq!(
            merkle_root.to_string(),
            "ed34050eb5909ee535fcb07af292ea55f3d2f291187617b44d3282231405b96d"
        );
        assert_eq!(
            block.hash.to_string(),
            "665ed5b402ac0b44efc37d8926332994363e8a7278b7ee9a58fb972efadae943"
        );
    }
}
