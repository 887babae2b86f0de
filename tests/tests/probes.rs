//! Probes are answered whatever other clients do to Landfall's HTTP port, and even when the process has no
//! descriptor left.

mod support;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use support::{Setup, Sidecar, event};

/// A probe's usual time-out is a second; a busy machine gets some more.
const PROBE_MAX: Duration = Duration::from_secs(5);

fn probe(sidecar: &Sidecar) {
    let began = Instant::now();
    let answer = sidecar.get("/healthz").expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(began.elapsed() < PROBE_MAX, "{:?}", began.elapsed());
}

#[test]
fn a_hundred_idle_connections_keep_no_probe_waiting_and_go_in_seconds() {
    let mut sidecar = Sidecar::start(Setup::default());
    let address = sidecar.process().http();
    let began = Instant::now();
    let mut idle: Vec<TcpStream> = (0..100)
        .map(|n| {
            let mut stream = TcpStream::connect(address).expect("a connection");
            if n % 2 == 0 {
                stream
                    .write_all(b"GET /metrics HTTP/1.1\r\n")
                    .expect("sent");
            }
            stream
        })
        .collect();
    probe(&sidecar);
    for stream in &mut idle {
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("set");
        match stream.read(&mut [0; 1]) {
            Ok(bytes) => assert_eq!(bytes, 0, "it is closed"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    sidecar.stop();
}

#[test]
fn without_a_descriptor_left_probes_are_answered_and_judging_goes_on() {
    let mut sidecar = Sidecar::start(Setup::default());
    let id = sidecar.process().id();
    let open: BTreeSet<u64> = std::fs::read_dir(format!("/proc/{id}/fd"))
        .expect("its descriptors")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    let lowest_free = (0..).find(|number| !open.contains(number));
    let pid = Pid::from_raw(id as i32);
    let before = getrlimit(Resource::Nofile);
    let none_left = Rlimit {
        current: lowest_free,
        maximum: before.maximum,
    };
    prlimit(pid, Resource::Nofile, none_left).expect("the limit is set");
    // A client that holds the last descriptor, and sends nothing.
    let _idle = TcpStream::connect(sidecar.process().http()).expect("a connection");
    for _ in 0..5 {
        probe(&sidecar);
    }
    assert!(sidecar.log().contains("open files"), "{}", sidecar.log());
    prlimit(pid, Resource::Nofile, before).expect("the limit is set");
    sidecar.send_raw(&[event(1)]);
    sidecar.land(&[event(1)]);
    sidecar.await_verdict("delivered", 1);
    sidecar.stop();
}
