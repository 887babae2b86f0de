//! Lets what comes over a TCP connection gather in the kernel while its source sleeps.
//!
//! libzmq wakes its own thread for whatever a connection brings, if need be for each frame. On a
//! stream of a thousand small frames a second, that costs more than all the rest (measured). A
//! sleeping source reads nothing anyway. So for that time it raises the connection's low-water mark
//! (`SO_RCVLOWAT`, socket(7)). Then the kernel wakes libzmq when so many bytes are there, when the
//! connection ends, or when the mark is lowered again (since Linux 4.18; with an older kernel
//! nothing gathers). Nothing is dropped or reordered. `holds_bytes` shows what has gathered and was
//! not yet read by libzmq, also over a local socket (`ipc://`). So a source does not believe that a
//! socket is empty when it is not.
//!
//! The connection belongs to libzmq, and its monitor reports the descriptor. The descriptor is
//! duplicated, so that it stays this connection whatever libzmq does. Before that, it is checked to
//! be a connection to the endpoint.

use std::net::SocketAddr;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::time::Duration;

use super::liveness;
use rustix::io::{Errno, fcntl_dupfd_cloexec, ioctl_fionread};
use rustix::net::{RecvFlags, SocketAddrUnix, getpeername, recv};

/// With so many bytes libzmq is woken although the source sleeps: a flood has begun.
const DEFERRED_BYTES_MAX: libc::c_int = 768 << 10;

/// What the peer may send meanwhile is a multiple of it, so that nobody is slowed down. The kernel
/// makes a receive buffer large enough for any mark that is set (up to half of what
/// `net.ipv4.tcp_rmem` allows, 3 MiB by default), and the buffer keeps its size when the mark is
/// lowered.
const ROOM_BYTES: libc::c_int = 3 * DEFERRED_BYTES_MAX;

/// The mark that every socket has by default.
const ONE_BYTE: libc::c_int = 1;

/// A shorter sleep is not worth two system calls.
pub(super) const DEFER_MIN: Duration = Duration::from_millis(2);

/// The first Linux that wakes a waiting thread when a connection's mark is lowered.
const KERNEL_MIN: (u32, u32) = (4, 18);

/// libzmq's connection, if there is one.
#[derive(Debug, Default)]
pub(super) struct Connection {
    socket: Option<OwnedFd>,
    /// Whether it is over TCP, and the kernel is new enough.
    defers_wake_ups: bool,
    /// Whether it leads over a network, and is probed every second.
    is_probed: bool,
}

impl Connection {
    /// The monitor reported a connection to `endpoint`. A connection that has ended since is not
    /// held.
    pub fn opened(&mut self, descriptor: RawFd, endpoint: &str) {
        // Checked before it is duplicated: closing a duplicate of another file could release that
        // file's locks.
        (self.defers_wake_ups, self.is_probed) = (false, false);
        self.socket = None;
        if descriptor < 0 {
            return;
        }
        // SAFETY: it may have been closed since. Both calls take any number, and a number that is
        // no open descriptor gives an error and nothing worse.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        self.socket = leads_to(borrowed, endpoint)
            .then(|| fcntl_dupfd_cloexec(borrowed, 0).ok())
            .flatten()
            .filter(|socket| leads_to(socket.as_fd(), endpoint));
        if let Some(socket) = &self.socket
            && kernel_wakes()
            && port_of(endpoint).is_some()
        {
            set_low_water(socket, ROOM_BYTES);
            set_low_water(socket, ONE_BYTE);
            self.defers_wake_ups = true;
        }
        self.is_probed = self.socket.as_ref().is_some_and(liveness::probe_often);
    }

    /// Whether there is a connection in which bytes can gather.
    pub fn can_defer_wake_ups(&self) -> bool {
        self.socket.is_some() && self.defers_wake_ups
    }

