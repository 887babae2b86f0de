//! What a scrape of /metrics costs with few and with many schemas: bounded in series and bytes. The times
//! are printed for docs/PERFORMANCE.md (`cargo test -p landfall-tests --test scrape_cost -- --nocapture`).

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use landfall_tests::paths;
use landfall_tests::sidecar::{CheckSettings, Settings, Sidecar};
use landfall_tests::wait::await_until;
use landfall_tests::wire::Publisher;

/// Scrapes that are measured.
const SCRAPES: usize = 40;

/// Schemas with series of their own.
const LABELS_MAX: usize = 500;

/// One scrape.
struct Cost {
    series: usize,
    /// The series that are about one of the schemas `S<n>/1`.
    of_schemas: usize,
    bytes: usize,
    /// The middle one.
    time: Duration,
    /// Processor time of the process for one, which does not depend on what else the machine does.
    processor: Duration,
}

fn cost(sidecar: &Sidecar) -> Cost {
    let cpu = || {
        let metrics = sidecar.metrics();
        metrics.sum("landfall_process_cpu_seconds_total", &[])
    };
    let before = cpu();
    let mut times = Vec::new();
    let mut body = String::new();
    for _ in 0..SCRAPES {
        let began = Instant::now();
        body = sidecar.get("/metrics").expect("an answer").body;
        times.push(began.elapsed());
    }
    times.sort();
    let series = || body.lines().filter(|line| !line.starts_with('#'));
    Cost {
        series: series().count(),
        of_schemas: series().filter(|line| line.contains("schema=\"S")).count(),
        bytes: body.len(),
        time: times[SCRAPES / 2],
        // Including the scrape that reports it.
        processor: Duration::from_secs_f64(cpu() - before) / (SCRAPES as u32 + 1),
    }
}

fn print_cost(schemas: usize, when: &str, cost: &Cost) {
    let [time, processor] = [cost.time, cost.processor].map(|time| time.as_secs_f64() * 1000.0);
    println!(
        "{schemas} schemas, {when}: {} series, {} KiB, {processor:.1} ms of a processor, {time:.1} ms",
        cost.series,
        cost.bytes / 1024,
    );
}

/// Schemas without a rule: `S<n>/1`.
fn make_schemas(dir: &Path, count: usize) {
    for number in 0..count {
        let dir = dir.join(format!("S{number}"));
        std::fs::create_dir_all(&dir).expect("a directory");
        let text = r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#;
        std::fs::write(dir.join("1.json"), text).expect("a schema");
    }
}

/// Before any event, and after one or two of each schema.
fn costs(schemas: usize) -> [Cost; 2] {
    let dir = tempfile::tempdir().expect("a directory");
    make_schemas(&dir.path().join("schemas"), schemas);
    let context = zmq::Context::new();
    let raw = Publisher::bind(&context).expect("a publisher");
    let written = Publisher::bind(&context).expect("a publisher");
    let endpoints = [raw.endpoint().to_owned()];
    let mut settings = Settings::new(&endpoints, written.endpoint(), dir.path().join("schemas"));
    settings.raw_extra = "codec = \"json\"".into();
    let mut objective =
        CheckSettings::of_raw("delivery-objective", "delivery_objective.wasm", "{}");
    objective.streams = Vec::new();
    settings.checks = vec![objective];
    settings.deadline = "5s".into();
    settings.stall = "1h".into();
    let mut sidecar =
        Sidecar::start(&paths::landfall(), dir.path(), &settings).unwrap_or_else(|e| panic!("{e}"));
    assert!(raw.await_subscriptions(1) && written.await_subscriptions(1));
    let idle = cost(&sidecar);
    print_cost(schemas, "idle", &idle);
    for number in 0..2 * schemas {
        let schema = number % schemas;
        let event = format!(r#"{{"uuid":"e{number}","schema":"S{schema}","revision":1}}"#);
        raw.send(event.as_bytes()).expect("sent");
        if number < schemas {
            written.send(event.as_bytes()).expect("sent");
        }
    }
    let reached = |verdict, events| {
        let labels = [("verdict", verdict)];
        sidecar.metrics().count("landfall_events_total", &labels) == events as u64
    };
    await_until("all have a verdict", || {
        reached("delivered", schemas) && reached("missing", schemas)
    });
    let busy = cost(&sidecar);
    print_cost(schemas, "with events of each", &busy);
    sidecar.stop().unwrap_or_else(|e| panic!("{e}"));
    [idle, busy]
}

#[test]
fn a_scrape_is_bounded_however_many_schemas_there_are() {
    let few = costs(10);
    let most = costs(LABELS_MAX);
    let many = costs(2 * LABELS_MAX);
    // Counters, gauges, owner, and objective with its late_counts; then the histogram.
    let (idle, busy) = (35, 35 + 18);
    for (schemas, [before, after]) in [(10, &few), (LABELS_MAX, &most)] {
        assert_eq!(before.of_schemas, schemas * idle, "{schemas}");
        assert_eq!(after.of_schemas, schemas * busy, "{schemas}");
    }
    // Schemas without a label share one, and cost nothing before events come in.
    assert_eq!(many[0].of_schemas, 0);
    assert_eq!(many[1].of_schemas, LABELS_MAX * busy);
    // Prometheus takes what it gets within 10 s; a target of some MB is usual.
    for cost in few.iter().chain(&most).chain(&many) {
        assert!(cost.bytes < 4 << 20, "{} bytes", cost.bytes);
    }
}
