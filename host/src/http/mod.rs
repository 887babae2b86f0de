//! HTTP: metrics and health, for Prometheus and for supervisors that restart processes. The only file
//! that knows axum and hyper.
//!
//! | route | answer |
//! |---|---|
//! | `GET /metrics` | 200, Prometheus' text format 0.0.4 |
//! | `GET /healthz` | 200 while the process and its threads live; else 503 and the thread that does not |
//! | `GET /readyz` | 200 once every part is ready; else 503; JSON with each part and each check |
//!
//! `HEAD` is answered like `GET`; other methods get 405, other paths 404. No event is served here,
//! and nothing can be changed. A connection is for one request, so no connection is idle for long.
//! Everything that a client can use up is bounded below, and a new connection is always accepted. So a
//! client that holds connections or descriptors cannot keep a probe from its answer.

mod connection_slots;
mod readiness;

use std::convert::Infallible;
use std::fmt::Display;
use std::fs::File;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::{Body as _, Incoming};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use landfall_escape::{json, terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use connection_slots::{ConnectionSlot, ConnectionSlots};
pub use readiness::{CheckReport, Part, Readiness};

use crate::metrics::{Metrics, MetricsError};

/// What a client may use up.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Connections at once. A few scrapers and probes need one each; if there are more, the one that has
    /// been idle longest is closed.
    connections_max: usize,
    /// Maximum memory of all unread answers together, in bytes: enough for the answers about 600 schemas to a
    /// dozen scrapers. Beyond it the oldest are cut off.
    answers_bytes_max: u64,
    /// A client that has not sent its request's line and headers after this time is disconnected, even if
    /// they arrive steadily: one packet is enough for them.
    headers_max: Duration,
    /// The longest life of a connection: a client that does not read its answer cannot hold it longer.
    /// Longer than the usual time-out of a scrape (10 s).
    connection_max: Duration,
}

const LIMITS: Limits = Limits {
    connections_max: 64,
    answers_bytes_max: 64 << 20,
    headers_max: Duration::from_secs(5),
    connection_max: Duration::from_secs(15),
};

/// A request's line and headers, in bytes; more is answered with 431. hyper needs at least 8 KiB.
const HEADERS_BYTES_MAX: usize = 16 << 10;

/// Headers of a request; more is answered with 431. Proxies add some to the ten of a browser.
const HEADERS_COUNT_MAX: usize = 64;

/// An answer of `/metrics` with this many bytes is shared, for this multiple of the time that it took to make.
/// So answers take a tenth of the one thread at most, whoever asks. A smaller answer is made for each client.
const SHARED_BYTES_MIN: usize = 1 << 20;
const SHARED_FOR: u32 = 10;

/// On shutdown, requests under way may take this long.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// Pause after an error of accepting, to avoid a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A lasting error of accepting is logged this often.
const ACCEPT_ERROR_INTERVAL: Duration = Duration::from_secs(60);

/// The data for the answers.
#[derive(Clone)]
pub struct HttpState {
    pub metrics: Arc<Metrics>,
    pub readiness: Readiness,
    /// Whether all threads live; an error names the one that does not.
    pub alive: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
}

fn routes(state: HttpState) -> Router {
    let shared = SharedAnswer::default();
    Router::new()
        .route(
            "/metrics",
            get(move |State(state): State<HttpState>| metrics(state, shared)),
        )
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(async || {
            (
                StatusCode::NOT_FOUND,
                "not found: there are /metrics, /healthz and /readyz\n",
            )
        })
        .with_state(state)
}

/// A large answer of `/metrics`, for all clients that ask for it at nearly the same time.
struct Rendered {
    text: Bytes,
    at: Instant,
    took: Duration,
}

type SharedAnswer = Arc<Mutex<Option<Rendered>>>;

/// The current answer of `/metrics`. Many clients at once must not keep probes waiting while each gets its
/// own answer. So a large answer serves all clients for a while.
fn rendered(metrics: &Metrics, shared: &SharedAnswer) -> Result<Bytes, MetricsError> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let began = Instant::now();
    if let Some(Rendered { text, at, took }) = &*shared
        && began.duration_since(*at) < *took * SHARED_FOR
    {
        return Ok(text.clone());
    }
    let text = Bytes::from(metrics.render()?);
    let at = Instant::now();
    *shared = (text.len() >= SHARED_BYTES_MIN).then(|| Rendered {
        text: text.clone(),
        at,
        took: at.duration_since(began),
    });
    Ok(text)
}

