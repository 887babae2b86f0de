//! The process ends at any moment, and another one starts.

use std::sync::Arc;

use fastrand::Rng;
use landfall_ledger::{Hole, HoleCause, Incident, Stream};
use landfall_store::spool::{LeftFrame, Spool};
use landfall_store::{Reader, SPOOL_NAME, Store};

use super::World;
use super::sent::Batch;
use crate::engine::open_incidents::ongoing;
use crate::engine::stored::{SpoolSettings, restore};
use crate::flow::{InFlight, SourceProgress};
use crate::judge::plan::Plan;

impl World<'_> {
    /// The incidents that go on; the others are closed.
    pub(super) fn open_incidents(&self, store: &mut Store, plan: &Plan) -> Vec<Incident> {
        let reader = Reader::open(self.dir.path()).expect("the store is read");
        let open = ongoing(&reader.incidents().expect("incidents"), &plan.labels);
        let kept: Vec<u64> = open.iter().map(|incident| incident.id.0).collect();
        store.close_leftovers(&kept).expect("closed");
        open
    }

    pub(super) fn open_spool(&self, store: &mut Store) -> (Arc<Spool>, Vec<LeftFrame>) {
        let settings = SpoolSettings {
            dir: self.dir.path().join(SPOOL_NAME),
            bytes_max: 1 << 26,
            writers: 1 + self.settings.shards,
            batch_bytes: 0,
        };
        restore(store, &settings, &self.plans.telemetry).expect("the spool opens")
    }

    /// The sources, and what holds the time of each stream before its frames that are restored.
    pub(super) fn add_sources(
        &self,
        left: &[LeftFrame],
    ) -> (InFlight, Vec<Arc<SourceProgress>>, [Arc<SourceProgress>; 2]) {
        let in_flight = InFlight::default();
        let of_stream = |stream| {
            let is_row = stream == Stream::Written;
            let first = left.iter().find(|frame| frame.is_row == is_row)?;
            Some(in_flight.add_restored(stream, first.arrived_ms))
        };
        let restored = Stream::ALL.into_iter().filter_map(of_stream).collect();
        let progress = Stream::ALL.map(|stream| in_flight.add_source(stream, self.now_ms));
        // Before the first start nothing came.
        for progress in progress.iter().filter(|_| self.restarts > 0) {
            progress.unseen(Hole {
                from_ms: i64::MIN,
                to_ms: self.now_ms,
                cause: HoleCause::NotRunning,
            });
        }
        (in_flight, restored, progress)
    }

    /// What the run before had not settled comes again, in a few batches.
    pub(super) fn restore(&mut self, left: Vec<LeftFrame>, progress: Vec<Arc<SourceProgress>>) {
        let run = self.run.as_mut().expect("it runs");
        let (rows, events): (Vec<_>, Vec<_>) = left.into_iter().partition(|frame| frame.is_row);
        let events = events.chunks(3).map(|frames| (Stream::Raw, frames));
        let rows = rows.chunks(2).map(|frames| (Stream::Written, frames));
        for (stream, frames) in events.chain(rows) {
            let guard = run.in_flight.begin(stream, frames[0].arrived_ms);
            let mut batch = Batch {
                guard,
                raw: Vec::new(),
                written: Vec::new(),
                spooled: frames.iter().map(|frame| frame.reference).collect(),
            };
            for frame in frames {
                match stream {
                    Stream::Raw => batch.raw.push(self.accepted[frame.place as usize]),
                    Stream::Written => batch.written.push(self.kept_rows[&frame.reference]),
                }
            }
            run.batches.push(batch);
        }
        for progress in progress {
            progress.finish();
        }
    }

    /// The process ends, as it should or at once, and another one starts.
    pub(in super::super) fn start_anew(&mut self, rng: &mut Rng) {
        self.restarts += 1;
        if rng.bool() {
            self.tell(|| "the process ends properly".into());
            self.end(rng);
            self.laws.ended();
            for known in self.keys.values_mut() {
                let is_settled = known.landed_last && known.is_plain && !known.is_doubtful;
                let horizon_ms = self.settings.horizon_ms;
                let joined = |ms: i64| known.row_ms.saturating_sub(ms) < horizon_ms;
                // A row that came too late is another event's, which nobody sent.
                if is_settled && known.is_of_this_run && known.expected_ms.is_some_and(joined) {
                    known.remembered_ms = Some(known.row_ms.saturating_add(horizon_ms));
                }
            }
        } else {
            self.tell(|| "the process is killed".into());
            for known in self.keys.values_mut() {
                known.is_doubtful = true;
            }
        }
        self.run = None;
        for known in self.keys.values_mut() {
            known.expected_ms = None;
            known.is_of_this_run = false;
            known.seen = false;
            (known.landed_in_run, known.landed_last) = (false, false);
        }
        self.now_ms += rng.i64(1..3000);
        self.clock.set_ms(self.now_ms);
        self.due.retain(|row| row.landed_ms > self.now_ms);
        self.start(rng);
        let window_ms = self.run().window_ms;
        self.tell(|| format!("it starts again, with windows of {window_ms} ms"));
        assert!(!self.plans.fails_at_a_start, "it fails on purpose");
    }
}
