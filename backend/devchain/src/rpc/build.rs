//! Transactions made by hand.

use serde_json::Value;
use sparky_qtum::script::{Script, push};
use sparky_qtum::tx::{OutPoint, Transaction, TxIn, TxOut};

use super::error::RpcError;
use super::params::{Params, destination, satoshi};
use super::{Answer, Method};
use crate::node::Node;

/// Signals that the transaction may be replaced.
const REPLACEABLE: u32 = 0xffff_fffd;
/// Allows a lock time and no replacement.
const LOCKABLE: u32 = 0xffff_fffe;

pub(super) const METHODS: &[Method] = &[Method(
    "createrawtransaction",
    "inputs:array outputs:any locktime:number? replaceable:bool?",
    create,
)];

fn create(_: &mut Node, params: &Params) -> Answer {
    let lock_time = params.integer(2)?.unwrap_or(0);
    let lock_time = u32::try_from(lock_time)
        .map_err(|_| RpcError::parameter("Invalid parameter, locktime out of range"))?;
    let default = match (params.bool(3, true), lock_time) {
        (true, _) => REPLACEABLE,
        (false, 0) => u32::MAX,
        (false, _) => LOCKABLE,
    };
    let inputs = params.get(0).and_then(Value::as_array);
    let inputs = inputs.map_or(&[][..], Vec::as_slice);
    let tx = Transaction {
        version: 2,
        inputs: inputs
            .iter()
            .map(|given| input(given, default))
            .collect::<Result<_, _>>()?,
        outputs: outputs(params.get(1))?,
        lock_time,
    };
    Ok(tx.to_hex().into())
}

fn input(given: &Value, default: u32) -> Result<TxIn, RpcError> {
    let txid = given.get("txid").and_then(Value::as_str).unwrap_or("");
    let txid = txid.parse().map_err(|_| {
        RpcError::parameter(format!(
            "txid must be of length 64 (not {}, for '{txid}')",
            txid.len()
        ))
    })?;
    let vout = given
        .get("vout")
        .and_then(Value::as_u64)
        .and_then(|vout| u32::try_from(vout).ok())
        .ok_or_else(|| RpcError::parameter("Invalid parameter, missing vout key"))?;
    let sequence = match given.get("sequence") {
        None => default,
        Some(value) => value
            .as_u64()
            .and_then(|sequence| u32::try_from(sequence).ok())
            .ok_or_else(|| {
                RpcError::parameter("Invalid parameter, sequence number is out of range")
            })?,
    };
    Ok(TxIn {
        sequence,
        ..TxIn::unsigned(OutPoint { txid, vout })
    })
}

/// `{address: amount}` or `{"data": hex}`, as one object or as a list of them.
fn outputs(given: Option<&Value>) -> Result<Vec<TxOut>, RpcError> {
    let single;
    let objects: &[Value] = match given {
        Some(Value::Array(objects)) => objects,
        Some(object @ Value::Object(_)) => {
            single = [object.clone()];
            &single
        }
        _ => {
            return Err(RpcError::parameter(
                "Invalid parameter, output argument must be non-null",
            ));
        }
    };
    let mut outputs = Vec::new();
    for object in objects {
        let fields = object.as_object().ok_or_else(|| {
            RpcError::parameter("Invalid parameter, key-value pair not an object as expected")
        })?;
        for (name, value) in fields {
            outputs.push(output(name, value)?);
        }
    }
    Ok(outputs)
}

fn output(name: &str, value: &Value) -> Result<TxOut, RpcError> {
    if name == "data" {
        let data = value.as_str().and_then(|text| hex::decode(text).ok());
        let data = data.ok_or_else(|| RpcError::parameter("Data must be hexadecimal string"))?;
        let mut script = vec![0x6a];
        push(&mut script, &data);
        return Ok(TxOut {
            value: 0,
            script: Script(script),
        });
    }
    let script = destination(name)
        .ok_or_else(|| RpcError::address(format!("Invalid Qtum address: {name}")))?;
    Ok(TxOut {
        value: satoshi(value)?,
        script,
    })
}
