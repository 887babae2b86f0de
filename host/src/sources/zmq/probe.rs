//! Finds out why an address does not connect: libzmq's monitor reports that it does not connect,
//! but not why. A short connection of our own reads the peer's greeting (ZMTP 3.1,
//! rfc.zeromq.org/spec/37). It never completes a handshake, so no publisher takes it for a
//! subscriber. Bounded in time and bytes.
//!
//! What a peer sent is quoted as it is. The place that writes it out escapes it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::dial::Target;

/// The time to connect, and then the time for everything that the peer sends.
const CONNECT_MAX: Duration = Duration::from_secs(2);
const TALK_MAX: Duration = Duration::from_secs(2);

/// A peer that has sent nothing for this long gets two line ends, because a text server waits for
/// them.
const SILENCE: Duration = Duration::from_millis(500);

/// Enough for the greeting and the first command of any ZeroMQ peer.
const BYTES_MAX: usize = 1024;

/// Bytes that are shown of what another kind of peer sends.
const SHOWN_BYTES: usize = 40;

const GREETING_BYTES: usize = 64;

/// Offset of the major version in the greeting.
const VERSION_AT: usize = 10;

/// Bytes that a peer waits for before it sends the rest of its own greeting: the signature and the
/// version.
const OPENING_BYTES: usize = VERSION_AT + 1;

/// Range of the mechanism in the greeting, padded with zeros.
const MECHANISM: std::ops::Range<usize> = 12..32;

/// Our own greeting: version 3.0, mechanism NULL, no server.
fn greeting() -> [u8; GREETING_BYTES] {
    let mut greeting = [0; GREETING_BYTES];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[VERSION_AT] = 3;
    greeting[MECHANISM.start..MECHANISM.start + 4].copy_from_slice(b"NULL");
    greeting
}

/// What answers there, as the end of a sentence that begins with the address. Takes some seconds.
pub(super) fn explain(target: &Target) -> String {
    match target {
        Target::Tcp(address) => match TcpStream::connect_timeout(address, CONNECT_MAX) {
            Ok(stream) => {
                let timeout = |stream: &TcpStream, left| stream.set_read_timeout(Some(left));
                let _ = stream.set_write_timeout(Some(SILENCE));
                describe(&talk(stream, timeout))
            }
            Err(error) => refusal(&error),
        },
        Target::Local(endpoint) => match local(endpoint) {
            Ok(stream) => {
                let timeout = |stream: &UnixStream, left| stream.set_read_timeout(Some(left));
                let _ = stream.set_write_timeout(Some(SILENCE));
                describe(&talk(stream, timeout))
            }
            Err(error) => refusal(&error),
        },
    }
}

/// Connects to a local socket. A plain `connect` would wait for ever on a listener whose queue is
/// full.
fn local(endpoint: &str) -> io::Result<UnixStream> {
    let path = endpoint.strip_prefix("ipc://").unwrap_or(endpoint);
    let address = match path.strip_prefix('@') {
        // A name without a place in the file system begins with a zero byte.
        Some(name) => SockAddr::unix(format!("\0{name}"))?,
        None => SockAddr::unix(path)?,
    };
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // The write timeout holds for the wait in such a queue as well (unix(7), `SO_SNDTIMEO`).
    socket.set_write_timeout(Some(CONNECT_MAX))?;
    socket.connect(&address)?;
    Ok(socket.into())
}

fn refusal(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nobody listens there (connection refused)".into(),
        io::ErrorKind::NotFound => "there is no such socket".into(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            format!("no answer within {} s", CONNECT_MAX.as_secs())
        }
        _ => format!("it cannot be connected: {error}"),
    }
}

/// What a peer sent, and whether it ended the connection.
#[derive(Debug, Default)]
struct PeerReply {
    bytes: Vec<u8>,
    has_ended: bool,
}

