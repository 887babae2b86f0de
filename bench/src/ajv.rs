//! Ajv on Node over the same events: an optional part, if node and npm are installed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};

use crate::events::{Event, Shape, schema};

const SCRIPT: &str = include_str!("ajv.mjs");

/// The version that is compared with.
const PACKAGE: &str = "ajv@8";

/// Whether node and npm are installed.
pub fn is_here() -> bool {
    ["node", "npm"].into_iter().all(|program| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    })
}

/// A process that judges all events once for each line of its input, and waits in between. It ends
/// with its input.
pub struct Ajv {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Ajv {
    /// `dir` keeps the package for the next time.
    pub fn start(dir: &Path, shapes: &[Shape], events: &[Event]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir)?;
        if !dir.join("node_modules/ajv").is_dir() {
            install(dir)?;
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
        let mut child = Command::new("node")
            .arg(&script)
            .arg(&lines)
            .arg(&schemas)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start node")?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("node has no input or output");
        };
        let mut ajv = Self {
            child,
            input,
            output: BufReader::new(output),
        };
        // So that the code that is measured afterwards has been compiled.
        ajv.round()?;
        Ok(ajv)
    }

    /// Judges all events once, in events a second.
    pub fn round(&mut self) -> anyhow::Result<f64> {
        let mut line = String::new();
        writeln!(self.input).context("node has ended")?;
        self.output.read_line(&mut line)?;
        line.trim()
            .parse()
            .with_context(|| format!("node printed {line:?}"))
    }
}

impl Drop for Ajv {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn install(dir: &Path) -> anyhow::Result<()> {
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
    Ok(())
}
