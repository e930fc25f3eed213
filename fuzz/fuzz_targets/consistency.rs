//! The consistency fuzzer under libFuzzer: what reaches new code is kept and changed further.
#![no_main]
#![allow(dead_code)]

#[path = "../../backend/devchain/tests/consistency/client.rs"]
mod client;
#[path = "../../backend/devchain/tests/consistency/laws.rs"]
mod laws;
#[path = "../../backend/devchain/tests/consistency/ledger.rs"]
mod ledger;
#[path = "../../backend/devchain/tests/consistency/play/mod.rs"]
mod play;
#[path = "../../backend/devchain/tests/consistency/script.rs"]
mod script;
#[path = "../../backend/devchain/tests/consistency/world/mod.rs"]
mod world;

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;

thread_local! {
    static PLAYER: RefCell<(ledger::Ledger, client::Signer)> =
        RefCell::new((ledger::Ledger::new(), client::Signer::new()));
}

fuzz_target!(|bytes: &[u8]| {
    PLAYER.with_borrow_mut(|(ledger, signer)| {
        if let Err(why) = play::play(bytes, ledger, signer, false) {
            panic!("{why}\nSPARKY_CONSISTENCY_REPLAY={}", hex::encode(bytes));
        }
    });
});
