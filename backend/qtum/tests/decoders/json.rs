//! Reading what is written as JSON.

use serde::{Serialize, de::DeserializeOwned};

/// Reads JSON; what can be read can be written, and reads the same again.
pub fn json<T: DeserializeOwned + Serialize + PartialEq + core::fmt::Debug>(
    bytes: &[u8],
) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&value).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(value, again);
    Some(value)
}
