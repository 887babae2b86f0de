//! The whole sidecar as it is shipped, both streams over loopback TCP, validity and parity on,
//! compared with a bare subscriber that drains the same frames. Nothing may be lost in either.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::events::{Event, Shape, events, write_schemas};

/// How long any single wait may take before the measurement is given up.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// Between two looks at something awaited: scraping costs the sidecar time as well.
const POLL: Duration = Duration::from_millis(50);

/// How long, and how fast, a quiet sidecar is watched.
const IDLE: Duration = Duration::from_secs(10);
const IDLE_PER_SECOND: usize = 1000;

/// Before that it runs for this long at the same rate, so that its checks are ready and it has recognised a
/// steady stream.
const SETTLING: Duration = Duration::from_secs(3);

/// All events of a quiet stretch.
const IDLE_EVENTS: usize = IDLE_PER_SECOND * (SETTLING.as_secs() + IDLE.as_secs()) as usize;

/// What is measured.
pub struct Setup<'a> {
    pub landfall: PathBuf,
    pub guests: PathBuf,
    pub shapes: &'a [Shape],
    /// Threads that judge; 0: as many as cores.
    pub workers: usize,
}

/// Frames a second of both ways, counted over both streams, one pair a round.
#[derive(Default)]
pub struct Measured {
    pub bare_per_second: Vec<f64>,
    pub sidecar_per_second: Vec<f64>,
    pub rss_bytes_max: u64,
}

impl Measured {
    pub fn ratios(&self) -> Vec<f64> {
        let pairs = self.sidecar_per_second.iter().zip(&self.bare_per_second);
        pairs.map(|(sidecar, bare)| sidecar / bare).collect()
    }
}

/// As fast as both can. Counts at the sources, the judges and the ledger show that not one frame was lost,
/// and so do the keys: every single event must be `delivered`.
pub fn measure(setup: &Setup<'_>, count: usize, rounds: usize) -> anyhow::Result<Measured> {
    let mut measured = Measured::default();
    for round in 0..rounds {
        let events = events(setup.shapes, count, 100 + round as u64);
        measured.bare_per_second.push(bare(&events)?);
        let running = Sidecar::start(setup)?;
        let start = Instant::now();
        publish(&running.raw, &running.written, &events)?;
        running.await_delivered(events.len())?;
        let per_second = 2.0 * events.len() as f64 / start.elapsed().as_secs_f64();
        running.prove_nothing_lost(events.len())?;
        measured.sidecar_per_second.push(per_second);
        measured.rss_bytes_max = measured
            .rss_bytes_max
            .max(peak_rss_bytes(running.child.0.id()));
    }
    Ok(measured)
}

/// Processor time of the sidecar at a thousand events a second on both streams, as a share of one
/// core; and its peak memory.
pub fn idle(setup: &Setup<'_>) -> anyhow::Result<(f64, u64)> {
    let count = IDLE_EVENTS;
    let events = events(setup.shapes, count, 77);
    let running = Sidecar::start(setup)?;
    let share = share_of_a_core(
        running.child.0.id(),
        &running.raw,
        &running.written,
        &events,
    )?;
    running.await_delivered(count)?;
    running.prove_nothing_lost(count)?;
    Ok((share, peak_rss_bytes(running.child.0.id())))
}

/// The same of a process that only drains both streams.
pub fn bare_idle(shapes: &[Shape]) -> anyhow::Result<f64> {
    let events = events(shapes, IDLE_EVENTS, 77);
    let context = zmq::Context::new();
    let (raw, written) = (Publisher::bind(&context)?, Publisher::bind(&context)?);
    let child = Command::new(std::env::current_exe()?)
        .args(["--drain", &raw.endpoint, "--drain", &written.endpoint])
        .spawn()
        .context("failed to start a bare subscriber")?;
    let child = Ended(child);
    raw.await_subscriber()?;
    written.await_subscriber()?;
    share_of_a_core(child.0.id(), &raw, &written, &events)
}

