//! The relay as its participants meet it: a real chain, a real database file, HTTP and WebSocket on a
//! port of its own. Whatever a test needs from the chain goes through the RPC.
// Participants sign, so their key may be named here; the relay itself may not.
#![allow(clippy::disallowed_types)]

mod access;
mod answering;
mod browsers;
mod chain;
mod closing;
mod commit;
mod database;
mod dispute;
mod disputes;
mod dump;
mod filling;
mod floods;
mod health;
mod keeping;
mod limits;
mod line;
mod loss;
mod metrics;
mod network;
mod node_network;
mod participant;
mod payments;
mod person;
mod proxy;
mod public;
mod refusals;
mod sign_in;
mod socket;
mod start;
mod strangers;
mod tower;
mod two_relays;
mod two_towers;
mod upgrade;
mod world;
