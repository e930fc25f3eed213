use proptest::collection::vec;
use proptest::prelude::*;
use sparky_protocol::{
    BalanceProof, ChannelId, ChannelParams, ContractCall, Hash, Lock, Net, PaymentHash, Preimage,
    Side, Signature, SignedProof,
};

use super::*;

mod events;

const CONTRACT: Account = Account([0xcc; 20]);

fn params() -> ChannelParams {
    ChannelParams {
        number: 5,
        account_a: Account([0xaa; 20]),
        account_b: Account([0xbb; 20]),
        token: Account::ZERO,
        window: 50,
        penalty_bps: 10_000,
    }
}

fn signature(fill: u8) -> Signature {
    Signature {
        r: [fill; 32],
        vs: [fill; 32],
        x: [fill; 32],
        y: [fill; 32],
    }
}

fn proof() -> SignedProof {
    let proof = BalanceProof {
        channel_id: params().id(),
        nonce: 7,
        transferred: Amount(300),
        locks_root: Hash([0x11; 32]),
    };
    SignedProof {
        proof,
        signature: signature(2),
    }
}

fn every_call() -> Vec<(ContractCall, &'static str)> {
    [calls_in_peace(), calls_in_dispute()].concat()
}

fn calls_in_peace() -> Vec<(ContractCall, &'static str)> {
    let params = params();
    vec![
        (
            ContractCall::Open {
                account_b: params.account_b,
                token: Account::ZERO,
                amount: Amount(10_000_000_000),
                window: 50,
                penalty_bps: 10_000,
            },
            "open(address,address,uint96,uint32,uint16)",
        ),
        (
            ContractCall::Deposit {
                params,
                to: Side::B,
                amount: Amount(7),
            },
            "deposit((uint64,address,address,address,uint32,uint16),bool,uint96)",
        ),
        (
            ContractCall::CooperativeWithdraw {
                params,
                from: Side::B,
                amount: Amount(7),
                valid_until: 99,
                signature_a: Some(signature(1)),
                signature_b: None,
            },
            "cooperativeWithdraw((uint64,address,address,address,uint32,uint16),bool,uint96,uint32,\
             (bytes32,bytes32,bytes32,bytes32),(bytes32,bytes32,bytes32,bytes32))",
        ),
        (
            ContractCall::CooperativeClose {
                params,
                net_to_a: Net(-20),
                valid_until: 99,
                signature_a: None,
                signature_b: Some(signature(1)),
            },
            "cooperativeClose((uint64,address,address,address,uint32,uint16),int96,uint32,\
             (bytes32,bytes32,bytes32,bytes32),(bytes32,bytes32,bytes32,bytes32))",
        ),
    ]
}

fn calls_in_dispute() -> Vec<(ContractCall, &'static str)> {
    let lock = Lock {
        id: 1,
        amount: Amount(5),
        expiry: 900,
        payment_hash: PaymentHash(Hash([4; 32])),
    };
    let params = params();
    vec![
        (
            ContractCall::Close {
                params,
                declared: Amount(20),
                incoming: Some(proof()),
                valid_until: 99,
            },
            "close((uint64,address,address,address,uint32,uint16),uint96,(uint48,uint96,bytes32),\
             (bytes32,bytes32,bytes32,bytes32),uint32)",
        ),
        (
            ContractCall::Recover {
                params,
                valid_until: 99,
            },
            "recover((uint64,address,address,address,uint32,uint16),uint32)",
        ),
        (
            ContractCall::CounterClaim {
                params,
                proof: proof(),
                ack: None,
            },
            "counterClaim((uint64,address,address,address,uint32,uint16),(uint48,uint96,bytes32),\
             (bytes32,bytes32,bytes32,bytes32),(bytes32,bytes32,bytes32,bytes32))",
        ),
        (
            ContractCall::RaiseFloor {
                params,
                proof: proof(),
            },
            "raiseFloor((uint64,address,address,address,uint32,uint16),(uint48,uint96,bytes32),\
             (bytes32,bytes32,bytes32,bytes32))",
        ),
        (
            ContractCall::Settle {
                params,
                locks_ab: vec![lock],
                locks_ba: vec![],
            },
            "settle((uint64,address,address,address,uint32,uint16),bytes,bytes)",
        ),
        (
            ContractCall::RegisterPreimages {
                preimages: vec![Preimage([1; 32]), Preimage([2; 32])],
            },
            "registerPreimages(bytes32[])",
        ),
        (
            ContractCall::Withdraw {
                token: Account::ZERO,
                to: Account([3; 20]),
            },
            "withdraw(address,address)",
        ),
    ]
}

