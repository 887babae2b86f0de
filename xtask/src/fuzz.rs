//! `cargo xtask fuzz`: looks for inputs that break a property of a target, by the coverage that they reach.
//!
//! libFuzzer does the looking. Its build has a target directory of its own and its own flags
//! (`fuzz/engine/rustc`), and the versions of dependencies that the workspace has.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::command::{cargo, program};
use crate::steps::Steps;
use crate::workspace::Workspace;

/// Seconds that one input may take on a machine that does other things beside it.
const INPUT_SECONDS_MAX: u32 = 60;

/// What one run may hold.
const MEMORY_MIB_MAX: u32 = 3072;

/// Bytes of an input that is made up.
const INPUT_BYTES_MAX: u32 = 4096;

/// Runs the target of that name, or each in turn, for so many seconds each.
pub fn run(
    workspace: &Workspace,
    steps: &mut Steps,
    name: Option<&str>,
    seconds: u32,
) -> anyhow::Result<()> {
    let all = targets(&workspace.root)?;
    let chosen: Vec<&String> = all
        .iter()
        .filter(|target| name.is_none_or(|name| name == *target))
        .collect();
    if chosen.is_empty() {
        bail!("there is no such target; there are {}", all.join(", "));
    }
    let engine = build(workspace, steps)?;
    for target in chosen {
        run_target(workspace, steps, &engine, target, seconds)?;
    }
    Ok(())
}

/// Each has a directory of kept inputs.
fn targets(root: &Path) -> anyhow::Result<Vec<String>> {
    let corpus = root.join("fuzz/corpus");
    let entries = std::fs::read_dir(&corpus)
        .with_context(|| format!("failed to read {}", corpus.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn directory(workspace: &Workspace) -> PathBuf {
    workspace.target.join("fuzz")
}

fn build(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<PathBuf> {
    let engine = workspace.root.join("fuzz/engine");
    std::fs::copy(workspace.root.join("Cargo.lock"), engine.join("Cargo.lock"))
        .context("failed to copy Cargo.lock to fuzz/engine")?;
    let directory = directory(workspace);
    let mut build = cargo(workspace, ["build", "--manifest-path"]);
    build
        .arg(engine.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &directory)
        .env("RUSTC_WRAPPER", engine.join("rustc"));
    steps.run(
        "fuzz-build",
        "build the fuzzer",
        &mut build,
        "fix what the compiler names",
    )?;
    Ok(directory.join("debug/landfall-fuzz-engine"))
}

fn run_target(
    workspace: &Workspace,
    steps: &mut Steps,
    engine: &Path,
    target: &str,
    seconds: u32,
) -> anyhow::Result<()> {
    let failures = directory(workspace).join("failures").join(target);
    let grown = directory(workspace).join("corpus").join(target);
    for directory in [&failures, &grown] {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("failed to make {}", directory.display()))?;
    }
    let known = files(&failures)?;
    let mut command = libfuzzer(workspace, engine, target, seconds);
    command
        .arg(format!("-artifact_prefix={}/", failures.display()))
        .arg(&grown)
        .arg(workspace.root.join("fuzz/corpus").join(target));
    let ended = steps.run(
        &format!("fuzz-{target}"),
        &format!("{target} for {seconds} s"),
        &mut command,
        "a property does not hold, or an input takes too long",
    );
    for failure in files(&failures)? {
        if !known.contains(&failure) {
            steps.note(&format!(
                "to replay it: cargo run -p landfall-fuzz -- {target} {}",
                failure.display()
            ));
        }
    }
    ended
}

fn libfuzzer(workspace: &Workspace, engine: &Path, target: &str, seconds: u32) -> Command {
    let mut command = program(workspace, engine);
    command
        .env("LANDFALL_FUZZ_TARGET", target)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg("-print_final_stats=1");
    let dictionary = workspace
        .root
        .join("fuzz/dictionaries")
        .join(format!("{target}.dict"));
    if dictionary.exists() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    command
}

fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    Ok(paths)
}
