//! Queues between threads, bounded in bytes and items. They measure how long senders wait.
//!
//! A channel has lanes, each with its own bound. Receivers take from the lanes in turn, so a flood
//! on one stream neither starves the other nor uses up its room. A full lane makes its senders
//! wait: nothing is dropped here. Items are whole batches, so the cost of one lock per item is
//! negligible.
//!
//! Knows nothing about the items that it carries.

mod stats;

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use stats::LaneStats;

/// The bounds of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Bytes waiting in the lane. One item larger than this is let in when the lane is empty, because it
    /// would wait for ever otherwise.
    pub bytes_max: usize,
    /// Items waiting in the lane.
    pub items_max: usize,
}

/// Gives the item back: the channel was closed, or no receiver is left.
#[derive(Debug, thiserror::Error)]
#[error("the queue is closed")]
pub struct Closed<T>(pub T);

/// Why an item was not accepted. Gives it back.
#[derive(Debug, thiserror::Error)]
pub enum SendTimeout<T> {
    #[error("the queue stayed full")]
    Full(T),
    #[error("the queue is closed")]
    Closed(T),
}

/// Why there is no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecvError {
    #[error("the queue stayed empty")]
    Timeout,
    /// The channel was closed or all senders are gone, and everything in it has been taken.
    #[error("the queue is closed and empty")]
    Closed,
}

struct Lane<T> {
    bound: Bound,
    waiting: VecDeque<(T, usize)>,
    bytes: usize,
    /// Nothing is taken from it for now.
    held: bool,
}

impl<T> Lane<T> {
    fn has_room(&self, bytes: usize) -> bool {
        self.waiting.is_empty()
            || (self.waiting.len() < self.bound.items_max
                && self.bytes.saturating_add(bytes) <= self.bound.bytes_max)
    }
}

struct ChannelState<T> {
    lanes: Vec<Lane<T>>,
    /// The lane that the next receive looks at first.
    turn: usize,
    senders: usize,
    receivers: usize,
    closed: bool,
}

struct Channel<T> {
    state: Mutex<ChannelState<T>>,
    not_empty: Condvar,
    /// One per lane: its senders wait here.
    not_full: Vec<Condvar>,
    stats: Vec<Arc<LaneStats>>,
}

impl<T> Channel<T> {
    fn lock(&self) -> MutexGuard<'_, ChannelState<T>> {
        // While it is held, only a failed allocation can panic; the state stays whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_all(&self) {
        self.not_empty.notify_all();
        self.not_full.iter().for_each(Condvar::notify_all);
    }
}

/// Puts items into one lane. A clone is for another thread.
pub struct Sender<T> {
    shared: Arc<Channel<T>>,
    lane: usize,
}

/// Takes items from all lanes. A clone is for another thread; each item goes to one receiver.
pub struct Receiver<T> {
    shared: Arc<Channel<T>>,
}

/// A channel with one lane for each bound; the senders are in the same order.
pub fn channel<T>(bounds: &[Bound]) -> (Vec<Sender<T>>, Receiver<T>) {
    let lane = |&bound: &Bound| Lane {
        bound,
        waiting: VecDeque::new(),
        bytes: 0,
        held: false,
    };
    let state = ChannelState {
        lanes: bounds.iter().map(lane).collect(),
        turn: 0,
        senders: bounds.len(),
        receivers: 1,
        closed: false,
    };
    let shared = Arc::new(Channel {
        state: Mutex::new(state),
        not_empty: Condvar::new(),
        not_full: bounds.iter().map(|_| Condvar::new()).collect(),
        stats: bounds.iter().map(|_| Arc::default()).collect(),
    });
    let senders = (0..bounds.len())
        .map(|lane| Sender {
            shared: Arc::clone(&shared),
            lane,
        })
        .collect();
    (senders, Receiver { shared })
}

impl<T> Sender<T> {
    /// Puts an item of `bytes` bytes into the lane; waits while there is no room.
    ///
    /// # Errors
    /// The channel is closed.
    pub fn send(&self, item: T, bytes: usize) -> Result<(), Closed<T>> {
        self.send_until(item, bytes, None)
            .map_err(|error| match error {
                SendTimeout::Full(item) | SendTimeout::Closed(item) => Closed(item),
            })
    }

    /// Like [`Sender::send`], but waits at most `timeout`; zero tries once.
    ///
    /// # Errors
    /// There was no room in time, or the channel is closed.
    pub fn send_timeout(
        &self,
        item: T,
        bytes: usize,
        timeout: Duration,
    ) -> Result<(), SendTimeout<T>> {
        self.send_until(item, bytes, Some(timeout))
    }

