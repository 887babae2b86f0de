//! Runs one target over inputs: `cargo run -p landfall-fuzz -- json FILE...`. A property that does not hold
//! ends it with a panic, which says what it was.

use std::process::ExitCode;

use landfall_fuzz::{TARGETS, Target};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let target = arguments.next().as_deref().and_then(Target::of_name);
    let files: Vec<String> = arguments.collect();
    let Some(target) = target.filter(|_| !files.is_empty()) else {
        let names = TARGETS.map(|target| target.name).join(", ");
        eprintln!("usage: landfall-fuzz TARGET FILE...; the targets are {names}");
        return ExitCode::from(2);
    };
    for file in files {
        match std::fs::read(&file) {
            Ok(input) => (target.run)(&input),
            Err(error) => {
                eprintln!("error: failed to read {file}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
