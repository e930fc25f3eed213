//! Takes the interfaces out of the committed artifacts: the browser needs those and not the code,
//! which is three quarters of an artifact.

use std::{env, error::Error, fs, path::Path};

use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let artifacts = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../contracts/artifacts");
    for name in ["DuplexChannel", "TestToken"] {
        let path = artifacts.join(format!("{name}.json"));
        println!("cargo::rerun-if-changed={}", path.display());
        let artifact: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let interface = artifact
            .get("abi")
            .ok_or("an artifact without an interface")?;
        fs::write(
            Path::new(&env::var("OUT_DIR")?).join(format!("{name}.abi.json")),
            interface.to_string(),
        )?;
    }
    Ok(())
}
