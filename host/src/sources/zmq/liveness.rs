//! Whether a connection is alive, as the kernel knows: whether it stands, and when the other end acknowledged something
//! last. Knows no ZeroMQ.
//!
//! On this machine the kernel has both ends of a connection, and knows at once when one is gone. Over a network only
//! the other kernel's acknowledgements are a proof (tcp(7), TCP_INFO). A proxy's acknowledgement proves the proxy.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{getpeername, sockopt};

/// A quiet connection over a network is probed so often, which is as often as the kernel can.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// The most probes that the kernel takes (tcp(7)).
const PROBES_MAX: u32 = 127;

/// Whether the connection stands, as far as this machine's kernel knows.
pub(super) fn is_alive(socket: &OwnedFd) -> bool {
    let ends = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    let mut polled = [PollFd::new(socket, PollFlags::RDHUP)];
    match poll(&mut polled, Some(&Timespec::default())) {
        Ok(_) => !polled[0].revents().intersects(ends),
        // Interrupted, or no memory: the next look finds out.
        Err(_) => true,
    }
}

/// How long ago the other end of a TCP connection acknowledged something, or sent something.
pub(super) fn acknowledged(socket: &OwnedFd) -> Option<Duration> {
    // SAFETY: all of it is integers, for which zeros are values.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut size = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the descriptor is open for as long as the socket, and there is as much room as the given length.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut size,
        )
    };
    // What brings data acknowledges as well, and some kernels note only the data then.
    let ago_ms = info.tcpi_last_ack_recv.min(info.tcpi_last_data_recv);
    (failed == 0).then(|| Duration::from_millis(u64::from(ago_ms)))
}

/// If a connection leads over a network: has it probed every second from now on, and given up as late as before.
/// Gives whether it does.
pub(super) fn probe_often(socket: &OwnedFd) -> bool {
    let Ok(Some(address)) = getpeername(socket) else {
        return false;
    };
    let Ok(address) = SocketAddr::try_from(address) else {
        return false;
    };
    if address.ip().to_canonical().is_loopback() {
        return false;
    }
    let set = || -> rustix::io::Result<()> {
        let idle = sockopt::tcp_keepidle(socket)?;
        let probes = sockopt::tcp_keepintvl(socket)?.saturating_mul(sockopt::tcp_keepcnt(socket)?);
        let lasts_s = idle.saturating_add(probes).as_secs();
        sockopt::set_tcp_keepidle(socket, PROBE_EVERY)?;
        sockopt::set_tcp_keepintvl(socket, PROBE_EVERY)?;
        let probes = u32::try_from(lasts_s)
            .unwrap_or(PROBES_MAX)
            .clamp(1, PROBES_MAX);
        sockopt::set_tcp_keepcnt(socket, probes)
    };
    set().is_ok()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn connected() -> (OwnedFd, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ours.into(), listener.accept().unwrap().0)
    }

    #[test]
    fn a_connection_is_alive_until_the_other_end_closes_it_whatever_waits_to_be_read() {
        let (ours, mut theirs) = connected();
        assert!(is_alive(&ours));
        theirs.write_all(b"frame").unwrap();
        assert!(is_alive(&ours), "bytes wait");
        theirs.shutdown(Shutdown::Write).unwrap();
        assert!(!is_alive(&ours), "its end waits behind the bytes");
        let (ours, theirs) = connected();
        // With what was not read, its end is a reset.
        TcpStream::from(ours.try_clone().unwrap())
            .write_all(b"unread")
            .unwrap();
        drop(theirs);
        assert!(!is_alive(&ours));
        let (ours, theirs) = UnixStream::pair().unwrap();
        let ours = OwnedFd::from(ours);
        assert!(is_alive(&ours));
        drop(theirs);
        assert!(!is_alive(&ours));
    }

    #[test]
    fn the_kernel_tells_when_something_was_acknowledged() {
        let (ours, mut theirs) = connected();
        std::thread::sleep(Duration::from_millis(60));
        let quiet = acknowledged(&ours).unwrap();
        assert!(quiet >= Duration::from_millis(50), "{quiet:?}");
        TcpStream::from(ours.try_clone().unwrap())
            .write_all(b"probe")
            .unwrap();
        let mut read = [0; 5];
        theirs.read_exact(&mut read).unwrap();
        // Over loopback the bytes are acknowledged at the latest when they were read, or by the answer.
        theirs.write_all(b"answer").unwrap();
        let now = acknowledged(&ours).unwrap();
        assert!(now < quiet, "{now:?} after {quiet:?}");
    }

    #[test]
    fn both_ends_on_this_machine_need_no_probes() {
        let (ours, _theirs) = connected();
        assert!(!probe_often(&ours));
        let (ours, _theirs) = UnixStream::pair().unwrap();
        assert!(!probe_often(&ours.into()));
    }
}
