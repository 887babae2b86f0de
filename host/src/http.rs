//! HTTP: metrics and health, for Prometheus and for whoever restarts processes. The only file that
//! knows axum and hyper.
//!
//! | route | answer |
//! |---|---|
//! | `GET /metrics` | 200, Prometheus' text format 0.0.4 |
//! | `GET /healthz` | 200 while the process and its threads live; else 503 and which does not |
//! | `GET /readyz` | 200 once every part is ready; else 503; JSON with each part and each check |
//!
//! `HEAD` is answered like `GET`; other methods get 405, other paths 404. No event is served here,
//! and nothing can be changed. Everything that a client can use up is bounded below.

mod readiness;

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use landfall_escape::{json, terminal};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

pub use readiness::{CheckState, Part, Readiness};

use crate::metrics::Metrics;

/// Connections at once; more wait in the listener's backlog. A few scrapers and probes need one each.
const CONNECTIONS_MAX: usize = 64;

/// A request's line and headers, in bytes; more is answered with 431. hyper takes no less than 8 KiB.
const HEADERS_BYTES_MAX: usize = 16 << 10;

/// A client that has not sent its headers by then is disconnected; also the longest idle time
/// between two requests. Longer than the usual interval of scrapes.
const HEADERS_MAX: Duration = Duration::from_secs(75);

/// The longest life of a connection: a client that does not read its answer holds it no longer.
const CONNECTION_MAX: Duration = Duration::from_secs(600);

/// On shutdown, requests under way may take this long.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// After an error of accepting (out of file descriptors), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the answers are made of.
#[derive(Clone)]
pub struct HttpState {
    pub metrics: Arc<Metrics>,
    pub readiness: Readiness,
    /// Whether all threads live; an error names the one that does not.
    pub alive: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
}

fn routes(state: HttpState) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
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

async fn metrics(State(state): State<HttpState>) -> Response {
    match state.metrics.render() {
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
pub async fn serve(
    listener: TcpListener,
    state: HttpState,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let routes = routes(state);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Each connection holds a receiver; when all are gone, all have ended.
    let (ending, end) = watch::channel(false);
    let accept = async {
        loop {
            // The semaphore is never closed.
            let Ok(seat) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (routes, end) = (routes.clone(), end.clone());
                    tokio::spawn(async move {
                        let _seat = seat;
                        connection(stream, routes, end).await;
                    });
                }
                Err(error) => {
                    tracing::warn!("failed to accept an HTTP connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
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
    // Those that are not done by then are cut off with the runtime.
    let _ = timeout(DRAIN_MAX, ending.closed()).await;
    Ok(())
}

async fn connection(stream: TcpStream, routes: Router, mut end: watch::Receiver<bool>) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_MAX)
        .max_buf_size(HEADERS_BYTES_MAX);
    let service = TowerToHyperService::new(routes);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let served = timeout(CONNECTION_MAX, async {
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
