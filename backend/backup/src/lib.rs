//! Backups: what a participant keeps elsewhere against a loss, sealed (docs/spec/06-backup.md).
//!
//! Two forms of one content. A [`File`] holds the key too and opens with a passphrase: it is what a
//! person keeps. A [`blob`] holds no key and opens with it: it is what a relay keeps, which learns
//! nothing but its size. Browser and command line use this code and read each other's files.
//!
//! Pure: randomness and time are handed in, files and sockets are elsewhere.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod blob;
mod content;
mod error;
mod file;
mod restore;
mod seal;

pub use content::{Content, Kept, VERSION};
pub use error::Error;
pub use file::{File, Opened, SHORTEST_PASSPHRASE, Stretch};
pub use restore::restored;
