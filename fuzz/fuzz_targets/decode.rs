//! One reader of foreign bytes; `SPARKY_FUZZ_TARGET` names it.
#![no_main]

#[path = "../../backend/qtum/tests/decoders/targets.rs"]
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let name = std::env::var("SPARKY_FUZZ_TARGET").unwrap_or_default();
    let known = || targets::TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let found = targets::TARGETS.iter().find(|(known, _)| *known == name);
    *found.unwrap_or_else(|| panic!("SPARKY_FUZZ_TARGET must be one of {}", known().join(", ")))
});

fuzz_target!(|bytes: &[u8]| (TARGET.1)(bytes));
