//! Carries out the commands that come by the socket in the store's directory. It calls the part that
//! each command concerns.

use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::control::{self, Command, ControlSocket, PartStatus, Reply, ReplyFuture, Status};
use crate::engine::reload::{ENDED, ReloadRequest};
use crate::http::Readiness;

/// The parts that commands call.
#[derive(Clone)]
pub(super) struct Commands {
    pub reload: ReloadRequest,
    pub readiness: Readiness,
}

impl Commands {
    /// Takes commands until `closed` becomes true. Without a socket Landfall goes on: signals do, too.
    pub fn serve(self, store_dir: &Path, closed: control::Closing) -> Option<JoinHandle<()>> {
        let socket = match ControlSocket::bind(store_dir) {
            Ok(socket) => socket,
            Err(error) => {
                let path = store_dir.join(control::SOCKET_NAME);
                tracing::warn!(
                    "failed to listen for commands at {}: {error}; `landfall reload` cannot reach this process, \
                     SIGHUP can",
                    path.display()
                );
                return None;
            }
        };
        let answer = move |command| self.answer(command);
        Some(tokio::spawn(socket.serve(Arc::new(answer), closed)))
    }

    fn answer(&self, command: Command) -> ReplyFuture {
        match command {
            Command::Reload {} => reload(&self.reload),
            Command::Status {} => status(&self.readiness),
        }
    }
}

fn reload(request: &ReloadRequest) -> ReplyFuture {
    let reload = request.ask();
    Box::pin(async move {
        let why = match reload {
            Some(reload) => match reload.await {
                Ok(reloaded) => return Reply::Reloaded(reloaded),
                Err(_) => ENDED,
            },
            None => "too many wait for a reload already",
        };
        Reply::Refused { why: why.into() }
    })
}

fn status(readiness: &Readiness) -> ReplyFuture {
    let parts = readiness.parts_detail().into_iter();
    let part = |(name, ready, detail)| PartStatus {
        name,
        ready,
        detail,
    };
    let parts: Vec<PartStatus> = parts.map(part).collect();
    let status = Status {
        version: env!("CARGO_PKG_VERSION").into(),
        ready: parts.iter().all(|part| part.ready),
        parts,
    };
    Box::pin(async { Reply::Status(status) })
}
