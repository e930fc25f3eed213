//! QRC20 tokens: what a participant needs of them. Amounts are the token's base units.

use sparky_protocol::{Account, Amount};

use super::abi::{self, QRC20, address, uint};
use super::to_amount;

/// Lets `spender` (the channel contract) fetch up to `amount` from the caller.
pub fn approve(spender: &Account, amount: Amount) -> Vec<u8> {
    abi::encode(&QRC20, "approve", &[address(spender), uint(amount.0)])
}

/// Moves `amount` from the caller to an account.
pub fn transfer(to: &Account, amount: Amount) -> Vec<u8> {
    abi::encode(&QRC20, "transfer", &[address(to), uint(amount.0)])
}

/// Asks for the balance of an account.
pub fn balance_of(account: &Account) -> Vec<u8> {
    abi::encode(&QRC20, "balanceOf", &[address(account)])
}

/// The answer to [`balance_of`]; `None` if it is no amount that a channel could hold.
pub fn balance(output: &[u8]) -> Option<Amount> {
    let word = output.get(..32).filter(|_| output.len() == 32)?;
    to_amount(&abi::decode_word(&ethabi::ParamType::Uint(256), word)?)
}

/// Code and arguments that deploy the test token, for development only.
pub fn test_token_deployment(name: &str, symbol: &str) -> Vec<u8> {
    let mut code = abi::token_creation_code();
    code.extend(ethabi::encode(&[
        ethabi::Token::String(name.to_owned()),
        ethabi::Token::String(symbol.to_owned()),
    ]));
    code
}

/// Makes test tokens out of nothing, for development only.
pub fn test_token_mint(to: &Account, amount: Amount) -> Vec<u8> {
    abi::encode(&QRC20, "mint", &[address(to), uint(amount.0)])
}
