//! The three routes over real connections: what they answer, and how they end.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

struct Server {
    address: std::net::SocketAddr,
    readiness: Readiness,
    alive: Arc<AtomicBool>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

async fn start() -> Server {
    start_within(LIMITS).await
}

async fn start_within(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (readiness, alive) = (Readiness::default(), Arc::new(AtomicBool::new(true)));
    let state = HttpState {
        metrics: Arc::new(Metrics::new().unwrap()),
        readiness: readiness.clone(),
        alive: Arc::new({
            let alive = Arc::clone(&alive);
            move || {
                if alive.load(Ordering::Relaxed) {
                    Ok(())
                } else {
                    Err("judge-0 has ended".into())
                }
            }
        }),
    };
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(serve_within(limits, listener, state, async {
        drop(stopped.await);
    }));
    Server {
        address,
        readiness,
        alive,
        stop,
        task,
    }
}

impl Server {
    /// Sends bytes, reads to the end.
    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        // A server that refuses may reset the connection before all was sent.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    async fn ask(&self, method: &str, path: &str) -> String {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.raw(request.as_bytes()).await
    }
}

#[tokio::test]
async fn each_route_answers_and_nothing_else_does() {
    let server = start().await;
    let metrics = server.ask("GET", "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200 OK"), "{metrics}");
    assert!(
        metrics.contains("content-type: text/plain; version=0.0.4"),
        "{metrics}"
    );
    assert!(
        metrics.contains("\nlandfall_build_info{version="),
        "{metrics}"
    );
    assert!(
        server
            .ask("HEAD", "/metrics")
            .await
            .starts_with("HTTP/1.1 200 OK")
    );
    assert!(
        server
            .ask("GET", "/healthz")
            .await
            .ends_with("\r\n\r\nok\n")
    );
    assert!(
        server
            .ask("GET", "/")
            .await
            .starts_with("HTTP/1.1 404 Not Found")
    );
    assert!(
        server
            .ask("GET", "/metrics/")
            .await
            .starts_with("HTTP/1.1 404 Not Found")
    );
    for method in ["POST", "PUT", "DELETE"] {
        let answer = server.ask(method, "/readyz").await;
        assert!(
            answer.starts_with("HTTP/1.1 405 Method Not Allowed"),
            "{answer}"
        );
        assert!(answer.contains("allow: GET,HEAD"), "{answer}");
    }
}