fn talk<S: Read + Write>(
    mut stream: S,
    set_timeout: impl Fn(&S, Duration) -> io::Result<()>,
) -> PeerReply {
    let until = Instant::now() + TALK_MAX;
    let mut reply = PeerReply::default();
    let mut has_asked = false;
    // If the peer has closed already, reading from it shows that.
    let greeting = greeting();
    let (opening, mut rest) = greeting.split_at(OPENING_BYTES);
    // A peer that requires another mechanism than ours names it only if we have not named ours.
    let _ = stream.write_all(opening);
    let mut buffer = [0; 256];
    while reply.bytes.len() < BYTES_MAX && !is_enough(&reply.bytes) {
        if !rest.is_empty() && reply.bytes.len() >= MECHANISM.end {
            if names_another(&reply.bytes) {
                break;
            }
            let _ = stream.write_all(rest);
            rest = &[];
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || set_timeout(&stream, left.min(SILENCE)).is_err() {
            break;
        }
        match stream.read(&mut buffer) {
            Ok(0) => reply.has_ended = true,
            Ok(bytes) => {
                reply
                    .bytes
                    .extend_from_slice(buffer.get(..bytes).unwrap_or_default());
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                // A text server waits for the end of a line. A ZeroMQ peer is never silent.
                if reply.bytes.is_empty() && !has_asked {
                    has_asked = true;
                    let _ = stream.write_all(b"\r\n\r\n");
                } else if is_zmtp(&reply.bytes) {
                    // The peer sends no more before it knows our whole greeting.
                    let _ = stream.write_all(rest);
                    rest = &[];
                }
                continue;
            }
            Err(_) => reply.has_ended = true,
        }
        break;
    }
    reply
}

/// Whether a greeting and a command are complete.
fn is_enough(bytes: &[u8]) -> bool {
    is_zmtp(bytes) && (command(bytes).is_some() || bytes.get(VERSION_AT).is_some_and(|&v| v < 3))
}

/// The signature with which every ZeroMQ peer since 2011 begins.
fn is_zmtp(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0xff) && bytes.get(9).is_some_and(|byte| byte & 1 == 1)
}

/// Whether the peer has named a mechanism other than ours.
fn names_another(bytes: &[u8]) -> bool {
    is_zmtp(bytes) && mechanism(bytes).is_some_and(|mechanism| mechanism != b"NULL")
}

/// The mechanism in a peer's greeting.
fn mechanism(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(MECHANISM)?.split(|&byte| byte == 0).next()
}

/// Name and body of the first command after the greeting.
fn command(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [flags, rest @ ..] = bytes.get(GREETING_BYTES..)? else {
        return None;
    };
    let (size, rest) = match flags {
        0x04 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x06 => {
            let size = u64::from_be_bytes(rest.get(..8)?.try_into().ok()?);
            (usize::try_from(size).ok()?, rest.get(8..)?)
        }
        _ => return None,
    };
    let body = rest.get(..size)?;
    let name = body.get(1..1 + usize::from(*body.first()?))?;
    Some((name, body.get(1 + name.len()..)?))
}

/// The value of `Socket-Type` among the properties of READY.
fn socket_type(mut properties: &[u8]) -> Option<&[u8]> {
    loop {
        let name_bytes = usize::from(*properties.first()?);
        let name = properties.get(1..1 + name_bytes)?;
        let rest = properties.get(1 + name_bytes..)?;
        let value_bytes = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?);
        let value = rest.get(4..4 + usize::try_from(value_bytes).ok()?)?;
        if name.eq_ignore_ascii_case(b"Socket-Type") {
            return Some(value);
        }
        properties = rest.get(4 + value.len()..)?;
    }
}

/// The beginning of what a peer sent, as text.
fn shown(bytes: &[u8]) -> String {
    let cut = bytes.get(..SHOWN_BYTES);
    let text = String::from_utf8_lossy(cut.unwrap_or(bytes));
    match cut {
        // The last character may be cut in two.
        Some(_) => text.trim_end_matches(char::REPLACEMENT_CHARACTER).into(),
        None => text.into_owned(),
    }
}

