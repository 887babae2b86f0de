//! The socket of a running Landfall. It serves its owner alone, some connections at once, each for a bounded time.

use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::path::SocketPath;
use super::{Command, REQUEST_BYTES_MAX, Reply};

/// Connections at once; a further one waits. More than may wait for a reload, so that other commands
/// are answered meanwhile.
pub const CONNECTIONS_MAX: usize = 32;

/// How long a request may take to come, and its answer to be read.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a command may take.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(100);

/// Becomes true when no more commands are taken.
pub type Closing = watch::Receiver<bool>;

/// The answer of a command, once it is known.
pub type ReplyFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// What carries commands out.
pub type CommandHandler = Arc<dyn Fn(Command) -> ReplyFuture + Send + Sync>;

/// A socket that commands come by. Its file goes with it.
pub struct ControlSocket {
    listener: UnixListener,
    path: SocketPath,
    /// Device and inode of its file: the name may be another process's by now.
    identity: (u64, u64),
}

impl ControlSocket {
    /// Listens in the store's directory, which this process holds locked: a socket that is there is of one that has
    /// ended. To be called on a runtime.
    ///
    /// # Errors
    /// The directory cannot be written to, or something else has the socket's name.
    pub fn bind(directory: &Path) -> io::Result<Self> {
        let path = SocketPath::in_directory(directory)?;
        let file = path.as_path();
        match std::fs::symlink_metadata(file) {
            Ok(known) if known.file_type().is_socket() => std::fs::remove_file(file)?,
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(file)?;
        // The directory is private already; so is the socket, if somebody opens the directory.
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600))?;
        let identity = identity(file)?;
        Ok(Self {
            listener,
            path,
            identity,
        })
    }

    /// Serves until `closing` becomes true.
    pub async fn serve(self, control: CommandHandler, mut closing: Closing) {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                // The sender is gone only when the process ends anyhow.
                _ = closing.wait_for(|closing| *closing) => return,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, for one: it is tried again when there may be some.
                    tracing::warn!("failed to accept a command: {error}");
                    tokio::select! {
                        () = tokio::time::sleep(EXCHANGE_TIME_MAX) => continue,
                        _ = closing.wait_for(|closing| *closing) => return,
                    }
                }
            };
            // Nobody who holds connections holds up the end.
            let connection = tokio::select! {
                connection = Arc::clone(&connections).acquire_owned() => connection,
                _ = closing.wait_for(|closing| *closing) => return,
            };
            let Ok(connection) = connection else { return };
            let control = Arc::clone(&control);
            tokio::spawn(async move {
                if let Err(error) = answer(stream, control).await {
                    tracing::debug!("a command was not answered: {error}");
                }
                drop(connection);
            });
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // By the directory that it was made in, wherever that was moved. One that stays is removed by the next
        // start.
        let file = self.path.as_path();
        if identity(file).is_ok_and(|identity| identity == self.identity) {
            let _ = std::fs::remove_file(file);
        }
    }
}

fn identity(file: &Path) -> io::Result<(u64, u64)> {
    let file = std::fs::symlink_metadata(file)?;
    Ok((file.dev(), file.ino()))
}

/// One request and its answer.
async fn answer(mut stream: UnixStream, control: CommandHandler) -> io::Result<()> {
    let answer = match is_ours(&stream)? {
        false => refused("this Landfall is another user's"),
        true => {
            let line = timeout(EXCHANGE_TIME_MAX, request(&mut stream)).await??;
            match serde_json::from_str::<Command>(&line) {
                Err(error) => refused(format!("this is no command: {error}")),
                Ok(command) => match timeout(COMMAND_TIME_MAX, control(command)).await {
                    Ok(answer) => answer,
                    Err(_) => refused("it takes too long; the log says what became of it"),
                },
            }
        }
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    timeout(EXCHANGE_TIME_MAX, stream.write_all(&line)).await?
}

async fn request(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(REQUEST_BYTES_MAX))
        .read_line(&mut line)
        .await?;
    Ok(line)
}

fn refused(why: impl Into<String>) -> Reply {
    Reply::Refused { why: why.into() }
}