/// A bare subscriber: drains the endpoints, each in a thread of its own, until it is ended.
pub fn drain(endpoints: &[String]) -> anyhow::Result<()> {
    let context = zmq::Context::new();
    std::thread::scope(|scope| {
        let drains: Vec<_> = endpoints
            .iter()
            .map(|endpoint| {
                let context = &context;
                scope.spawn(move || -> anyhow::Result<()> {
                    let socket = context.socket(zmq::SUB)?;
                    socket.set_rcvhwm(0)?;
                    socket.connect(endpoint)?;
                    socket.set_subscribe(b"")?;
                    let mut message = zmq::Message::new();
                    loop {
                        socket.recv(&mut message, 0)?;
                    }
                })
            })
            .collect();
        drains.into_iter().try_for_each(|drain| {
            let ended = drain.join();
            ended.map_err(|_| anyhow::anyhow!("a bare subscriber died"))?
        })
    })
}

/// Processor time of a process while events come at the rate of a quiet pipeline.
fn share_of_a_core(
    pid: u32,
    raw: &Publisher,
    written: &Publisher,
    events: &[Event],
) -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut measured_from = (start, cpu_seconds(pid)?);
    for (number, event) in events.iter().enumerate() {
        let due = Duration::from_secs_f64(number as f64 / IDLE_PER_SECOND as f64);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        if due == SETTLING {
            measured_from = (Instant::now(), cpu_seconds(pid)?);
        }
        publish(raw, written, std::slice::from_ref(event))?;
    }
    let (since, before) = measured_from;
    Ok((cpu_seconds(pid)? - before) / since.elapsed().as_secs_f64())
}

/// A child that does not outlive this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A publisher that never drops: frames that its peer does not take yet stay in its memory.
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

/// The sidecar and its two publishers.
struct Sidecar {
    child: Ended,
    raw: Publisher,
    written: Publisher,
    http: String,
    dir: tempfile::TempDir,
}

impl Sidecar {
    fn start(setup: &Setup<'_>) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        write_schemas(&dir.path().join("schemas"), setup.shapes)?;
        let context = zmq::Context::new();
        let (raw, written) = (Publisher::bind(&context)?, Publisher::bind(&context)?);
        let http = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let config = dir.path().join("landfall.toml");
        std::fs::write(&config, config_text(setup, &raw, &written, &http))?;
        let log = std::fs::File::create(dir.path().join("log"))?;
        let child = Command::new(&setup.landfall)
            .arg("run")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("failed to start the sidecar")?;
        let sidecar = Self {
            child: Ended(child),
            raw,
            written,
            http,
            dir,
        };
        let log = || sidecar.log();
        sidecar.raw.await_subscriber().with_context(log)?;
        sidecar.written.await_subscriber().with_context(log)?;
        Ok(sidecar)
    }

    fn log(&self) -> String {
        tail(&self.dir.path().join("log"))
    }

    fn await_delivered(&self, events: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let delivered = metric(&self.http, "landfall_events_total", "verdict=\"delivered\"");
            let delivered = delivered.unwrap_or(0.0);
            if delivered >= events as f64 {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "after {WAIT_MAX:?} only {delivered} of {events} events were delivered: {}",
                self.log()
            );
            std::thread::sleep(POLL);
        }
    }

    fn prove_nothing_lost(&self, events: usize) -> anyhow::Result<()> {
        for (name, label, wanted) in [
            ("landfall_frames_total", "stream=\"raw\"", events),
            ("landfall_frames_total", "stream=\"written\"", events),
            (
                "landfall_check_rows_total",
                "check=\"schema-validity\"",
                events,
            ),
            (
                "landfall_check_rows_total",
                "check=\"field-parity\"",
                2 * events,
            ),
            ("landfall_raw_events_total", "", events),
            ("landfall_events_total", "verdict=\"delivered\"", events),
            ("landfall_events_total", "", events),
            ("landfall_duplicates_total", "", 0),
            ("landfall_unexpected_total", "", 0),
        ] {
            let counted = metric(&self.http, name, label).unwrap_or(0.0);
            ensure!(
                counted == wanted as f64,
                "{name} {label} is {counted} after {events} events, and should be {wanted}: {}",
                self.log()
            );
        }
        Ok(())
    }
}

/// User and system time of a process.
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("an odd /proc/PID/stat")?;
    let ticks: f64 = rest
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    /// Of Linux, whatever the kernel's own clock.
    const TICKS_PER_SECOND: f64 = 100.0;
    Ok(ticks / TICKS_PER_SECOND)
}

fn config_text(setup: &Setup<'_>, raw: &Publisher, written: &Publisher, http: &str) -> String {
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
[judge]
workers = {workers}
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
        raw = raw.endpoint,
        written = written.endpoint,
        workers = setup.workers,
        guests = setup.guests.display()
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
