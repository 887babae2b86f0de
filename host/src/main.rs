//! The program: command line in, exit code out. Each command has a file under `cli`.

use std::process::ExitCode;

use clap::Parser as _;
use landfall::cli::{Cli, exit};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("landfall: {error:#}");
            exit::COULD_NOT_RUN.into()
        }
    }
}
