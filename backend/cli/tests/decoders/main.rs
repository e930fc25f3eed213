//! Every other reader of foreign bytes against its corpus and damaged copies of it, for some seconds;
//! see the test of the same name in `sparky-qtum`. `SPARKY_DECODER_CASES` sets how many.
#![allow(missing_docs)]

mod examples;
#[path = "../../../qtum/tests/decoders/mutate.rs"]
mod mutate;
mod targets;

use std::panic::catch_unwind;

use mutate::Dice;

const CASES: u32 = 2_500;

#[test]
fn no_reader_panics_or_changes_what_it_reads() {
    let cases = std::env::var("SPARKY_DECODER_CASES").ok();
    let cases: u32 = cases.map_or(CASES, |text| text.parse().expect("a number of cases"));
    for (name, read) in targets::SERVICES {
        let examples = mutate::examples(name);
        assert!(!examples.is_empty(), "{name} has no corpus");
        let mut dice = Dice(0xdec0);
        let damaged = (0..cases).map(|_| mutate::damaged(&mut dice, &examples));
        for bytes in examples.iter().cloned().chain(damaged) {
            if catch_unwind(|| read(&bytes)).is_err() {
                let text = String::from_utf8_lossy(&bytes);
                panic!("{name}: {}\n{text}", hex::encode(&bytes));
            }
        }
    }
}
