//! Every kept input, and a fixed number of mutations of them, keep the properties of their targets. What is
//! tried is the same in each run.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use fastrand::Rng;
use landfall_fuzz::{TARGETS, Target};

/// Bytes that an input grows to by mutations.
const INPUT_BYTES_MAX: usize = 4096;

/// Bytes of a kept input: a larger one tells a reader less.
const KEPT_BYTES_MAX: usize = 32 * 1024;

/// Mutations on top of each other.
const STACKED_MAX: usize = 4;

/// Bytes that decide more often than others.
const SYNTAX_BYTES: &[u8] = b"\"\\{}[]():,;.-+*?|^$#/=<>!&%0129eEuxnN \t\n\r\0\x7f\x80\xc3\xed\xff";

fn directory(target: Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name)
}

/// All kept inputs of a target with their paths, in the order of their names.
fn kept(target: Target) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(directory(target)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let input = std::fs::read(&path).unwrap();
        (path, input)
    };
    paths.into_iter().map(read).collect()
}

fn of_name(name: &str) -> Target {
    Target::of_name(name).unwrap_or_else(|| panic!("no target {name}"))
}

/// Runs it, and says how to run it again if that fails. `path` names the file that holds the input.
fn run(target: Target, input: &[u8], path: impl FnOnce() -> PathBuf) {
    if let Err(reason) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let (name, path) = (target.name, path());
        eprintln!(
            "to replay it: cargo run -p landfall-fuzz -- {name} {}",
            path.display()
        );
        resume_unwind(reason);
    }
}

fn replay(name: &str) {
    let target = of_name(name);
    for (path, input) in kept(target) {
        run(target, &input, || path);
    }
}

fn mutate(name: &str, count: usize) {
    let target = of_name(name);
    let inputs: Vec<Vec<u8>> = kept(target).into_iter().map(|(_, input)| input).collect();
    for seed in 0..count as u64 {
        let input = mutated(&inputs, seed);
        run(target, &input, || {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{seed}"));
            std::fs::write(&path, &input).unwrap();
            path
        });
    }
}

fn mutated(inputs: &[Vec<u8>], seed: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    let mut input = inputs[rng.usize(..inputs.len())].clone();
    for _ in 0..=rng.usize(..STACKED_MAX) {
        let at = rng.usize(..=input.len());
        let end = at + rng.usize(..=(input.len() - at).min(16));
        match rng.u8(..7) {
            0 => drop(input.splice(at..end, [])),
            1 => drop(input.splice(at..end, [SYNTAX_BYTES[rng.usize(..SYNTAX_BYTES.len())]])),
            2 => input.insert(at, SYNTAX_BYTES[rng.usize(..SYNTAX_BYTES.len())]),
            3 if at < input.len() => input[at] ^= 1 << rng.u8(..8),
            // The same once more, somewhere.
            4 => {
                let copy = input[at..end].to_vec();
                let at = rng.usize(..=input.len());
                let times = rng.usize(1..=8);
                drop(input.splice(at..at, copy.repeat(times)));
            }
            // A part of another input.
            5 => {
                let other = &inputs[rng.usize(..inputs.len())];
                let from = rng.usize(..=other.len());
                let to = from + rng.usize(..=(other.len() - from).min(64));
                drop(input.splice(at..end, other[from..to].iter().copied()));
            }
            _ => {
                let number = [0, 1, -1, i64::from(u32::MAX), i64::MIN, i64::MAX][rng.usize(..6)];
                drop(input.splice(at..end, number.to_string().into_bytes()));
            }
        }
        input.truncate(INPUT_BYTES_MAX);
    }
    input
}

/// Two tests of each target; the second with so many mutations, about two seconds of them.
macro_rules! targets {
    ($($name:ident: $mutations:literal,)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(mod $name {
            #[test]
            fn kept_inputs_keep_the_properties() {
                super::replay(stringify!($name));
            }

            #[test]
            fn mutations_of_kept_inputs_keep_the_properties() {
                super::mutate(stringify!($name), $mutations);
            }
        })*
    };
}

targets! {
    json: 10_000,
    schema: 1_500,
    codec_line: 8_000,
    guest_answer: 60_000,
    config: 4_000,
    pattern: 1_500,
}

#[test]
fn every_target_is_tested_and_has_a_few_dozen_small_inputs() {
    assert_eq!(TESTED, TARGETS.map(|target| target.name));
    for target in TARGETS {
        let inputs = kept(target);
        assert!(inputs.len() >= 12, "{}: {}", target.name, inputs.len());
        for (path, input) in inputs {
            assert!(input.len() <= KEPT_BYTES_MAX, "{}", path.display());
        }
    }
}

#[test]
fn mutations_are_the_same_each_time_and_differ_from_each_other() {
    let inputs = [b"{\"a\":1}".to_vec(), b"[null]".to_vec()];
    let all = || (0..100).map(|seed| mutated(&inputs, seed));
    let first: Vec<Vec<u8>> = all().collect();
    assert!(all().eq(first.iter().cloned()));
    let mut distinct = first.clone();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() > 80, "{}", distinct.len());
}
