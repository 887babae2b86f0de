//! The parent's side of a compiling process: starts it, feeds it, and ends it when its time is over or nobody
//! waits for it any more. What is read here comes from the own child, through a pipe.

use std::io::{self, Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::CompileLimits;
use super::answer::Answer;
use super::serve::is_of_memory;
use super::slots::{Slot, TURN};
use crate::cancel::Cancel;
use crate::error::LoadError;

/// How often the parent looks whether anybody still waits for the code.
const LOOK: Duration = Duration::from_millis(20);

/// How much is kept of what the process writes to standard error, in bytes: the message of a panic.
const STDERR_BYTES_MAX: u64 = 4096;

/// Threads of one compiling process. Each compiles a function at a time and holds its memory.
const THREADS_MAX: usize = 4;

/// SIGKILL. Where the parent sent it, the error is the reason for it instead.
const KILLED: i32 = 9;

/// The image of this very process, even if its file has been replaced by another version.
const OWN_IMAGE: &str = "/proc/self/exe";

/// The program that is started to compile, and the argument that makes it do so.
#[derive(Clone, Debug)]
pub struct CompilerProcess {
    program: PathBuf,
    command: String,
}

impl CompilerProcess {
    /// This program. `command` makes it call [`serve`](super::serve) with the number of bytes that follows
    /// `--memory-max`.
    ///
    /// # Errors
    ///
    /// If the path of this program cannot be found out.
    pub fn of_this_program(command: &str) -> io::Result<Self> {
        let image = Path::new(OWN_IMAGE);
        let program = if image.exists() {
            image.to_owned()
        } else {
            std::env::current_exe()?
        };
        Ok(Self::new(program, command))
    }

    /// Another program, for tests.
    pub fn new(program: PathBuf, command: &str) -> Self {
        Self {
            program,
            command: command.into(),
        }
    }

    pub(super) fn compile(
        &self,
        wasm: &[u8],
        limits: &CompileLimits,
        cancel: &Cancel,
        slot: &mut Slot,
    ) -> Result<Vec<u8>, LoadError> {
        let began = Instant::now();
        let mut process = KilledOnDrop(self.start(limits).map_err(LoadError::CompileProcess)?);
        let child = &mut process.0;
        let (Some(mut input), Some(mut output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(LoadError::CompileProcess(io::ErrorKind::BrokenPipe.into()));
        };
        thread::scope(|scope| {
            let (answered, wait) = channel();
            // Its end is closed when this is joined: until then the process knows that we live.
            let feeding = scope.spawn(move || {
                // A process that has ended does not read: its answer or its exit status says why.
                let _ = input
                    .write_all(&(wasm.len() as u64).to_le_bytes())
                    .and_then(|()| input.write_all(wasm));
                input
            });
            let reading = scope.spawn(move || {
                let answer = Answer::read(&mut output);
                // If nobody waits any more, the process was ended: there is nothing to do.
                let _ = answered.send(());
                answer
            });
            let stderr_reader = scope.spawn(move || read_stderr(errors));
            let ended = loop {
                let left = limits.time_max.saturating_sub(began.elapsed());
                match wait.recv_timeout(LOOK.min(left)) {
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => break None,
                    Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => {
                        break Some(LoadError::Cancelled);
                    }
                    Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                        break Some(LoadError::CompileTime {
                            time_max: limits.time_max,
                        });
                    }
                    Err(RecvTimeoutError::Timeout)
                        if began.elapsed() >= TURN && !slot.may_stay() =>
                    {
                        break Some(LoadError::GaveWay);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
            };
            if ended.is_some() {
                process.end();
            }
            let answer = reading
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the thread that reads it died")));
            if answer.is_err() {
                // Nothing more of it can be used, and it may hang anywhere.
                process.end();
            }
            let status = process.0.wait().map_err(LoadError::CompileProcess)?;
            drop(feeding.join());
            let stderr = stderr_reader.join().unwrap_or_default();
            match (ended, answer) {
                (Some(ended), _) => Err(ended),
                (None, Ok(answer)) if status.success() => {
                    answer.into_result(limits.memory_bytes_max)
                }
                (None, Ok(_)) => Err(crashed(status, &stderr, limits)),
                (None, Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Err(crashed(status, &stderr, limits))
                }
                (None, Err(error)) => Err(LoadError::CompileProcess(error)),
            }
        })
    }

    fn start(&self, limits: &CompileLimits) -> io::Result<Child> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Command::new(&self.program)
            .arg0("landfall")
            .arg(&self.command)
            .arg("--memory-max")
            .arg(limits.memory_bytes_max.to_string())
            // The compiler's pool of threads reads it.
            .env("RAYON_NUM_THREADS", threads.min(THREADS_MAX).to_string())
            // The message of a panic is enough, and where memory is short there is none for a backtrace.
            .env_remove("RUST_BACKTRACE")
            .env_remove("RUST_LIB_BACKTRACE")
            // A signal to the terminal's process group is for the parent, which ends its child.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }
}

/// The process. It is ended when this is dropped.
struct KilledOnDrop(Child);

impl KilledOnDrop {
    fn end(&mut self) {
        // An error means that it has ended by itself: there is nothing to do.
        let _ = self.0.kill();
    }
}

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        self.end();
        let _ = self.0.wait();
    }
}

/// Reads the beginning of standard error. The rest is read and dropped, so that the process never waits for it.
fn read_stderr(mut errors: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = (&mut errors).take(STDERR_BYTES_MAX).read_to_end(&mut bytes);
    let _ = io::copy(&mut errors, &mut io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn crashed(status: ExitStatus, stderr: &str, limits: &CompileLimits) -> LoadError {
    if is_of_memory(stderr) {
        return LoadError::CompileMemory {
            memory_bytes_max: limits.memory_bytes_max,
        };
    }
    let end = match (status.code(), status.signal()) {
        (Some(code), _) => format!("with exit code {code}"),
        (None, Some(KILLED)) => {
            format!("by signal {KILLED}, as the system ends what takes the last of its memory")
        }
        (None, Some(signal)) => format!("by signal {signal}"),
        (None, None) => "in an unknown way".to_owned(),
    };
    // Several lines become one sentence. Control characters are escaped where the error is written out.
    let words: Vec<&str> = stderr.split_whitespace().collect();
    let stderr = words.join(" ");
    LoadError::CompileCrashed(if stderr.is_empty() {
        end
    } else {
        format!("{end}: {stderr}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_said_before_it_crashed_is_a_sentence_of_bounded_length_and_not_escaped_here()
    {
        let limits = CompileLimits::default();
        let error_text =
            |stderr: &str| crashed(ExitStatus::from_raw(101 << 8), stderr, &limits).to_string();
        let text = error_text("thread 'x' panicked:\n  at \"C:\\new\" \u{1b}[31m\u{202e}\n");
        let expected = "with exit code 101: thread 'x' panicked: at \"C:\\new\" \u{1b}[31m\u{202e}";
        assert!(text.contains(expected), "{text:?}");
        let stderr = read_stderr(&b"a ".repeat(STDERR_BYTES_MAX as usize)[..]);
        assert_eq!(stderr.len() as u64, STDERR_BYTES_MAX);
        assert!(!error_text("").contains(": :"));
    }
}
