//! The writer's memory between its main loop and its worker.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::faults::Order;
use super::row::Row;

/// Frames in the order of their arrival, and rows that are held back.
#[derive(Clone, Default)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Default)]
struct Inner {
    frames: VecDeque<(Instant, Vec<u8>)>,
    /// When they are due by the pipeline's clock, in milliseconds.
    held: Vec<(i64, Row)>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put(&self, frame: Vec<u8>) {
        self.lock().frames.push_back((Instant::now(), frame));
        self.shared.arrived.notify_one();
    }

    pub fn hold(&self, due_ms: i64, row: Row) {
        self.lock().held.push((due_ms, row));
    }

    /// Held rows that are due.
    pub fn due(&self, now_ms: i64) -> Vec<Row> {
        self.lock()
            .held
            .extract_if(.., |(due_ms, _)| *due_ms <= now_ms)
            .map(|(_, row)| row)
            .collect()
    }

    pub fn len(&self) -> usize {
        let inner = self.lock();
        inner.frames.len() + inner.held.len()
    }

    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.frames.clear();
        inner.held.clear();
    }

    /// A batch once it is full or its oldest frame has waited `wait`; empty if neither happens within `wait`.
    pub fn batch(&self, rows_max: usize, wait: Duration, order: Order) -> Vec<Vec<u8>> {
        let mut inner = self.lock();
        let end = Instant::now() + wait;
        loop {
            let oldest = inner.frames.iter().map(|(arrived, _)| *arrived).min();
            let ripe = oldest.is_some_and(|arrived| arrived.elapsed() >= wait);
            if inner.frames.len() >= rows_max || ripe {
                break;
            }
            let now = Instant::now();
            if now >= end {
                return Vec::new();
            }
            let until = oldest.map_or(end, |arrived| (arrived + wait).min(end));
            let (again, _) = self
                .shared
                .arrived
                .wait_timeout(inner, until.saturating_duration_since(now))
                .unwrap_or_else(PoisonError::into_inner);
            inner = again;
        }
        let count = inner.frames.len().min(rows_max);
        let range = match order {
            Order::OldestFirst => 0..count,
            Order::NewestFirst => inner.frames.len() - count..inner.frames.len(),
        };
        inner.frames.drain(range).map(|(_, frame)| frame).collect()
    }
}
