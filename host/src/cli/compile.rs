//! `landfall compile-check`: an internal command. Landfall starts itself with it to compile the file of a
//! check in a separate process.

use std::process::ExitCode;

use clap::Args;
use landfall_runtime::{Compiler, CompilerProcess, Engine as WasmEngine, Loader};

use super::exit;

/// The command with which the compiling process is started.
pub(super) const COMMAND: &str = "compile-check";

/// Options of `landfall compile-check`.
#[derive(Args)]
pub struct CompileArgs {
    /// Bytes of memory that it may use.
    #[arg(long, value_name = "BYTES")]
    memory_max: u64,
}

pub fn run(args: &CompileArgs) -> anyhow::Result<ExitCode> {
    landfall_runtime::serve(args.memory_max)?;
    Ok(exit::CLEAN.into())
}

/// The loader of checks in all commands.
pub(super) fn loader() -> anyhow::Result<Loader> {
    let process = CompilerProcess::of_this_program(COMMAND)?;
    Ok(Loader::new(WasmEngine::new()?, Compiler::Process(process)))
}
