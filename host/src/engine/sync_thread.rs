//! The thread that brings raw frames and results to the disk, so that a power cut takes no more than what came since the
//! last time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use landfall_store::spool::{Spool, SpoolError, sync_store_log};

use crate::http::Part;
use crate::telemetry::Telemetry;
use crate::thread_watch;

/// While it fails, that is logged this often.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// At least so long between two syncs, also if a writer lacks room.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// After so many failures in a row, files that are no longer needed are removed all the same.
const FAILURES_MAX: u32 = 3;

pub(super) struct SyncThread {
    spool: Arc<Spool>,
    store_dir: PathBuf,
    interval: Duration,
    telemetry: Telemetry,
    /// Whether the disk takes what is written.
    part: Part,
    wanted: Receiver<()>,
    /// Closed when all results have been written.
    end: Receiver<()>,
    logged: Option<Instant>,
    /// How often it failed in a row.
    failures: u32,
}

impl SyncThread {
    /// With the sender to drop when all results have been written.
    pub fn new(
        spool: Arc<Spool>,
        store_dir: PathBuf,
        interval: Duration,
        telemetry: Telemetry,
    ) -> (Self, Sender<()>) {
        let (want, wanted) = bounded(1);
        let (until, end) = bounded(0);
        spool.keep_until_sync(Box::new(move || {
            // One request is as good as many.
            let _ = want.try_send(());
        }));
        let part = telemetry.readiness().part("disk");
        part.ready("nothing failed so far");
        let thread = Self {
            part,
            spool,
            store_dir,
            interval,
            telemetry,
            wanted,
            end,
            logged: None,
            failures: 0,
        };
        (thread, until)
    }

    /// Runs until all results have been written, and syncs them too.
    pub fn run(mut self) {
        loop {
            thread_watch::idle();
            let ends = self.wait();
            thread_watch::busy();
            self.sync(Instant::now());
            if ends {
                return;
            }
        }
    }

    /// Waits until a sync is due or wanted, or all results have been written (true).
    fn wait(&self) -> bool {
        let pause = self.interval.min(PAUSE_MIN);
        if self.end.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return true;
        }
        crossbeam_channel::select! {
            recv(self.end) -> _ => true,
            recv(self.wanted) -> _ => false,
            default(self.interval.saturating_sub(pause)) => false,
        }
    }

    fn sync(&mut self, now: Instant) {
        let synced = self.spool.sync(|| sync_store_log(&self.store_dir));
        self.telemetry.synced(now.elapsed(), synced.is_ok());
        match synced {
            Ok(()) => {
                self.failures = 0;
                self.part.ready("it has what was written");
                if self.logged.take().is_some() {
                    tracing::info!("frames and results reach the disk again");
                }
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= FAILURES_MAX {
                    // Otherwise the spool would fill up with files that nobody needs, and judging would wait.
                    self.spool.remove_unsynced();
                }
                self.part.not_ready(error.to_string());
                self.log(&error, now);
            }
        }
    }

    fn log(&mut self, error: &SpoolError, now: Instant) {
        if self
            .logged
            .is_none_or(|at| now.duration_since(at) >= LOG_EVERY)
        {
            self.logged = Some(now);
            tracing::error!(
                "{error}; a power cut may take more than store.sync_interval, and it is tried again (logged once a minute)"
            );
        }
    }
}
