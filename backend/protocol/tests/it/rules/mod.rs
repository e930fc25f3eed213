//! Each rule of docs/spec/03-channel.md: what keeps it, what breaks it.

mod acks;
mod agreements;
mod locks;
mod loss;
mod payments;
mod proofs;