    /// Who ended the connection, which libzmq has just closed on its side.
    pub fn end(&self) -> End {
        let Some(socket) = &self.socket else {
            return End::Unknown;
        };
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match recv(socket, &mut [0_u8], flags) {
            Ok((_, 0)) => End::Theirs,
            // The peer has sent more, or nothing yet.
            Ok(_) | Err(Errno::AGAIN) => End::Ours,
            Err(_) => End::Theirs,
        }
    }

    /// The connection has ended.
    pub fn closed(&mut self) {
        self.socket = None;
    }

    /// Lets bytes gather until the returned guard is dropped; None if that is not possible.
    pub fn defer_wake_ups(&self) -> Option<DeferredWakeUps<'_>> {
        let socket = self.socket.as_ref().filter(|_| self.defers_wake_ups)?;
        set_low_water(socket, DEFERRED_BYTES_MAX).then_some(DeferredWakeUps(socket))
    }

    /// Bytes that have room in the kernel for certain, before the peer has to wait. Of what is made for a connection,
    /// a quarter, because the kernel counts more than the bytes. Where nothing is made, a local socket with small
    /// frames had room for 17 KB (measured), and this is half of it.
    pub fn room_bytes(&self) -> u64 {
        match self.defers_wake_ups {
            true => u64::from(ROOM_BYTES.unsigned_abs()) / 4,
            false => 8 << 10,
        }
    }

    /// Whether the connection stands, as far as this machine's kernel knows. None if the kernel cannot be asked: then
    /// only libzmq's events tell of its end.
    pub fn is_alive(&self) -> Option<bool> {
        self.socket.as_ref().map(liveness::is_alive)
    }

    /// How long ago the other end acknowledged something. None if both ends are on this machine, or that cannot be
    /// known: then the connection stands for as long as the kernel says so.
    pub fn acknowledged(&self) -> Option<Duration> {
        let socket = self.socket.as_ref().filter(|_| self.is_probed)?;
        liveness::acknowledged(socket)
    }

    /// Whether there are bytes that libzmq has not read; None if that cannot be known.
    pub fn holds_bytes(&self) -> Option<bool> {
        let socket = self.socket.as_ref()?;
        let bytes = ioctl_fionread(socket).ok()?;
        Some(bytes > 0)
    }
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// libzmq ended it, because the peer did not.
    Ours,
    /// The peer ended it, or something between.
    Theirs,
    Unknown,
}

/// When a sleep ends in any way, even by a panic, libzmq gets what has come.
pub(super) struct DeferredWakeUps<'a>(&'a OwnedFd);

impl Drop for DeferredWakeUps<'_> {
    fn drop(&mut self) {
        // The socket accepted a larger mark, so it accepts the default one.
        set_low_water(self.0, ONE_BYTE);
    }
}

/// Whether the kernel is known to be new enough.
fn kernel_wakes() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        version_of(&release).is_some_and(|version| version >= KERNEL_MIN)
    })
}

/// The first two numbers of a kernel's release.
fn version_of(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether this is a connection to the endpoint.
fn leads_to(socket: BorrowedFd<'_>, endpoint: &str) -> bool {
    let Some(peer) = peer_of(socket) else {
        return false;
    };
    match (&peer, endpoint.strip_prefix("ipc://")) {
        (Peer::Tcp(port), None) => port_of(endpoint) == Some(*port),
        (Peer::Local(peer), Some(path)) => peer == path.as_bytes(),
        _ => false,
    }
}

/// The port of a `tcp://` endpoint.
fn port_of(endpoint: &str) -> Option<u16> {
    let (_, port) = endpoint.strip_prefix("tcp://")?.rsplit_once(':')?;
    port.parse().ok()
}

/// The other end of a connection.
enum Peer {
    /// Its port.
    Tcp(u16),
    /// Its path as libzmq writes it; `@` and a name if it is not a file.
    Local(Vec<u8>),
}

/// The other end, if this is a connection over TCP or a local one.
fn peer_of(socket: BorrowedFd<'_>) -> Option<Peer> {
    let address = getpeername(socket).ok()??;
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        return Some(Peer::Tcp(address.port()));
    }
    let address = SocketAddrUnix::try_from(address).ok()?;
    let path = match (address.abstract_name(), address.path_bytes()) {
        (Some(name), _) => [b"@", name].concat(),
        (None, Some(path)) => path.to_owned(),
        (None, None) => Vec::new(),
    };
    Some(Peer::Local(path))
}

