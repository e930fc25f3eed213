//! How many bytes a browser has to fetch.

use std::{fs, io::Write as _, path::Path};

use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};

/// The size of a file, raw and as a server would compress it.
pub(crate) struct Size {
    raw: usize,
    gzip: usize,
}

impl Size {
    /// Reads and compresses the file at `path`.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        let gzip = encoder.finish()?.len();
        Ok(Self {
            raw: bytes.len(),
            gzip,
        })
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kilo = |bytes: usize| format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100);
        write!(f, "{} raw, {} gzip", kilo(self.raw), kilo(self.gzip))
    }
}