async fn metrics(state: HttpState, shared: SharedAnswer) -> Response {
    match rendered(&state.metrics, &shared) {
        Ok(text) => (
            [(
                header::CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(error) => failed(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

async fn healthz(State(state): State<HttpState>) -> Response {
    match (state.alive)() {
        Ok(()) => "ok\n".into_response(),
        Err(dead) => failed(StatusCode::SERVICE_UNAVAILABLE, dead),
    }
}

async fn readyz(State(state): State<HttpState>) -> Response {
    let report = state.readiness.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    match serde_json::to_string(&report) {
        Ok(text) => (
            status,
            [(header::CONTENT_TYPE, "application/json")],
            json::escaped(&text).into_owned(),
        )
            .into_response(),
        Err(error) => failed(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

/// A text for people: many look at it with curl, on a terminal.
fn failed(status: StatusCode, why: impl Display) -> Response {
    (status, format!("{}\n", terminal::line(why))).into_response()
}

/// Serves until `shutdown` is done, then lets requests under way end. An error of one connection
/// ends that connection alone.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    state: HttpState,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    serve_within(LIMITS, listener, state, shutdown).await
}

async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    state: HttpState,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let routes = routes(state);
    let slots = ConnectionSlots::new(limits.connections_max, limits.answers_bytes_max);
    // Each connection holds a receiver; when all are gone, all have ended.
    let (ending, end) = watch::channel(false);
    let accept = async {
        let mut acceptor = Acceptor::new(&listener, slots.clone());
        loop {
            let stream = acceptor.next().await;
            let (slot, lost) = slots.take();
            let (routes, end) = (routes.clone(), end.clone());
            tokio::spawn(async move {
                let served = connection(limits, stream, routes, slot, end);
                tokio::select! {
                    () = served => {}
                    _ = lost => tracing::debug!("an HTTP connection was closed for a newer one"),
                }
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = shutdown => {}
    }
    drop(listener);
    drop(end);
    // No receiver left is no error: then no connection is open.
    let _ = ending.send(true);
    // Connections that have not ended by then are cut off with the runtime.
    let _ = timeout(DRAIN_MAX, ending.closed()).await;
    Ok(())
}

/// Accepts connections, even when the process has no descriptor left: it reserves one for that, and takes
/// those of idle connections.
struct Acceptor<'a> {
    listener: &'a TcpListener,
    slots: ConnectionSlots,
    spare: Option<File>,
    logged_at: Option<Instant>,
}

impl<'a> Acceptor<'a> {
    fn new(listener: &'a TcpListener, slots: ConnectionSlots) -> Self {
        let mut acceptor = Self {
            listener,
            slots,
            spare: None,
            logged_at: None,
        };
        acceptor.keep_spare();
        acceptor
    }

    fn keep_spare(&mut self) {
        if self.spare.is_none() {
            self.spare = File::open("/dev/null").ok();
        }
    }

    fn a_client_waits(&self) -> bool {
        let mut polled = [PollFd::new(&self.listener, PollFlags::IN)];
        poll(&mut polled, Some(&Timespec::default())) == Ok(1)
    }

    async fn next(&mut self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    self.keep_spare();
                    return stream;
                }
                Err(error) => {
                    if self
                        .logged_at
                        .is_none_or(|at| at.elapsed() >= ACCEPT_ERROR_INTERVAL)
                    {
                        self.logged_at = Some(Instant::now());
                        tracing::warn!(
                            "failed to accept an HTTP connection: {error}; allow the process more \
                             open files if it has too few (logged once a minute)"
                        );
                    }
                    // The kernel reports this even when no client waits: then no connection has to be closed.
                    if is_out_of_descriptors(&error) && self.a_client_waits() {
                        if self.spare.take().is_some() {
                            continue;
                        }
                        self.slots.end_one();
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
}

/// Answers one request.
async fn connection(
    limits: Limits,
    stream: TcpStream,
    routes: Router,
    slot: ConnectionSlot,
    mut end: watch::Receiver<bool>,
) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers_max)
        .max_headers(HEADERS_COUNT_MAX)
        .max_buf_size(HEADERS_BYTES_MAX)
        .keep_alive(false);
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(|request: Request<Incoming>| {
        slot.asked();
        let (answer, slot) = (routes.call(request), &slot);
        async move {
            let answer = answer.await?;
            // Bodies are whole texts.
            slot.answered(answer.body().size_hint().lower());
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let served = timeout(limits.connection_max, async {
        tokio::select! {
            result = connection.as_mut() => return result,
            _ = end.wait_for(|ending| *ending) => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    });
    if let Ok(Err(error)) = served.await {
        tracing::debug!("an HTTP connection ended early: {error}");
    }
}

#[cfg(test)]
mod tests;
