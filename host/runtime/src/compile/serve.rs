//! What the compiling process does: it limits its own memory, reads the file of a check from standard input,
//! and answers with its code on standard output. It ends when its parent does.

use std::io::{self, Read as _};
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

use super::answer::Answer;
use super::componentize::componentize;
use crate::engine::code_engine;
use crate::error::LoadError;
use crate::limits::FILE_BYTES_MAX;

/// Exit code of a process whose parent is gone: nobody reads it.
const ORPHANED: i32 = 3;

/// Niceness: compiling has time, and judging goes first.
const NICE: i32 = 10;

/// Reads a file, compiles it in at most `memory_bytes_max` bytes of memory, and answers; also when it does not
/// compile.
///
/// # Errors
///
/// If nobody can be answered: the limits cannot be set, or the pipes to the parent are broken.
#[expect(
    clippy::disallowed_methods,
    reason = "standard output is a pipe to the parent, and without a parent nobody can be told"
)]
pub fn serve(memory_bytes_max: u64) -> io::Result<()> {
    limit(Resource::Data, memory_bytes_max)?;
    // The parent reports what does not compile; a core dump would add nothing.
    limit(Resource::Core, 0)?;
    // If the machine runs out of memory all the same, the system is to end this process, not the one that judges.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // No failure: a machine that does not grant it compiles all the same.
    let _ = nice(NICE);
    let wasm = read()?;
    thread::Builder::new().name("parent".into()).spawn(|| {
        // Nothing more is sent: this returns when the parent has closed its end, or is gone.
        let _ = io::stdin().lock().read(&mut [0]);
        std::process::exit(ORPHANED);
    })?;
    Answer::of(compile(&wasm)).write(&mut io::stdout().lock())
}

fn limit(resource: Resource, bytes: u64) -> io::Result<()> {
    // A limit that an operator has set lower stays: it cannot be raised.
    let bytes = getrlimit(resource)
        .maximum
        .map_or(bytes, |most| most.min(bytes));
    let limit = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    Ok(setrlimit(resource, limit)?)
}

/// The file, after its length.
fn read() -> io::Result<Vec<u8>> {
    let mut input = io::stdin().lock();
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > FILE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the file is too long",
        ));
    }
    let mut wasm = Vec::new();
    (&mut input).take(length).read_to_end(&mut wasm)?;
    if wasm.len() as u64 == length {
        Ok(wasm)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn compile(wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
    let component = componentize(wasm)?;
    let engine = code_engine().map_err(failed)?;
    engine.precompile_component(&component).map_err(failed)
}

fn failed(error: wasmtime::Error) -> LoadError {
    let text = format!("{error:#}");
    if is_of_memory(&text) {
        // The parent fills in its limit.
        LoadError::CompileMemory {
            memory_bytes_max: 0,
        }
    } else {
        LoadError::Compile(text)
    }
}

/// Whether an error text, or what a process wrote to standard error, means that memory was short: it has the
/// words of Rust's allocator, of wasmtime or of the system.
pub(super) fn is_of_memory(text: &str) -> bool {
    [
        "memory allocation of ",
        "out of memory",
        "Cannot allocate memory",
    ]
    .iter()
    .any(|words| text.contains(words))
}