    fn send_until(
        &self,
        item: T,
        bytes: usize,
        timeout: Option<Duration>,
    ) -> Result<(), SendTimeout<T>> {
        let stats = self.stats();
        let mut state = self.shared.lock();
        let mut since: Option<Instant> = None;
        let outcome = loop {
            if state.closed || state.receivers == 0 {
                break Err(SendTimeout::Closed(item));
            }
            if state.lanes[self.lane].has_room(bytes) {
                let lane = &mut state.lanes[self.lane];
                lane.waiting.push_back((item, bytes));
                lane.bytes += bytes;
                stats.bytes.store(lane.bytes, Ordering::Relaxed);
                stats.items.store(lane.waiting.len(), Ordering::Relaxed);
                stats.sent_items.fetch_add(1, Ordering::Relaxed);
                break Ok(());
            }
            let began = *since.get_or_insert_with(|| {
                stats.waits.fetch_add(1, Ordering::Relaxed);
                Instant::now()
            });
            let not_full = &self.shared.not_full[self.lane];
            state = match timeout.map(|timeout| timeout.saturating_sub(began.elapsed())) {
                Some(Duration::ZERO) => break Err(SendTimeout::Full(item)),
                Some(left) => {
                    not_full
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => not_full.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        };
        drop(state);
        if let Some(began) = since {
            let waited_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            stats.wait_ns.fetch_add(waited_ns, Ordering::Relaxed);
        }
        if outcome.is_ok() {
            self.shared.not_empty.notify_one();
        }
        outcome
    }

    /// What this lane holds, and how long its senders waited.
    pub fn stats(&self) -> &Arc<LaneStats> {
        &self.shared.stats[self.lane]
    }

    /// Refuses all further sends on every lane. Items in the channel can still be taken.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.wake_all();
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Self {
            shared: Arc::clone(&self.shared),
            lane: self.lane,
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.senders -= 1;
        let last = state.senders == 0;
        drop(state);
        if last {
            self.shared.wake_all();
        }
    }
}

impl<T> Receiver<T> {
    /// The next item, from the lanes in turn. Waits at most `timeout` for one.
    ///
    /// # Errors
    /// No item came in time, or the channel is closed and empty.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvError> {
        self.recv_timeout_from(timeout, |_| true)
    }

    /// Like [`Receiver::recv_timeout`], but takes only from lanes for which `accepts` is true. It
    /// may wait for the whole timeout although there is an item: its wake-up may have gone to
    /// another receiver.
    ///
    /// # Errors
    /// No item came in time, or the channel is closed and empty.
    pub fn recv_timeout_from(
        &self,
        timeout: Duration,
        accepts: impl Fn(usize) -> bool,
    ) -> Result<T, RecvError> {
        let mut state = self.shared.lock();
        let mut since: Option<Instant> = None;
        loop {
            if let Some((item, lane)) = self.take(&mut state, &accepts) {
                drop(state);
                // Wakes all senders of the lane: the first may wait for more room than was freed.
                self.shared.not_full[lane].notify_all();
                return Ok(item);
            }
            if state.closed || state.senders == 0 {
                return Err(RecvError::Closed);
            }
            let left = timeout.saturating_sub(since.get_or_insert_with(Instant::now).elapsed());
            if left.is_zero() {
                return Err(RecvError::Timeout);
            }
            let waited = self.shared.not_empty.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The next item. Waits until there is one. None once the channel is closed and empty.
    pub fn recv(&self) -> Option<T> {
        /// Short enough that a deadline can be computed from it.
        const LONG: Duration = Duration::from_secs(3600);
        loop {
            match self.recv_timeout(LONG) {
                Ok(item) => return Some(item),
                Err(RecvError::Timeout) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Takes from the first lane that has something, beginning with the lane whose turn it is.
    fn take(
        &self,
        state: &mut ChannelState<T>,
        accepts: &impl Fn(usize) -> bool,
    ) -> Option<(T, usize)> {
        let lanes = state.lanes.len();
        for step in 0..lanes {
            let index = (state.turn + step) % lanes;
            let ending = state.closed || state.senders == 0;
            let lane = &mut state.lanes[index];
            // Items that were accepted before the end are taken in any case.
            if (lane.held || !accepts(index)) && !ending {
                continue;
            }
            if let Some((item, bytes)) = lane.waiting.pop_front() {
                lane.bytes -= bytes;
                let stats = &self.shared.stats[index];
                stats.bytes.store(lane.bytes, Ordering::Relaxed);
                stats.items.store(lane.waiting.len(), Ordering::Relaxed);
                state.turn = (index + 1) % lanes;
                return Some((item, index));
            }
        }
        None
    }

    /// Whether no more items will come in.
    pub fn is_ending(&self) -> bool {
        let state = self.shared.lock();
        state.closed || state.senders == 0
    }

    /// Takes nothing from a lane until it is released again. The lane fills, and pushes back to its
    /// senders.
    pub fn hold(&self, lane: usize, held: bool) {
        let mut state = self.shared.lock();
        if let Some(lane) = state.lanes.get_mut(lane)
            && lane.held != held
        {
            lane.held = held;
            drop(state);
            self.shared.not_empty.notify_all();
        }
    }

    /// What each lane holds and how long its senders waited, in the order of the bounds.
    pub fn stats(&self) -> &[Arc<LaneStats>] {
        &self.shared.stats
    }

    /// Refuses all further sends. Items in the channel can still be taken.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.wake_all();
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.lock().receivers += 1;
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.receivers -= 1;
        // Nobody will take the items that are left. They are dropped now, outside the lock, with
        // their guards.
        let left: Vec<_> = if state.receivers == 0 {
            state
                .lanes
                .iter_mut()
                .map(|lane| std::mem::take(&mut lane.waiting))
                .collect()
        } else {
            Vec::new()
        };
        let last = state.receivers == 0;
        drop(state);
        drop(left);
        if last {
            self.shared.wake_all();
        }
    }
}

#[cfg(test)]
mod tests;
