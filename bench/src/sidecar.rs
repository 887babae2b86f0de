//! The whole sidecar as it is shipped, both streams over loopback TCP, validity and parity on,
//! against a bare subscriber that drains the same frames. Nothing may be lost in either.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::events::{Event, events, write_schemas};

/// How long any single wait may take before the measurement is given up.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// Between two looks at something awaited.
const POLL: Duration = Duration::from_millis(5);

/// Frames a second of both ways, counted over both streams.
pub struct Sidecar {
    pub bare_per_second: f64,
    pub sidecar_per_second: f64,
    pub rss_bytes_max: u64,
}

impl Sidecar {
    pub fn ratio(&self) -> f64 {
        self.sidecar_per_second / self.bare_per_second
    }
}

pub fn measure(
    landfall: &Path,
    guests: &Path,
    count: usize,
    rounds: usize,
) -> anyhow::Result<Sidecar> {
    let landfall = landfall.canonicalize().with_context(|| {
        format!(
            "no program at {}; build it with cargo build --release",
            landfall.display()
        )
    })?;
    let guests = guests.canonicalize()?;
    let mut best = Sidecar {
        bare_per_second: 0.0,
        sidecar_per_second: 0.0,
        rss_bytes_max: 0,
    };
    for round in 0..rounds {
        // Other events in every round: the ledger would call the same ones repeated.
        let events = events(count, 100 + round as u64);
        best.bare_per_second = best.bare_per_second.max(bare(&events)?);
        let (per_second, rss) = sidecar(&landfall, &guests, &events)?;
        best.sidecar_per_second = best.sidecar_per_second.max(per_second);
        best.rss_bytes_max = best.rss_bytes_max.max(rss);
    }
    Ok(best)
}

/// A publisher that never drops: what its peer does not take yet stays in its memory.
struct Publisher {
    socket: zmq::Socket,
    endpoint: String,
}

impl Publisher {
    fn bind(context: &zmq::Context) -> anyhow::Result<Self> {
        let socket = context.socket(zmq::XPUB)?;
        socket.set_sndhwm(0)?;
        socket.set_linger(0)?;
        socket.bind("tcp://127.0.0.1:*")?;
        let endpoint = match socket.get_last_endpoint()? {
            Ok(endpoint) => endpoint,
            Err(_) => bail!("the publisher's endpoint is not UTF-8"),
        };
        Ok(Self { socket, endpoint })
    }

    /// Waits until somebody has subscribed.
    fn await_subscriber(&self) -> anyhow::Result<()> {
        self.socket
            .set_rcvtimeo(i32::try_from(WAIT_MAX.as_millis())?)?;
        self.socket.recv_bytes(0).context("nobody subscribed")?;
        Ok(())
    }
}

fn publish(raw: &Publisher, written: &Publisher, events: &[Event]) -> anyhow::Result<()> {
    for event in events {
        raw.socket.send(event.capsule.as_bytes(), 0)?;
        written.socket.send(event.row.as_bytes(), 0)?;
    }
    Ok(())
}

fn bare(events: &[Event]) -> anyhow::Result<f64> {
    let context = zmq::Context::new();
    let (raw, written) = (Publisher::bind(&context)?, Publisher::bind(&context)?);
    let endpoints = [raw.endpoint.clone(), written.endpoint.clone()];
    let total = events.len();
    let drains: Vec<_> = endpoints
        .into_iter()
        .map(|endpoint| {
            std::thread::spawn(move || -> anyhow::Result<()> {
                let context = zmq::Context::new();
                let socket = context.socket(zmq::SUB)?;
                socket.set_rcvhwm(0)?;
                socket.set_rcvtimeo(i32::try_from(WAIT_MAX.as_millis())?)?;
                socket.connect(&endpoint)?;
                socket.set_subscribe(b"")?;
                let mut message = zmq::Message::new();
                for _ in 0..total {
                    socket.recv(&mut message, 0)?;
                }
                Ok(())
            })
        })
        .collect();
    raw.await_subscriber()?;
    written.await_subscriber()?;
    let start = Instant::now();
    publish(&raw, &written, events)?;
    for drain in drains {
        drain
            .join()
            .map_err(|_| anyhow::anyhow!("a bare subscriber died"))??;
    }
    Ok(2.0 * total as f64 / start.elapsed().as_secs_f64())
}

/// Ends the sidecar, whatever happens to the measurement.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sidecar(landfall: &Path, guests: &Path, events: &[Event]) -> anyhow::Result<(f64, u64)> {
    let dir = tempfile::tempdir()?;
    write_schemas(&dir.path().join("schemas"))?;
    let context = zmq::Context::new();
    let (raw, written) = (Publisher::bind(&context)?, Publisher::bind(&context)?);
    let http = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config = dir.path().join("landfall.toml");
    std::fs::write(
        &config,
        config_text(&raw.endpoint, &written.endpoint, &http.to_string(), guests),
    )?;
    let log = std::fs::File::create(dir.path().join("log"))?;
    let child = Command::new(landfall)
        .arg("run")
        .arg("--config")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .context("failed to start the sidecar")?;
    let mut running = Running(child);
    let log = || tail(&dir.path().join("log"));
    raw.await_subscriber().with_context(log)?;
    written.await_subscriber().with_context(log)?;
    let start = Instant::now();
    publish(&raw, &written, events)?;
    let deadline = Instant::now() + WAIT_MAX;
    let elapsed = loop {
        let delivered = metric(
            &http.to_string(),
            "landfall_events_total",
            "verdict=\"delivered\"",
        )
        .unwrap_or(0.0);
        if delivered >= events.len() as f64 {
            break start.elapsed();
        }
        if let Some(status) = running.0.try_wait()? {
            bail!(
                "the sidecar ended with {status}: {}",
                tail(&dir.path().join("log"))
            );
        }
        ensure!(
            Instant::now() < deadline,
            "after {WAIT_MAX:?} only {delivered} of {} events were delivered: {}",
            events.len(),
            tail(&dir.path().join("log"))
        );
        std::thread::sleep(POLL);
    };
    Ok((
        2.0 * events.len() as f64 / elapsed.as_secs_f64(),
        peak_rss_bytes(running.0.id()),
    ))
}

fn config_text(raw: &str, written: &str, http: &str, guests: &Path) -> String {
    format!(
        r#"
[event]
key = "/uuid"
schema = "/schema"
revision = "/revision"
[streams.raw]
endpoints = ["{raw}"]
codec = "json"
hwm_frames = 1000000
[streams.written]
endpoints = ["{written}"]
codec = "json"
hwm_frames = 1000000
[schemas]
dir = "schemas"
[store]
dir = "data"
[http]
listen = "{http}"
[log]
level = "warn"
[guests]
dir = "{guests}"
[[checks]]
name = "schema-validity"
path = "schema_validity.wasm"
streams = ["raw"]
decides = true
config = {{ name = "/schema", revision = "/revision", at = "/event" }}
[[checks]]
name = "field-parity"
path = "field_parity.wasm"
streams = ["raw", "written"]
config = {{ truncate = 191, float = "f32" }}
"#,
        guests = guests.display()
    )
}

/// The sum of a metric over the lines that contain `label`.
fn metric(address: &str, name: &str, label: &str) -> Option<f64> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream
        .write_all(
            format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )
        .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let lines = text
        .lines()
        .filter(|line| line.starts_with(name) && line.contains(label));
    Some(
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum(),
    )
}

fn peak_rss_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line
        .and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    kib * 1024
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().rev().take(3).collect::<Vec<_>>().join(" | ")
}
