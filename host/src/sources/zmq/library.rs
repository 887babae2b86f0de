//! Finds out whether the libzmq thread that serves a connection is at rest. What the thread has
//! read from the connection is in its hands until it puts it into the socket's queue. It does so
//! before it rests, and nothing else shows it.
//!
//! The kernel shows in which system call a thread sleeps, and with which arguments
//! (`/proc/self/task/<thread>/syscall`, proc(5); a process may always read this of its own
//! threads). libzmq's threads rest in `epoll_wait`, and wait there only for what comes next. A
//! thread is not at rest if it runs, waits for the processor, or sleeps in anything else (a lock,
//! memory).
//!
//! The thread of a connection is the one that rests on the epoll set with the connection's
//! descriptor in it (`/proc/self/fdinfo/<set>`). Where the kernel has no such files, nothing is
//! known of it.

use std::fs::{self, File};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::fs::FileExt as _;

#[cfg(target_arch = "x86_64")]
const RESTING: [libc::c_long; 2] = [libc::SYS_epoll_wait, libc::SYS_epoll_pwait];
/// Newer machines have this call alone.
#[cfg(not(target_arch = "x86_64"))]
const RESTING: [libc::c_long; 1] = [libc::SYS_epoll_pwait];

/// No text of a call's number and its first argument is longer than this.
const CALL_BYTES: usize = 48;

/// How often the thread is looked for, because it may be at work whenever it is looked for. Each
/// time costs some ten small files.
const TRIES_MAX: u32 = 200;

/// The thread of a connection.
#[derive(Debug, Default)]
pub(super) enum Library {
    /// There is no connection, or nothing can be known.
    #[default]
    Unknown,
    /// The thread must be found by the connection's descriptor.
    Sought {
        descriptor: RawFd,
        tries: u32,
    },
    Found {
        thread: File,
        set: RawFd,
    },
}

impl Library {
    /// There is a connection, which libzmq knows by this descriptor.
    pub fn seek(&mut self, descriptor: RawFd) {
        *self = Self::Sought {
            descriptor,
            tries: 0,
        };
    }

    /// Whether the thread is at rest, with nothing in its hands.
    pub fn is_at_rest(&mut self) -> bool {
        if let Self::Sought { descriptor, tries } = self {
            *tries += 1;
            let is_last = *tries >= TRIES_MAX;
            match find(*descriptor) {
                Ok(Some((thread, set))) => *self = Self::Found { thread, set },
                Ok(None) if !is_last => return false,
                Ok(None) | Err(_) => *self = Self::Unknown,
            }
        }
        match self {
            Self::Found { thread, set } => rests_over(thread).is_ok_and(|over| over == Some(*set)),
            Self::Unknown | Self::Sought { .. } => false,
        }
    }
}

/// The thread that rests on a set with that descriptor in it, and the set.
fn find(descriptor: RawFd) -> io::Result<Option<(File, RawFd)>> {
    for thread in fs::read_dir("/proc/self/task")? {
        // A thread that has just ended does not count.
        let Ok(thread) = File::open(thread?.path().join("syscall")) else {
            continue;
        };
        if let Ok(Some(set)) = rests_over(&thread)
            && fs::read_to_string(format!("/proc/self/fdinfo/{set}"))
                .is_ok_and(|text| has(&text, descriptor))
        {
            return Ok(Some((thread, set)));
        }
    }
    Ok(None)
}

/// The set on which a thread rests, if it does.
fn rests_over(thread: &File) -> io::Result<Option<RawFd>> {
    let mut text = [0; CALL_BYTES];
    let read = thread.read_at(&mut text, 0)?;
    Ok(std::str::from_utf8(&text[..read]).ok().and_then(set_of))
}

/// The set in the kernel's text, which has the number of the call and its arguments.
fn set_of(text: &str) -> Option<RawFd> {
    let mut words = text.split(' ');
    let call: libc::c_long = words.next()?.parse().ok()?;
    let set = words.next()?.strip_prefix("0x")?;
    RESTING
        .contains(&call)
        .then(|| RawFd::from_str_radix(set, 16).ok())?
}

