//! Every reader of foreign bytes against its corpus and damaged copies of it, for some seconds. The
//! same readers run for as long as one likes under `make fuzz`.
//!
//! `SPARKY_DECODER_CASES` sets how many damaged inputs each reader gets.
#![allow(missing_docs)]

mod examples;
mod mutate;
mod targets;

#[test]
fn no_reader_panics_or_changes_what_it_reads() {
    mutate::replay(targets::TARGETS);
}