#[tokio::test]
async fn a_dead_thread_is_named() {
    let server = start().await;
    server.alive.store(false, Ordering::Relaxed);
    let answer = server.ask("GET", "/healthz").await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.ends_with("judge-0 has ended\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn ready_is_when_every_part_is_and_stays_so() {
    let server = start().await;
    let (sources, store) = (
        server.readiness.part("sources"),
        server.readiness.part("store"),
    );
    store.ready("open");
    let check = CheckReport {
        name: "schema-validity".into(),
        version: "1.0.0".into(),
        digest: "ab".into(),
        loaded_at: "2014-11-18T02:00:00Z".into(),
        stale: Some("the new file imports wasi".into()),
        loading: false,
    };
    server.readiness.set_checks(vec![check]);
    let answer = server.ask("GET", "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let body: serde_json::Value =
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let expected = serde_json::json!({
        "ready": false,
        "parts": [
            { "name": "sources", "ready": false, "detail": "starting" },
            { "name": "store", "ready": true, "detail": "open" },
        ],
        "checks": [{
            "name": "schema-validity", "version": "1.0.0", "digest": "ab",
            "loaded_at": "2014-11-18T02:00:00Z", "stale": "the new file imports wasi", "loading": false,
        }],
    });
    assert_eq!(body, expected);
    sources.ready("2 of 2 connected");
    assert!(
        server
            .ask("GET", "/readyz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    let connected = Arc::new(AtomicBool::new(false));
    server.readiness.ask("links", {
        let connected = Arc::clone(&connected);
        move || (connected.load(Ordering::Relaxed), "1 of 2".into())
    });
    let answer = server.ask("GET", "/readyz").await;
    let shown = r#"{"name":"links","ready":false,"detail":"1 of 2"}"#;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains(shown),
        "{answer}"
    );
    connected.store(true, Ordering::Relaxed);
    assert!(
        server
            .ask("GET", "/readyz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    drop(store);
    assert!(
        server
            .ask("GET", "/readyz")
            .await
            .starts_with("HTTP/1.1 503"),
        "a part that is gone is not ready"
    );
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let server = start().await;
    let mut request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n".to_vec();
    for n in 0..2000 {
        request.extend_from_slice(format!("x-{n}: {n:0>30}\r\n").as_bytes());
    }
    let answer = server.raw(&request).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    assert!(
        server
            .raw(b"\x16\x03\x01 garbage\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 400")
    );
    assert!(
        server
            .ask("GET", "/healthz")
            .await
            .starts_with("HTTP/1.1 200"),
        "it goes on"
    );
}

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Limits under which nothing ends by time while a test looks.
const PATIENT: Limits = Limits {
    connections_max: 8,
    answers_bytes_max: u64::MAX,
    headers_max: Duration::from_secs(600),
    connection_max: Duration::from_secs(600),
};

/// Until the server closes it; what came before.
async fn closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .expect("it is closed");
    rest
}

#[tokio::test]
async fn connections_that_ask_nothing_keep_no_probe_from_its_answer() {
    let server = start_within(PATIENT).await;
    let mut held = Vec::new();
    for n in 0..4 * PATIENT.connections_max {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // Some say nothing, some begin and do not go on.
        if n % 2 == 0 {
            stream.write_all(b"GET /healthz HT").await.unwrap();
        }
        held.push(stream);
        let answer = timeout(PATIENCE, server.ask("GET", "/healthz")).await;
        assert!(answer.expect("an answer").ends_with("ok\n"), "{n}");
    }
    // The oldest had to go.
    assert!(closed(&mut held[0]).await.is_empty());
    let newest = held.last_mut().unwrap();
    newest
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(closed(newest).await.ends_with(b"ok\n"));
}

#[tokio::test]
async fn headers_have_only_so_long_however_steadily_they_trickle() {
    let limits = Limits {
        headers_max: Duration::from_millis(300),
        ..PATIENT
    };
    let server = start_within(limits).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let (mut slow, mut slow_writer) = TcpStream::connect(server.address)
        .await
        .unwrap()
        .into_split();
    let trickle = tokio::spawn(async move {
        for byte in b"GET /healthz HTTP/1.1\r\nx: ".iter().chain(&[b'y'; 5_000]) {
            if slow_writer.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, slow.read_to_end(&mut rest))
        .await
        .expect("it is closed while it goes on sending");
    trickle.abort();
    closed(&mut silent).await;
    assert!(LIMITS.headers_max <= Duration::from_secs(10));
}

#[tokio::test]
async fn a_connection_is_for_one_request_and_lives_only_so_long() {
    let limits = Limits {
        connection_max: Duration::from_millis(300),
        ..PATIENT
    };
    let server = start_within(limits).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    assert!(closed(&mut silent).await.is_empty());
    // It does not ask to end, and is ended.
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let answer = String::from_utf8(closed(&mut kept).await).unwrap();
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn bodies_are_not_waited_for_and_too_many_headers_are_refused() {
    let server = start_within(PATIENT).await;
    let mut promising = TcpStream::connect(server.address).await.unwrap();
    promising
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        .await
        .unwrap();
    let answer = closed(&mut promising).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    let headers = |count: usize| {
        let headers: String = (0..count).map(|n| format!("x-{n}: y\r\n")).collect();
        format!("GET /healthz HTTP/1.1\r\n{headers}\r\n")
    };
    let answer = server.raw(headers(HEADERS_COUNT_MAX).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = server.raw(headers(HEADERS_COUNT_MAX + 1).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn shutting_down_closes_idle_connections_and_the_port() {
    let server = start().await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    server.stop.send(()).unwrap();
    server.task.await.unwrap().unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}
