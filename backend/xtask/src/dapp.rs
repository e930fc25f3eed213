//! Builds what the binary embeds: the wasm core, the npm packages, the DApp. Does nothing twice.

use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime};

use anyhow::{Result, ensure};

use crate::step::Step;

/// Makes `starter-kit/dist` newer than all that goes into it.
///
/// # Errors
/// When a step fails; its own output says why.
pub fn build(root: &Path) -> Result<()> {
    let kit = root.join("starter-kit");
    packages(&kit)?;
    let core = [
        root.join("backend/protocol/src"),
        root.join("backend/qtum/src"),
        root.join("backend/wasm/src"),
        root.join("backend/xtask/src/wasm.rs"),
        root.join("contracts/artifacts"),
        root.join("Cargo.lock"),
    ];
    let pkg = kit.join("src/core/pkg");
    if oldest(&pkg) <= newest(&core) {
        crate::wasm::build(root)?;
    }
    let inputs = [
        kit.join("src"),
        kit.join("public"),
        kit.join("index.html"),
        kit.join("package-lock.json"),
        kit.join("vite.config.ts"),
    ];
    if oldest(&kit.join("dist")) <= newest(&inputs) {
        run("DApp", &kit, "npm run build")?;
    }
    Ok(())
}

/// Installs a folder's npm packages when its lock file has changed since the last time.
///
/// # Errors
/// When npm fails.
pub fn packages(folder: &Path) -> Result<()> {
    let installed = folder.join("node_modules/.package-lock.json");
    if newest(&[folder.join("package-lock.json")]) < newest(&[installed]) {
        return Ok(());
    }
    run("packages", folder, "npm ci --no-audit --no-fund")
}

fn run(name: &str, folder: &Path, line: &str) -> Result<()> {
    let begin = Instant::now();
    ensure!(Step::new(name, folder, line).run().ok, "{name} failed after {:?}", begin.elapsed());
    Ok(())
}

/// When the newest file among these was written; the epoch when there is none.
fn newest(paths: &[impl AsRef<Path>]) -> SystemTime {
    times(paths).into_iter().max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// When the oldest file below this was written; the epoch when there is none.
fn oldest(path: &Path) -> SystemTime {
    times(&[path]).into_iter().min().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn times(paths: &[impl AsRef<Path>]) -> Vec<SystemTime> {
    let mut times = Vec::new();
    let mut open: Vec<_> = paths.iter().map(|path| path.as_ref().to_path_buf()).collect();
    while let Some(path) = open.pop() {
        let Ok(about) = fs::metadata(&path) else { continue };
        if about.is_dir() {
            open.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else {
            times.extend(about.modified());
        }
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_built_is_older_than_anything() {
        let sources = [Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        assert!(oldest(Path::new("no/such/folder")) < newest(&sources));
        assert!(oldest(&sources[0]) <= newest(&sources));
    }
}