/// What the peer is, judged by what it sent.
fn describe(reply: &PeerReply) -> String {
    let bytes = reply.bytes.as_slice();
    if bytes.is_empty() {
        return if reply.has_ended {
            "it accepts connections and closes them at once: it is no ZeroMQ publisher, or one that \
             refuses us"
                .into()
        } else {
            "it accepts connections and sends nothing: it is no ZeroMQ publisher".into()
        };
    }
    if !is_zmtp(bytes) {
        let shown = shown(bytes);
        let name = match bytes {
            [b'H', b'T', b'T', b'P', b'/', ..] => "it speaks HTTP",
            [0x15 | 0x16, 3, ..] => "it speaks TLS",
            [b'S', b'S', b'H', b'-', ..] => "it speaks SSH",
            _ => "it does not speak ZeroMQ",
        };
        return format!("{name} (it begins with \"{shown}\"): name a ZeroMQ publisher's port");
    }
    if bytes.get(VERSION_AT).is_some_and(|&version| version < 3) {
        return "it is a ZeroMQ peer of an old protocol (before ZeroMQ 4)".into();
    }
    if names_another(bytes) {
        return format!(
            "it requires the security mechanism {}, which Landfall does not have: give it a publisher \
             without one, on a local or private address",
            shown(mechanism(bytes).unwrap_or_default())
        );
    }
    match command(bytes) {
        Some((b"READY", properties)) => match socket_type(properties) {
            Some(b"PUB" | b"XPUB") => "it is a ZeroMQ publisher that answers now".into(),
            Some(other) => {
                let shown = shown(other);
                format!("it is a ZeroMQ socket of type {shown}: Landfall subscribes to PUB or XPUB")
            }
            None => "it is a ZeroMQ socket without a type".into(),
        },
        Some((b"ERROR", [_, reason @ ..])) => {
            let shown = shown(reason);
            format!("it refuses us: \"{shown}\"")
        }
        _ => "it is a ZeroMQ peer that does not complete its handshake".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A peer of ZMTP 3 with this mechanism and this first command.
    fn zmtp(mechanism: &[u8], command: &[u8]) -> Vec<u8> {
        let mut bytes = greeting().to_vec();
        bytes[MECHANISM].fill(0);
        bytes[MECHANISM][..mechanism.len()].copy_from_slice(mechanism);
        bytes.extend([4, command.len() as u8]);
        bytes.extend(command);
        bytes
    }

    fn ready(socket: &[u8]) -> Vec<u8> {
        let mut command = b"\x05READY\x08Identity\0\0\0\0\x0bSocket-Type\0\0\0".to_vec();
        command.push(socket.len() as u8);
        command.extend(socket);
        command
    }

    #[test]
    fn a_local_listener_that_accepts_nobody_holds_the_probe_for_a_bounded_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("full");
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        let address = SockAddr::unix(&path).expect("an address");
        listener.bind(&address).expect("it binds");
        listener.listen(0).expect("it listens");
        let endpoint = format!("ipc://{}", path.display());
        let first = local(&endpoint).expect("there is room for one");
        let (sender, receiver) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let error = local(&endpoint).expect_err("no room");
            let _ = sender.send(refusal(&error));
        });
        let reason = receiver.recv_timeout(Duration::from_secs(60));
        assert_eq!(reason.as_deref(), Ok("no answer within 2 s"));
        drop(first);
    }

    #[test]
    fn a_local_name_without_a_place_is_reached() {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::{SocketAddr, UnixListener};

        let name = format!("landfall-probe-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let _listener = UnixListener::bind_addr(&address).expect("it binds");
        assert!(local(&format!("ipc://@{name}")).is_ok());
    }

    #[test]
    fn a_peer_is_recognized_by_what_it_sends_and_its_text_is_left_as_it_is() {
        let old = [&[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 1][..]].concat();
        for (bytes, has_ended, expected) in [
            (vec![], true, "closes them at once"),
            (vec![], false, "sends nothing"),
            (
                b"HTTP/1.1 400 Bad Request\r\nx: y".to_vec(),
                true,
                "it speaks HTTP (it begins with \"HTTP/1.1 400 Bad Request\r\nx: y\")",
            ),
            (vec![0x15, 3, 1, 0, 2], true, "it speaks TLS"),
            (b"SSH-2.0-x".to_vec(), false, "it speaks SSH"),
            (
                b"-ERR \x1b[31m\n\xe2\x80\xae".to_vec(),
                true,
                "it does not speak ZeroMQ (it begins with \"-ERR \x1b[31m\n\u{202e}\")",
            ),
            (old, false, "old protocol"),
            (zmtp(b"CURVE", b""), false, "mechanism CURVE,"),
            (zmtp(b"PL\nAIN", b""), false, "mechanism PL\nAIN,"),
            (zmtp(b"NULL", &ready(b"REP")), false, "of type REP:"),
            (zmtp(b"NULL", &ready(b"\x07\n")), false, "of type \x07\n:"),
            (
                zmtp(b"NULL", &ready(b"XPUB")),
                false,
                "a ZeroMQ publisher that answers now",
            ),
            (
                zmtp(b"NULL", &ready(b"PUB")),
                false,
                "a ZeroMQ publisher that answers now",
            ),
            (zmtp(b"NULL", b"\x05READY"), false, "without a type"),
            (
                zmtp(b"NULL", b"\x05ERROR\x03n\no"),
                true,
                "it refuses us: \"n\no\"",
            ),
            (greeting().to_vec(), false, "does not complete"),
            (greeting()[..20].to_vec(), true, "does not complete"),
        ] {
            let text = describe(&PeerReply {
                bytes: bytes.clone(),
                has_ended,
            });
            assert!(text.contains(expected), "{text:?} for {bytes:?}");
        }
        let long = [&b"x".repeat(SHOWN_BYTES - 1)[..], "é and more".as_bytes()].concat();
        assert_eq!(
            shown(&long),
            "x".repeat(SHOWN_BYTES - 1),
            "no half of a character"
        );
        assert_eq!(shown(b"\xff!"), "\u{fffd}!");
    }

    #[test]
    fn no_bytes_whatever_make_it_fail() {
        let whole = zmtp(b"NULL", &ready(b"PUB"));
        for end in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole[..end].to_vec();
                bytes.push(byte);
                assert!(
                    !describe(&PeerReply {
                        bytes,
                        has_ended: false
                    })
                    .is_empty()
                );
            }
        }
    }

    #[test]
    fn it_is_done_in_seconds_with_peers_that_trickle_and_takes_no_more_than_it_wants() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target::Tcp(listener.local_addr().unwrap());
        let peer = thread::spawn(move || {
            let (mut trickling, _) = listener.accept().unwrap();
            while trickling.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
            let (mut flooding, _) = listener.accept().unwrap();
            let _ = flooding.set_write_timeout(Some(Duration::from_secs(20)));
            while flooding.write_all(&[b'y'; 10_000]).is_ok() {}
        });
        for letter in ["\"xxxx", "\"yyyy"] {
            let began = Instant::now();
            let text = explain(&target);
            assert!(text.contains(letter) && text.len() < 200, "{text}");
            assert!(
                began.elapsed() < Duration::from_secs(15),
                "{:?}",
                began.elapsed()
            );
        }
        peer.join().unwrap();
        // Now nobody listens there any more.
        assert!(explain(&target).contains("connection refused"));
        let nowhere = Target::Local("ipc:///nowhere/landfall".into());
        assert!(explain(&nowhere).contains("no such socket"));
    }
}
