//! Why a source does not start, or ends too early.

/// What stops a source, or keeps it from starting.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// `cause` is the message of the socket library, which only the folder `zmq` knows.
    #[error("failed to {doing} {endpoint}: {cause}; {remedy}")]
    Socket {
        doing: &'static str,
        endpoint: String,
        cause: String,
        remedy: &'static str,
    },
    #[error("failed to start the thread for {endpoint}: {source}; allow the process more threads")]
    Thread {
        endpoint: String,
        source: std::io::Error,
    },
    #[error("failed to open {path}: {source}; check that the file is there and readable")]
    Open {
        path: String,
        source: std::io::Error,
    },
    #[error("{path} is {found}: only plain, gzip and zstd can be read; {remedy}")]
    Foreign {
        path: String,
        found: String,
        remedy: String,
    },
    /// The unpacked content is not acceptable; `source` describes it.
    #[error("failed to read {path} (after line {lines}): {source}")]
    RefusedCounts {
        path: String,
        lines: u64,
        source: std::io::Error,
    },
    #[error("failed to read {path}: line {line} goes on for more than {bytes} bytes; {advice}")]
    Endless {
        path: String,
        line: u64,
        bytes: u64,
        advice: String,
    },
    #[error("no {unit} of {path} could be read: {found}; {advice}; the first {unit}: \"{first}\"")]
    Unreadable {
        path: String,
        /// `line` or `frame`.
        unit: &'static str,
        found: String,
        advice: String,
        first: String,
    },
    /// It was asked to end before it had read everything.
    #[error("not read to its end")]
    Stopped,
    #[error(
        "failed to read {path} at byte {offset} (after line {lines}): {source}; \
         the file is cut off or damaged there"
    )]
    Read {
        path: String,
        offset: u64,
        lines: u64,
        source: std::io::Error,
    },
    #[error(
        "failed to hand on {frames} frames of {endpoint} before the end: the queue stayed full; \
         they were read and not judged"
    )]
    GivenUp { endpoint: String, frames: usize },
    /// The other end of the queue is gone: the program is ending or its judges died.
    #[error("failed to hand on a batch: nobody takes batches any more")]
    Closed,
}
