//! One worker's instances of all checks. A reload keeps those whose version did not change.

use landfall_ledger::{PerStream, Stream};

use landfall_runtime::{Counters, LogLine, Suspension};

use super::faults::{FaultNote, FaultedRow};
use super::guests::{CodecGuest, EventGuest, Guest, GuestInstance, ParityGuest};
use super::plan::{Plan, StreamPlan};

/// Instances of one stream, in the order of its plan.
#[derive(Default)]
pub(super) struct StreamInstances {
    pub codec: Option<GuestInstance<dyn CodecGuest>>,
    pub events: Vec<GuestInstance<dyn EventGuest>>,
    pub parity: Vec<GuestInstance<dyn ParityGuest>>,
}

/// What one check did since the last call.
#[derive(Clone, Debug)]
pub struct CheckActivity {
    pub name: String,
    pub counters: Counters,
    pub log: Vec<LogLine>,
    /// Few: one of each kind and outcome.
    pub faults: Vec<FaultNote>,
    pub suspensions: Vec<Suspension>,
}

impl StreamInstances {
    /// Takes the instances for a new plan. If a check is the same, its warm instance stays.
    pub(super) fn follow(&mut self, plan: &StreamPlan) {
        let mut old_codec: Vec<_> = self.codec.take().into_iter().collect();
        self.codec = plan
            .codec
            .as_ref()
            .map(|codec| GuestInstance::kept_or_new(&mut old_codec, &codec.check));
        let mut old_events = std::mem::take(&mut self.events);
        self.events = plan
            .events
            .iter()
            .map(|event| GuestInstance::kept_or_new(&mut old_events, &event.check))
            .collect();
        let mut old_parity = std::mem::take(&mut self.parity);
        self.parity = plan
            .parity
            .iter()
            .map(|parity| GuestInstance::kept_or_new(&mut old_parity, &parity.check))
            .collect();
    }

    /// Collects what the checks did. `row` finds the key of a row of the current batch. For a codec
    /// there is no key: its frames are not read yet.
    pub(super) fn take_activity(
        &mut self,
        stream: Stream,
        row: &dyn Fn(usize) -> FaultedRow,
        out: &mut Vec<CheckActivity>,
    ) {
        if let Some(instance) = &mut self.codec {
            take(instance, stream, &|_| FaultedRow::Unknown, out);
        }
        for instance in &mut self.events {
            take(instance, stream, row, out);
        }
        for instance in &mut self.parity {
            take(instance, stream, row, out);
        }
    }
}

fn take<G: Guest + ?Sized>(
    GuestInstance { code, guest }: &mut GuestInstance<G>,
    stream: Stream,
    row: &dyn Fn(usize) -> FaultedRow,
    out: &mut Vec<CheckActivity>,
) {
    let name = code.name();
    let counters = guest.take_counters();
    let log = guest.take_log();
    let (faults, suspensions) = (guest.take_faults(), guest.take_suspensions());
    if counters.batches > 0 || counters.rows_faulted.iter().any(|&rows| rows > 0) || !log.is_empty()
    {
        out.push(CheckActivity {
            name: name.to_owned(),
            counters,
            log,
            faults: faults
                .into_iter()
                .map(|fault| FaultNote::of_instance(name, Some(stream), fault, row))
                .collect(),
            suspensions,
        });
    }
}

/// All instances of a worker.
#[derive(Default)]
pub(super) struct CheckInstances {
    pub streams: PerStream<StreamInstances>,
}

impl CheckInstances {
    pub(super) fn follow(&mut self, plan: &Plan) {
        for (stream, instances) in self.streams.iter_mut() {
            instances.follow(&plan.streams[stream]);
        }
    }
}
