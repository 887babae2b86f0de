//! Loads and calls checks: WebAssembly components that implement the contract in `wit/`.
//!
//! This is the only crate that knows wasmtime. It knows documents and schemas, because guests have
//! them validated; it knows nothing of streams, ledgers, metrics or configuration files.
//!
//! A check has no capability but the contract's `log` and `schemas`: there is no WASI in the linker.
//! Whatever a check does (trap, loop, hoard memory, answer nonsense), the answer for the rows on which it
//! fails is a [`Fault`], the rows around them get their judgement, and the next batch gets a fresh instance.

// Input that somebody else wrote must not end what runs unattended, and output goes out by one place.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::missing_errors_doc
)]

mod bindings;
mod breaker;
mod calls;
mod cancel;
mod compile;
mod engine;
mod error;
mod fault;
mod file;
#[doc(hidden)]
pub mod fuzzing;
mod guest;
mod instance;
mod limits;
mod load;
mod loader;
mod log;
mod manifest;
mod objectives;
mod output;
mod packed;
mod results;
mod schema_breakers;
mod state;
mod ticker;
mod world;

pub use cancel::Cancel;
pub use compile::{CodeCache, CodeCacheError, CompileLimits, Compiler, CompilerProcess, serve};
pub use engine::{Engine, EngineError, GUEST_STACK_BYTES, MEMORY_BYTES_MAX, WORKER_STACK_BYTES};
pub use error::LoadError;
pub use fault::{Fault, FaultKind, FaultedRows};
pub use file::{CheckFile, Digest};
pub use instance::{CallInput, CheckInstance, CheckTask, Counters, InstanceFault, Suspension};
pub use limits::Limits;
pub use load::{Check, LoadRequest, LoadedCheck};
pub use loader::{CodeOrigin, LoadOutcome, Loader};
pub use log::{LogLevel, LogLine};
pub use manifest::{Manifest, ManifestError, NO_KEY, Outcome, Reason};
pub use objectives::{OBJECTIVE_NAMES_MAX, Objective};
pub use packed::{Packed, PackedRef};
pub use results::{
    Decoded, Difference, Finding, Judged, JudgedWindows, Projected, Severity, Tally,
};
pub use schema_breakers::SchemaFaults;
pub use world::{CheckKind, Codec, EventCheck, ParityCheck, WindowCheck, World};
