//! `cargo xtask mutants`: breaks the ledger on purpose, one way at a time, and demands that its tests
//! notice each.
//!
//! Works on a copy: the files of the working tree are only read.

pub mod patch;
mod suite;
mod tree;

use std::time::{Duration, Instant};

use anyhow::bail;

use self::patch::Patch;
use self::suite::{Outcome, Suite};
use self::tree::Tree;
use crate::steps::Steps;
use crate::workspace::Workspace;

/// What the tests of one mutant may take at least. A mutant may loop, and then it was noticed.
const TESTS_MIN: Duration = Duration::from_secs(60);

/// They may take so many times what they take without a mutation, so that a machine which is slow now is
/// not taken for a loop.
const TESTS_MARGIN: u32 = 4;

/// What the tests may take without a mutation.
const UNMUTATED_MAX: Duration = Duration::from_secs(300);

/// What became of a mutant.
enum Fate {
    Killed(String),
    Lives,
    /// It could not be tried; what to do about it.
    Broken(String),
}

/// Runs those that have one of these names, or all.
pub fn run(workspace: &Workspace, steps: &mut Steps, names: &[String]) -> anyhow::Result<()> {
    let patches = chosen(patch::read_all(&workspace.root)?, names)?;
    steps.within("every patch applies", || {
        every_one_applies(workspace, &patches)
    })?;
    let tree = Tree::copy(workspace)?;
    let mut suite = Suite::new(workspace, &tree);
    let mut took = Duration::ZERO;
    steps.within("tests of the ledger as it is", || {
        tree.restore()?;
        suite
            .build()?
            .map_err(|said| anyhow::anyhow!("it does not compile: {said}"))?;
        let started = Instant::now();
        let outcome = suite.run(UNMUTATED_MAX)?;
        took = started.elapsed();
        match outcome {
            Outcome::Passed => Ok(()),
            Outcome::Failed(test) => bail!("{test} fails without any mutation; fix it first"),
        }
    })?;
    let tests_max = TESTS_MIN.max(took * TESTS_MARGIN);
    let started = Instant::now();
    let (mut live, mut broken) = (Vec::new(), Vec::new());
    for (number, patch) in patches.iter().enumerate() {
        let begun = Instant::now();
        let fate = fate(&tree, &mut suite, patch, tests_max)?;
        let word = match &fate {
            Fate::Killed(by) => format!("killed by {by}"),
            Fate::Lives => format!("LIVES: {}", patch.breaks),
            Fate::Broken(why) => format!("NOT TRIED: {why}"),
        };
        println!(
            "{:>3}/{} {} {word} ({:.1} s)",
            number + 1,
            patches.len(),
            patch.name,
            begun.elapsed().as_secs_f64()
        );
        match fate {
            Fate::Killed(_) => {}
            Fate::Lives => live.push(patch.name.as_str()),
            Fate::Broken(_) => broken.push(patch.name.as_str()),
        }
    }
    println!(
        "{} mutants in {:.0} s: {} killed, {} live, {} not tried",
        patches.len(),
        started.elapsed().as_secs_f64(),
        patches.len() - live.len() - broken.len(),
        live.len(),
        broken.len()
    );
    if !broken.is_empty() {
        bail!(
            "these could not be tried; renew the patches: {}",
            broken.join(", ")
        );
    }
    if !live.is_empty() {
        bail!(
            "no test notices these; write one that does, for each: {}",
            live.join(", ")
        );
    }
    Ok(())
}

fn every_one_applies(workspace: &Workspace, patches: &[Patch]) -> anyhow::Result<()> {
    for patch in patches {
        if let Err(why) = patch::check(&workspace.root, &patch.text)? {
            bail!("{}: {why}", patch.path);
        }
    }
    Ok(())
}

fn fate(
    tree: &Tree,
    suite: &mut Suite,
    patch: &Patch,
    tests_max: Duration,
) -> anyhow::Result<Fate> {
    tree.restore()?;
    tree.apply(patch)?;
    if let Err(said) = suite.build()? {
        return Ok(Fate::Broken(format!("it does not compile: {said}")));
    }
    Ok(match suite.run(tests_max)? {
        Outcome::Passed => Fate::Lives,
        Outcome::Failed(test) => Fate::Killed(test),
    })
}

/// Those of these names; all without one.
fn chosen(all: Vec<Patch>, names: &[String]) -> anyhow::Result<Vec<Patch>> {
    let unknown: Vec<&str> = names
        .iter()
        .filter(|name| !all.iter().any(|patch| patch.name == **name))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        bail!(
            "no mutant has the name {}; {} lists them: each file is one",
            unknown.join(", "),
            patch::DIRECTORY
        );
    }
    let is_chosen = |patch: &Patch| names.is_empty() || names.contains(&patch.name);
    Ok(all.into_iter().filter(is_chosen).collect())
}
