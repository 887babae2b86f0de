//! Why a check does not load, and what to do about it.

use std::time::Duration;

use crate::bindings::PACKAGE;
use crate::engine::MEMORY_BYTES_MAX;
use crate::limits::FILE_BYTES_MAX;
use crate::manifest::ManifestError;

/// Why a check does not load. The message completes "failed to load check NAME from PATH: ".
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read it: {0}")]
    Read(#[from] std::io::Error),
    #[error("it has {bytes} bytes; the most is {FILE_BYTES_MAX}")]
    TooLarge { bytes: u64 },
    #[error("its limits.memory is {bytes} bytes; the most is {MEMORY_BYTES_MAX}")]
    MemoryLimit { bytes: usize },
    #[error(
        "it is no WebAssembly: {0}; give the path of a component, or of a core module built against wit/check.wit"
    )]
    NotWasm(String),
    #[error(
        "it is a core module without a component type: {0}; build it with the guest SDK, or componentize it against wit/check.wit"
    )]
    NotComponentizable(String),
    #[error(
        "it imports {0}, which no check may; checks have no capability but {PACKAGE}log and {PACKAGE}schemas"
    )]
    ForbiddenImport(String),
    #[error(
        "it exports none of decode, check and project; it implements no world of wit/check.wit"
    )]
    NoWorld,
    #[error("it does not implement the world {world}: {message}")]
    WrongWorld {
        world: &'static str,
        message: String,
    },
    #[error("it does not compile: {0}")]
    Compile(String),
    #[error(
        "compiling it took longer than {} (compile.time_max); give it more, or make the check smaller", seconds(.time_max)
    )]
    CompileTime { time_max: Duration },
    #[error(
        "compiling it needed more than {} MiB of memory (compile.memory_max); give it more, or make the check smaller", .memory_bytes_max >> 20
    )]
    CompileMemory { memory_bytes_max: u64 },
    #[error("the process that compiled it ended {0}")]
    CompileCrashed(String),
    #[error("it is not compiled, because the compiling process cannot be used: {0}")]
    CompileProcess(std::io::Error),
    #[error("something newer is loaded in its place")]
    Cancelled,
    /// Never reported: the file is compiled anew when there is a slot for long compilations.
    #[error("it compiles for long, and another file waited")]
    GaveWay,
    #[error("it does not start: {0}")]
    Start(String),
    #[error("it refuses its configuration: {0}")]
    Config(String),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

fn seconds(time: &Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}
