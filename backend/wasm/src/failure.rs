//! How an error crosses to JavaScript: as a JSON text `{code, detail, params}` that is thrown.

use core::fmt::Display;

use serde_json::{Map, Value, json};
use wasm_bindgen::JsValue;

/// An error with its stable code, its text and its figures.
///
/// Parameters that end in `Sat` are amounts in satoshi, as decimal strings.
#[derive(Debug)]
pub(crate) struct Failure {
    code: &'static str,
    detail: String,
    params: Map<String, Value>,
}

/// What every exported function returns.
pub(crate) type Result<T> = core::result::Result<T, Failure>;

impl Failure {
    /// An error without figures.
    pub(crate) fn new(code: &'static str, detail: impl Display) -> Self {
        Self {
            code,
            detail: detail.to_string(),
            params: Map::new(),
        }
    }

    /// The same with one more figure.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// The same with one more amount, in satoshi.
    #[must_use]
    pub(crate) fn with_sat(self, name: &str, satoshi: impl Display) -> Self {
        self.with(&format!("{name}Sat"), satoshi.to_string())
    }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        let Failure {
            code,
            detail,
            params,
        } = failure;
        Self::from_str(&json!({ "code": code, "detail": detail, "params": params }).to_string())
    }
}

/// What our own TypeScript hands over and what comes from the relay is JSON of a known shape.
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new("malformed", error)
    }
}
