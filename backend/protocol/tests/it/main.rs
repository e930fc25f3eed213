//! The protocol as its users meet it: two participants and their messages, the published vectors,
//! the laws that must hold whatever is thrown at them.
#![allow(missing_docs)]

mod adopting;
mod contract;
mod dice;
mod dispute;
mod disputes;
mod doubt;
mod fixture;
mod forgetting;
mod laws;
mod moves;
mod pair;
mod participant;
mod rules;
mod vectors;
mod watching;
