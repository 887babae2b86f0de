//! The way from Rust to WebAssembly on this machine.
//!
//! rustup's own target is preferred. Where rustup cannot download it, Debian's packages bring a
//! compiler and the standard library's source, which is then built along with the checks.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::command::{output, program};
use crate::debian;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// No WASI: a check has no capability but those of the contract.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// The host's engine has the vector instructions of WebAssembly.
const FLAGS: &str = "-C target-feature=+simd128";
/// Debian's compiler for this purpose, and its standard library's source.
const PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
/// Where Debian's compiler is; `rustc` alone would be rustup's.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// What the checks are written for.
const VERSION_MIN: &str = env!("CARGO_PKG_RUST_VERSION");
/// Chooses the way by hand: `rustup` or `debian`.
const VARIABLE: &str = "LANDFALL_WASM";

/// How guests are built here.
#[derive(Debug)]
pub enum Way {
    /// The target is part of the toolchain that runs us.
    Toolchain,
    /// Debian's compiler builds the standard library too; rustup's toolchain lends the linker.
    Debian { linker: PathBuf },
}

impl Way {
    /// Makes a `cargo build` build for WebAssembly.
    pub fn apply(&self, command: &mut Command) {
        command.args(["--target", TARGET]);
        // What people set for their own machine (a linker, a processor) is no use here.
        command
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", FLAGS);
        if let Self::Debian { linker } = self {
            command
                .args(["-Z", "build-std=std,panic_abort"])
                .env("RUSTC", DEBIAN_RUSTC)
                // Lets a stable compiler build the standard library, and cargo take -Z.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                // `cargo run` points it at the libraries of rustup's compiler.
                .env_remove("LD_LIBRARY_PATH")
                .env_remove("RUSTC_WRAPPER");
        }
    }
}

/// Finds a way, installing what is missing, and says which it is.
pub fn find(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<Way> {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    if !["", "rustup", "debian"].contains(&wanted.as_str()) {
        bail!("{VARIABLE} is {wanted:?}; set it to rustup or debian, or unset it");
    }
    let toolchain = Toolchain::of(workspace)?;
    if wanted != "debian" {
        if toolchain.has_target() {
            steps.note(&format!("WebAssembly by rustup's target {TARGET}"));
            return Ok(Way::Toolchain);
        }
        // What is here already needs no network, and no waiting for one that is not there.
        if wanted == "rustup" || debian_compiler().is_err() {
            let mut add = program(workspace, "rustup");
            add.args(["target", "add", TARGET]);
            let added = steps.attempt("rustup-target", "rustup target add", &mut add);
            if added && toolchain.has_target() {
                return Ok(Way::Toolchain);
            }
        }
        if wanted == "rustup" {
            bail!("rustup has no target {TARGET}; run `rustup target add {TARGET}`");
        }
    }
    let linker = toolchain.linker();
    if !linker.is_file() {
        bail!(
            "there is no {}, with which guests are linked; run `rustup target add {TARGET}`",
            linker.display()
        );
    }
    if debian_compiler().is_err() {
        install(workspace, steps)?;
    }
    steps.note(&format!(
        "WebAssembly by Debian's {}, with the standard library built from source",
        PACKAGES.join(" and ")
    ));
    Ok(Way::Debian { linker })
}

/// The Rust toolchain that runs us.
struct Toolchain {
    sysroot: PathBuf,
    host: String,
}

impl Toolchain {
    fn of(workspace: &Workspace) -> anyhow::Result<Self> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
        let sysroot = output(program(workspace, &rustc).args(["--print", "sysroot"]))?;
        let version = output(program(workspace, &rustc).arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("`rustc -vV` names no host")?.to_owned();
        Ok(Self {
            sysroot: sysroot.into(),
            host,
        })
    }

    fn has_target(&self) -> bool {
        self.sysroot
            .join("lib/rustlib")
            .join(TARGET)
            .join("lib")
            .is_dir()
    }

    fn linker(&self) -> PathBuf {
        self.sysroot
            .join("lib/rustlib")
            .join(&self.host)
            .join("bin/rust-lld")
    }
}

/// Whether Debian's compiler is there, new enough, and with its standard library's source; the error
/// says what is wrong with it.
fn debian_compiler() -> anyhow::Result<()> {
    let version = output(Command::new(DEBIAN_RUSTC).arg("--version"))?;
    if minor(version.strip_prefix("rustc ").unwrap_or_default()) < minor(VERSION_MIN) {
        bail!("{DEBIAN_RUSTC} is {version}, and {VERSION_MIN} is needed");
    }
    let sysroot = output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]))?;
    let source = Path::new(&sysroot).join("lib/rustlib/src/rust/library/std/Cargo.toml");
    if !source.is_file() {
        bail!(
            "{DEBIAN_RUSTC} has no source of its standard library: there is no {}",
            source.display()
        );
    }
    Ok(())
}

/// The first two numbers of a version.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn install(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let packages = PACKAGES.join(" ");
    if !debian::is_here(workspace) {
        bail!(
            "there is no way to WebAssembly yet: rustup could not add its target, and this is no Debian; run `rustup target add {TARGET}` with access to the network"
        );
    }
    let by_hand = format!(
        "run `rustup target add {TARGET}`, or, on Debian, `apt-get install {packages}` as root"
    );
    if !debian::can_install() {
        bail!("there is no way to WebAssembly yet, and only root can install one; {by_hand}");
    }
    debian::install(workspace, steps, &PACKAGES, &by_hand)?;
    debian_compiler().with_context(|| {
        format!("{packages} are installed, but do not do; run `rustup target add {TARGET}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers_and_what_is_none_is_too_old() {
        assert!(minor("1.100.0 (abc 2026-05-25)") > minor("1.95"));
        assert!(minor("1.96.0 (ac68faa20 2026-05-25) (Debian)") >= minor("1.95"));
        assert!(minor("1.85.0") < minor("1.95"));
        assert!(minor("nightly") < minor("1.95"));
    }
}
