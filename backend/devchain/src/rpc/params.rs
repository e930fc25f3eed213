//! Parameters: by position or by name, with qtumd's answers to wrong types.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use sparky_protocol::{Account, Amount};
use sparky_qtum::script::Script;
use sparky_qtum::{BlockHash, Network, Txid, address, quantity};

use super::error::RpcError;

/// The JSON type that a parameter must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Any,
    Array,
    Bool,
    Number,
    Object,
    String,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Array => "array",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Object => "object",
            Self::String => "string",
        }
    }

    fn fits(self, value: &Value) -> bool {
        self == Self::Any || self.name() == type_name(value)
    }
}

const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// One parameter of a method: `name:type`, with `?` behind an optional one.
struct Spec<'a> {
    name: &'a str,
    kind: Kind,
    optional: bool,
}

fn specs(text: &str) -> impl Iterator<Item = Spec<'_>> {
    text.split_whitespace().map(|word| {
        let (name, kind) = word.split_once(':').unwrap_or((word, "any"));
        let (kind, optional) = kind
            .strip_suffix('?')
            .map_or((kind, false), |kind| (kind, true));
        let kind = match kind {
            "array" => Kind::Array,
            "bool" => Kind::Bool,
            "number" => Kind::Number,
            "object" => Kind::Object,
            "string" => Kind::String,
            _ => Kind::Any,
        };
        Spec {
            name,
            kind,
            optional,
        }
    })
}

/// The parameters of one call, in the order of the method's description.
#[derive(Debug)]
pub(crate) struct Params {
    values: Vec<Value>,
}

impl Params {
    /// Puts named parameters in order and checks number and types.
    pub fn new(method: &str, description: &str, given: Value) -> Result<Self, RpcError> {
        let values = match given {
            Value::Null => Vec::new(),
            Value::Array(values) => values,
            Value::Object(named) => by_position(description, named)?,
            _ => {
                return Err(RpcError::new(
                    RpcError::INVALID_REQUEST,
                    "Params must be an array or object",
                ));
            }
        };
        let specs: Vec<_> = specs(description).collect();
        let required = specs.iter().filter(|spec| !spec.optional).count();
        let given = values
            .iter()
            .rposition(|value| !value.is_null())
            .map_or(0, |last| last + 1);
        if specs.len() < given || given < required {
            let names: Vec<_> = specs.iter().map(|spec| spec.name).collect();
            return Err(RpcError::new(
                RpcError::MISC,
                format!("{method} {}\n", names.join(" ")),
            ));
        }
        let mut wrong = Vec::new();
        for (index, (spec, value)) in specs.iter().zip(&values).enumerate() {
            let left_out = value.is_null() && spec.optional;
            if !left_out && !spec.kind.fits(value) {
                let (position, name) = (index + 1, spec.name);
                let (found, expected) = (type_name(value), spec.kind.name());
                wrong.push(format!(
                    "    \"Position {position} ({name})\": \"JSON value of type {found} is not of expected type \
                     {expected}\""
                ));
            }
        }
        if !wrong.is_empty() {
            let mut message = String::from("Wrong type passed:\n{\n");
            let _ = write!(message, "{}\n}}", wrong.join(",\n"));
            return Err(RpcError::wrong_type(message));
        }
        Ok(Self { values })
    }

    /// The parameter, if it was given.
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.values.get(index).filter(|value| !value.is_null())
    }

    pub fn text(&self, index: usize) -> &str {
        self.get(index).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn bool(&self, index: usize, default: bool) -> bool {
        self.get(index).and_then(Value::as_bool).unwrap_or(default)
    }

    /// A whole number.
    pub fn integer(&self, index: usize) -> Result<Option<i64>, RpcError> {
        let Some(value) = self.get(index) else {
            return Ok(None);
        };
        let number = value.as_i64();
        number
            .map(Some)
            .ok_or_else(|| RpcError::new(RpcError::MISC, "JSON integer out of range"))
    }

    /// A whole number that is not negative.
    pub fn unsigned(&self, index: usize) -> Result<Option<u64>, RpcError> {
        let out_of_range = |_| RpcError::new(RpcError::MISC, "JSON integer out of range");
        self.integer(index)?
            .map(|number| u64::try_from(number).map_err(out_of_range))
            .transpose()
    }

    /// An amount of QTUM as number or text, in satoshi.
    pub fn amount(&self, index: usize) -> Result<Option<u64>, RpcError> {
        self.get(index).map(satoshi).transpose()
    }

    pub fn txid(&self, index: usize) -> Result<Txid, RpcError> {
        hash(self.text(index), "txid")?
            .parse()
            .map_err(|_| RpcError::parameter("txid must be hexadecimal string"))
    }

    pub fn block_hash(&self, index: usize) -> Result<BlockHash, RpcError> {
        let invalid = |_| RpcError::parameter("blockhash must be hexadecimal string");
        hash(self.text(index), "blockhash")?
            .parse()
            .map_err(invalid)
    }

    /// An address that can be paid.
    pub fn script(&self, index: usize) -> Result<Script, RpcError> {
        destination(self.text(index)).ok_or_else(|| RpcError::address("Error: Invalid address"))
    }
}

fn by_position(description: &str, mut named: Map<String, Value>) -> Result<Vec<Value>, RpcError> {
    // `args` may carry leading parameters by position.
    let mut values = match named.remove("args") {
        Some(Value::Array(leading)) => leading,
        _ => Vec::new(),
    };
    for (index, spec) in specs(description).enumerate() {
        if let Some(value) = named.remove(spec.name) {
            if values.len() <= index {
                values.resize(index + 1, Value::Null);
            }
            values[index] = value;
        }
    }
    match named.keys().next() {
        Some(unknown) => Err(RpcError::parameter(format!(
            "Unknown named parameter {unknown}"
        ))),
        None => Ok(values),
    }
}

