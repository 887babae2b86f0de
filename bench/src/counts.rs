//! Instructions per event, counted by callgrind: they repeat on the same machine and compiler, whatever
//! else the machine does. So they show the effect of a change on the hot path where a clock would not.
//! They are kept in `bench/counts.json` with a tolerance.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::events::{events, shapes, write_schemas};
use crate::figures::number;
use crate::judging::{self, CheckSetup};
use crate::ledger;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Load {
    Documents,
    Lines,
    /// Both streams with validity and parity, as the whole sidecar judges them.
    Pairs,
    Ledger,
}

impl Load {
    const ALL: [Self; 4] = [Self::Documents, Self::Lines, Self::Pairs, Self::Ledger];

    fn name(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Lines => "lines",
            Self::Pairs => "pairs",
            Self::Ledger => "ledger",
        }
    }
}

impl Load {
    /// The function that does the work, by callgrind's name.
    fn counted(self) -> &'static str {
        match self {
            Self::Ledger => "*ledger::Load::turn_over*",
            Self::Documents | Self::Lines | Self::Pairs => "*judging::judge_all*",
        }
    }
}

/// Events of a load.
const EVENTS: usize = 2_048;

/// A count may move by this share: hash tables are seeded at random, and compilers differ a little.
const TOLERANCE: f64 = 0.03;

/// The load itself, as the child under callgrind runs it.
pub fn run(load: Load, guests: &Path, count: usize) -> anyhow::Result<()> {
    if load == Load::Ledger {
        ledger::run(count);
        return Ok(());
    }
    let shapes = shapes();
    let events = events(&shapes, count, 1);
    let dir = tempfile::tempdir()?;
    write_schemas(dir.path(), &shapes)?;
    let capsules = events.iter().map(|event| event.capsule.as_bytes());
    let (checks, frames): (Vec<CheckSetup>, Vec<&[u8]>) = match load {
        Load::Lines => (
            vec![CheckSetup::codec(), CheckSetup::validity()],
            events.iter().map(|event| event.line.as_bytes()).collect(),
        ),
        Load::Pairs => (
            vec![CheckSetup::validity(), CheckSetup::parity()],
            capsules.collect(),
        ),
        Load::Documents | Load::Ledger => (vec![CheckSetup::validity()], capsules.collect()),
    };
    let batches = match load {
        Load::Pairs => judging::pairs(&events),
        _ => judging::batches(frames.into_iter()),
    };
    let mut judge = judging::judge(guests, dir.path(), &checks)?;
    judging::warm(&mut judge, &batches);
    judging::run(&mut judge, &batches)?;
    Ok(())
}

/// Counts everything; with `keep` the counts become the ones to compare with. Returns how many changed.
pub fn check(guests: &Path, kept: &Path, keep: bool) -> anyhow::Result<usize> {
    let former: Map<String, Value> = match std::fs::read_to_string(kept) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("{} is no object of counts", kept.display()))?,
        Err(_) if keep => Map::new(),
        Err(error) => bail!("failed to read {}: {error}", kept.display()),
    };
    let mut counted = Map::new();
    let mut moved = 0;
    let tolerance = TOLERANCE * 100.0;
    println!("instructions per event, by callgrind (tolerance {tolerance:.0} %)");
    for load in Load::ALL {
        let each = instructions(load, guests, EVENTS)? / EVENTS as f64;
        let before = former.get(load.name()).and_then(Value::as_f64);
        let change = before.map(|before| each / before - 1.0);
        let comparison = match change {
            None => "new".to_owned(),
            Some(change) if change.abs() <= TOLERANCE => format!("{:+.1} %", change * 100.0),
            Some(change) => {
                moved += 1;
                format!("{:+.1} %  MOVED", change * 100.0)
            }
        };
        println!(
            "    {:<12} {:>12}   {comparison}",
            load.name(),
            number(each)
        );
        counted.insert(load.name().into(), json!(each.round()));
    }
    if keep {
        std::fs::write(kept, format!("{:#}\n", Value::Object(counted)))
            .with_context(|| format!("failed to write {}", kept.display()))?;
        println!("kept in {}", kept.display());
    }
    Ok(moved)
}

fn instructions(load: Load, guests: &Path, count: usize) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        // Neither making the events nor compiling the checks is counted.
        .arg(format!("--toggle-collect={}", load.counted()))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["--load", load.name(), "--events"])
        .arg(count.to_string())
        .arg("--guests")
        .arg(guests)
        .output()
        .context("failed to start valgrind; install it (Debian: apt-get install valgrind)")?;
    ensure!(
        output.status.success(),
        "counting {} failed: {}",
        load.name(),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = std::fs::read_to_string(&out)?;
    let totals = text.lines().find_map(|line| {
        line.strip_prefix("summary: ")
            .or_else(|| line.strip_prefix("totals: "))
    });
    totals
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .context("callgrind wrote no totals")
}
