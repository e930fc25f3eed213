use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn input() -> impl Strategy<Value = TxIn> {
    let bytes = || vec(any::<u8>(), 0..80);
    (
        any::<[u8; 32]>(),
        any::<u32>(),
        bytes(),
        any::<u32>(),
        vec(bytes(), 0..3),
    )
        .prop_map(|(txid, vout, script_sig, sequence, witness)| TxIn {
            previous: OutPoint {
                txid: Txid(txid),
                vout,
            },
            script_sig: Script(script_sig),
            sequence,
            witness,
        })
}

fn output() -> impl Strategy<Value = TxOut> {
    (0..1_u64 << 63, vec(any::<u8>(), 0..300)).prop_map(|(value, script)| TxOut {
        value,
        script: Script(script),
    })
}

fn transaction() -> impl Strategy<Value = Transaction> {
    (
        any::<i32>(),
        vec(input(), 1..5),
        vec(output(), 0..5),
        any::<u32>(),
    )
        .prop_map(|(version, inputs, outputs, lock_time)| Transaction {
            version,
            inputs,
            outputs,
            lock_time,
        })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(transaction in transaction()) {
        prop_assert_eq!(Transaction::decode(&transaction.encode()), Ok(transaction.clone()));
        prop_assert_eq!(Transaction::from_hex(&transaction.to_hex()), Ok(transaction));
    }

    #[test]
    fn witnesses_do_not_change_the_id(transaction in transaction()) {
        let mut bare = transaction.clone();
        bare.inputs.iter_mut().for_each(|input| input.witness.clear());
        prop_assert_eq!(bare.txid(), transaction.txid());
        prop_assert!(bare.virtual_size() <= transaction.virtual_size());
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Transaction::decode(&bytes);
    }

    /// A real transaction with one byte changed or cut off reaches every branch of the reader.
    #[test]
    fn a_damaged_transaction_gets_an_answer(
        transaction in transaction(), at in any::<prop::sample::Index>(), byte: u8, cut: bool,
    ) {
        let mut bytes = transaction.encode();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(read) = Transaction::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }
}

#[test]
fn lengths_that_lie_are_refused_before_anything_is_allocated() {
    let four_billion_inputs = hex::decode("02000000feffffffff").unwrap();
    assert_eq!(
        Transaction::decode(&four_billion_inputs),
        Err(DecodeError::Truncated)
    );
    let long_form_of_one = hex::decode("02000000fd0100").unwrap();
    assert_eq!(
        Transaction::decode(&long_form_of_one),
        Err(DecodeError::NotCanonical)
    );
    assert_eq!(Transaction::from_hex("0"), Err(DecodeError::NotHexadecimal));
    assert_eq!(Transaction::from_hex("00"), Err(DecodeError::Truncated));
    assert_eq!(
        Transaction::decode(&vec![0; MAX_TRANSACTION_SIZE + 1]),
        Err(DecodeError::TooLarge)
    );
}

#[test]
fn a_signature_of_an_input_that_is_not_there_is_refused() {
    let empty = Transaction {
        version: 2,
        inputs: vec![],
        outputs: vec![],
        lock_time: 0,
    };
    assert_eq!(
        empty.sighash_all(0, &Script::default()),
        Err(SignError::NoSuchIndex(0))
    );
}
