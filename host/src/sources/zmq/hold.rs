//! Lets what comes over a TCP connection gather in the kernel while its source sleeps.
//!
//! libzmq wakes its own thread for whatever a connection brings, if need be for each frame, and on
//! a stream of a thousand small frames a second that costs more than all the rest (measured). A
//! source that sleeps reads nothing meanwhile anyway. So it raises the connection's low-water mark
//! (`SO_RCVLOWAT`, socket(7)) for that time: the kernel wakes libzmq when so many bytes are there,
//! when the connection ends, or when the mark is lowered again. Nothing is dropped or reordered,
//! and a source that gathers is no later than one that sleeps.
//!
//! The connection is libzmq's, and its monitor tells the descriptor. It is duplicated at once, so
//! that it stays this connection whatever libzmq does; should the number have been given to another
//! connection to the same port by then, that one is late by a nap at most.

use std::net::TcpStream;
use std::os::fd::{AsRawFd as _, BorrowedFd, RawFd};
use std::time::Duration;

/// So many bytes wake libzmq although the source sleeps: a flood has begun. Far below the smallest
/// receive buffer by default (128 KiB), so that no peer is ever slowed down by it.
const GATHER_BYTES_MAX: libc::c_int = 32 << 10;

/// What a socket has of itself.
const ONE_BYTE: libc::c_int = 1;

/// A shorter sleep is not worth two calls of the system.
pub(super) const GATHER_MIN: Duration = Duration::from_millis(2);

/// libzmq's connection, if there is one over TCP.
#[derive(Debug, Default)]
pub(super) struct Connection(Option<TcpStream>);

impl Connection {
    /// The monitor told of a new connection to `endpoint`. One that is gone by now, or of another
    /// kind (`ipc://`), is not held.
    pub fn opened(&mut self, descriptor: RawFd, endpoint: &str) {
        self.0 = duplicate(descriptor).filter(|stream| leads_to(stream, endpoint));
    }

    pub fn closed(&mut self) {
        self.0 = None;
    }

    /// Lets bytes gather until what this gives is dropped; none if that is not possible.
    pub fn gather(&self) -> Option<Gathering<'_>> {
        let stream = self.0.as_ref()?;
        set_low_water(stream, GATHER_BYTES_MAX).then_some(Gathering(stream))
    }
}

/// However a sleep ends, by a panic too, libzmq gets what has come.
pub(super) struct Gathering<'a>(&'a TcpStream);

impl Drop for Gathering<'_> {
    fn drop(&mut self) {
        // It took a larger mark, so it takes the one that every socket has.
        set_low_water(self.0, ONE_BYTE);
    }
}

fn duplicate(descriptor: RawFd) -> Option<TcpStream> {
    if descriptor < 0 {
        return None;
    }
    // SAFETY: not -1. If libzmq has closed it already, duplicating fails, or gives what another
    // thread has opened since; that is only looked at, and what it does not share with a
    // connection to the endpoint is never touched.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    borrowed.try_clone_to_owned().ok().map(TcpStream::from)
}

/// Whether its other end has the port of the endpoint (the host may be a name).
fn leads_to(stream: &TcpStream, endpoint: &str) -> bool {
    let port = endpoint
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    let peer = stream.peer_addr().ok().map(|peer| peer.port());
    endpoint.starts_with("tcp://") && port.is_some() && peer == port
}

fn set_low_water(stream: &TcpStream, bytes: libc::c_int) -> bool {
    // SAFETY: the descriptor is open for as long as the stream, and the value is an integer of the
    // length told.
    let failed = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
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
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    /// Whether a thread that waits for the stream would be woken.
    fn wakes(stream: &TcpStream) -> bool {
        let mut polled = libc::pollfd {
            fd: stream.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry, as told.
        unsafe { libc::poll(&raw mut polled, 1, 0) == 1 }
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
        let gathering = connection.gather().expect("it is over TCP");
        theirs.write_all(b"frame").unwrap();
        // A byte comes when it has come: over loopback writing is delivering.
        assert!(!wakes(&ours), "it gathers");
        drop(gathering);
        assert!(wakes(&ours), "all that came is there");
        let mut read = [0; 5];
        ours.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"frame");

        let gathering = connection.gather();
        theirs.write_all(&[0; GATHER_BYTES_MAX as usize]).unwrap();
        assert!(wakes(&ours), "a flood is not held up");
        drop(gathering);
    }

    #[test]
    fn the_end_of_a_connection_is_told_at_once() {
        let (connection, ours, theirs) = connected();
        let gathering = connection.gather();
        drop(theirs);
        assert!(wakes(&ours));
        drop(gathering);
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
                connection.gather().is_some(),
                held,
                "{descriptor} {endpoint}"
            );
            connection.closed();
            assert!(connection.gather().is_none());
        }
    }
}