fn set_low_water(socket: &OwnedFd, bytes: libc::c_int) -> bool {
    // SAFETY: the descriptor is open for as long as the socket, and the value is an integer of the
    // given length.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            std::ptr::from_ref(&bytes).cast(),
            size_of_val(&bytes) as libc::socklen_t,
        )
    };
    failed == 0
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    /// Whether a thread that waits for the stream would be woken.
    fn wakes(stream: &TcpStream) -> bool {
        poll(stream, 0)
    }

    fn poll(stream: &TcpStream, timeout_ms: i32) -> bool {
        let mut polled = libc::pollfd {
            fd: stream.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: there is one entry, and the length given is one.
        unsafe { libc::poll(&raw mut polled, 1, timeout_ms) == 1 }
    }

    fn connected() -> (Connection, TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ours = TcpStream::connect(address).unwrap();
        let theirs = listener.accept().unwrap().0;
        theirs.set_nodelay(true).unwrap();
        let mut connection = Connection::default();
        connection.opened(
            ours.as_raw_fd(),
            &format!("tcp://somewhere:{}", address.port()),
        );
        (connection, ours, theirs)
    }

    #[test]
    fn bytes_gather_until_they_are_many_or_the_sleep_ends() {
        let (connection, mut ours, mut theirs) = connected();
        let deferred = connection.defer_wake_ups().expect("it is over TCP");
        theirs.write_all(b"frame").unwrap();
        // A byte comes when it has come: over loopback writing is delivering.
        assert!(!wakes(&ours), "it gathers");
        assert_eq!(connection.holds_bytes(), Some(true));
        drop(deferred);
        assert!(wakes(&ours), "all that came is there");
        let mut read = [0; 5];
        ours.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"frame");
        assert_eq!(connection.holds_bytes(), Some(false));

        let deferred = connection.defer_wake_ups();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                theirs
                    .write_all(&vec![0; DEFERRED_BYTES_MAX as usize])
                    .unwrap()
            });
            assert!(poll(&ours, 20_000), "a flood is not held up");
            // Whatever the buffers of this machine hold.
            let mut rest = vec![0; DEFERRED_BYTES_MAX as usize];
            (&ours).read_exact(&mut rest).unwrap();
        });
        drop(deferred);
    }

    /// Bytes that the kernel lets wait in the stream's receive buffer.
    fn receive_buffer_bytes(stream: &TcpStream) -> libc::c_int {
        let mut bytes: libc::c_int = 0;
        let mut size = size_of_val(&bytes) as libc::socklen_t;
        // SAFETY: there is room for an integer, and the length given is its size.
        let failed = unsafe {
            libc::getsockopt(
                stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVBUF,
                (&raw mut bytes).cast(),
                &raw mut size,
            )
        };
        assert_eq!(failed, 0);
        bytes
    }

    #[test]
    fn there_is_room_for_far_more_than_gathers() {
        let (connection, ours, _theirs) = connected();
        let limits = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_rmem").unwrap();
        let most: libc::c_int = limits.split_whitespace().last().unwrap().parse().unwrap();
        let room = receive_buffer_bytes(&ours);
        assert!(room >= ROOM_BYTES.min(most / 2), "{room} of {most}");
        drop(connection.defer_wake_ups());
        assert!(receive_buffer_bytes(&ours) >= room, "it stays");
    }

    #[test]
    fn whoever_waits_is_woken_when_the_mark_is_lowered() {
        let (connection, ours, mut theirs) = connected();
        let deferred = connection.defer_wake_ups().expect("it is over TCP");
        theirs.write_all(b"frame").unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| poll(&ours, 20_000));
            // Whether it waits already or not yet, the bytes are there for it.
            while connection.holds_bytes() != Some(true) {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished());
            drop(deferred);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn an_old_kernel_is_known_by_its_release() {
        for (release, version) in [
            ("6.18.44-fc-v657\n", Some((6, 18))),
            ("4.18.0-553.el8.x86_64", Some((4, 18))),
            ("3.10.0", Some((3, 10))),
            ("5.4-rc1", Some((5, 4))),
            ("", None),
            ("unknown", None),
        ] {
            assert_eq!(version_of(release), version, "{release}");
        }
        assert!((4, 15) < KERNEL_MIN && (5, 0) > KERNEL_MIN);
    }

    #[test]
    fn the_end_of_a_connection_is_reported_at_once() {
        let (connection, ours, theirs) = connected();
        let deferred = connection.defer_wake_ups();
        drop(theirs);
        assert!(wakes(&ours));
        drop(deferred);
    }

    #[test]
    fn who_ended_a_connection_is_known_by_what_is_left_of_it() {
        assert_eq!(Connection::default().end(), End::Unknown);
        let (connection, ours, mut theirs) = connected();
        assert_eq!(connection.end(), End::Ours);
        theirs.write_all(b"more").unwrap();
        assert_eq!(connection.end(), End::Ours);
        (&ours).read_exact(&mut [0; 4]).unwrap();
        drop(theirs);
        assert_eq!(connection.end(), End::Theirs);
        // It is reset: by a peer that had not read everything.
        let (connection, mut ours, theirs) = connected();
        ours.write_all(b"unread").unwrap();
        drop(theirs);
        assert_eq!(connection.end(), End::Theirs);
    }

    #[test]
    fn a_local_socket_shows_what_it_holds_and_gathers_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let mut ours = UnixStream::connect(&path).unwrap();
        let mut theirs = listener.accept().unwrap().0;
        let endpoint = format!("ipc://{}", path.display());
        let mut connection = Connection::default();
        assert_eq!(connection.holds_bytes(), None);
        for other in [
            format!("{endpoint}x"),
            "ipc://".into(),
            "tcp://host:1".into(),
        ] {
            connection.opened(ours.as_raw_fd(), &other);
            assert_eq!(connection.holds_bytes(), None, "{other}");
        }
        connection.opened(ours.as_raw_fd(), &endpoint);
        assert_eq!(connection.holds_bytes(), Some(false));
        assert!(!connection.can_defer_wake_ups() && connection.defer_wake_ups().is_none());
        theirs.write_all(b"frame").unwrap();
        assert_eq!(connection.holds_bytes(), Some(true));
        ours.read_exact(&mut [0; 5]).unwrap();
        assert_eq!(connection.holds_bytes(), Some(false));
        connection.closed();
        assert_eq!(connection.holds_bytes(), None);
    }

    #[test]
    fn what_is_no_connection_to_the_endpoint_is_left_alone() {
        let (_, ours, _theirs) = connected();
        let port = ours.peer_addr().unwrap().port();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let file = tempfile::tempfile().unwrap();
        let cases = [
            (ours.as_raw_fd(), format!("tcp://[::1]:{port}"), true),
            (ours.as_raw_fd(), format!("tcp://host:{}", port ^ 1), false),
            (ours.as_raw_fd(), format!("ipc://host:{port}"), false),
            (ours.as_raw_fd(), "tcp://host".into(), false),
            (udp.as_raw_fd(), format!("tcp://host:{port}"), false),
            (file.as_raw_fd(), format!("tcp://host:{port}"), false),
            (-1, format!("tcp://host:{port}"), false),
            (RawFd::MAX, format!("tcp://host:{port}"), false),
        ];
        for (descriptor, endpoint, held) in cases {
            let mut connection = Connection::default();
            connection.opened(descriptor, &endpoint);
            assert_eq!(
                connection.defer_wake_ups().is_some(),
                held,
                "{descriptor} {endpoint}"
            );
            connection.closed();
            assert!(connection.defer_wake_ups().is_none());
        }
    }
}
