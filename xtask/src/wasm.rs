//! The way from Rust to WebAssembly on this machine.
//!
//! rustup's own target is preferred. Where rustup cannot download it, Debian's packages bring a
//! compiler and the standard library's source, which is then built along with the checks.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::command::{output, program};
use crate::steps::Steps;
use crate::workspace::Workspace;

/// No WASI: a check has no capability but those of the contract.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's compiler for this purpose, and its standard library's source.
const PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
/// Where Debian's compiler is; `rustc` alone would be rustup's.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
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
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
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
        let mut add = program(workspace, "rustup");
        add.args(["target", "add", TARGET]);
        if steps.attempt("rustup-target", "rustup target add", &mut add) && toolchain.has_target() {
            return Ok(Way::Toolchain);
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
    if !debian_is_ready() {
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
        let sysroot = output(program(workspace, "rustc").args(["--print", "sysroot"]))?;
        let version = output(program(workspace, "rustc").arg("-vV"))?;
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

/// Debian's compiler and the source of its standard library are there.
fn debian_is_ready() -> bool {
    let sysroot = output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]));
    sysroot.is_ok_and(|sysroot| {
        Path::new(&sysroot)
            .join("lib/rustlib/src/rust/library/std/Cargo.toml")
            .is_file()
    })
}

fn install(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let packages = PACKAGES.join(" ");
    let by_hand = format!(
        "run `rustup target add {TARGET}`, or, on Debian, `apt-get install {packages}` as root"
    );
    // Our own entry in /proc belongs to whom we run as.
    let root = std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0);
    if !root {
        bail!("there is no way to WebAssembly yet, and only root can install one; {by_hand}");
    }
    let mut update = program(workspace, "apt-get");
    update.arg("update");
    steps.attempt("apt-update", "apt-get update", &mut update);
    let mut install = program(workspace, "apt-get");
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(PACKAGES)
        .env("DEBIAN_FRONTEND", "noninteractive");
    let title = format!("install Debian's {}", PACKAGES.join(" and "));
    steps.run("apt-install", &title, &mut install, &by_hand)?;
    if !debian_is_ready() {
        bail!(
            "{packages} are installed, but {DEBIAN_RUSTC} finds no source of its standard library; run `rustup target add {TARGET}`"
        );
    }
    Ok(())
}
