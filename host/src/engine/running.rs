//! A running engine, and what is known when it has ended. Its threads end in order, upstream
//! first.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::Sender;

use landfall_ledger::{PerStream, Stream};

use super::control::Control;
use super::decoding::Decoding;
use super::threads::{Liveness, Threads};
use crate::flow::{InFlight, Unapplied};
use crate::results::Totals;
use crate::shutdown::{Shutdown, Unaccounted};
use crate::sources::SourceContext;

/// A running engine.
pub struct Running {
    pub(super) threads: Vec<JoinHandle<()>>,
    pub(super) results: JoinHandle<Totals>,
    /// It ends when the sender is dropped.
    pub(super) sync: Option<(JoinHandle<()>, Sender<()>)>,
    pub(super) watched: Arc<Threads>,
    pub(super) shutdown: Arc<Shutdown>,
    /// How many frames of each stream could be decoded so far.
    pub decoding: Arc<Decoding>,
    /// For reloads.
    pub control: Control,
    /// Until the queue is closed.
    pub(super) sources: Option<PerStream<SourceContext>>,
    pub(super) in_flight: InFlight,
}

impl Running {
    /// Shows from now on whether all threads live.
    pub fn liveness(&self) -> Liveness {
        Liveness(Arc::clone(&self.watched))
    }

    /// Nobody sends batches any more: judges may come to their end. All sources have ended.
    pub fn close_queue(&mut self) {
        self.sources = None;
    }

    /// Waits until everything that was received has been applied and stored, or cannot be. All
    /// sources have ended.
    pub fn drain(self) -> Ended {
        // Nobody sends any more, so the queue closes.
        drop(self.sources);
        self.shutdown.begin();
        for thread in self.threads {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                self.shutdown.died(&name);
            }
        }
        drop(self.control);
        let totals = self.results.join().unwrap_or_else(|_| {
            self.shutdown.died("results");
            Totals::default()
        });
        if let Some((sync, until)) = self.sync {
            drop(until);
            if sync.join().is_err() {
                self.shutdown.died("sync");
            }
        }
        let unapplied = Stream::ALL.into_iter().flat_map(|stream| {
            let batches = self.in_flight.unapplied(stream).into_iter();
            batches.map(move |(reason, batches)| (stream, reason, batches))
        });
        Ended {
            totals,
            unaccounted: self.shutdown.unaccounted(),
            unapplied: unapplied.collect(),
        }
    }
}

/// The outcome of a run.
#[derive(Debug, Default)]
pub struct Ended {
    pub totals: Totals,
    /// What was received and is not accounted for in the store.
    pub unaccounted: Unaccounted,
    /// Batches of which some frames were never applied: stream, reason, number.
    pub unapplied: Vec<(Stream, Unapplied, u64)>,
}
