//! Gives the crate a digest of what compiles checks: cached code that was compiled by anything else is not used
//! (`src/compile/code_cache.rs`).

mod identity;

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let digest = identity::of(root)?;
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={}", identity::SOURCES);
    println!("cargo::rerun-if-changed={}", identity::LOCK);
    println!("cargo::rustc-env=LANDFALL_COMPILED_BY={digest}");
    Ok(())
}