#[test]
fn every_call_has_the_selector_of_its_signature() {
    for (call, signature) in every_call() {
        let expected = Hash::keccak(&[signature.as_bytes()]).0;
        assert_eq!(encode(&call)[..4], expected[..4], "{signature}");
    }
}

#[test]
fn the_words_of_a_close_stand_where_the_contract_reads_them() {
    let call = ContractCall::Close {
        params: params(),
        declared: Amount(20),
        incoming: Some(proof()),
        valid_until: 99,
    };
    let data = encode(&call);
    let word = |index: usize| &data[4 + 32 * index..][..32];
    let number = |index: usize| u64::from_be_bytes(word(index)[24..].try_into().unwrap());
    assert_eq!(data.len(), 4 + 32 * 15);
    // The params hash to the channel's id exactly as they stand.
    assert_eq!(
        ChannelId(Hash::keccak(&[&data[4..4 + 32 * 6]])),
        params().id()
    );
    assert_eq!((number(6), number(7), number(8)), (20, 7, 300));
    assert_eq!(word(9), [0x11; 32]);
    assert_eq!(word(10), [2; 32]);
    assert_eq!(number(14), 99);
}

#[test]
fn what_is_absent_is_zero() {
    let call = ContractCall::Close {
        params: params(),
        declared: Amount(0),
        incoming: None,
        valid_until: 99,
    };
    assert!(
        encode(&call)[4 + 32 * 6..4 + 32 * 14]
            .iter()
            .all(|byte| *byte == 0)
    );
}

#[test]
fn a_negative_net_is_two_s_complement() {
    let call = ContractCall::CooperativeClose {
        params: params(),
        net_to_a: Net(-20),
        valid_until: 99,
        signature_a: None,
        signature_b: None,
    };
    let data = encode(&call);
    let word = &data[4 + 32 * 6..][..32];
    assert!(word[..31].iter().all(|byte| *byte == 0xff));
    assert_eq!(word[31], 0xec);
}

#[test]
fn outputs_carry_value_gas_and_data() {
    let (open, _) = every_call().remove(0);
    let made = output(&CONTRACT, &open).unwrap();
    assert_eq!(made.value, 10_000_000_000);
    assert_eq!(made.gas.map(|gas| gas.limit), Some(gas_limit(&open)));
    let huge = ContractCall::Deposit {
        params: params(),
        to: Side::A,
        amount: Amount::MAX,
    };
    assert!(output(&CONTRACT, &huge).is_err());
    let token = ChannelParams {
        token: Account([1; 20]),
        ..params()
    };
    let deposit = ContractCall::Deposit {
        params: token,
        to: Side::A,
        amount: Amount::MAX,
    };
    assert_eq!(output(&CONTRACT, &deposit).unwrap().value, 0);
}

#[test]
fn gas_limits_are_within_what_is_relayed() {
    for (call, name) in every_call() {
        let limit = gas_limit(&call);
        assert!((22_000..=20_000_000).contains(&limit), "{name}");
        assert!((40..=100).contains(&gas_price(&call)), "{name}");
    }
    let lock = Lock {
        id: 1,
        amount: Amount(5),
        expiry: 900,
        payment_hash: PaymentHash::default(),
    };
    let full = ContractCall::Settle {
        params: params(),
        locks_ab: vec![lock; 64],
        locks_ba: vec![lock; 64],
    };
    assert!(gas_limit(&full) < 2_000_000);
    // Qtum: what is used and what is refunded must fit together.
    assert_eq!(gas_limit_after_trial(40_000, 30_000), 92_500);
    assert_eq!(gas_limit_after_trial(40_000, 90_000), 105_000);
}

fn word(number: u128) -> [u8; 32] {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}

