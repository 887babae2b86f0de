//! Connections that end, and those that are never made: each is tried again, and reported with its reason.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use std::thread;

use super::super::Publisher as _;
use super::tests::{Bench, PATIENCE, publisher, start, start_by, subscription, until};
use super::*;
use crate::flow::Link;
use landfall_ledger::Stream;

/// Serves the handshake of a publisher by hand.
fn accept_subscriber(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let mut accepted = None;
    until("a connection", || {
        accepted = listener.accept().ok();
        accepted.is_some()
    });
    let (mut stream, _) = accepted.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut greeting = [0; 64];
    (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
    greeting[12..16].copy_from_slice(b"NULL");
    stream.write_all(&greeting).unwrap();
    stream.read_exact(&mut [0; 64]).unwrap();
    let ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB";
    stream.write_all(&[4, ready.len() as u8]).unwrap();
    stream.write_all(ready).unwrap();
    // Its READY.
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    stream
        .read_exact(&mut vec![0; usize::from(head[1])])
        .unwrap();
    // Its subscription to everything: what is not read would reset the connection at its end.
    let mut subscription = [0; 3];
    stream.read_exact(&mut subscription).unwrap();
    assert_eq!(subscription, [0, 1, 1]);
    stream
}

fn send(stream: &mut TcpStream, frame: &[u8]) {
    stream.write_all(&[0, frame.len() as u8]).unwrap();
    stream.write_all(frame).unwrap();
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

fn await_trouble(bench: &Bench, text: &str) {
    until(text, || bench.running.status.trouble().contains(text));
    assert_ne!(bench.running.status.link(), Link::Connected);
}

#[test]
fn after_a_frame_that_libzmq_refuses_it_connects_again_and_loses_nothing_that_came_before() {
    let (listener, endpoint) = listener();
    let bench = start(&subscription(&endpoint), 1 << 20);
    for round in 1..=3_u8 {
        let mut peer = accept_subscriber(&listener);
        send(&mut peer, &[round, 1]);
        send(&mut peer, &[round, 2]);
        // A large frame of 128 MiB and a byte begins.
        peer.write_all(&[2]).unwrap();
        peer.write_all(&((128_u64 << 20) + 1).to_be_bytes())
            .unwrap();
        assert_eq!(bench.frames(2), [[round, 1], [round, 2]]);
        until("its end", || {
            bench.running.status.protocol_errors() == u64::from(round)
        });
        assert!(bench.running.status.trouble().contains("more than 128 MiB"));
        assert_eq!(bench.running.status.disconnects(), u64::from(round));
    }
    let mut peer = accept_subscriber(&listener);
    send(&mut peer, b"last");
    assert_eq!(bench.frames(1), [b"last"]);
    assert_eq!(
        (bench.running.status.link(), bench.running.status.trouble()),
        (Link::Connected, String::new())
    );
    // The peer goes: that is no error of the protocol.
    drop(peer);
    await_trouble(&bench, "the connection is lost");
    assert_eq!(bench.running.status.protocol_errors(), 3);
    bench.end().unwrap();
}

#[test]
fn frames_that_came_before_an_end_are_read_first_although_the_next_connection_is_there() {
    let (listener, endpoint) = listener();
    // One batch fills the queue: the source waits for room all the while.
    let bench = start(&subscription(&endpoint), 1);
    let mut all = 0;
    for rounds in [0..2_u8, 2..4] {
        let mut sent = Vec::new();
        for round in rounds {
            let mut peer = accept_subscriber(&listener);
            for number in 0..=200 {
                send(&mut peer, &[round, number]);
                sent.push(vec![round, number]);
            }
        }
        assert_eq!(bench.frames(sent.len()), sent);
        all += sent.len() as u64;
    }
    assert_eq!(bench.running.status.frames(), all);
    bench.end().unwrap();
}

#[test]
fn who_answers_in_a_publishers_place_is_reported_and_the_publisher_is_found_when_it_comes() {
    let context = zmq::Context::new();
    let rep = context.socket(zmq::REP).unwrap();
    rep.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = rep.get_last_endpoint().unwrap().unwrap();
    let bench = start(&subscription(&endpoint), 1 << 20);
    await_trouble(&bench, "a ZeroMQ socket of type REP");
    assert!(bench.running.status.protocol_errors() > 0);
    assert!(bench.running.status.trouble().contains(&endpoint));
    drop(rep);
    drop(context);
    let mut opened = None;
    until("the port is free", || {
        opened = ZmqPublisher::open(&endpoint, Attach::Bind, true).ok();
        opened.is_some()
    });
    let mut publisher = opened.unwrap();
    publisher.publish(b"frame").unwrap();
    assert_eq!(bench.frames(1), [b"frame"]);
    until("it is reported", || {
        bench.running.status.trouble().is_empty()
    });
    bench.end().unwrap();
}

#[test]
fn a_server_of_http_is_reported_and_nothing_that_it_sends_is_a_frame() {
    let (listener, endpoint) = listener();
    let is_over = Arc::new(AtomicBool::new(false));
    let server = {
        let is_over = Arc::clone(&is_over);
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                if is_over.load(Ordering::Acquire) {
                    return;
                }
                thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(PATIENCE));
                    let mut asked = Vec::new();
                    let mut byte = [0];
                    while !asked.ends_with(b"\n") && stream.read_exact(&mut byte).is_ok() {
                        asked.push(byte[0]);
                    }
                    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n\x1b[31m");
                });
            }
        })
    };
    let address = endpoint.strip_prefix("tcp://").unwrap().to_owned();
    let bench = start(&subscription(&endpoint), 1 << 20);
    await_trouble(&bench, "it speaks HTTP");
    let trouble = bench.running.status.trouble();
    // As it is: whoever writes it out escapes it.
    let quoted = "(it begins with \"HTTP/1.1 400 Bad Request\r\n\r\n\u{1b}[31m\")";
    assert!(trouble.contains(quoted), "{trouble:?}");
    assert_eq!(bench.running.status.frames(), 0);
    bench.end().unwrap();
    is_over.store(true, Ordering::Release);
    drop(TcpStream::connect(address));
    server.join().unwrap();
}

