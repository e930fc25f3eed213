//! One reader of foreign bytes; `SPARKY_FUZZ_TARGET` names it.
#![no_main]

#[cfg(feature = "services")]
#[path = "../../backend/cli/tests/decoders/targets.rs"]
mod services;
#[path = "../../backend/qtum/tests/decoders/targets.rs"]
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

fn known() -> impl Iterator<Item = targets::Target> {
    let known = targets::TARGETS.iter();
    #[cfg(feature = "services")]
    let known = known.chain(services::SERVICES);
    known.copied()
}

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let name = std::env::var("SPARKY_FUZZ_TARGET").unwrap_or_default();
    let names = || known().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    let found = known().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("SPARKY_FUZZ_TARGET must be one of {}", names()))
});

fuzz_target!(|bytes: &[u8]| (TARGET.1)(bytes));
