//! One worker's instances of all checks. A reload keeps those whose version did not change.

use landfall_ledger::{PerStream, Stream};
use std::sync::Arc;

use landfall_runtime::{
    Codec, Counters, EventCheck, Loaded, LogLine, ParityCheck, Seat, Suspension, World,
};

use super::faults::{FaultNote, FaultedRow};
use super::plan::{Plan, StreamPlan};

/// Seats of one stream, in the order of its plan.
#[derive(Default)]
pub(super) struct StreamSeats {
    pub codec: Option<Seat<Codec>>,
    pub events: Vec<Seat<EventCheck>>,
    pub parity: Vec<Seat<ParityCheck>>,
}

/// What one check did since it was last asked.
#[derive(Clone, Debug)]
pub struct CheckActivity {
    pub name: String,
    pub counters: Counters,
    pub log: Vec<LogLine>,
    /// Few: one of each kind and fate.
    pub faults: Vec<FaultNote>,
    pub suspensions: Vec<Suspension>,
}

impl StreamSeats {
    /// Seats for a new plan; a seat whose check is the same stays, warm.
    pub(super) fn follow(&mut self, plan: &StreamPlan) {
        let mut old_codec: Vec<_> = self.codec.take().into_iter().collect();
        self.codec = plan
            .codec
            .as_ref()
            .map(|codec| reseat(&mut old_codec, &codec.check));
        let mut old_events = std::mem::take(&mut self.events);
        self.events = plan
            .events
            .iter()
            .map(|event| reseat(&mut old_events, &event.check))
            .collect();
        let mut old_parity = std::mem::take(&mut self.parity);
        self.parity = plan
            .parity
            .iter()
            .map(|parity| reseat(&mut old_parity, &parity.check))
            .collect();
    }

    /// Collects what the checks did; `row` finds the key of a row of the batch in hand. A frame has none
    /// before it is read.
    pub(super) fn take_activity(
        &mut self,
        stream: Stream,
        row: &dyn Fn(usize) -> FaultedRow,
        out: &mut Vec<CheckActivity>,
    ) {
        if let Some(seat) = &mut self.codec {
            take(seat, stream, &|_| FaultedRow::Unknown, out);
        }
        for seat in &mut self.events {
            take(seat, stream, row, out);
        }
        for seat in &mut self.parity {
            take(seat, stream, row, out);
        }
    }
}

fn reseat<W: World>(old: &mut Vec<Seat<W>>, check: &Arc<Loaded<W>>) -> Seat<W> {
    match old.iter().position(|seat| Arc::ptr_eq(seat.check(), check)) {
        Some(index) => old.swap_remove(index),
        None => Seat::new(Arc::clone(check)),
    }
}

fn take<W: World>(
    seat: &mut Seat<W>,
    stream: Stream,
    row: &dyn Fn(usize) -> FaultedRow,
    out: &mut Vec<CheckActivity>,
) {
    let counters = seat.take_counters();
    let log = seat.take_log();
    let (faults, suspensions) = (seat.take_faults(), seat.take_suspensions());
    if counters.batches > 0 || counters.rows_faulted.iter().any(|&rows| rows > 0) || !log.is_empty()
    {
        out.push(CheckActivity {
            name: seat.check().name.clone(),
            counters,
            log,
            faults: faults
                .into_iter()
                .map(|fault| FaultNote::of_seat(&seat.check().name, Some(stream), fault, row))
                .collect(),
            suspensions,
        });
    }
}

/// All seats of a worker.
#[derive(Default)]
pub(super) struct Seats {
    pub streams: PerStream<StreamSeats>,
}

impl Seats {
    pub(super) fn follow(&mut self, plan: &Plan) {
        for (stream, seats) in self.streams.iter_mut() {
            seats.follow(&plan.streams[stream]);
        }
    }
}
