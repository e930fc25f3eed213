//! Why a backup can not be made or used.

use alloc::string::String;

/// One variant per reason, in the order in which they are found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too easy to guess.
    #[error("a passphrase has {least} characters or more")]
    WeakPassphrase {
        /// The least.
        least: usize,
    },
    /// Something else.
    #[error("this is not a backup file")]
    NotABackup,
    /// Made by a later program.
    #[error(
        "this backup has version {found}, this program knows up to {}",
        crate::VERSION
    )]
    NewerVersion {
        /// Its version.
        found: u32,
    },
    /// Something in it was changed or is missing.
    #[error("this backup is damaged")]
    Damaged,
    /// It asks for more memory than an honest one.
    #[error("this backup asks for {memory_kib} KiB of memory to be opened")]
    TooHard {
        /// What it asks for.
        memory_kib: u32,
    },
    /// It is whole, and this does not open it.
    #[error("this passphrase does not open the backup")]
    WrongPassphrase,
    /// The relay's form, sealed with another key or for another revision.
    #[error("this key does not open the backup")]
    WrongKey,
    /// Of another chain.
    #[error("this backup is for {found}, not for {expected}")]
    OtherNetwork {
        /// Its network.
        found: String,
        /// The one here.
        expected: String,
    },
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WeakPassphrase { .. } => "passphrase-too-short",
            Self::NotABackup => "backup-not-one",
            Self::NewerVersion { .. } => "backup-newer-version",
            Self::Damaged | Self::TooHard { .. } => "backup-damaged",
            Self::WrongPassphrase => "wrong-passphrase",
            Self::WrongKey => "backup-other-key",
            Self::OtherNetwork { .. } => "backup-other-network",
        }
    }
}
