//! Builds the checks for WebAssembly and collects them in `target/guests`.

use std::path::Path;

use anyhow::{Context as _, bail};
use wasmparser::{Parser, Payload};

use crate::command::cargo;
use crate::steps::Steps;
use crate::wasm::{self, TARGET, Way};
use crate::workspace::{Member, Workspace};

/// All that a check may import.
const CONTRACT: &str = "landfall:check/";
/// The one module that is made to import something else, to be refused by the host.
const FORBIDDEN_IMPORT: &str = "hostile_import";

pub fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let way = wasm::find(workspace, steps)?;
    build(workspace, steps, &way, Wanted::All)
}

/// Which checks to build.
#[derive(Clone, Copy)]
pub enum Wanted {
    /// Those that Landfall is shipped with.
    Shipped,
    /// Those that tests need too.
    All,
}

/// One cargo call for all of them, in a build directory of their own: switching compilers there
/// does not rebuild the host.
pub fn build(
    workspace: &Workspace,
    steps: &mut Steps,
    way: &Way,
    wanted: Wanted,
) -> anyhow::Result<()> {
    let is_wanted = |member: &&Member| match wanted {
        Wanted::Shipped => !member.dir.starts_with("guests/hostile"),
        Wanted::All => true,
    };
    let guests: Vec<(&Member, &str)> = workspace
        .members
        .iter()
        .filter(|member| member.dir.starts_with("guests/"))
        .filter(is_wanted)
        .filter_map(|member| Some((member, member.cdylib.as_deref()?)))
        .collect();
    if guests.is_empty() {
        bail!("no member under guests/ is a cdylib; name the checks in the members of Cargo.toml");
    }
    let build_dir = workspace.target.join("guests-build");
    let mut command = cargo(workspace, ["build", "--profile", "guest"]);
    way.apply(&mut command);
    for (member, _) in &guests {
        command.args(["-p", &member.name]);
    }
    command.env("CARGO_TARGET_DIR", &build_dir);
    let title = format!("build {} guests", guests.len());
    steps.run(
        "guests",
        &title,
        &mut command,
        "fix what the compiler names",
    )?;

    let from = build_dir.join(TARGET).join("guest");
    let to = workspace.guests();
    std::fs::create_dir_all(&to).with_context(|| format!("failed to make {}", to.display()))?;
    for (_, library) in guests {
        let file = format!("{library}.wasm");
        let bytes = std::fs::read(from.join(&file)).with_context(|| {
            format!(
                "failed to read {}, which was just built",
                from.join(&file).display()
            )
        })?;
        let foreign = foreign_imports(&bytes)
            .with_context(|| format!("failed to read {file} as WebAssembly"))?;
        if library != FORBIDDEN_IMPORT && !foreign.is_empty() {
            bail!(
                "{file} imports {}, which no check may; remove the dependency that asks for it",
                foreign.join(" and ")
            );
        }
        put(&to.join(&file), &bytes)?;
        steps.note(&format!(
            "{file:<28} {:>7.1} KiB",
            bytes.len() as f64 / 1024.0
        ));
    }
    Ok(())
}

/// Writes a file only if it changes, and at once as a whole: a running Landfall watches it.
fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let beside = path.with_extension("wasm.new");
    std::fs::write(&beside, bytes)
        .with_context(|| format!("failed to write {}", beside.display()))?;
    std::fs::rename(&beside, path).with_context(|| format!("failed to replace {}", path.display()))
}

/// What a module imports from outside the contract, as `module.name`.
fn foreign_imports(bytes: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut foreign = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::ImportSection(imports) = payload? {
            for import in imports.into_imports() {
                let import = import?;
                if !import.module.starts_with(CONTRACT) {
                    foreign.push(format!("{}.{}", import.module, import.name));
                }
            }
        }
    }
    Ok(foreign)
}
