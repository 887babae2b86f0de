//! The receiver of Alertmanager's notifications: a server that keeps each and answers 200.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

/// Longest wait for the rest of a request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What came in.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The path of the webhook, which identifies the receiver.
    pub path: String,
    /// Alertmanager's own text.
    pub body: Value,
}

/// The running server; ends when dropped.
pub struct Webhook {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Notification>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Webhook {
    /// Listens on a free port. `now` stamps what comes in, as `receivedAt`.
    pub fn start(now: impl Fn() -> String + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (into, stopped) = (received.clone(), stop.clone());
        let thread = thread::Builder::new()
            .name("webhook".into())
            .spawn(move || {
                for stream in listener.incoming() {
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    // The sender repeats a request that breaks off.
                    if let Ok(Some(mut notification)) = stream.and_then(|stream| take(&stream)) {
                        notification.body["receivedAt"] = now().into();
                        into.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(notification);
                    }
                }
            })?;
        Ok(Self {
            address,
            received,
            stop,
            thread: Some(thread),
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All notifications so far, in the order of their arrival.
    pub fn received(&self) -> Vec<Notification> {
        self.received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread; if it has gone there is nobody to wake.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// Reads one request and answers it; None if it is no notification.
fn take(stream: &TcpStream) -> io::Result<Option<Notification>> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let path = request.split_whitespace().nth(1).map(str::to_owned);
    Ok(path
        .zip(serde_json::from_slice(&body).ok())
        .map(|(path, body)| Notification { path, body }))
}
