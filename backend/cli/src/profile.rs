//! A participant's folder: the key, the channels, and a lock, so that one process writes at a time.
//!
//! Everything that is written here is durable before the function returns: temporary file, fsync,
//! rename, fsync of the folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sparky_relay::failpoint;

use crate::problem::Problem;

/// A profile's folder without the right to write to it.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What `--profile` named.
    pub name: String,
    folder: PathBuf,
}

/// A profile that this process alone may write to, until it is dropped.
#[derive(Debug)]
pub struct Writer {
    /// The profile.
    pub profile: Profile,
    _lock: File,
}

impl Profile {
    /// The profile `name` for `network` under the data folder.
    ///
    /// # Errors
    /// `usage` when the name could leave the folder.
    pub fn new(data: &Path, network: &str, name: &str) -> Result<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            let text = format!("{name:?} is no profile name: letters, digits, - and _ only.");
            return Err(Problem::new("usage", "Bad profile name", text).into());
        }
        let folder = data.join("profiles").join(network).join(name);
        Ok(Self {
            name: name.into(),
            folder,
        })
    }

    /// A file of this profile.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// The text of a file, or `None` when there is none.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn read(&self, file: &str) -> Result<Option<String>> {
        let path = self.path(file);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Takes the profile for this process.
    ///
    /// # Errors
    /// `second-tab` when another process has it.
    pub fn lock(self) -> Result<Writer> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot create {}", self.folder.display()))?;
        let path = self.path("lock");
        let mut file = private()
            .create(true)
            .read(true)
            .truncate(false)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let text = format!(
                    "Process {} writes to profile {:?} now. Two writers could sign one nonce twice: wait for it to end.",
                    holder.trim(),
                    self.name
                );
                return Err(Problem::new("second-tab", "Profile in use", text)
                    .retryable()
                    .into());
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Writer {
            profile: self,
            _lock: file,
        })
    }
}

impl Writer {
    /// Writes a file so that it is either the old one or the new one after any crash, and the new
    /// one once this returns.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        write_durably(&self.profile.path(file), text.as_bytes())
    }
}

/// Replaces a file by temporary file, fsync, rename and fsync of the folder. Only the owner may read it.
///
/// # Errors
/// When the disk refuses.
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    let attempt = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        failpoint!("participant.write.before");
        let temporary = path.with_extension("new");
        let mut file = private().create(true).truncate(true).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        failpoint!("participant.write.synced");
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()?;
        failpoint!("participant.write.after");
        Ok(())
    };
    attempt().with_context(|| format!("cannot write {}", path.display()))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem;

    #[test]
    fn one_writer_at_a_time() {
        let data = tempfile::tempdir().unwrap();
        let profile = Profile::new(data.path(), "dev", "alice").unwrap();
        let writer = profile.clone().lock().unwrap();
        let refused = profile.clone().lock().unwrap_err();
        assert_eq!(problem::of(&refused).code, "second-tab");
        drop(writer);
        profile.lock().unwrap();
    }

    #[test]
    fn names_stay_inside_the_folder() {
        for name in ["", "../bob", "a/b", "."] {
            let refused = Profile::new(Path::new("/nowhere"), "dev", name).unwrap_err();
            assert_eq!(problem::of(&refused).code, "usage", "{name}");
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let data = tempfile::tempdir().unwrap();
        let writer = Profile::new(data.path(), "dev", "alice")
            .unwrap()
            .lock()
            .unwrap();
        assert_eq!(writer.profile.read("channels/1.json").unwrap(), None);
        writer.write("channels/1.json", "one").unwrap();
        writer.write("channels/1.json", "two").unwrap();
        assert_eq!(
            writer.profile.read("channels/1.json").unwrap().as_deref(),
            Some("two")
        );
    }
}
