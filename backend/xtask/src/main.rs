//! Build steps that cargo alone does not know: `cargo run -p sparky-xtask -- <verb>`.

mod size;
mod wasm;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let verb = std::env::args().nth(1).unwrap_or_default();
    match verb.as_str() {
        "wasm" => wasm::run(),
        _ => bail!("usage: cargo run -p sparky-xtask -- wasm"),
    }
}
