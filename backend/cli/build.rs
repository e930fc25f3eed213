//! The DApp's folder must exist for it to be embedded, and a new DApp must be embedded anew.

fn main() -> std::io::Result<()> {
    let dist = "../../starter-kit/dist";
    std::fs::create_dir_all(dist)?;
    println!("cargo:rerun-if-changed={dist}");
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
