//! Whether something was built from what is there now. By content, since a clone has no useful times.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The workspace's root, from where this program was compiled.
///
/// # Errors
/// Never in a workspace that compiled.
pub(crate) fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .ancestors()
        .nth(2)
        .context("invariant: two levels deep")?
        .to_path_buf())
}

/// One number for all that is in these files and folders; what is missing is left out.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn of(root: &Path, inputs: &[&str]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for input in inputs {
        let path = root.join(input);
        if path.exists() {
            hash(&path, &mut hasher)?;
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn hash(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path)?.collect::<std::io::Result<_>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            hash(&entry.path(), hasher)?;
        }
    } else {
        path.to_string_lossy().hash(hasher);
        fs::read(path)?.hash(hasher);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_shows_and_a_missing_file_is_no_error() {
        let root = root().unwrap();
        let of = |inputs: &[&str]| of(&root, inputs).unwrap();
        assert_eq!(of(&["Cargo.toml"]), of(&["Cargo.toml", "no-such-file"]));
        assert_ne!(of(&["Cargo.toml"]), of(&["backend/xtask/src"]));
    }
}
