//! A connection between a publisher and Landfall that can be cut: it passes TCP on byte by byte.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often it looks for connections, and whether it should end.
const LOOK: Duration = Duration::from_millis(20);

/// Ends when dropped.
pub struct Relay {
    address: SocketAddr,
    line: Arc<Line>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Line {
    is_cut: AtomicBool,
    is_over: AtomicBool,
    /// Both ends of each connection.
    streams: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// To an endpoint `tcp://ADDRESS:PORT`.
    pub fn to(endpoint: &str) -> io::Result<Self> {
        let target = endpoint.trim_start_matches("tcp://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let line: Arc<Line> = Arc::default();
        let shared = Arc::clone(&line);
        let thread = thread::Builder::new()
            .name("relay".into())
            .spawn(move || shared.run(listener, &target))?;
        Ok(Self {
            address,
            line,
            thread: Some(thread),
        })
    }

    pub fn endpoint(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Ends all connections, and refuses new ones until it is repaired.
    pub fn cut(&self) {
        self.line.is_cut.store(true, Ordering::Release);
        self.line.end_all();
    }

    pub fn fix(&self) {
        self.line.is_cut.store(false, Ordering::Release);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.line.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
        self.line.end_all();
    }
}

impl Line {
    fn run(&self, listener: TcpListener, target: &str) {
        let Ok(address) = listener.local_addr() else {
            return;
        };
        let mut listener = Some(listener);
        while !self.is_over.load(Ordering::Acquire) {
            if self.is_cut.load(Ordering::Acquire) {
                // New connections are refused now.
                listener = None;
            } else if listener.is_none() {
                listener = TcpListener::bind(address).ok();
            }
            if let Some(listener) = &listener
                && listener.set_nonblocking(true).is_ok()
            {
                while let Ok((stream, _)) = listener.accept() {
                    // The peer sees a connection that ends.
                    let _ = self.join(stream, target);
                }
            }
            thread::sleep(LOOK);
        }
    }

    fn join(&self, stream: TcpStream, target: &str) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        let other = TcpStream::connect(target)?;
        for (from, to) in [(&stream, &other), (&other, &stream)] {
            let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
            thread::Builder::new()
                .name("relay-line".into())
                .spawn(move || {
                    // However it ends, the other side is ended too.
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                })?;
        }
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.extend([stream, other]);
        drop(streams);
        if self.is_cut.load(Ordering::Acquire) {
            self.end_all();
        }
        Ok(())
    }

    fn end_all(&self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in streams.drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
