//! Compiles WebAssembly to code of this machine, under limits.
//!
//! A compiler has no useful bound of its own: a module of 50 kB can keep it busy for minutes or make
//! it ask for gigabytes. So files of checks are compiled in a process of their own, which can be ended
//! (`process.rs` starts and ends it, `serve.rs` is what it does, `answer.rs` what it answers), and the code is
//! cached for the next start (`code_cache.rs`). Knows no check's configuration and runs no guest code.

mod answer;
mod code_cache;
mod componentize;
mod process;
mod serve;
mod slots;

use std::time::Duration;

use wasmtime::component::Component;

pub use code_cache::{CodeCache, CodeCacheError};
pub use process::CompilerProcess;
pub use serve::serve;

pub(crate) use code_cache::Key;
pub(crate) use slots::{Slot, Slots};

use crate::cancel::Cancel;
use crate::engine::Engine;
use crate::error::LoadError;

/// What compiling one file may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Real time, from the start of the process to its answer.
    pub time_max: Duration,
    /// Memory of the process, in bytes (private and writable, as `RLIMIT_DATA` counts it).
    pub memory_bytes_max: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            time_max: Duration::from_secs(120),
            memory_bytes_max: 1 << 30,
        }
    }
}

/// Most code of one check, in bytes. That of a Python check with its interpreter is 35 MB.
pub(crate) const CODE_BYTES_MAX: u64 = 512 << 20;

/// Where files are compiled.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// In this process: without limits. For tests and measurements.
    InProcess,
    /// In a process of its own.
    Process(CompilerProcess),
}

/// What a compiler gives: a component, or the code of one, which can be cached.
pub(crate) enum Compiled {
    Component(Component),
    Code(Vec<u8>),
}

impl Compiler {
    pub(crate) fn compile(
        &self,
        engine: &Engine,
        wasm: &[u8],
        limits: &CompileLimits,
        cancel: &Cancel,
        slot: &mut Slot,
    ) -> Result<Compiled, LoadError> {
        match self {
            Compiler::InProcess => {
                let bytes = componentize::componentize(wasm)?;
                Component::new(&engine.wasm, &bytes)
                    .map(Compiled::Component)
                    .map_err(|error| LoadError::Compile(format!("{error:#}")))
            }
            Compiler::Process(process) => {
                let code = process.compile(wasm, limits, cancel, slot);
                code.map(Compiled::Code)
            }
        }
    }
}

/// Makes a component of its code.
///
/// # Safety
///
/// The bytes are what a compiler of Landfall wrote, unchanged: wasmtime runs them as they are.
pub(crate) unsafe fn component(engine: &Engine, code: &[u8]) -> Result<Component, LoadError> {
    // SAFETY: passed on to the caller.
    unsafe { Component::deserialize(&engine.wasm, code) }
        .map_err(|error| LoadError::Compile(format!("its code is not for this engine: {error:#}")))
}
