//! Asks a running Landfall, as the command line does.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::path::SocketPath;
use super::{ANSWER_BYTES_MAX, Command, Reply};

/// How long an answer may take: longer than the server lets a command take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("the running Landfall refused the command: {why}")]
    Refused { why: String },
    #[error(
        "failed to reach a running Landfall at {path}: {source}; check that `landfall run` runs with this store, and \
         that you are its user"
    )]
    Unreachable { path: PathBuf, source: io::Error },
    #[error(
        "failed to get an answer from {path}: {source}; see the log of the running Landfall for what became of the command"
    )]
    NoAnswer { path: PathBuf, source: io::Error },
    #[error(
        "failed to read the answer of {path}: {source}; is the running Landfall of another version?"
    )]
    Unreadable {
        path: PathBuf,
        source: serde_json::Error,
    },
}

/// Sends a command to the Landfall that runs with the store in `directory`, and waits for its answer.
///
/// # Errors
/// None runs there, it is another user's, it does not answer in time, or it refuses the command.
pub fn ask(directory: &Path, command: Command) -> Result<Reply, ControlError> {
    let path = directory.join(super::SOCKET_NAME);
    let unreachable = |source| ControlError::Unreachable {
        path: path.clone(),
        source,
    };
    let short = SocketPath::in_directory(directory).map_err(unreachable)?;
    let stream = UnixStream::connect(short.as_path()).map_err(unreachable)?;
    let line = exchange(stream, command).map_err(|source| ControlError::NoAnswer {
        path: path.clone(),
        source,
    })?;
    match serde_json::from_str(&line) {
        Ok(Reply::Refused { why }) => Err(ControlError::Refused { why }),
        Ok(reply) => Ok(reply),
        Err(source) => Err(ControlError::Unreadable { path, source }),
    }
}

fn exchange(mut stream: UnixStream, command: Command) -> io::Result<String> {
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
    let mut request = serde_json::to_vec(&command)?;
    request.push(b'\n');
    stream.write_all(&request)?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER_BYTES_MAX)).read_line(&mut line)?;
    match line.is_empty() {
        true => Err(io::ErrorKind::UnexpectedEof.into()),
        false => Ok(line),
    }
}
