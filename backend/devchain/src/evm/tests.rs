//! Where Qtum's EVM is not Ethereum's, with figures.

use super::*;

const SENDER: Bytes20 = [0x51; 20];

/// Code that deploys `runtime` after running `first`.
fn deploying(first: &str, runtime: &str) -> Vec<u8> {
    let first = hex::decode(first).unwrap();
    let runtime = hex::decode(runtime).unwrap();
    let length = u8::try_from(runtime.len()).unwrap();
    let offset = u8::try_from(first.len() + 10).unwrap();
    // PUSH1 length DUP1 PUSH1 offset PUSH0 CODECOPY PUSH0 RETURN
    let copy = [
        0x60, length, 0x80, 0x60, offset, 0x5f, 0x39, 0x5f, 0xf3, 0x00,
    ];
    [first, copy.to_vec(), runtime].concat()
}

struct World {
    evm: Evm,
    block: Block,
    contract: Bytes20,
}

impl World {
    fn new(first: &str, runtime: &str) -> Self {
        let (mut evm, block) = (Evm::default(), Block::default());
        let contract = evm
            .deploy(&block, SENDER, &deploying(first, runtime))
            .unwrap();
        Self {
            evm,
            block,
            contract,
        }
    }

    fn call(&mut self, data: &[u8], value: u64) -> Outcome {
        let call = Call {
            sender: SENDER,
            contract: self.contract,
            value,
            data: data.to_vec(),
            ..Call::default()
        };
        self.evm.call(&self.block, &call)
    }

    /// Deploys and says how that ended.
    fn create(&mut self, code: &[u8]) -> Outcome {
        let create = Create {
            sender: SENDER,
            address: [9; 20],
            value: 0,
            gas_limit: 10_000_000,
            gas_price: 1,
        };
        self.evm.begin_transaction();
        let outcome = self.evm.execute_create(&self.block, code, &create);
        self.evm.finish(&outcome);
        outcome
    }
}

fn word(number: u64) -> Bytes32 {
    U256::from(number).to_be_bytes()
}

/// Ten slots: any data fills them, none clears them.
fn ten_slots() -> World {
    use std::fmt::Write as _;
    let (mut fill, mut clear) = (String::new(), String::new());
    for slot in 0..10 {
        let _ = write!(fill, "600160{slot:02x}55");
        let _ = write!(clear, "5f60{slot:02x}55");
    }
    // CALLDATASIZE ISZERO PUSH1 56 JUMPI fill STOP JUMPDEST clear STOP
    World::new("", &format!("3615603857{fill}005b{clear}00"))
}

#[test]
fn refunds_are_capped_at_one_half() {
    let mut world = ten_slots();
    assert_eq!(world.call(&[1], 0).exception, Exception::None);
    let cleared = world.call(&[], 0);
    // Each slot: cold 2,100, reset 2,900; 4,800 back.
    let spent = 21_000 + 19 + 10 * (2 + 3 + 5_000);
    assert_eq!(cleared.gas_refunded, 48_000);
    assert_eq!(cleared.gas_used, spent - spent / 2);
    assert_eq!(world.evm.all_storage(&world.contract).len(), 0);
}

/// A guard that is set and given back its first value: 700 more than on Ethereum.
#[test]
fn restoring_refunds_by_the_old_price_of_reading() {
    // The constructor sets slot 0 to 1; each call to 2 and back to 1.
    let mut world = World::new("60015f55", "60025f5560015f5500");
    let outcome = world.call(&[], 0);
    assert_eq!(outcome.gas_refunded, 2_100);
    assert_eq!(outcome.gas_used, 21_000 + (5 + 5_000) + (5 + 100) - 2_100);
}

/// The same from zero: set and cleared again.
#[test]
fn restoring_zero_refunds_by_the_old_price_of_reading() {
    let mut world = World::new("", "60025f555f5f5500");
    let outcome = world.call(&[], 0);
    assert_eq!(outcome.gas_refunded, 19_200);
    let spent = 21_000 + (5 + 22_100) + (4 + 100);
    assert_eq!(outcome.gas_used, spent - 19_200);
}

/// Reads slot 0, then reads it again in a call to itself.
#[test]
fn access_lists_begin_empty_in_every_frame() {
    // CALLDATASIZE PUSH1 17 JUMPI SLOAD(0) POP; CALL(gas, this, 0, 0, 1, 0, 0) STOP | JUMPDEST SLOAD(0) STOP
    let mut world = World::new(
        "",
        "36601157 5f5450 5f5f60015f5f305af1 00 5b5f5400"
            .replace(' ', "")
            .as_str(),
    );
    let direct = world.call(&[1], 0).gas_used;
    let nested = world.call(&[], 0);
    assert_eq!(nested.exception, Exception::None);
    // Both pay the cold read; touching its own storage has made the contract itself warm.
    let inner = direct - 21_000 - 16;
    let memory = 3;
    let outer = 2 + 3 + 10 + (2 + 2_100 + 2) + (2 + 2 + 3 + 2 + 2 + 2 + 2 + 100) + memory;
    assert_eq!(nested.gas_used, 21_000 + outer + inner);
}

#[test]
fn a_key_has_no_balance_but_exists_while_it_calls() {
    // BALANCE(CALLER), EXTCODEHASH(CALLER), BALANCE(ADDRESS)
    let mut world = World::new(
        "",
        "33315f52333f60205230316040526060 5ff3"
            .replace(' ', "")
            .as_str(),
    );
    let outcome = world.call(&[], 77);
    let nothing =
        hex::decode("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470").unwrap();
    assert_eq!(outcome.output[..32], word(0));
    assert_eq!(outcome.output[32..64], nothing[..]);
    assert_eq!(outcome.output[64..], word(77));
    assert!(!world.evm.exists(&SENDER), "it is gone after the call");
    assert_eq!(world.evm.balance(&world.contract), 77);
}

