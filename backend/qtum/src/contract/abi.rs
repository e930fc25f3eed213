//! The committed artifact, and what every encoding and decoding here is made of.

use std::sync::LazyLock;

use ethabi::ethereum_types::{H160, U256};
use ethabi::{Contract, Event, Function, Param, ParamType, Token};
use serde::Deserialize;
use sparky_protocol::{Account, Hash};

/// What the compiler made of the sources; a check in CI proves that it still does.
static ARTIFACT: &str = include_str!("../../../../contracts/artifacts/DuplexChannel.json");
static TOKEN_ARTIFACT: &str = include_str!("../../../../contracts/artifacts/TestToken.json");

/// The interfaces alone: what does not deploy (the browser) does not carry the code.
static ABI: &str = include_str!(concat!(env!("OUT_DIR"), "/DuplexChannel.abi.json"));
static TOKEN_ABI: &str = include_str!(concat!(env!("OUT_DIR"), "/TestToken.abi.json"));

#[derive(Deserialize)]
struct Artifact {
    bytecode: String,
    #[serde(rename = "deployedBytecode")]
    deployed_bytecode: String,
}

fn artifact(text: &str) -> Artifact {
    serde_json::from_str(text)
        .expect("invariant: the artifact is checked in and read by every test")
}

fn interface(text: &str) -> Contract {
    serde_json::from_str(text)
        .expect("invariant: the interface is checked in and read by every test")
}

/// The interface of the channel contract.
pub(super) static CHANNELS: LazyLock<Contract> = LazyLock::new(|| interface(ABI));

/// The interface of a QRC20 as far as we use it.
pub(super) static QRC20: LazyLock<Contract> = LazyLock::new(|| interface(TOKEN_ABI));

fn code(text: &str) -> Vec<u8> {
    hex::decode(text).expect("invariant: the artifact's code is hexadecimal")
}

/// The code that a deployment of the channel contract starts with.
pub(super) fn creation_code() -> Vec<u8> {
    code(&artifact(ARTIFACT).bytecode)
}

/// The code that a deployed channel contract has, but for its immutable values, which are zero here.
pub(super) fn deployed_code() -> Vec<u8> {
    code(&artifact(ARTIFACT).deployed_bytecode)
}

/// The code that a deployment of the test token starts with.
pub(super) fn token_creation_code() -> Vec<u8> {
    code(&artifact(TOKEN_ARTIFACT).bytecode)
}

/// A function of the interface by its name; none is overloaded.
pub(super) fn function<'a>(interface: &'a Contract, name: &str) -> &'a Function {
    interface
        .function(name)
        .expect("invariant: the artifact has every function that we call")
}

/// Selector and arguments.
pub(super) fn encode(interface: &Contract, name: &str, arguments: &[Token]) -> Vec<u8> {
    function(interface, name)
        .encode_input(arguments)
        .expect("invariant: the arguments have the types of the interface")
}

/// The event with this first topic.
pub(super) fn event(topic: &Hash) -> Option<&'static Event> {
    CHANNELS
        .events()
        .find(|event| event.signature().0 == topic.0)
}

/// The first four bytes of the hash of a signature.
pub(super) fn selector(name: &str, inputs: &[Param]) -> [u8; 4] {
    let kinds: Vec<ParamType> = inputs.iter().map(|input| input.kind.clone()).collect();
    ethabi::short_signature(name, &kinds)
}

/// Values of types that take exactly one word each, from exactly as many words. All events and errors
/// of ours are like that; anything else is refused before the general decoder could be confused.
pub(super) fn decode_static(inputs: &[Param], data: &[u8]) -> Option<Vec<Token>> {
    if data.len() != 32 * inputs.len() {
        return None;
    }
    inputs
        .iter()
        .zip(data.chunks_exact(32))
        .map(|(input, word)| decode_word(&input.kind, word))
        .collect()
}

/// One word, refused if it does not fit its type: the contract never writes such a word.
pub(super) fn decode_word(kind: &ParamType, word: &[u8]) -> Option<Token> {
    let value = U256::from_big_endian(word);
    match kind {
        ParamType::Uint(bits) => (value.bits() <= *bits).then_some(Token::Uint(value)),
        ParamType::Int(_) => Some(Token::Int(value)),
        ParamType::Bool => (value <= U256::one()).then(|| Token::Bool(!value.is_zero())),
        ParamType::Address => {
            (value.bits() <= 160).then(|| Token::Address(H160::from_slice(&word[12..])))
        }
        ParamType::FixedBytes(32) => Some(Token::FixedBytes(word.to_vec())),
        _ => None,
    }
}

pub(super) fn address(account: &Account) -> Token {
    Token::Address(H160(account.0))
}

pub(super) fn bytes32(word: &[u8; 32]) -> Token {
    Token::FixedBytes(word.to_vec())
}

pub(super) fn uint(value: impl Into<U256>) -> Token {
    Token::Uint(value.into())
}

/// A signed number as the 256-bit two's complement that the ABI wants.
pub(super) fn int(value: i128) -> Token {
    let magnitude = U256::from(value.unsigned_abs());
    Token::Int(if value < 0 {
        (!magnitude).overflowing_add(U256::one()).0
    } else {
        magnitude
    })
}
