//! What a QRC20 contract says of itself, read by the node.

use serde_json::Value;
use sparky_qtum::{Network, address};

use super::contracts::exists;
use super::error::RpcError;
use super::params::{Params, hash160};
use super::{Answer, Method};
use crate::evm::{BLOCK_GAS_LIMIT, Call, Exception};
use crate::node::Node;
use crate::trie::keccak;

pub(super) const METHODS: &[Method] = &[
    Method("qrc20name", "contractaddress:string", |node, params| {
        text(node, params, "name()", "Fail to get token name")
    }),
    Method("qrc20symbol", "contractaddress:string", |node, params| {
        text(node, params, "symbol()", "Fail to get token symbol")
    }),
    Method("qrc20decimals", "contractaddress:string", |node, params| {
        Ok(decimals(node, params)?.into())
    }),
    Method(
        "qrc20totalsupply",
        "contractaddress:string",
        |node, params| {
            amount(
                node,
                params,
                "totalSupply()",
                &[],
                "Fail to get total supply",
            )
        },
    ),
    Method(
        "qrc20balanceof",
        "contractaddress:string address:string",
        |node, params| {
            let owner = [account(params.text(1))?];
            amount(
                node,
                params,
                "balanceOf(address)",
                &owner,
                "Fail to get balance",
            )
        },
    ),
    Method(
        "qrc20allowance",
        "contractaddress:string addressfrom:string addressto:string",
        |node, params| {
            let pair = [account(params.text(1))?, account(params.text(2))?];
            amount(
                node,
                params,
                "allowance(address,address)",
                &pair,
                "Fail to get allowance",
            )
        },
    ),
];

fn account(text: &str) -> Result<[u8; 20], RpcError> {
    let decoded = address::decode(text, Network::Regtest).map(|account| account.0);
    decoded
        .ok()
        .or_else(|| hash160(text))
        .ok_or_else(|| RpcError::address("Invalid Qtum address"))
}

/// Calls a function that reads. None when the contract does not answer.
fn ask(
    node: &mut Node,
    params: &Params,
    function: &str,
    accounts: &[[u8; 20]],
) -> Result<Option<Vec<u8>>, RpcError> {
    let contract = hash160(params.text(0))
        .filter(|contract| exists(node, contract))
        .ok_or_else(|| RpcError::address("contract address does not exist"))?;
    let mut data = keccak(function.as_bytes())[..4].to_vec();
    for account in accounts {
        data.extend([0; 12]);
        data.extend(account);
    }
    let now = node.chain.now();
    let view = &mut node.chain.view;
    let block = view.environment(now, view.tip().author());
    let checkpoint = view.evm.checkpoint();
    view.evm.begin_transaction();
    let call = Call {
        sender: [0xff; 20],
        contract,
        value: 0,
        data,
        gas_limit: BLOCK_GAS_LIMIT - 1,
        gas_price: 1,
    };
    let outcome = view.evm.execute_call(&block, &call);
    view.evm.roll_back(checkpoint);
    Ok((outcome.exception == Exception::None).then_some(outcome.output))
}

fn fail(message: &str) -> RpcError {
    RpcError::new(RpcError::MISC, message)
}

fn text(node: &mut Node, params: &Params, function: &str, missing: &str) -> Answer {
    let output = ask(node, params, function, &[])?.ok_or_else(|| fail(missing))?;
    let word = |from: usize| -> Option<usize> {
        let word = number(output.get(from..from.checked_add(32)?)?)?;
        usize::try_from(word).ok()
    };
    let text = || {
        let offset = word(0)?;
        let begin = offset.checked_add(32)?;
        let bytes = output.get(begin..begin.checked_add(word(offset)?)?)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    Ok(text().ok_or_else(|| fail(missing))?.into())
}

fn decimals(node: &mut Node, params: &Params) -> Result<u8, RpcError> {
    let output = ask(node, params, "decimals()", &[])?;
    output
        .and_then(|output| u8::try_from(number(output.get(..32)?)?).ok())
        .ok_or_else(|| fail("Fail to get decimals"))
}

/// A quantity as people write it: with the token's decimals.
fn amount(
    node: &mut Node,
    params: &Params,
    function: &str,
    accounts: &[[u8; 20]],
    missing: &str,
) -> Answer {
    let output = ask(node, params, function, accounts)?;
    let units = output.and_then(|output| number(output.get(..32)?));
    let units = units.ok_or_else(|| fail(missing))?;
    Ok(Value::from(with_point(
        units,
        decimals(node, params)?.into(),
    )))
}

/// A word as a number, if it is below 2^128: no token has more.
fn number(word: &[u8]) -> Option<u128> {
    let (high, low) = word.split_at_checked(16)?;
    let low: [u8; 16] = low.try_into().ok()?;
    high.iter()
        .all(|byte| *byte == 0)
        .then(|| u128::from_be_bytes(low))
}

fn with_point(units: u128, decimals: usize) -> String {
    let digits = format!("{units:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::with_point;

    #[test]
    fn units_become_amounts() {
        assert_eq!(with_point(1, 8), "0.00000001");
        assert_eq!(with_point(123_456_789, 8), "1.23456789");
        assert_eq!(with_point(7, 0), "7");
    }
}