/// Whether the other end is a process of this one's user, or root's.
fn is_ours(stream: &UnixStream) -> io::Result<bool> {
    let user = stream.peer_cred()?.uid();
    Ok(user == rustix::process::geteuid().as_raw() || user == 0)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, Write as _};
    use std::os::unix::net::UnixStream as Blocking;

    use std::path::PathBuf;

    use super::super::{ControlError, Reloaded, SOCKET_NAME, ask};
    use super::*;

    /// A served socket in a directory, whose reloads answer at once.
    fn served(directory: &Path) -> (tokio::runtime::Runtime, watch::Sender<bool>) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (close, closing) = watch::channel(false);
        let control: CommandHandler = Arc::new(|_| {
            Box::pin(async {
                Reply::Reloaded(Reloaded {
                    generation: 3,
                    ..Reloaded::default()
                })
            })
        });
        let socket = runtime.block_on(async { ControlSocket::bind(directory).unwrap() });
        runtime.spawn(socket.serve(control, closing));
        (runtime, close)
    }

    /// A directory whose path is longer than a socket's may be.
    fn long_directory() -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("d".repeat(120));
        std::fs::create_dir(&directory).unwrap();
        (root, directory)
    }

    fn raw(directory: &Path, request: &[u8]) -> String {
        let short = SocketPath::in_directory(directory).unwrap();
        let mut stream = Blocking::connect(short.as_path()).unwrap();
        stream.write_all(request).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut line = String::new();
        io::BufReader::new(stream).read_line(&mut line).unwrap();
        line
    }

    #[test]
    fn a_command_is_answered_however_long_the_path_is_and_the_file_is_private_and_goes() {
        let (_root, directory) = long_directory();
        let path = directory.join(SOCKET_NAME);
        let (runtime, close) = served(&directory);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for _ in 0..2 * CONNECTIONS_MAX {
            let Reply::Reloaded(reloaded) = ask(&directory, Command::Reload {}).unwrap() else {
                panic!("another answer");
            };
            assert_eq!(reloaded.generation, 3);
        }
        close.send(true).unwrap();
        while path.exists() {
            std::thread::yield_now();
        }
        let gone = ask(&directory, Command::Reload {});
        assert!(
            matches!(gone, Err(ControlError::Unreachable { .. })),
            "{gone:?}"
        );
        drop(runtime);
    }

    #[test]
    fn what_is_no_command_is_refused_with_what_is_wrong_and_the_next_is_answered() {
        let (_root, directory) = long_directory();
        let (_runtime, _close) = served(&directory);
        for (request, why) in [
            (&b"{\"command\":\"stop\"}\n"[..], "unknown variant `stop`"),
            (b"\n", "no command"),
            (b"", "no command"),
            (b"{\"command\":", "no command"),
        ] {
            let answer = raw(&directory, request);
            assert!(
                answer.contains("refused") && answer.contains(why),
                "{answer}"
            );
        }
        assert!(raw(&directory, &vec![b' '; REQUEST_BYTES_MAX as usize + 10]).contains("refused"));
        assert!(raw(&directory, b"{\"command\":\"reload\"}\n").contains("reloaded"));
    }

    #[test]
    fn connections_that_ask_nothing_do_not_hold_up_the_end() {
        let (_root, directory) = long_directory();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (close, closing) = watch::channel(false);
        let control: CommandHandler = Arc::new(|_| Box::pin(std::future::pending()));
        let socket = runtime.block_on(async { ControlSocket::bind(&directory).unwrap() });
        let server = runtime.spawn(socket.serve(control, closing));
        let short = SocketPath::in_directory(&directory).unwrap();
        let connect = |_| Blocking::connect(short.as_path()).unwrap();
        let _connections: Vec<Blocking> = (0..2 * CONNECTIONS_MAX).map(connect).collect();
        close.send(true).unwrap();
        let ended = runtime.block_on(async { timeout(EXCHANGE_TIME_MAX / 2, server).await });
        assert!(ended.is_ok(), "it ends while all connections are taken");
    }

    #[test]
    fn the_end_removes_its_own_socket_and_not_that_of_a_process_with_a_new_directory() {
        let (root, directory) = long_directory();
        let (_runtime, close) = served(&directory);
        let aside = root.path().join("aside");
        std::fs::rename(&directory, &aside).unwrap();
        std::fs::create_dir(&directory).unwrap();
        let (_new_runtime, _new_close) = served(&directory);
        close.send(true).unwrap();
        while aside.join(SOCKET_NAME).exists() {
            std::thread::yield_now();
        }
        assert!(ask(&directory, Command::Reload {}).is_ok());
        // And not that of a process that took its place.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let other = tempfile::tempdir().unwrap();
        let bind = || runtime.block_on(async { ControlSocket::bind(other.path()).unwrap() });
        let older = bind();
        let _newer = bind();
        drop(older);
        assert!(other.path().join(SOCKET_NAME).exists());
    }

    #[test]
    fn a_socket_that_was_left_is_replaced_and_another_file_is_not() {
        let (_root, directory) = long_directory();
        let path = directory.join(SOCKET_NAME);
        let short = SocketPath::in_directory(&directory).unwrap();
        drop(std::os::unix::net::UnixListener::bind(short.as_path()).unwrap());
        assert!(path.exists());
        let (runtime, _close) = served(&directory);
        assert!(ask(&directory, Command::Reload {}).is_ok());
        drop(runtime);
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, b"somebody's").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let bound = runtime.block_on(async { ControlSocket::bind(&directory) });
        assert_eq!(bound.err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"somebody's");
    }
}
