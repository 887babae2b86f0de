//! What the compiling process does: it holds itself to its memory, reads a file of a check from
//! standard input, and answers with its code on standard output. It ends when its parent does.

use std::io::{self, Read as _};
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

use super::answer::Answer;
use super::module::componentize;
use crate::engine::code_engine;
use crate::load::{FILE_BYTES_MAX, LoadError};

/// Exit code of a process whose parent is gone: nobody reads it.
const ORPHANED: i32 = 3;

/// Compiling has all the time that its limit gives, and judging goes first.
const NICE: i32 = 10;

/// Reads, compiles and answers. An error means that nobody was there to be answered.
#[expect(
    clippy::disallowed_methods,
    reason = "standard output is a pipe to the parent, and without a parent nobody is to be told"
)]
pub fn serve(memory_bytes_max: u64) -> io::Result<()> {
    limit(Resource::Data, memory_bytes_max)?;
    // What is not compiled is told by the parent; a dump of the memory says nothing more.
    limit(Resource::Core, 0)?;
    // If the machine runs out of memory all the same, this goes first, and not who judges.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // A wish, no limit: a machine that does not grant it compiles all the same.
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
    // What an operator has set lower stays, for it cannot be raised.
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
        // The parent knows its limit.
        LoadError::CompileMemory {
            memory_bytes_max: 0,
        }
    } else {
        LoadError::Compile(text)
    }
}

/// Whether an error, or what a process said at its end, tells that memory was short: the words of
/// Rust's allocator, of wasmtime and of the system.
pub(super) fn is_of_memory(text: &str) -> bool {
    [
        "memory allocation of ",
        "out of memory",
        "Cannot allocate memory",
    ]
    .iter()
    .any(|words| text.contains(words))
}
