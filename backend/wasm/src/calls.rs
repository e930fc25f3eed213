//! Which call helps now, as `sparky-protocol` says; nothing here decides.

use serde::Serialize;
use sparky_protocol::{Account, Amount, Channel, ContractCall, Side, watch};
use sparky_qtum::contract;
use wasm_bindgen::prelude::*;

use crate::{
    failure::{Failure, Result},
    json,
};

/// What a call is on the wire, for a trial.
#[derive(Serialize)]
struct CallData {
    data: String,
    #[serde(rename = "amountSat")]
    amount: Amount,
    #[serde(rename = "gasLimit")]
    gas_limit: u64,
}

/// The call that helps the participant on `side` now, `{reason, call, deadline}`, or nothing.
#[wasm_bindgen(js_name = watchChannel)]
pub fn watch_channel(
    channel: &str,
    side: &str,
    height: u32,
) -> core::result::Result<Option<String>, JsValue> {
    let action = |channel: &str, side: &str| -> Result<Option<String>> {
        let channel: Channel = json::parse(channel)?;
        let action = watch::watch(
            &channel,
            json::side(side)?,
            watch::Caller::Participant,
            height,
        );
        action.map(|action| json::print(&action)).transpose()
    };
    Ok(action(channel, side)?)
}

/// The call that opens a channel.
#[wasm_bindgen(js_name = openCall)]
pub fn open_call(
    partner: &str,
    amount: &str,
    window: u32,
    penalty_bps: u16,
) -> core::result::Result<String, JsValue> {
    let call = || -> Result<String> {
        let account_b = json::account(partner)?;
        json::print(&ContractCall::Open {
            account_b,
            token: Account::ZERO,
            amount: json::amount(amount)?,
            window,
            penalty_bps,
        })
    };
    Ok(call()?)
}

/// The call that adds to a side.
#[wasm_bindgen(js_name = depositCall)]
pub fn deposit_call(
    channel: &str,
    to: &str,
    amount: &str,
) -> core::result::Result<String, JsValue> {
    let call = || -> Result<String> {
        let channel: Channel = json::parse(channel)?;
        json::print(&ContractCall::Deposit {
            params: *channel.params(),
            to: json::side(to)?,
            amount: json::amount(amount)?,
        })
    };
    Ok(call()?)
}

/// The call that pays both out.
#[wasm_bindgen(js_name = settleCall)]
pub fn settle_call(channel: &str) -> core::result::Result<String, JsValue> {
    let call =
        || -> Result<String> { json::print(&json::parse::<Channel>(channel)?.settle_call()) };
    Ok(call()?)
}

/// The close of a cheater, for the lab: declares less than was signed away. Not recorded, because
/// nobody keeps a promise to lie.
#[wasm_bindgen(js_name = staleCloseCall)]
pub fn stale_close_call(
    channel: &str,
    side: &str,
    declared: &str,
    valid_until: u32,
) -> core::result::Result<String, JsValue> {
    let call = || -> Result<String> {
        let channel: Channel = json::parse(channel)?;
        let mut call = channel.close_call(json::side(side)?, valid_until);
        if let ContractCall::Close {
            declared: honest, ..
        } = &mut call
        {
            *honest = json::amount(declared)?;
        }
        json::print(&call)
    };
    Ok(call()?)
}

/// The call that fetches what could not be paid to `account`.
#[wasm_bindgen(js_name = withdrawCreditCall)]
pub fn withdraw_credit_call(account: &str) -> core::result::Result<String, JsValue> {
    let call = || -> Result<String> {
        json::print(&ContractCall::Withdraw {
            token: Account::ZERO,
            to: json::account(account)?,
        })
    };
    Ok(call()?)
}

/// A call as `{data, amountSat, gasLimit}`, for a trial with the node.
#[wasm_bindgen(js_name = callData)]
pub fn call_data(call: &str) -> core::result::Result<String, JsValue> {
    let encode = || -> Result<String> {
        let call: ContractCall = json::parse(call)?;
        let data = hex::encode(contract::encode(&call));
        json::print(&CallData {
            data,
            amount: call.value(),
            gas_limit: contract::gas_limit(&call),
        })
    };
    Ok(encode()?)
}

/// Why a trial failed: `{code, reason}`.
#[wasm_bindgen(js_name = explainRevert)]
pub fn explain_revert(output: &str) -> core::result::Result<String, JsValue> {
    Ok(json::print(&contract::explain(&bytes(output)?))?)
}

/// The question how much waits for `account`, as data of a call.
#[wasm_bindgen(js_name = creditQuestion)]
pub fn credit_question(account: &str) -> core::result::Result<String, JsValue> {
    Ok(hex::encode(
        contract::View::Credit(json::account(account)?, Account::ZERO).encode(),
    ))
}

/// The answer to [`credit_question`] in satoshi.
#[wasm_bindgen(js_name = creditAnswer)]
pub fn credit_answer(output: &str) -> core::result::Result<String, JsValue> {
    let amount = contract::View::amount(&bytes(output)?);
    Ok(amount
        .ok_or_else(|| Failure::new("malformed", "not an amount"))?
        .to_string())
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
        .map_err(|error| Failure::new("malformed", error))
}

/// A dummy call of each purpose, to tell what it would cost.
pub(crate) fn sample(purpose: &str, amount: Amount) -> Result<ContractCall> {
    let params = sparky_protocol::ChannelParams {
        number: 1,
        account_a: Account([1; 20]),
        account_b: Account([2; 20]),
        token: Account::ZERO,
        window: 50,
        penalty_bps: 10_000,
    };
    let signature = sparky_protocol::Signature {
        r: [1; 32],
        vs: [1; 32],
        x: [1; 32],
        y: [1; 32],
    };
    let channel_id = params.id();
    let proof = sparky_protocol::BalanceProof {
        channel_id,
        nonce: 1,
        transferred: amount,
        locks_root: sparky_protocol::Hash::ZERO,
    };
    let proof = proof.signed(signature);
    let (signature_a, signature_b, valid_until) = (Some(signature), None, 1);
    Ok(match purpose {
        "open" => ContractCall::Open {
            account_b: params.account_b,
            token: params.token,
            amount,
            window: 50,
            penalty_bps: 10_000,
        },
        "deposit" => ContractCall::Deposit {
            params,
            to: Side::A,
            amount,
        },
        "cooperative-close" => ContractCall::CooperativeClose {
            params,
            net_to_a: sparky_protocol::Net(0),
            valid_until,
            signature_a,
            signature_b,
        },
        "cooperative-withdraw" => ContractCall::CooperativeWithdraw {
            params,
            from: Side::A,
            amount,
            valid_until,
            signature_a,
            signature_b,
        },
        "close" => ContractCall::Close {
            params,
            declared: amount,
            incoming: Some(proof),
            valid_until,
        },
        "recover" => ContractCall::Recover {
            params,
            valid_until,
        },
        "counter-claim" => ContractCall::CounterClaim {
            params,
            proof,
            ack: None,
        },
        "raise-floor" => ContractCall::RaiseFloor { params, proof },
        "settle" => ContractCall::Settle {
            params,
            locks_ab: Vec::new(),
            locks_ba: Vec::new(),
        },
        "withdraw-credit" => ContractCall::Withdraw {
            token: Account::ZERO,
            to: params.account_a,
        },
        other => return Err(Failure::new("malformed", format!("{other} is no purpose"))),
    })
}
