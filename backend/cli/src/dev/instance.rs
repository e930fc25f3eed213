//! The one process that may run on a data folder.
//!
//! It holds a lock on a file for as long as it lives. The kernel drops the lock with the process,
//! so there is no stale pid file: either the lock is held and the pid is right, or nothing runs.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

const LOCK: &str = "dev.lock";
const CARD: &str = "dev.json";

/// What the running process tells about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Its process id.
    pub pid: u32,
    /// Where DApp and API are.
    pub url: String,
    /// Where the chain's RPC is, with user and password.
    pub rpc_url: String,
}

/// The right to run on a data folder, until it is dropped.
#[derive(Debug)]
pub struct Guard {
    data: PathBuf,
    _lock: File,
}

impl Guard {
    /// Takes the data folder.
    ///
    /// # Errors
    /// `already-running` when another process has it.
    pub fn take(data: &Path) -> Result<Self> {
        fs::create_dir_all(data).with_context(|| format!("cannot create {}", data.display()))?;
        let lock = open(data)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = format!("Another process runs on {}.", data.display());
                return Err(Problem::new("already-running", "Already running", text).into());
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        remove_card(data)?;
        Ok(Self {
            data: data.into(),
            _lock: lock,
        })
    }

    /// Tells others where we are.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn announce(&self, instance: &Instance) -> Result<()> {
        let temporary = self.data.join("dev.json.new");
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec_pretty(instance)?)?;
        fs::rename(temporary, self.data.join(CARD))?;
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The lock is what counts; a card left behind misleads nobody.
        let _ = remove_card(&self.data);
    }
}

/// Whether a process runs on the data folder, announced or not.
///
/// # Errors
/// When the lock cannot be examined.
pub fn is_taken(data: &Path) -> Result<bool> {
    if !data.join(LOCK).exists() {
        return Ok(false);
    }
    match open(data)?.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The process that runs on the data folder and has announced itself.
///
/// # Errors
/// When lock or card cannot be read.
pub fn running(data: &Path) -> Result<Option<Instance>> {
    if !is_taken(data)? {
        return Ok(None);
    }
    match fs::read(data.join(CARD)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Waits until nothing runs on the data folder. Says whether that came true in time.
///
/// # Errors
/// When the lock cannot be examined.
pub fn wait_until_free(data: &Path, at_most: Duration) -> Result<bool> {
    const STEP: Duration = Duration::from_millis(50);
    let mut left = at_most;
    while is_taken(data)? {
        if left.is_zero() {
            return Ok(false);
        }
        std::thread::sleep(STEP);
        left = left.saturating_sub(STEP);
    }
    Ok(true)
}

fn open(data: &Path) -> Result<File> {
    let path = data.join(LOCK);
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))
}

fn remove_card(data: &Path) -> Result<()> {
    match fs::remove_file(data.join(CARD)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem;

    fn card() -> Instance {
        Instance {
            pid: 7,
            url: "http://127.0.0.1:1".into(),
            rpc_url: "http://127.0.0.1:2".into(),
        }
    }

    #[test]
    fn one_at_a_time_and_nothing_stays_behind() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(running(data.path()).unwrap(), None);
        let guard = Guard::take(data.path()).unwrap();
        guard.announce(&card()).unwrap();
        assert_eq!(running(data.path()).unwrap(), Some(card()));
        assert_eq!(
            problem::of(&Guard::take(data.path()).unwrap_err()).code,
            "already-running"
        );
        drop(guard);
        assert_eq!(running(data.path()).unwrap(), None);
        assert!(wait_until_free(data.path(), Duration::ZERO).unwrap());
    }

    #[test]
    fn a_card_without_a_process_is_ignored() {
        let data = tempfile::tempdir().unwrap();
        let guard = Guard::take(data.path()).unwrap();
        guard.announce(&card()).unwrap();
        // As after a power cut: the card is there, the lock is not.
        let card_path = data.path().join(CARD);
        let bytes = fs::read(&card_path).unwrap();
        drop(guard);
        fs::write(card_path, bytes).unwrap();
        assert_eq!(running(data.path()).unwrap(), None);
        Guard::take(data.path()).unwrap();
    }
}