fn hash<'a>(text: &'a str, name: &str) -> Result<&'a str, RpcError> {
    if text.len() != 64 {
        let (length, quoted) = (text.len(), text);
        return Err(RpcError::parameter(format!(
            "{name} must be of length 64 (not {length}, for '{quoted}')"
        )));
    }
    if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(RpcError::parameter(format!(
            "{name} must be hexadecimal string (not '{text}')"
        )));
    }
    Ok(text)
}

/// Satoshi of an amount in QTUM.
pub(crate) fn satoshi(value: &Value) -> Result<u64, RpcError> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(RpcError::wrong_type("Amount is not a number or string")),
    };
    if text.starts_with('-') {
        return Err(RpcError::wrong_type("Amount out of range"));
    }
    let amount =
        quantity::parse_qtum(&expand(&text)).map_err(|_| RpcError::wrong_type("Invalid amount"))?;
    u64::try_from(amount.0).map_err(|_| RpcError::wrong_type("Amount out of range"))
}

/// Writes `4e-7` as people do: JSON numbers may come with an exponent.
fn expand(text: &str) -> String {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return text.to_owned();
    };
    let Ok(exponent) = exponent.parse::<i32>() else {
        return text.to_owned();
    };
    if !(-16..=16).contains(&exponent) {
        return text.to_owned();
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padding = "0".repeat(16);
    let all = format!("{padding}{whole}{fraction}{padding}");
    let point = i32::try_from(padding.len() + whole.len()).unwrap_or_default() + exponent;
    let (whole, fraction) = all.split_at(usize::try_from(point).unwrap_or_default().min(all.len()));
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}

/// The script that pays an address of this network.
pub(crate) fn destination(text: &str) -> Option<Script> {
    match address::decode(text, Network::Regtest) {
        Ok(account) => Some(sparky_qtum::script::p2pkh(&account)),
        Err(_) => None,
    }
}

/// Forty hexadecimal digits.
pub(crate) fn hash160(text: &str) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    (text.len() == 40 && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// Stands before an amount until the answer is text: see [`with_amounts`].
const AMOUNT: char = '\u{1}';

/// An amount as qtumd prints it: a number with eight decimals.
pub(crate) fn qtum(satoshi: u64) -> Value {
    signed_qtum(i128::from(satoshi))
}

pub(crate) fn signed_qtum(satoshi: i128) -> Value {
    let sign = if satoshi < 0 { "-" } else { "" };
    let text = quantity::format_full(Amount(satoshi.unsigned_abs()));
    format!("{AMOUNT}{sign}{text}").into()
}

/// JSON text in which amounts are numbers with their eight decimals.
///
/// A [`Value`] holds such numbers as floats, and the feature of `serde_json` that changes this changes
/// it for every crate of the program, where it breaks enums that are told apart by a field.
pub(crate) fn with_amounts(json: &Value) -> String {
    let text = json.to_string();
    let mut parts = text.split("\"\\u0001");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('"') {
            Some((number, rest)) if is_decimal(number) => {
                out.push_str(number);
                out.push_str(rest);
            }
            _ => {
                out.push_str("\"\\u0001");
                out.push_str(part);
            }
        }
    }
    out
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_digit = |character: char| character.is_ascii_digit();
    digits.split_once('.').is_some_and(|(whole, fraction)| {
        !whole.is_empty()
            && fraction.len() == 8
            && whole.chars().chain(fraction.chars()).all(is_digit)
    })
}

/// The base58 address of a key or contract.
pub(crate) fn base58(account: [u8; 20]) -> String {
    address::encode(&Account(account), Network::Regtest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_come_in_many_forms() {
        let check = |text: &str, expected: Result<u64, i32>| {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(
                satoshi(&value).map_err(|error| error.code),
                expected,
                "{text}"
            );
        };
        check("1.5", Ok(150_000_000));
        check("\"0.00000040\"", Ok(40));
        check("4e-7", Ok(40));
        check("0.0000004", Ok(40));
        check("1E2", Ok(10_000_000_000));
        check("0.000000001", Err(-3));
        check("-1", Err(-3));
        check("true", Err(-3));
        check("1e99", Err(-3));
    }

    #[test]
    fn amounts_leave_as_numbers_with_eight_decimals() {
        let json = json!({ "a": qtum(150_000_000), "b": [signed_qtum(-1)], "c": "\u{1}x", "d": "\u{1}1.5" });
        let expected = r#"{"a":1.50000000,"b":[-0.00000001],"c":"\u0001x","d":"\u00011.5"}"#;
        assert_eq!(with_amounts(&json), expected);
    }

    #[test]
    fn wrong_types_are_named_by_position() {
        let error =
            Params::new("searchlogs", "from:number to:number", json!(["latest", 1])).unwrap_err();
        assert_eq!(error.code, -3);
        assert!(
            error
                .message
                .contains("\"Position 1 (from)\": \"JSON value of type string is not of expected")
        );
    }

    #[test]
    fn names_lead_to_positions() {
        let params = Params::new(
            "m",
            "a:number b:string? c:bool?",
            json!({ "a": 1, "c": true }),
        )
        .unwrap();
        assert_eq!(
            (
                params.integer(0).unwrap(),
                params.get(1),
                params.bool(2, false)
            ),
            (Some(1), None, true)
        );
        assert_eq!(
            Params::new("m", "a:number", json!({ "x": 1 }))
                .unwrap_err()
                .code,
            -8
        );
        assert_eq!(
            Params::new("m", "a:number", json!([])).unwrap_err().code,
            -1
        );
        assert_eq!(
            Params::new("m", "a:number", json!([1, 2]))
                .unwrap_err()
                .code,
            -1
        );
    }
}
