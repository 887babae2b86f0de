//! Where things are: the workspace's root, its build directory, its members.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// The repository, as `cargo metadata` describes it.
pub struct Workspace {
    pub root: PathBuf,
    /// Cargo's build directory: `target`, unless the environment says otherwise.
    pub target: PathBuf,
    /// The cargo that runs us.
    pub cargo: OsString,
    pub members: Vec<Member>,
}

/// One crate of the workspace.
pub struct Member {
    pub name: String,
    /// The directory of its Cargo.toml, relative to the root, with `/`.
    pub dir: String,
    /// The name of its shared library: set for crates that become WebAssembly modules.
    pub cdylib: Option<String>,
    pub dependencies: Vec<Dependency>,
}

/// What a member names in its Cargo.toml.
pub struct Dependency {
    pub name: String,
    /// Needed by tests only.
    pub dev: bool,
}

impl Workspace {
    /// The workspace that this program was built from, whatever directory it is started in.
    pub fn find() -> anyhow::Result<Self> {
        let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = manifest_dir.join("Cargo.toml");
        let output = Command::new(&cargo)
            .args([
                "metadata",
                "--no-deps",
                "--format-version=1",
                "--manifest-path",
            ])
            .arg(&manifest)
            .output()
            .context("failed to run `cargo metadata`")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`cargo metadata` failed; fix what it says: {}", said.trim());
        }
        let metadata = serde_json::from_slice(&output.stdout)
            .context("failed to read the answer of `cargo metadata`")?;
        Self::read(&metadata, cargo).context("`cargo metadata` answered without what is needed")
    }

    fn read(metadata: &Value, cargo: OsString) -> Option<Self> {
        let root = PathBuf::from(metadata["workspace_root"].as_str()?);
        let target = PathBuf::from(metadata["target_directory"].as_str()?);
        let packages = metadata["packages"].as_array()?;
        let members = packages
            .iter()
            .map(|package| Member::read(package, &root))
            .collect::<Option<_>>()?;
        Some(Self {
            root,
            target,
            cargo,
            members,
        })
    }

    /// Where the compiled checks are kept; the program finds them there, beside its own directory.
    pub fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// Where a built program is.
    pub fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(name)
    }
}

impl Member {
    fn read(package: &Value, root: &Path) -> Option<Self> {
        let manifest = Path::new(package["manifest_path"].as_str()?);
        let dir = manifest
            .parent()?
            .strip_prefix(root)
            .ok()?
            .to_str()?
            .replace('\\', "/");
        let is_cdylib = |target: &&Value| {
            let kinds = target["crate_types"].as_array();
            kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
        };
        let cdylib = package["targets"].as_array()?.iter().find(is_cdylib);
        let dependencies = package["dependencies"]
            .as_array()?
            .iter()
            .map(|dependency| {
                let name = dependency["name"].as_str()?.to_owned();
                Some(Dependency {
                    name,
                    dev: dependency["kind"] == "dev",
                })
            });
        Some(Self {
            name: package["name"].as_str()?.to_owned(),
            dir,
            cdylib: cdylib
                .and_then(|target| target["name"].as_str())
                .map(|name| name.replace('-', "_")),
            dependencies: dependencies.collect::<Option<_>>()?,
        })
    }
}