/// Pays 5 to the account in the call's data.
#[test]
fn paying_others_than_the_sender_costs_the_surcharge() {
    // CALL(0, calldata[0], 5, 0, 0, 0, 0) STOP
    let mut world = World::new("", "5f5f5f5f60055f355ff100");
    let to = |account: Bytes20| [&[0; 12][..], &account].concat();
    let (mine, other) = (to(SENDER), to([0x51; 20].map(|byte: u8| byte + 1)));
    world.call(&mine, 100);
    let (back, away) = (world.call(&mine, 0), world.call(&other, 0));
    assert_eq!(back.balance_change(&SENDER), 5);
    assert_eq!(away.balance_change(&[0x52; 20]), 5);
    assert_eq!(away.gas_used - back.gas_used, 25_000);
    assert!(!world.evm.exists(&[0x52; 20]));
}

#[test]
fn a_contract_that_destroys_itself_is_gone() {
    let mut world = World::new("", "33ff");
    let outcome = world.call(&[], 9);
    assert_eq!(
        (outcome.exception, outcome.balance_change(&SENDER)),
        (Exception::None, 0)
    );
    assert!(
        !world.evm.exists(&world.contract),
        "also after Cancun, other than on Ethereum"
    );
}

#[test]
fn deployments_have_no_charge_by_word_but_a_limit() {
    let mut world = World::new("", "00");
    let large = world.create(&vec![0; 50_001]);
    assert_eq!(
        (large.exception, large.gas_used),
        (Exception::None, 53_000 + 50_001 * 4)
    );
    // PUSH2 0x6001 PUSH0 RETURN: one byte more than may be deployed.
    let mut world = World::new("", "00");
    assert_eq!(
        world.create(&[0x61, 0x60, 0x01, 0x5f, 0xf3]).exception,
        Exception::OutOfGas
    );
    // PUSH1 0xef PUSH0 MSTORE8 PUSH1 1 PUSH0 RETURN
    let begins_with_ef = world.create(&[0x60, 0xef, 0x5f, 0x53, 0x60, 1, 0x5f, 0xf3]);
    assert_eq!(begins_with_ef.exception, Exception::InvalidCode);
    assert_eq!(begins_with_ef.contract, [0; 20]);
}

#[test]
fn failures_have_qtumds_names() {
    let named = |runtime: &str| World::new("", runtime).call(&[], 3).exception.to_string();
    assert_eq!(named("5f5ffd"), "Revert");
    assert_eq!(named("fe"), "BadInstruction");
    assert_eq!(named("0c"), "BadInstruction");
    assert_eq!(named("5f56"), "BadJumpDestination");
    assert_eq!(named("50"), "StackUnderflow");
    assert_eq!(named("5b5f5f56"), "OutOfStack");
    assert_eq!(named("5b5f56"), "OutOfGas");
    assert_eq!(named("6001 5f5f3e".replace(' ', "").as_str()), "Unknown");
}

#[test]
fn a_failed_call_changes_nothing() {
    let mut world = World::new("60075f55", "60085f555f5ffd");
    let outcome = world.call(&[], 3);
    assert_eq!(
        (outcome.exception, outcome.transfers.len()),
        (Exception::Revert, 0)
    );
    assert_eq!(world.evm.storage(&world.contract, word(0)), word(7));
    assert_eq!(world.evm.balance(&world.contract), 0);
}

#[test]
fn everything_since_a_checkpoint_can_be_taken_back() {
    let mut world = ten_slots();
    let checkpoint = world.evm.checkpoint();
    world.call(&[1], 50);
    let other = world
        .evm
        .deploy(&world.block, SENDER, &deploying("", "00"))
        .unwrap();
    assert_eq!(
        (world.evm.balance(&world.contract), world.evm.exists(&other)),
        (50, true)
    );
    world.evm.roll_back(checkpoint);
    assert_eq!(
        (world.evm.balance(&world.contract), world.evm.exists(&other)),
        (0, false)
    );
    assert!(world.evm.all_storage(&world.contract).is_empty());
    assert_eq!(world.call(&[1], 1).exception, Exception::None);
}

#[test]
fn the_block_is_what_it_is_said_to_be() {
    // NUMBER, TIMESTAMP, COINBASE, PREVRANDAO, CHAINID, BASEFEE, BLOCKHASH(NUMBER − 1)
    let mut world = World::new(
        "",
        "435f52 42602052 41604052 44606052 46608052 4860a052 600143034060c052 60e05ff3"
            .replace(' ', "")
            .as_str(),
    );
    world.block = Block {
        number: 41,
        time: 7,
        coinbase: [3; 20],
        hashes: vec![[8; 32]],
        ..Block::default()
    };
    let words: Vec<Vec<u8>> = world
        .call(&[], 0)
        .output
        .chunks(32)
        .map(<[u8]>::to_vec)
        .collect();
    assert_eq!(
        (&words[0][..], &words[1][..]),
        (&word(41)[..], &word(7)[..])
    );
    assert_eq!(words[2][12..], [3; 20]);
    assert_eq!(
        (&words[3][..], &words[4][..]),
        (&word(0x207f_ffff)[..], &word(8_890)[..])
    );
    assert_eq!((&words[5][..], &words[6][..]), (&word(0)[..], &[8; 32][..]));
}
