//! Ajv on Node over the same events: an optional part, where node and npm are there.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value};

use crate::events::{Event, Shape, schema};

const SCRIPT: &str = include_str!("ajv.mjs");

/// The version that is compared with.
const PACKAGE: &str = "ajv@8";

/// Whether node and npm are there.
pub fn is_here() -> bool {
    ["node", "npm"].into_iter().all(|program| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    })
}

/// Events a second, one figure a round. `dir` keeps the package for the next time.
pub fn per_second(
    dir: &Path,
    shapes: &[Shape],
    events: &[Event],
    rounds: usize,
) -> anyhow::Result<Vec<f64>> {
    std::fs::create_dir_all(dir)?;
    if !dir.join("node_modules/ajv").is_dir() {
        let output = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--prefix"])
            .arg(dir)
            .arg(PACKAGE)
            .output()
            .context("failed to start npm")?;
        ensure!(
            output.status.success(),
            "npm could not install {PACKAGE}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let (script, lines, schemas) = (
        dir.join("ajv.mjs"),
        dir.join("events.ndjson"),
        dir.join("schemas.json"),
    );
    std::fs::write(&script, SCRIPT)?;
    let text: String = events
        .iter()
        .flat_map(|event| [event.capsule.as_str(), "\n"])
        .collect();
    std::fs::write(&lines, text)?;
    let by_name: Map<String, Value> = shapes
        .iter()
        .map(|shape| (shape.name.clone(), schema(shape)))
        .collect();
    std::fs::write(&schemas, Value::Object(by_name).to_string())?;
    let output = Command::new("node")
        .arg(&script)
        .arg(&lines)
        .arg(&schemas)
        .arg(rounds.to_string())
        .output()
        .context("failed to start node")?;
    ensure!(
        output.status.success(),
        "node failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| {
            line.trim()
                .parse()
                .with_context(|| format!("node printed {line:?}"))
        })
        .collect()
}