#[test]
fn a_peer_that_requires_another_mechanism_is_reported() {
    let (listener, endpoint) = listener();
    let peer = thread::spawn(move || {
        // The source's own tries, and the one that finds out.
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut greeting = [0; 64];
            (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
            greeting[12..17].copy_from_slice(b"CURVE");
            let _ = stream.write_all(&greeting);
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let bench = start(&subscription(&endpoint), 1 << 20);
    await_trouble(&bench, "the security mechanism CURVE");
    bench.end().unwrap();
    drop(peer);
}

#[test]
fn a_publisher_that_requires_passwords_is_reported() {
    let context = zmq::Context::new();
    let publisher = context.socket(zmq::PUB).unwrap();
    publisher.set_plain_server(true).unwrap();
    publisher.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = publisher.get_last_endpoint().unwrap().unwrap();
    let bench = start(&subscription(&endpoint), 1 << 20);
    await_trouble(&bench, "the security mechanism PLAIN");
    bench.end().unwrap();
}

#[test]
fn nobody_there_is_reported_with_the_reason() {
    let (listener, endpoint) = listener();
    drop(listener);
    let bench = start(&subscription(&endpoint), 1 << 20);
    await_trouble(&bench, "connection refused");
    assert_eq!(bench.running.status.link(), Link::Retrying);
    bench.end().unwrap();
    let nowhere = start(&subscription("ipc:///nowhere/landfall"), 1 << 20);
    await_trouble(&nowhere, "there is no such socket");
    nowhere.end().unwrap();
}

/// Both addresses of this machine, the newer kind first.
fn both(_: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let (v6, v4) = (Ipv6Addr::LOCALHOST, Ipv4Addr::LOCALHOST);
    Ok(vec![(v6, port).into(), (v4, port).into()])
}

fn port_of(endpoint: &str) -> u16 {
    endpoint.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn of_a_name_with_two_addresses_the_one_that_answers_is_found_and_never_both_connected() {
    let (mut on_v4, v4) = publisher("127.0.0.1");
    let port = port_of(&v4);
    let destination = format!("tcp://pubhost:{port}");
    let bench = start_by(both, &subscription(&destination), 1 << 20);
    on_v4.publish(b"first").unwrap();
    assert_eq!(bench.frames(1), [b"first"]);
    // A machine without IPv6 has no such address to bind to.
    let on_v6 = ZmqPublisher::open(&format!("tcp://[::1]:{port}"), Attach::Bind, true);
    if let Ok(mut on_v6) = on_v6 {
        assert!(
            !on_v6.wait_for_listener(Duration::from_millis(500)).unwrap(),
            "connected to both"
        );
        Box::new(on_v4).finish().unwrap();
        on_v6.publish(b"second").unwrap();
        assert_eq!(bench.frames(1), [b"second"]);
    }
    bench.end().unwrap();

    // Only one kind is wanted.
    fn newer(_: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        Ok(vec![(Ipv6Addr::LOCALHOST, port).into()])
    }
    let mut older = subscription(&destination);
    older.settings.ipv6 = false;
    let bench = start_by(newer, &older, 1 << 20);
    await_trouble(&bench, "`ipv6` of this stream is false");
    bench.end().unwrap();
}

#[test]
fn all_addresses_that_were_tried_are_reported() {
    let (listener, endpoint) = listener();
    drop(listener);
    let destination = format!("tcp://pubhost:{}", port_of(&endpoint));
    let bench = start_by(both, &subscription(&destination), 1 << 20);
    await_trouble(&bench, "nobody listens there");
    let trouble = bench.running.status.trouble();
    let (v6, v4) = (
        trouble.find("tcp://[::1]:"),
        trouble.find("tcp://127.0.0.1:"),
    );
    assert!(v6.is_some() && v6 < v4, "{trouble}");
    bench.end().unwrap();
}

#[test]
fn a_name_is_resolved_anew_for_each_round_and_an_error_of_the_resolver_is_reported() {
    static HAS_MOVED: AtomicBool = AtomicBool::new(false);
    fn moving(_: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        if HAS_MOVED.load(Ordering::Acquire) {
            Ok(vec![(Ipv4Addr::LOCALHOST, port).into()])
        } else {
            Err("no such name\n\x1b[31m".into())
        }
    }
    let (mut publisher, endpoint) = publisher("127.0.0.1");
    let destination = format!("tcp://pubhost:{}", port_of(&endpoint));
    let bench = start_by(moving, &subscription(&destination), 1 << 20);
    await_trouble(&bench, "not resolved: no such name\n\u{1b}[31m");
    HAS_MOVED.store(true, Ordering::Release);
    publisher.publish(b"frame").unwrap();
    assert_eq!(bench.frames(1), [b"frame"]);
    bench.end().unwrap();
}

#[test]
fn a_resolver_that_hangs_holds_neither_the_source_nor_its_end() {
    fn hanging(_: &str, _: u16) -> Result<Vec<SocketAddr>, String> {
        thread::sleep(Duration::from_secs(3600));
        Err(String::new())
    }
    let bench = start_by(hanging, &subscription("tcp://pubhost:1"), 1 << 20);
    let began_ms = bench.clock.now_ms();
    until("the frontier", || {
        bench.in_flight.frontier(Stream::Raw) > began_ms + 500
    });
    await_trouble(&bench, "the system's resolver");
    let asked_at = Instant::now();
    bench.end().unwrap();
    assert!(asked_at.elapsed() < PATIENCE);
}
