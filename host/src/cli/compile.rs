//! `landfall compile-check`: not for people. Landfall starts itself with it to compile the file of a
//! check in a process of its own.

use std::process::ExitCode;

use clap::Args;
use landfall_runtime::{Compiler, CompilerProcess, Engine as WasmEngine, Loader};

use super::exit;

/// The command that the compiling process is started with.
pub(super) const COMMAND: &str = "compile-check";

/// Options of `landfall compile-check`.
#[derive(Args)]
pub struct CompileArgs {
    /// Bytes of memory that it may have.
    #[arg(long, value_name = "BYTES")]
    memory_max: u64,
}

pub fn run(args: &CompileArgs) -> anyhow::Result<ExitCode> {
    landfall_runtime::serve(args.memory_max)?;
    Ok(exit::CLEAN.into())
}

/// What loads checks in all commands.
pub(super) fn loader() -> anyhow::Result<Loader> {
    let process = CompilerProcess::of_this_program(COMMAND)?;
    Ok(Loader::new(WasmEngine::new()?, Compiler::Process(process)))
}
