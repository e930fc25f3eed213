//! The block log: what was mined, in a file that only grows.
//!
//! Every record carries its length and a checksum. A record that was cut by a crash ends the log: it
//! is cut off, and the chain continues from the block before it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use sparky_qtum::BlockHash;
use sparky_qtum::digest::sha256d;
use sparky_qtum::tx::Transaction;

use crate::block::{Block, Header, Tx};

const MAGIC: &[u8; 8] = b"QTUMLOG1";
const HEADER_LENGTH: usize = 181;

/// Something that happened to the chain.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    Block(Arc<Block>),
    Invalidate(BlockHash),
    Reconsider(BlockHash),
}

/// The open file.
pub(crate) struct BlockLog {
    file: File,
}

impl BlockLog {
    /// Opens or creates the log and reads all whole records.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<Record>)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut records = Vec::new();
        let mut end = 0;
        if let Some(mut rest) = bytes.strip_prefix(MAGIC) {
            end = MAGIC.len();
            while let Some((record, after)) = read_record(rest) {
                end += rest.len() - after.len();
                rest = after;
                records.push(record);
            }
        } else if !bytes.is_empty() && !MAGIC.starts_with(&bytes) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "this file is not a block log",
            ));
        }
        file.set_len(end as u64)?;
        file.seek(SeekFrom::End(0))?;
        if end == 0 {
            file.write_all(MAGIC)?;
        }
        Ok((Self { file }, records))
    }

    /// Appends a record.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        let payload = match record {
            Record::Block(block) => encode_block(block),
            Record::Invalidate(hash) => [&[2], &hash.0[..]].concat(),
            Record::Reconsider(hash) => [&[3], &hash.0[..]].concat(),
        };
        let mut bytes = Vec::with_capacity(payload.len() + 8);
        bytes.extend(length(payload.len())?);
        bytes.extend_from_slice(&sha256d(&payload)[..4]);
        bytes.extend(payload);
        self.file.write_all(&bytes)
    }
}

fn length(length: usize) -> io::Result<[u8; 4]> {
    u32::try_from(length)
        .map(u32::to_le_bytes)
        .map_err(io::Error::other)
}

fn encode_block(block: &Block) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(block.header.encode());
    for tx in &block.txs {
        let encoded = tx.encode();
        bytes.extend(
            u32::try_from(encoded.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        bytes.extend(encoded);
    }
    bytes
}

fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*length)).ok()?, rest))
}

fn read_record(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (length, rest) = take_length(bytes)?;
    let (checksum, rest) = rest.split_at_checked(4)?;
    let (payload, rest) = rest.split_at_checked(length)?;
    if sha256d(payload)[..4] != *checksum {
        return None;
    }
    let (kind, payload) = payload.split_first()?;
    let hash = || payload.try_into().ok().map(BlockHash);
    let record = match kind {
        1 => Record::Block(Arc::new(decode_block(payload)?)),
        2 => Record::Invalidate(hash()?),
        3 => Record::Reconsider(hash()?),
        _ => return None,
    };
    Some((record, rest))
}

fn decode_block(bytes: &[u8]) -> Option<Block> {
    let (header, mut rest) = bytes.split_at_checked(HEADER_LENGTH)?;
    let word = |at: usize| {
        header
            .get(at..at + 4)?
            .try_into()
            .ok()
            .map(u32::from_le_bytes)
    };
    let hash = |at: usize| header.get(at..at + 32)?.try_into().ok();
    let header = Header {
        version: word(0)?,
        previous: BlockHash(hash(4)?),
        merkle_root: hash(36)?,
        time: word(68)?,
        bits: word(72)?,
        nonce: word(76)?,
        state_root: hash(80)?,
        utxo_root: hash(112)?,
    };
    let mut txs: Vec<Arc<Tx>> = Vec::new();
    while !rest.is_empty() {
        let (length, after) = take_length(rest)?;
        let (encoded, after) = after.split_at_checked(length)?;
        rest = after;
        txs.push(Tx::new(Transaction::decode(encoded).ok()?));
    }
    Some(Block {
        hash: header.hash(),
        header,
        txs,
    })
}
