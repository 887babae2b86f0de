//! The pipeline under the faults: a producer and a writer that lags and loses, on a thread of their own. They know the
//! truth.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::outage::Events;
use crate::wire::Publisher;

/// One event in so many does not land.
pub const LOST_EVERY: u64 = 9;

/// The writer is at most so many events behind.
const LAG_EVENTS_MAX: usize = 40;

/// What became of an event.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// When its frame was handed to the socket.
    pub at: Instant,
    pub landed: bool,
}

/// Lets events happen until `end` is set, so many a second. Gives each, by its number.
///
/// # Errors
/// A socket failed.
pub fn run(
    events: &Events,
    raw: &Publisher,
    written: &Publisher,
    per_second: u32,
    seed: u64,
    end: &AtomicBool,
) -> zmq::Result<Vec<Sent>> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut sent: Vec<Sent> = Vec::new();
    let mut lag: VecDeque<u64> = VecDeque::new();
    let began = Instant::now();
    while !end.load(Ordering::Acquire) {
        let due = (began.elapsed().as_secs_f64() * f64::from(per_second)) as u64;
        while (sent.len() as u64) < due {
            let number = sent.len() as u64;
            let landed = !number.is_multiple_of(LOST_EVERY);
            raw.send(&events.frame(number))?;
            let at = Instant::now();
            sent.push(Sent { at, landed });
            if landed {
                lag.push_back(number);
            }
            while lag.len() > rng.usize(..=LAG_EVENTS_MAX) {
                if let Some(number) = lag.pop_front() {
                    written.send(&events.row(number))?;
                }
            }
        }
        thread::sleep(Duration::from_millis(rng.u64(..4)));
    }
    // The writer catches up.
    for number in lag {
        written.send(&events.row(number))?;
    }
    Ok(sent)
}
