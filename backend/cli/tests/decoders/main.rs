//! Every other reader of foreign bytes against its corpus and damaged copies of it, for some seconds;
//! see the test of the same name in `sparky-qtum`. `SPARKY_DECODER_CASES` sets how many.
#![allow(missing_docs)]

mod examples;
#[path = "../../../qtum/tests/decoders/mutate.rs"]
mod mutate;
mod targets;

#[test]
fn no_reader_panics_or_changes_what_it_reads() {
    mutate::replay(targets::SERVICES);
}
