//! One worker's instances of all checks. A reload keeps those whose version did not change.

use landfall_ledger::{PerStream, Stream};
use std::sync::Arc;

use landfall_runtime::{
    Codec, Counters, EventCheck, Loaded, LogLine, ParityCheck, CheckInstance, Suspension, World,
};

use super::faults::{FaultNote, FaultedRow};
use super::plan::{Plan, StreamPlan};

/// Seats of one stream, in the order of its plan.
#[derive(Default)]
pub(super) struct StreamInstances {
    pub codec: Option<CheckInstance<Codec>>,
    pub events: Vec<CheckInstance<EventCheck>>,
    pub parity: Vec<CheckInstance<ParityCheck>>,
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

impl StreamInstances {
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

fn reseat<W: World>(old: &mut Vec<CheckInstance<W>>, check: &Arc<Loaded<W>>) -> CheckInstance<W> {
    match old.iter().position(|instance| Arc::ptr_eq(instance.check(), check)) {
        Some(index) => old.swap_remove(index),
        None => CheckInstance::new(Arc::clone(check)),
    }
}

fn take<W: World>(
    instance: &mut CheckInstance<W>,
    stream: Stream,
    row: &dyn Fn(usize) -> FaultedRow,
    out: &mut Vec<CheckActivity>,
) {
    let counters = instance.take_counters();
    let log = instance.take_log();
    let (faults, suspensions) = (instance.take_faults(), instance.take_suspensions());
    if counters.batches > 0 || counters.rows_faulted.iter().any(|&rows| rows > 0) || !log.is_empty()
    {
        out.push(CheckActivity {
            name: instance.check().name.clone(),
            counters,
            log,
            faults: faults
                .into_iter()
                .map(|fault| FaultNote::of_instance(&instance.check().name, Some(stream), fault, row))
                .collect(),
            suspensions,
        });
    }
}

/// All seats of a worker.
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
