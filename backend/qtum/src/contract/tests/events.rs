use proptest::collection::vec;
use proptest::prelude::*;
use sparky_protocol::{Account, Amount, ChainEvent, ChannelId, Hash, Preimage, Side};

use super::super::{abi, decode_log};
use super::{CONTRACT, params, word};

/// A log, written by hand as the EVM would.
fn log(signature: &str, indexed: &[[u8; 32]], plain: &[[u8; 32]]) -> (Vec<Hash>, Vec<u8>) {
    let mut topics = vec![Hash::keccak(&[signature.as_bytes()])];
    topics.extend(indexed.iter().copied().map(Hash));
    (topics, plain.concat())
}

#[track_caller]
fn check(signature: &str, indexed: &[[u8; 32]], plain: &[[u8; 32]], expected: ChainEvent) {
    let (topics, data) = log(signature, indexed, plain);
    assert_eq!(
        decode_log(&CONTRACT, &CONTRACT, &topics, &data),
        Some(expected),
        "{signature}"
    );
    // Somebody else's log, a word too few, a topic too many.
    assert_eq!(
        decode_log(&CONTRACT, &Account([1; 20]), &topics, &data),
        None
    );
    assert_eq!(
        decode_log(
            &CONTRACT,
            &CONTRACT,
            &topics,
            data.get(32..).unwrap_or(&[1])
        ),
        None
    );
    assert_eq!(
        decode_log(
            &CONTRACT,
            &CONTRACT,
            &[topics.clone(), topics].concat(),
            &data
        ),
        None
    );
}

const ID: [u8; 32] = [7; 32];
const CHANNEL: ChannelId = ChannelId(Hash(ID));
const A: Account = Account([0xaa; 20]);
const B: Account = Account([0xbb; 20]);

#[test]
fn events_of_a_peaceful_life_are_understood() {
    let channel_id = CHANNEL;
    check(
        "Opened(bytes32,address,address,uint64,address,uint32,uint16,uint96)",
        &[ID, A.to_word(), B.to_word()],
        &[word(5), word(0), word(50), word(10_000), word(100)],
        ChainEvent::Opened {
            channel_id,
            params: params(),
            amount: Amount(100),
        },
    );
    check(
        "Deposited(bytes32,bool,uint96)",
        &[ID],
        &[word(1), word(9)],
        ChainEvent::Deposited {
            channel_id,
            to: Side::B,
            amount: Amount(9),
        },
    );
    check(
        "Withdrawn(bytes32,bool,uint96,uint16)",
        &[ID],
        &[word(0), word(9), word(3)],
        ChainEvent::Withdrawn {
            channel_id,
            from: Side::A,
            amount: Amount(9),
            sequence: 3,
        },
    );
    check(
        "CooperativelyClosed(bytes32,uint96,uint96)",
        &[ID],
        &[word(80), word(20)],
        ChainEvent::CooperativelyClosed {
            channel_id,
            pay_a: Amount(80),
            pay_b: Amount(20),
        },
    );
}

#[test]
fn events_of_a_dispute_are_understood() {
    let channel_id = CHANNEL;
    check(
        "Closed(bytes32,bool,uint96,uint48,uint96,bytes32,uint32)",
        &[ID],
        &[
            word(1),
            word(20),
            word(7),
            word(300),
            [0x11; 32],
            word(1_234),
        ],
        ChainEvent::Closed {
            channel_id,
            by: Side::B,
            declared: Amount(20),
            nonce: 7,
            transferred: Amount(300),
            locks_root: Hash([0x11; 32]),
            deadline: 1_234,
        },
    );
    check(
        "Recovered(bytes32,bool,uint32)",
        &[ID],
        &[word(0), word(1_234)],
        ChainEvent::Recovered {
            channel_id,
            by: Side::A,
            deadline: 1_234,
        },
    );
    check(
        "CounterClaimed(bytes32,bool,uint48,uint96,bytes32,uint32)",
        &[ID],
        &[word(0), word(7), word(300), [0x11; 32], word(1_260)],
        ChainEvent::CounterClaimed {
            channel_id,
            sender: Side::A,
            nonce: 7,
            transferred: Amount(300),
            locks_root: Hash([0x11; 32]),
            settleable_at: 1_260,
        },
    );
    check(
        "FloorRaised(bytes32,bool,uint96)",
        &[ID],
        &[word(1), word(300)],
        ChainEvent::FloorRaised {
            channel_id,
            sender: Side::B,
            floor: Amount(300),
        },
    );
    check(
        "Settled(bytes32,uint96,uint96,uint96)",
        &[ID],
        &[word(80), word(20), word(0)],
        ChainEvent::Settled {
            channel_id,
            pay_a: Amount(80),
            pay_b: Amount(20),
            penalty: Amount(0),
        },
    );
}

#[test]
fn events_without_a_channel_are_understood() {
    check(
        "PreimageRegistered(bytes32)",
        &[],
        &[[5; 32]],
        ChainEvent::PreimageRegistered {
            payment_hash: Preimage([5; 32]).payment_hash(),
            preimage: Preimage([5; 32]),
        },
    );
    check(
        "Credited(address,address,uint256)",
        &[A.to_word(), [0; 32]],
        &[word(9)],
        ChainEvent::Credited {
            account: A,
            token: Account::ZERO,
            amount: Amount(9),
        },
    );
    check(
        "CreditWithdrawn(address,address,address,uint256)",
        &[A.to_word(), [0; 32]],
        &[B.to_word(), word(9)],
        ChainEvent::CreditWithdrawn {
            account: A,
            token: Account::ZERO,
            to: B,
            amount: Amount(9),
        },
    );
}

/// A new event in the contract must be taught here, or it would be dropped in silence.
#[test]
fn the_contract_has_no_event_that_we_do_not_know() {
    assert_eq!(abi::CHANNELS.events().count(), 12);
}

#[test]
fn words_that_the_contract_can_not_write_are_no_events() {
    let signature = "Deposited(bytes32,bool,uint96)";
    for plain in [[word(2), word(9)], [word(1), [0xff; 32]]] {
        let (topics, data) = log(signature, &[[7; 32]], &plain);
        assert_eq!(decode_log(&CONTRACT, &CONTRACT, &topics, &data), None);
    }
}

proptest! {
    /// Noise behind every known first topic reaches every decoder.
    #[test]
    fn any_log_gets_an_answer(
        event in 0_usize..12,
        topics in vec(any::<[u8; 32]>(), 0..4),
        data in vec(prop::sample::select(vec![0_u8, 1, 0xff]), 0..300),
    ) {
        let first = abi::CHANNELS.events().nth(event).map(|event| Hash(event.signature().0)).unwrap();
        let topics: Vec<Hash> = std::iter::once(first).chain(topics.into_iter().map(Hash)).collect();
        let _ = decode_log(&CONTRACT, &CONTRACT, &topics, &data);
        let whole = data.len() / 32 * 32;
        let _ = decode_log(&CONTRACT, &CONTRACT, &topics, &data[..whole]);
    }
}
