//! What reads the bytes of clients, for the fuzzers: nothing that comes in may end in a panic.

use crate::{auth, backups, body::parse, chain, channels, dev, socket};

/// Reads bytes as a frame of the WebSocket.
pub fn frame(bytes: &[u8]) {
    if let Ok(text) = core::str::from_utf8(bytes) {
        socket::read_frame(text);
    }
}

/// Reads bytes as the body of every request that has one.
pub fn body(bytes: &[u8]) {
    channels::read_bodies(bytes);
    let _ = parse::<auth::ChallengeRequest>(bytes);
    let _ = parse::<auth::SignIn>(bytes);
    let _ = parse::<backups::Backup>(bytes);
    let _ = parse::<chain::transactions::Broadcast>(bytes);
    let _ = parse::<chain::window::Call>(bytes);
    let _ = parse::<dev::Mine>(bytes);
    let _ = parse::<dev::Faucet>(bytes);
    let _ = parse::<dev::Switch>(bytes);
}