/// Whether a set's description lists the descriptor.
fn has(description: &str, descriptor: RawFd) -> bool {
    description
        .lines()
        .filter_map(|line| line.strip_prefix("tfd:"))
        .filter_map(|line| line.split_whitespace().next())
        .any(|number| number.parse() == Ok(descriptor))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// A set of no descriptors, which is never closed.
    fn set() -> RawFd {
        // SAFETY: a call without a pointer.
        let set = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        assert!(set >= 0);
        set
    }

    fn wait_over(set: RawFd, timeout_ms: i32) {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: there is room for one event, and the number given is one.
        unsafe { libc::epoll_wait(set, &raw mut event, 1, timeout_ms) };
    }

    fn found(thread: libc::pid_t, set: RawFd) -> Library {
        let thread = File::open(format!("/proc/self/task/{thread}/syscall")).unwrap();
        Library::Found { thread, set }
    }

    fn own_thread() -> libc::pid_t {
        // SAFETY: it takes nothing and cannot fail.
        unsafe { libc::gettid() }
    }

    fn await_rest(library: &mut Library) {
        let began = Instant::now();
        while !library.is_at_rest() {
            assert!(began.elapsed() < Duration::from_secs(20));
            thread::yield_now();
        }
    }

    /// In the place of libzmq's thread, one that has nothing to do as long as the process lives.
    pub fn resting() -> Library {
        let set = set();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            sender.send(own_thread()).unwrap();
            loop {
                wait_over(set, -1);
            }
        });
        let mut library = found(receiver.recv().unwrap(), set);
        await_rest(&mut library);
        library
    }

    /// Looks at a thread that does `busy` over and over.
    fn during(busy: impl Fn() + Sync, look: impl FnOnce(libc::pid_t)) {
        let end = AtomicBool::new(false);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            let (busy, end) = (&busy, &end);
            scope.spawn(move || {
                sender.send(own_thread()).unwrap();
                while !end.load(Ordering::Acquire) {
                    busy();
                }
            });
            look(receiver.recv().unwrap());
            end.store(true, Ordering::Release);
        });
    }

    #[test]
    fn a_thread_rests_over_its_set_and_nowhere_else() {
        let (set, other) = (set(), set());
        during(
            || wait_over(set, 100),
            |thread| {
                await_rest(&mut found(thread, set));
                (0..1_000).for_each(|_| assert!(!found(thread, other).is_at_rest()));
            },
        );
        let never = |thread| (0..1_000).for_each(|_| assert!(!found(thread, set).is_at_rest()));
        during(|| {}, never);
        during(|| thread::sleep(Duration::from_millis(1)), never);
        // One that has ended is not there to be asked.
        let ended = thread::spawn(|| (own_thread(), found(own_thread(), 0)));
        let (_, mut library) = ended.join().unwrap();
        assert!(!library.is_at_rest());
    }

    #[test]
    fn without_a_connection_or_with_one_that_nobody_serves_nothing_is_known() {
        assert!(!Library::default().is_at_rest());
        let mut library = Library::default();
        library.seek(RawFd::MAX);
        for _ in 0..TRIES_MAX {
            assert!(!library.is_at_rest());
        }
        assert!(matches!(library, Library::Unknown), "{library:?}");
    }

    #[test]
    fn what_the_kernel_shows_is_read_as_it_is_written() {
        let call = RESTING[0];
        for (text, set) in [
            (format!("{call} 0x1f 0x7fd878000ba0 0x100"), Some(31)),
            (format!("{call} 0x3\n"), None),
            (format!("{} 0x3 0x0 ", libc::SYS_futex), None),
            ("running\n".into(), None),
            ("-1 0x7ffc 0x7f\n".into(), None),
            (String::new(), None),
        ] {
            assert_eq!(set_of(&text), set, "{text}");
        }
        let description = "pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t1054\n\
            tfd:       11 events:       19 data:     7f0  pos:0 ino:41b sdev:f\n\
            tfd:        4 events: 80000001 data:     7f1  pos:0 ino:2 sdev:f\n";
        let named: Vec<RawFd> = (0..20).filter(|&fd| has(description, fd)).collect();
        assert_eq!(named, [4, 11]);
    }
}
