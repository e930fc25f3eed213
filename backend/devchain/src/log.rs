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
        let (records, end) = read_records(&bytes)?;
        file.set_len(end as u64)?;
        file.seek(SeekFrom::End(0))?;
        if end == 0 {
            file.write_all(MAGIC)?;
        }
        Ok((Self { file }, records))
    }

    /// Appends a record.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        self.file.write_all(&encode_record(record)?)
    }
}

/// The whole records at the beginning of a file, and where the last of them ends.
fn read_records(bytes: &[u8]) -> io::Result<(Vec<Record>, usize)> {
    let mut records = Vec::new();
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        if bytes.is_empty() || MAGIC.starts_with(bytes) {
            return Ok((records, 0));
        }
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "this file is not a block log",
        ));
    };
    while let Some((record, after)) = read_record(rest) {
        rest = after;
        records.push(record);
    }
    Ok((records, bytes.len() - rest.len()))
}

/// Reads bytes as a file, and what stands in a record as if its checksum were right. What is read is
/// written the same.
#[cfg(feature = "readers")]
pub(crate) fn read(bytes: &[u8]) {
    if let Ok((records, end)) = read_records(bytes)
        && 0 < end
    {
        let mut written = MAGIC.to_vec();
        for record in &records {
            written.extend(encode_record(record).expect("it was as long before"));
        }
        assert_eq!(written, bytes[..end]);
    }
    if let Some(record) = bytes.get(MAGIC.len() + 8..).and_then(decode_record) {
        let written = encode_record(&record).expect("it was as long before");
        assert_eq!(written[8..], bytes[MAGIC.len() + 8..]);
    }
}

fn encode_record(record: &Record) -> io::Result<Vec<u8>> {
    let payload = match record {
        Record::Block(block) => encode_block(block),
        Record::Invalidate(hash) => [&[2], &hash.0[..]].concat(),
        Record::Reconsider(hash) => [&[3], &hash.0[..]].concat(),
    };
    let mut bytes = Vec::with_capacity(payload.len() + 8);
    bytes.extend(length(payload.len())?);
    bytes.extend_from_slice(&sha256d(&payload)[..4]);
    bytes.extend(payload);
    Ok(bytes)
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
    Some((decode_record(payload)?, rest))
}

fn decode_record(payload: &[u8]) -> Option<Record> {
    let (kind, payload) = payload.split_first()?;
    let hash = || payload.try_into().ok().map(BlockHash);
    Some(match kind {
        1 => Record::Block(Arc::new(decode_block(payload)?)),
        2 => Record::Invalidate(hash()?),
        3 => Record::Reconsider(hash()?),
        _ => return None,
    })
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
    let encoded = header;
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
    // What stakers would write here is always the same.
    if header.encode() != encoded {
        return None;
    }
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
