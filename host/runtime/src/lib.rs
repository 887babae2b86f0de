//! Loads and calls checks: WebAssembly components against the contract in `wit/`.
//!
//! This is the only crate that knows wasmtime. It knows documents and schemas, because guests have
//! them validated; it knows nothing of streams, ledgers, metrics or configuration files.
//!
//! A check has no capability but the contract's `log` and `schemas`: there is no WASI in the linker.
//! Whatever it does (trap, loop, hoard memory, answer nonsense), the answer for its rows is a
//! [`Fault`], the rows around them get their judgement, and the next batch meets a fresh instance.

// Input that somebody else wrote must not end what runs unattended, and what it says goes out by one place.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod bindings;
mod breaker;
mod calls;
mod compile;
mod engine;
mod fault;
#[doc(hidden)]
pub mod fuzzing;
mod limits;
mod load;
mod loader;
mod log;
mod manifest;
mod objectives;
mod output;
mod packed;
mod instance;
mod state;
mod ticker;
mod waste;
mod world;

pub use calls::{Decoded, Difference, Finding, Judged, JudgedWindows, Projected, Severity, Tally};
pub use compile::{Cancel, CompileLimits, Compiler, CompilerProcess, Kept, KeptError, serve};
pub use engine::{Engine, EngineError, GUEST_STACK_BYTES, MEMORY_BYTES_MAX, WORKER_STACK_BYTES};
pub use fault::{Fault, FaultKind};
pub use limits::Limits;
pub use load::{Check, CheckFile, Digest, Kind, LoadError, LoadRequest, Loaded};
pub use loader::{CodeOrigin, Load, Loader};
pub use log::{LogLevel, LogLine};
pub use manifest::{Manifest, ManifestError, NO_KEY, Outcome, Reason};
pub use objectives::{NAMES_MAX, Objective};
pub use packed::{Packed, PackedRef};
pub use instance::{Counters, Duty, FaultedRows, CallInput, CheckInstance, InstanceFault, Suspension};
pub use waste::SchemaFaults;
pub use world::{Codec, EventCheck, ParityCheck, WindowCheck, World};
