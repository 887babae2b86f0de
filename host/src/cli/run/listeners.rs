//! Listens to the outside world, from before the checks are loaded until the process ends: HTTP,
//! signals and commands. Knows nothing of the work, except whether its threads live.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

use super::commands::Commands;
use super::thread_health::ThreadHealth;
use crate::bug::REPORT_BUG;
use crate::cli::exit;
use crate::cli::signals::{Signal, Signals};
use crate::engine::reload::ReloadRequest;
use crate::http::{self, HttpState};
use crate::telemetry::Telemetry;

/// A process with a dead thread drains for at most this long. Then it ends, so that it can be
/// restarted.
const BROKEN_END_MAX: Duration = Duration::from_secs(20);

/// HTTP, and the signal that asked for the end.
pub struct Listeners {
    runtime: Runtime,
    alive: Arc<OnceLock<ThreadHealth>>,
    asked: channel::Receiver<Option<&'static str>>,
    closing: channel::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
}

impl Listeners {
    /// Listens from now on for HTTP, signals and commands. A second signal to end ends the process
    /// at once.
    ///
    /// # Errors
    /// The address is in use or is not this machine's, or the system gives no threads or signals.
    pub fn open(
        listen: Option<SocketAddr>,
        store_dir: &Path,
        telemetry: &Telemetry,
        request: ReloadRequest,
    ) -> anyhow::Result<Self> {
        // One worker, because HTTP must not take a core from judging.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let alive: Arc<OnceLock<ThreadHealth>> = Arc::default();
        let (ask, asked) = channel::channel(None);
        let (closing, closed) = channel::channel(false);
        let servers = runtime.block_on(async {
            tokio::spawn(follow(
                Signals::listen(&[Signal::Hangup])?,
                ask,
                request.clone(),
            ));
            let mut servers = Vec::new();
            let commands = Commands {
                reload: request,
                readiness: telemetry.readiness().clone(),
            };
            servers.extend(commands.serve(store_dir, closed.clone()));
            if let Some(address) = listen {
                servers.push(listen_at(address, telemetry, &alive, closed).await?);
            }
            Ok::<_, anyhow::Error>(servers)
        })?;
        Ok(Self {
            runtime,
            alive,
            asked,
            closing,
            servers,
        })
    }

    /// Whether nothing has asked for the end yet.
    pub fn is_running(&self) -> impl Fn() -> bool + Send + 'static {
        let asked = self.asked.clone();
        move || asked.borrow().is_none()
    }

    /// The signal that asked for the end, if one did.
    pub fn shutdown_signal(&self) -> Option<&'static str> {
        *self.asked.borrow()
    }

    /// Waits until something asks for the end, and gives its name. HTTP ends with it.
    ///
    /// # Errors
    /// A thread has died; the error names it.
    pub fn wait(&mut self, alive: ThreadHealth) -> anyhow::Result<&'static str> {
        let alive = self.alive.get_or_init(|| alive);
        let asked = self.asked.clone();
        let servers = std::mem::take(&mut self.servers);
        let closing = &self.closing;
        self.runtime.block_on(async {
            let ended = wait_for_end(asked, alive).await;
            if ended.is_err() {
                // If a thread has died, the process may not end by itself.
                tokio::spawn(async {
                    tokio::time::sleep(BROKEN_END_MAX).await;
                    end_at_once();
                });
            }
            // The receiver may be gone.
            let _ = closing.send(true);
            for server in servers {
                // A server that died has logged it.
                let _ = server.await;
            }
            ended
        })
    }

    /// Stops answering everything.
    pub fn close(self) {
        self.runtime.shutdown_background();
    }
}

async fn listen_at(
    address: SocketAddr,
    telemetry: &Telemetry,
    alive: &Arc<OnceLock<ThreadHealth>>,
    mut closed: channel::Receiver<bool>,
) -> anyhow::Result<JoinHandle<()>> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("failed to listen on {address} (http.listen)"))?;
    tracing::info!(address = %listener.local_addr()?, "serving /metrics, /healthz and /readyz");
    let alive = Arc::clone(alive);
    let state = HttpState {
        metrics: Arc::clone(telemetry.metrics()),
        readiness: telemetry.readiness().clone(),
        // Before all threads run, none can have ended.
        alive: Arc::new(move || alive.get().map_or(Ok(()), ThreadHealth::check)),
    };
    Ok(tokio::spawn(async move {
        let closed = async move {
            // The sender is gone only when the process ends anyhow.
            let _ = closed.wait_for(|closed| *closed).await;
        };
        if let Err(error) = http::serve(listener, state, closed).await {
            tracing::error!("HTTP has ended: {error}");
        }
    }))
}

async fn wait_for_end(
    mut asked: channel::Receiver<Option<&'static str>>,
    alive: &ThreadHealth,
) -> anyhow::Result<&'static str> {
    /// How often it checks whether all threads live.
    const CHECK_EVERY: Duration = Duration::from_secs(1);
    loop {
        if let Some(signal) = *asked.borrow_and_update() {
            return Ok(signal);
        }
        tokio::select! {
            changed = asked.changed() => changed.context("the process no longer receives signals")?,
            () = tokio::time::sleep(CHECK_EVERY) => {
                if let Err(dead) = alive.check() {
                    anyhow::bail!("{dead}; {REPORT_BUG}");
                }
                if alive.stop.is_set() {
                    return Ok("the engine");
                }
            }
        }
    }
}

/// Passes on what signals ask for. If the end is asked for a second time, the process ends at once.
async fn follow(
    mut signals: Signals,
    ask: channel::Sender<Option<&'static str>>,
    request: ReloadRequest,
) {
    loop {
        match signals.next().await {
            Signal::Hangup => request.send_again(),
            end => {
                if ask.send_replace(Some(end.name())).is_some() {
                    end_at_once();
                }
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the second signal; what is lost is said before"
)]
fn end_at_once() {
    tracing::error!("ending at once: not everything that was received is accounted for");
    std::process::exit(exit::CUT_SHORT.code());
}
