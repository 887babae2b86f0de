//! What the process answers from outside, from before its checks are loaded until its end: HTTP, signals and
//! commands. Knows nothing of the work, but whether its threads live.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

use super::alive::Alive;
use super::commands::Commands;
use crate::cli::exit;
use crate::cli::signals::{Signal, Signals};
use crate::engine::reload::ReloadRequest;
use crate::http::{self, HttpState};
use crate::telemetry::Telemetry;

/// A process with a dead thread drains for at most this long, and is then to be started anew.
const BROKEN_END_MAX: Duration = Duration::from_secs(20);

/// HTTP, and what signals have asked for.
pub struct Front {
    runtime: Runtime,
    alive: Arc<OnceLock<Alive>>,
    asked: channel::Receiver<Option<&'static str>>,
    closing: channel::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
}

impl Front {
    /// Listens, and takes signals and commands from now on. A second signal to end ends the process at once.
    ///
    /// # Errors
    /// The address is in use or not this machine's, or the system gives no threads or signals.
    pub fn open(
        listen: Option<SocketAddr>,
        store_dir: &Path,
        telemetry: &Telemetry,
        request: ReloadRequest,
    ) -> anyhow::Result<Self> {
        // One worker: HTTP must not take a core from judging.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let alive: Arc<OnceLock<Alive>> = Arc::default();
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
    pub fn goes_on(&self) -> impl Fn() -> bool + Send + 'static {
        let asked = self.asked.clone();
        move || asked.borrow().is_none()
    }

    /// The signal that has asked for the end.
    pub fn asked(&self) -> Option<&'static str> {
        *self.asked.borrow()
    }

    /// Waits until something asks for the end, and says what; an error names what does not live. HTTP
    /// ends with it.
    pub fn wait(&mut self, alive: Alive) -> anyhow::Result<&'static str> {
        let alive = self.alive.get_or_init(|| alive);
        let asked = self.asked.clone();
        let servers = std::mem::take(&mut self.servers);
        let closing = &self.closing;
        self.runtime.block_on(async {
            let ended = wait_for_end(asked, alive).await;
            if ended.is_err() {
                // What has lost a thread may not come to its end by itself.
                tokio::spawn(async {
                    tokio::time::sleep(BROKEN_END_MAX).await;
                    end_at_once();
                });
            }
            // Nobody may listen for it.
            let _ = closing.send(true);
            for server in servers {
                // One that died has logged it.
                let _ = server.await;
            }
            ended
        })
    }

    /// Nothing is answered or heard any more.
    pub fn close(self) {
        self.runtime.shutdown_background();
    }
}

async fn listen_at(
    address: SocketAddr,
    telemetry: &Telemetry,
    alive: &Arc<OnceLock<Alive>>,
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
        // Until all threads run there is none that could have ended.
        alive: Arc::new(move || alive.get().map_or(Ok(()), Alive::check)),
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
    alive: &Alive,
) -> anyhow::Result<&'static str> {
    /// How often it looks whether all threads still live.
    const LOOK: Duration = Duration::from_secs(1);
    loop {
        if let Some(signal) = *asked.borrow_and_update() {
            return Ok(signal);
        }
        tokio::select! {
            changed = asked.changed() => changed.context("signals are not heard any more")?,
            () = tokio::time::sleep(LOOK) => {
                if let Err(dead) = alive.check() {
                    anyhow::bail!("{dead}; this is a bug of Landfall, please report it");
                }
                if alive.stop.is_set() {
                    return Ok("the engine");
                }
            }
        }
    }
}

/// Hands on what the process is told. Whoever asks for the end a second time does not want to wait for it.
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
    tracing::error!("ending at once: what was received is not all accounted for");
    std::process::exit(exit::CUT_SHORT.code());
}