#[test]
fn refusals_are_explained_with_their_figures() {
    let output = |signature: &str, words: &[[u8; 32]]| {
        let mut output = Hash::keccak(&[signature.as_bytes()]).0[..4].to_vec();
        output.extend(words.concat());
        output
    };
    let revert = explain(&output(
        "NotFinal(uint256,uint256)",
        &[word(1_200), word(1_234)],
    ));
    assert_eq!(revert.code, "not-final");
    assert_eq!(
        revert.reason,
        "settling is possible from block 1234 on; it would be mined in block 1200"
    );
    let mut minus_five = [0xff; 32];
    minus_five[31] = 0xfb;
    let revert = explain(&output(
        "InsufficientChannelBalance(int256,int256)",
        &[word(7), minus_five],
    ));
    assert_eq!(
        revert.reason,
        "7 are wanted, the channel or this side holds -5"
    );
    let mut text = vec![0x08, 0xc3, 0x79, 0xa0];
    text.extend([word(32), word(5)].concat());
    text.extend(b"hello\0\0\0");
    assert_eq!(
        explain(&text),
        Revert {
            code: "reverted".into(),
            reason: "hello".into()
        }
    );
    let mut panic = vec![0x4e, 0x48, 0x7b, 0x71];
    panic.extend(word(0x11));
    assert_eq!(explain(&panic).code, "panic");
    assert_eq!(explain(&[]).code, "no-reason");
    assert_eq!(explain(&[1, 2, 3, 4]).code, "unknown-error");
    assert_eq!(
        explain(&output("NotFinal(uint256,uint256)", &[word(1)])).code,
        "unknown-error"
    );
}

/// Every custom error has its own sentence: none falls back to its bare name.
#[test]
fn every_refusal_of_the_contract_has_a_sentence() {
    for error in abi::CHANNELS.errors.values().flatten() {
        let mut output = abi::selector(&error.name, &error.inputs).to_vec();
        output.extend(error.inputs.iter().flat_map(|_| word(1)));
        let revert = explain(&output);
        let bare = format!("{} (", revert.code.replace('-', " "));
        assert!(
            !revert.reason.starts_with(&bare),
            "{}: {}",
            error.name,
            revert.reason
        );
        assert!(
            !revert.reason.contains('?') || error.name == "TokenRefused",
            "{}",
            revert.reason
        );
    }
}

#[test]
fn views_are_asked_and_understood() {
    let id = ChannelId(Hash([7; 32]));
    assert_eq!(
        View::ChannelCount.encode(),
        Hash::keccak(&[b"channelCount()"]).0[..4]
    );
    assert_eq!(View::Direction(id, Side::B).encode().len(), 4 + 64);
    for view in [
        View::Channel(id),
        View::PreimageBlock(PaymentHash::default()),
        View::Credit(CONTRACT, CONTRACT),
    ] {
        assert!(4 < view.encode().len());
    }
    let mut minus_one = [0xff; 32];
    let output = [minus_one, word(5), word(9), word(1), word(1)].concat();
    let channel = View::channel(&output).unwrap();
    assert_eq!(
        (channel.net_a, channel.net_b, channel.deadline),
        (Net(-1), Net(5), 9)
    );
    minus_one[0] = 0x7f;
    assert_eq!(
        View::channel(&[minus_one, word(5), word(9), word(1), word(1)].concat()),
        None
    );
    let direction =
        View::direction(&[word(7), word(300), word(300), word(0), [1; 32]].concat()).unwrap();
    assert_eq!((direction.nonce, direction.locks_root), (7, Hash([1; 32])));
    assert_eq!(View::number(&word(9)), Some(9));
    assert_eq!(View::amount(&word(9)), Some(Amount(9)));
    assert_eq!(View::hash(&[1; 31]), None);
    assert_eq!(qrc20::balance(&word(9)), Some(Amount(9)));
}

#[test]
fn deployments_end_with_their_arguments() {
    let code = deployment(10, 100_000);
    assert_eq!(code[code.len() - 64..], [word(10), word(100_000)].concat());
    assert!(is_channel_contract(&abi::deployed_code()));
    assert!(!is_channel_contract(&code));
    assert!(!is_channel_contract(&[]));
    assert!(1_000 < qrc20::test_token_deployment("Test", "TST").len());
}

proptest! {
    #[test]
    fn any_output_gets_an_answer(output in vec(any::<u8>(), 0..200)) {
        let _ = explain(&output);
        let _ = (View::channel(&output), View::direction(&output), View::number(&output), View::amount(&output));
    }

    #[test]
    fn any_text_of_a_revert_gets_an_answer(words in vec(any::<[u8; 32]>(), 0..4), panic: bool) {
        let mut output = if panic { vec![0x4e, 0x48, 0x7b, 0x71] } else { vec![0x08, 0xc3, 0x79, 0xa0] };
        output.extend(words.concat());
        let _ = explain(&output);
    }
}
