//! Bitcoin's serialisation, which Qtum kept.

use super::{OutPoint, Transaction, TxIn, TxOut};
use crate::digest::Txid;
use crate::script::Script;

/// Largest transaction that is read. Consensus allows blocks of 2,000,000 weight units, relay policy
/// 400,000: a fifth of this.
pub const MAX_TRANSACTION_SIZE: usize = 2_000_000;

/// Why bytes are not a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The text is not hexadecimal.
    #[error("not a transaction: not hexadecimal")]
    NotHexadecimal,
    /// Larger than a block.
    #[error("not a transaction: larger than a block can be")]
    TooLarge,
    /// The bytes end too early.
    #[error("not a transaction: the bytes end too early")]
    Truncated,
    /// Bytes are left over.
    #[error("not a transaction: {0} bytes too many")]
    Trailing(usize),
    /// A length is not written in its shortest form.
    #[error("not a transaction: a length is not in its shortest form")]
    NotCanonical,
    /// The marker announces witnesses, but the flag is unknown or all are empty.
    #[error("not a transaction: unknown or superfluous witness data")]
    Witness,
    /// An output holds a negative value.
    #[error("not a transaction: output {0} has a negative value")]
    Negative(usize),
}

impl DecodeError {
    /// Stable code for interfaces.
    pub const fn code(&self) -> &'static str {
        "invalid-transaction"
    }
}

/// Appends a length in Bitcoin's variable form.
pub(crate) fn write_compact(bytes: &mut Vec<u8>, length: usize) {
    let value = (length as u64).to_le_bytes();
    match length {
        0..0xfd => bytes.push(value[0]),
        0xfd..=0xffff => {
            bytes.push(0xfd);
            bytes.extend_from_slice(&value[..2]);
        }
        _ if u32::try_from(length).is_ok() => {
            bytes.push(0xfe);
            bytes.extend_from_slice(&value[..4]);
        }
        _ => {
            bytes.push(0xff);
            bytes.extend_from_slice(&value);
        }
    }
}

fn write_bytes(bytes: &mut Vec<u8>, data: &[u8]) {
    write_compact(bytes, data.len());
    bytes.extend_from_slice(data);
}

pub(super) fn write_outpoint(bytes: &mut Vec<u8>, outpoint: &OutPoint) {
    bytes.extend_from_slice(&outpoint.txid.0);
    bytes.extend_from_slice(&outpoint.vout.to_le_bytes());
}

pub(super) fn write_output(bytes: &mut Vec<u8>, value: u64, script: &[u8]) {
    bytes.extend_from_slice(&value.to_le_bytes());
    write_bytes(bytes, script);
}

pub(super) fn encode(tx: &Transaction, with_witness: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(&tx.version.to_le_bytes());
    if with_witness {
        bytes.extend_from_slice(&[0, 1]);
    }
    write_compact(&mut bytes, tx.inputs.len());
    for input in &tx.inputs {
        write_outpoint(&mut bytes, &input.previous);
        write_bytes(&mut bytes, input.script_sig.as_bytes());
        bytes.extend_from_slice(&input.sequence.to_le_bytes());
    }
    write_compact(&mut bytes, tx.outputs.len());
    for output in &tx.outputs {
        write_output(&mut bytes, output.value, output.script.as_bytes());
    }
    if with_witness {
        for input in &tx.inputs {
            write_compact(&mut bytes, input.witness.len());
            for item in &input.witness {
                write_bytes(&mut bytes, item);
            }
        }
    }
    bytes.extend_from_slice(&tx.lock_time.to_le_bytes());
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<Transaction, DecodeError> {
    if MAX_TRANSACTION_SIZE < bytes.len() {
        return Err(DecodeError::TooLarge);
    }
    let mut reader = Reader::new(bytes);
    let version = i32::from_le_bytes(reader.array()?);
    // No inputs, then a flag: the marker of the form with witnesses.
    let witnesses = matches!(reader.rest, [0, flag, ..] if *flag != 0);
    if witnesses && reader.array::<2>()? != [0, 1] {
        return Err(DecodeError::Witness);
    }
    let mut inputs = reader.list(Reader::input)?;
    let outputs = reader.list(Reader::output)?;
    if let Some(index) = outputs
        .iter()
        .position(|output| i64::try_from(output.value).is_err())
    {
        return Err(DecodeError::Negative(index));
    }
    if witnesses {
        for input in &mut inputs {
            input.witness = reader.list(|reader| reader.bytes().map(<[u8]>::to_vec))?;
        }
        if inputs.iter().all(|input| input.witness.is_empty()) {
            return Err(DecodeError::Witness);
        }
    }
    let lock_time = u32::from_le_bytes(reader.array()?);
    if !reader.is_empty() {
        return Err(DecodeError::Trailing(reader.rest.len()));
    }
    Ok(Transaction {
        version,
        inputs,
        outputs,
        lock_time,
    })
}

/// Reads from the front; never allocates more than is there to read.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.take(N)?.try_into().map_err(|_| DecodeError::Truncated)
    }

    pub(crate) fn compact(&mut self) -> Result<usize, DecodeError> {
        let (value, least) = match self.array::<1>()? {
            [short @ 0..0xfd] => return Ok(short.into()),
            [0xfd] => (u16::from_le_bytes(self.array()?).into(), 0xfd),
            [0xfe] => (u32::from_le_bytes(self.array()?).into(), 0x1_0000),
            [0xff] => (u64::from_le_bytes(self.array()?), 0x1_0000_0000),
        };
        if value < least {
            return Err(DecodeError::NotCanonical);
        }
        usize::try_from(value).map_err(|_| DecodeError::Truncated)
    }

    fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.compact()?;
        self.take(length)
    }

    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.compact()?;
        // Every item takes at least one byte, so a count beyond the rest is a lie.
        if self.rest.len() < count {
            return Err(DecodeError::Truncated);
        }
        (0..count).map(|_| item(self)).collect()
    }

    fn input(&mut self) -> Result<TxIn, DecodeError> {
        Ok(TxIn {
            previous: OutPoint {
                txid: Txid(self.array()?),
                vout: u32::from_le_bytes(self.array()?),
            },
            script_sig: Script(self.bytes()?.to_vec()),
            sequence: u32::from_le_bytes(self.array()?),
            witness: Vec::new(),
        })
    }

    fn output(&mut self) -> Result<TxOut, DecodeError> {
        Ok(TxOut {
            value: u64::from_le_bytes(self.array()?),
            script: Script(self.bytes()?.to_vec()),
        })
    }
}
