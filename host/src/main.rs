//! The program: command line in, exit code out. Each command has a file under `cli`.

// Input that somebody else wrote must not end what runs unattended, and what it says goes out by one place.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc
)]

use std::process::ExitCode;

use landfall::cli::{Cli, exit, print};

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(print::panicked));
    let cli = match Cli::of_process() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            print::failure(&error);
            exit::COULD_NOT_RUN.into()
        }
    }
}
