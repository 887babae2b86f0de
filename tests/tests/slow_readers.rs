//! A client that asks for a large answer and reads it slowly, or never, holds memory and a connection only
//! within their bounds, and keeps no probe waiting.

mod support;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use landfall_tests::wait::await_until;
use serde_json::json;
use support::{Event, Setup, Sidecar, event_of};

/// A probe's usual time-out is a second; a busy machine gets some more.
const PROBE_MAX: Duration = Duration::from_secs(5);

fn probe(sidecar: &Sidecar) {
    let began = Instant::now();
    let answer = sidecar.get("/healthz").expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(began.elapsed() < PROBE_MAX, "{:?}", began.elapsed());
}

/// This many schemas, with names of the maximum length, make a large answer of `/metrics`.
const SCHEMAS: u64 = 1500;

/// The memory of all unread answers together, with room for what the allocator keeps.
const ANSWERS_MAX: u64 = 64 << 20;
const SLACK: u64 = 64 << 20;

/// Connections that may be open at the last look, besides the descriptors of the process itself.
const STILL_OPEN_MAX: usize = 2;

/// A sidecar that has seen events of very many schemas.
fn large() -> (Sidecar, tempfile::TempDir) {
    let schemas = tempfile::tempdir().expect("a directory");
    let capsule = landfall_tests::paths::schemas().join("EventCapsule/2014.json");
    std::fs::create_dir(schemas.path().join("EventCapsule")).expect("a directory");
    std::fs::copy(capsule, schemas.path().join("EventCapsule/2014.json")).expect("copied");
    // Names are in every line of the answer.
    let parts = [
        "Many".repeat(60),
        "Schemas".repeat(34),
        "LongName".repeat(29),
    ];
    let name = |number: u64| format!("{}{number}", parts.join("/"));
    for number in 0..SCHEMAS {
        let dir = schemas.path().join(name(number));
        std::fs::create_dir_all(&dir).expect("a directory");
        let schema = "{\"$schema\": \"http://json-schema.org/draft-07/schema#\"}";
        std::fs::write(dir.join("1.json"), schema).expect("written");
    }
    let sidecar = Sidecar::start(Setup {
        schemas: schemas.path().to_owned(),
        deadline: "60s",
        ..Setup::default()
    });
    let events: Vec<Event> = (0..SCHEMAS)
        .map(|number| event_of(number, &name(number), 1, json!({"x": 1})))
        .collect();
    sidecar.send_raw(&events);
    sidecar.await_frames("raw", SCHEMAS);
    sidecar.land(&events);
    sidecar.await_verdict("delivered", SCHEMAS);
    (sidecar, schemas)
}

fn resident_bytes(sidecar: &Sidecar) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", sidecar.id()));
    let status = status.expect("its state");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|text| text.trim().strip_suffix(" kB"));
    kibibytes
        .expect("its memory")
        .parse::<u64>()
        .expect("a number")
        << 10
}

fn descriptors(sidecar: &Sidecar) -> usize {
    let open = std::fs::read_dir(format!("/proc/{}/fd", sidecar.id()));
    open.expect("its descriptors").count()
}

#[test]
fn who_reads_a_large_answer_slowly_or_never_holds_neither_memory_nor_a_seat_for_long() {
    let (mut sidecar, _schemas) = large();
    let address = sidecar.process().http();
    let whole = sidecar.get("/metrics").expect("an answer").body.len();
    // More than the sockets on the way take without a reader (4 MiB).
    assert!(whole > 5 << 20, "{whole}");
    let (before, open_before) = (resident_bytes(&sidecar), descriptors(&sidecar));
    let began = Instant::now();
    let mut slow: Vec<TcpStream> = (0..100)
        .map(|number| {
            let mut stream = TcpStream::connect(address).expect("a connection");
            let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
            // A connection may be closed for a newer one by now.
            let _ = stream.write_all(request.as_bytes());
            if number % 3 == 0 {
                let _ = stream.shutdown(Shutdown::Write);
            }
            stream
        })
        .collect();
    // A byte a second, from every third of them.
    let trickling: Vec<_> = slow
        .iter()
        .skip(1)
        .step_by(3)
        .map(|stream| {
            let mut stream = stream.try_clone().expect("shared");
            thread::spawn(move || {
                let mut read = 0;
                while matches!(stream.read(&mut [0; 1]), Ok(1)) && began.elapsed() < 2 * PROBE_MAX {
                    read += 1;
                    thread::sleep(Duration::from_secs(1));
                }
                read
            })
        })
        .collect();
    let mut most = 0;
    while began.elapsed() < PROBE_MAX {
        probe(&sidecar);
        let scraped = sidecar.get("/metrics").expect("an answer");
        assert!(
            scraped.status == 200 && scraped.body.len() >= whole / 2,
            "a scraper gets all"
        );
        most = most.max(resident_bytes(&sidecar));
    }
    assert!(most < before + ANSWERS_MAX + SLACK, "{before} {most}");
    // They are closed within their bound, although they are still open at the other end.
    await_until("their seats are free", || {
        descriptors(&sidecar) <= open_before + STILL_OPEN_MAX
    });
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    for stream in trickling {
        stream.join().expect("it reads");
    }
    let mut served = 0;
    for stream in &mut slow {
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("set");
        let mut rest = Vec::new();
        // Cut off, or reset.
        let _ = stream.read_to_end(&mut rest);
        served += usize::from(rest.len() >= whole);
    }
    // Those that were still open then, and were read from now on.
    assert!(served <= STILL_OPEN_MAX, "{served} got all");
    probe(&sidecar);
    sidecar.stop();
}
