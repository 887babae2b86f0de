//! Whether libzmq's threads are at rest. What such a thread has read from a connection is in its hands
//! until it puts it into a socket's queue; it does so before it rests, and nobody else tells.
//!
//! The kernel says in which call of the system a thread sleeps (`/proc/self/task/<thread>/syscall`,
//! proc(5); of one's own threads it may always be read). libzmq's threads rest in `epoll_wait` and wait
//! there for nothing but what comes next. One that runs, that waits for the processor, or that sleeps
//! over anything else (a lock, memory) is not at rest.
//!
//! Where the kernel has no such file, nothing is known of them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

/// How libzmq names its threads that read from connections.
const NAME: &str = "ZMQbg/IO";

/// Of this process.
const THREADS: &str = "/proc/self/task";

#[cfg(target_arch = "x86_64")]
const RESTING: [libc::c_long; 2] = [libc::SYS_epoll_wait, libc::SYS_epoll_pwait];
/// Newer machines have this call alone.
#[cfg(not(target_arch = "x86_64"))]
const RESTING: [libc::c_long; 1] = [libc::SYS_epoll_pwait];

/// The number of a call stands first, and is no longer than this.
const NUMBER_BYTES: usize = 16;

/// libzmq's threads; none until they are found.
#[derive(Debug, Default)]
pub(super) struct Library(Vec<File>);

impl Library {
    /// Finds the threads that run. A connection has been told of by one of them, so it has its name by
    /// then.
    pub fn find(&mut self) {
        let Ok(threads) = fs::read_dir(THREADS) else {
            return;
        };
        // Some of them would prove nothing.
        self.0 = threads
            .flatten()
            .filter(|thread| {
                fs::read_to_string(thread.path().join("comm"))
                    .is_ok_and(|name| name.starts_with(NAME))
            })
            .map(|thread| File::open(thread.path().join("syscall")))
            .collect::<io::Result<_>>()
            .unwrap_or_default();
    }

    /// Whether none of them has anything in its hands.
    pub fn is_at_rest(&mut self) -> bool {
        let mut is_at_rest = true;
        self.0.retain(|thread| match call_of(thread) {
            Ok(call) => {
                is_at_rest &= call.is_some_and(|call| RESTING.contains(&call));
                true
            }
            // It has ended, and has nothing any more.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => false,
            Err(_) => {
                is_at_rest = false;
                true
            }
        });
        is_at_rest && !self.0.is_empty()
    }
}

/// The call of the system in which a thread sleeps; None if it does not sleep.
fn call_of(thread: &File) -> io::Result<Option<libc::c_long>> {
    let mut text = [0; NUMBER_BYTES];
    let read = thread.read_at(&mut text, 0)?;
    let number = text[..read].split(|&byte| byte == b' ').next();
    Ok(number
        .and_then(|number| std::str::from_utf8(number).ok())
        .and_then(|number| number.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    /// A thread of this test in the place of one of libzmq's.
    fn library_of(thread: libc::pid_t) -> Library {
        let path = format!("{THREADS}/{thread}/syscall");
        Library(vec![File::open(path).unwrap()])
    }

    fn own_thread() -> libc::pid_t {
        // SAFETY: it takes nothing and cannot fail.
        unsafe { libc::gettid() }
    }

    fn await_that(mut what: impl FnMut() -> bool) {
        while !what() {
            thread::yield_now();
        }
    }

    /// Runs `busy` in a thread, which goes on until it is told to end.
    fn during(busy: impl Fn(&AtomicBool) + Sync, look: impl FnOnce(Library)) {
        let end = AtomicBool::new(false);
        let (sender, receiver) = std::sync::mpsc::channel();
        thread::scope(|scope| {
            let (busy, end) = (&busy, &end);
            scope.spawn(move || {
                sender.send(own_thread()).unwrap();
                busy(end);
            });
            look(library_of(receiver.recv().unwrap()));
            end.store(true, Ordering::Release);
        });
    }

    #[test]
    fn a_thread_rests_in_epoll_wait_and_nowhere_else() {
        // SAFETY: a call without a pointer.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        assert!(epoll >= 0);
        let wait = |end: &AtomicBool| {
            let mut event = libc::epoll_event { events: 0, u64: 0 };
            while !end.load(Ordering::Acquire) {
                // SAFETY: there is room for one event, as told.
                unsafe { libc::epoll_wait(epoll, &raw mut event, 1, 1_000) };
            }
        };
        during(wait, |mut library| await_that(|| library.is_at_rest()));

        let run = |end: &AtomicBool| while !end.load(Ordering::Acquire) {};
        during(run, |mut library| {
            (0..1_000).for_each(|_| assert!(!library.is_at_rest()));
        });
        let sleep = |end: &AtomicBool| {
            while !end.load(Ordering::Acquire) {
                thread::sleep(std::time::Duration::from_millis(5));
            }
        };
        during(sleep, |mut library| {
            (0..1_000).for_each(|_| assert!(!library.is_at_rest()));
        });
        // SAFETY: it is open, and nobody else has it.
        unsafe { libc::close(epoll) };
    }

    #[test]
    fn a_thread_that_has_ended_holds_nothing_and_without_any_nothing_is_known() {
        let mut library = Library::default();
        assert!(!library.is_at_rest());
        during(|_| {}, |ending| library = ending);
        await_that(|| {
            assert!(!library.is_at_rest());
            library.0.is_empty()
        });
    }

    #[test]
    fn the_threads_are_found_by_their_name() {
        let sockets = zmq::Context::new();
        let _socket = sockets.socket(zmq::SUB).unwrap();
        let mut library = Library::default();
        await_that(|| {
            library.find();
            library.is_at_rest()
        });
    }
}
