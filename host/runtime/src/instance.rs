//! One worker's instance of one check. Its guest is replaced after a set number of batches and after every
//! fault, no call outlasts its time, and a batch on which the guest fails is bisected.

use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_document::{Documents, SchemaSet, processor_time};
use wasmtime::Store;

use crate::breaker::Breaker;
use crate::engine::ticks;
use crate::fault::{Fault, FaultKind, FaultedRows};
use crate::guest::Guest;
use crate::load::LoadedCheck;
use crate::log::{LogBuffer, LogLine};
use crate::schema_breakers::{SchemaBreakers, SchemaFaults};
use crate::state::HostState;
use crate::world::{Exports, World};

/// A part of a batch gets time by its share of the rows, times this: it may have the row on which the guest loops.
const PART_TIME_FACTOR: u32 = 2;

/// A part of a batch never gets less than one part in so many of a batch's time.
const PART_TIME_SHARE_MIN: u32 = 8;

/// What an instance did since its counters were last taken.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub batches: u64,
    pub rows: u64,
    /// Calls that failed, and rows that a schema failed on, by `FaultKind as usize`.
    pub faults: [u64; FaultKind::ALL.len()],
    /// Rows that could not be judged, by `FaultKind as usize`.
    pub rows_faulted: [u64; FaultKind::ALL.len()],
    /// Processor time of all batches together.
    pub busy: Duration,
    /// Processor time of the longest call, without that of validation.
    pub longest: Duration,
    /// Guests that were started.
    pub instances: u64,
    /// The most memory that a guest had, in bytes.
    pub memory_bytes: u64,
    /// Times that the check was suspended for a while.
    pub suspensions: u64,
    /// Lines of the guest's log that were not kept.
    pub log_dropped: u64,
    /// Of schemas that took too many steps.
    pub schemas: Vec<SchemaFaults>,
}

/// What a check is called for. Each task has its own circuit breaker: a check that fails to explain differences
/// can still find them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckTask {
    /// `decode`, `check` or `project`.
    Work,
    /// `explain` of a parity check.
    Explain,
}

/// The faults of one kind since they were last taken, with the message of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceFault {
    pub kind: FaultKind,
    /// The first row that could not be judged, by its index in its batch; None if all rows could be judged in
    /// smaller parts.
    pub row: Option<usize>,
    /// Rows that could not be judged.
    pub rows: u64,
    pub message: String,
}

/// A check is suspended from now on, for that task and so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspension {
    pub task: CheckTask,
    pub length: Duration,
}

/// The documents of a batch, and the schemas by which a check may have them validated.
pub struct CallInput<'a> {
    /// They move into the guest's store for the time of a call.
    pub documents: &'a mut Documents,
    pub schemas: &'a Arc<SchemaSet>,
}

/// One worker's instance of one check.
pub struct CheckInstance<W: World> {
    check: Arc<LoadedCheck<W>>,
    guest: Option<Guest<W>>,
    /// By task.
    breakers: [Breaker; 2],
    counters: Counters,
    log: LogBuffer,
    /// At most one of each kind.
    faults: Vec<InstanceFault>,
    /// At most one of each task: the last.
    suspensions: Vec<Suspension>,
    /// Circuit breakers of the schemas by which this check has validated.
    schema_breakers: SchemaBreakers,
    /// Rows of the last call on which a schema failed.
    set_aside: Vec<(usize, Fault)>,
}

impl<W: World> CheckInstance<W> {
    /// An instance without a guest yet: the first call starts one.
    pub fn new(check: Arc<LoadedCheck<W>>) -> Self {
        let deadline = check.limits.batch_time;
        Self {
            check,
            guest: None,
            breakers: [Breaker::new(deadline), Breaker::new(deadline)],
            counters: Counters::default(),
            log: LogBuffer::default(),
            faults: Vec::new(),
            suspensions: Vec::new(),
            schema_breakers: SchemaBreakers::new(deadline),
            set_aside: Vec::new(),
        }
    }

    /// The check that it is an instance of.
    pub fn check(&self) -> &Arc<LoadedCheck<W>> {
        &self.check
    }

    /// Takes the counters, which begin anew.
    pub fn take_counters(&mut self) -> Counters {
        self.counters.log_dropped += self.log.take_dropped();
        self.counters.schemas = self.schema_breakers.take_faults();
        std::mem::take(&mut self.counters)
    }

    /// Takes what the guest logged; bounded for a batch, and as a whole.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        self.log.take()
    }

    /// Takes the faults since they were last taken.
    pub fn take_faults(&mut self) -> Vec<InstanceFault> {
        std::mem::take(&mut self.faults)
    }

    /// Takes the suspensions since they were last taken.
    pub fn take_suspensions(&mut self) -> Vec<Suspension> {
        std::mem::take(&mut self.suspensions)
    }

    /// Runs `judge` over all rows. Where it fails, it is run over halves, down to the rows on which it fails,
    /// until so much time was wasted that the breaker opens.
    ///
    /// `judge` gets the first row of a part, its rows and its time. It is called with parts in ascending order
    /// and must use the result of a part only if it is `Ok`; `faulted` gets the rows between, in the same order.
    pub(crate) fn bisect(
        &mut self,
        task: CheckTask,
        rows: usize,
        mut judge: impl FnMut(&mut Self, usize, usize, Duration) -> Result<(), Fault>,
        mut faulted: impl FnMut(FaultedRows),
    ) {
        let start = Instant::now();
        // A call costs the processor's time: a process that was stopped in the middle of it wasted nothing.
        let begun = processor_time();
        let full = self.check.limits.batch_time;
        if rows == 0 {
            return;
        }
        if self.breaker(task).is_open(start) {
            let fault = Fault::new(
                FaultKind::Suspended,
                "suspended for a while, because it wasted too much time on faults",
            );
            let all = FaultedRows {
                first: 0,
                rows,
                fault,
            };
            self.report(all, &mut faulted);
            return;
        }
        self.log.begin_batch();
        self.schema_breakers.begin_batch();
        self.schema_breakers.take_given_back();
        // Time of validation, which is not the check's.
        let mut not_its_own = Duration::ZERO;
        self.counters.batches += 1;
        self.counters.rows += rows as u64;
        let waste_max = self.breaker(task).left(start);
        let mut failing: Option<Duration> = None;
        let mut gave_up: Option<Fault> = None;
        let mut parts = vec![(0, rows)];
        while let Some((first, count)) = parts.pop() {
            let part = |fault| FaultedRows {
                first,
                rows: count,
                fault,
            };
            if let Some(fault) = &gave_up {
                self.report(part(fault.clone()), &mut faulted);
                continue;
            }
            let call_begun = processor_time();
            let judged = judge(self, first, count, part_time(full, count, rows));
            let by_schemas = self.schema_breakers.take_given_back();
            not_its_own += by_schemas;
            let Err(fault) = judged else {
                continue;
            };
            self.counters.faults[fault.kind as usize] += 1;
            self.note(&fault);
            let worked = processor_time();
            let took = worked.saturating_sub(call_begun);
            let took = took.saturating_sub(by_schemas);
            let so_far = failing.unwrap_or_default() + took;
            failing = Some(so_far);
            let took = worked.saturating_sub(begun);
            let took = took.saturating_sub(not_its_own);
            if waste(so_far, took, full) >= waste_max || fault.kind == FaultKind::Start {
                gave_up = Some(fault.clone());
            }
            if count == 1 || gave_up.is_some() {
                self.report(part(fault), &mut faulted);
            } else {
                let half = count / 2;
                parts.push((first + half, count - half));
                parts.push((first, half));
            }
        }
        let now = Instant::now();
        self.counters.busy += processor_time().saturating_sub(begun);
        if let Some(failing) = failing {
            let took = processor_time().saturating_sub(begun);
            let took = took.saturating_sub(not_its_own);
            let waste = waste(failing, took, full);
            if let Some(length) = self.breaker(task).record(waste, now) {
                self.counters.suspensions += 1;
                self.suspensions
                    .retain(|suspension| suspension.task != task);
                self.suspensions.push(Suspension { task, length });
            }
        }
    }

    fn breaker(&mut self, task: CheckTask) -> &mut Breaker {
        &mut self.breakers[task as usize]
    }

    fn note(&mut self, fault: &Fault) -> &mut InstanceFault {
        let known = self
            .faults
            .iter()
            .position(|known| known.kind == fault.kind);
        let place = known.unwrap_or_else(|| {
            self.faults.push(InstanceFault {
                kind: fault.kind,
                row: None,
                rows: 0,
                message: fault.message.clone(),
            });
            self.faults.len() - 1
        });
        &mut self.faults[place]
    }

    fn report(&mut self, rows: FaultedRows, faulted: &mut impl FnMut(FaultedRows)) {
        self.counters.rows_faulted[rows.fault.kind as usize] += rows.rows as u64;
        let noted = self.note(&rows.fault);
        noted.row.get_or_insert(rows.first);
        noted.rows += rows.rows as u64;
        faulted(rows);
    }

    /// One call into the guest, within `time`. `rows` is the first row of the batch that it is about, and how
    /// many they are. After any fault the guest is dropped.
    pub(crate) fn call<R>(
        &mut self,
        mut input: Option<&mut CallInput<'_>>,
        rows: (usize, usize),
        time: Duration,
        f: impl FnOnce(&mut Store<HostState>, &Exports) -> wasmtime::Result<Result<R, String>>,
    ) -> Result<R, Fault> {
        let mut guest = match self.guest.take() {
            Some(guest) if guest.batches < self.check.limits.batches_per_instance => guest,
            _ => self.renew()?,
        };
        guest.batches += 1;
        self.schema_breakers.begin_call();
        let state = guest.store.data_mut();
        state.begin_call(rows, time);
        std::mem::swap(&mut state.schema_breakers, &mut self.schema_breakers);
        if let Some(input) = &mut input {
            std::mem::swap(&mut state.documents, input.documents);
            if !Arc::ptr_eq(&state.schemas, input.schemas) {
                state.schemas = Arc::clone(input.schemas);
            }
        }
        let call = self.check.engine.call();
        guest.store.set_epoch_deadline(ticks(time));
        let began = processor_time();
        let result = f(&mut guest.store, &guest.exports);
        let took = processor_time().saturating_sub(began);
        drop(call);
        let state = guest.store.data_mut();
        let took = took.saturating_sub(state.schema_breakers.given_back());
        self.counters.longest = self.counters.longest.max(took);
        if let Some(input) = &mut input {
            std::mem::swap(&mut state.documents, input.documents);
        }
        std::mem::swap(&mut state.schema_breakers, &mut self.schema_breakers);
        std::mem::swap(&mut state.set_aside, &mut self.set_aside);
        self.log.absorb(&mut state.log);
        self.counters.memory_bytes = self.counters.memory_bytes.max(state.limiter.bytes() as u64);
        match result {
            Ok(Ok(answer)) => {
                self.guest = Some(guest);
                Ok(answer)
            }
            Ok(Err(message)) => Err(Fault::new(FaultKind::Declined, message)),
            Err(error) => Err(Fault::of_call(&error, guest.store.data().limiter.refused())),
        }
    }

    /// Takes and counts the rows of the last call on which a schema failed: the check's answer for them does not
    /// count.
    pub(crate) fn take_set_aside(&mut self) -> Vec<FaultedRows> {
        let set_aside = std::mem::take(&mut self.set_aside).into_iter();
        let rows: Vec<FaultedRows> = set_aside
            .map(|(first, fault)| FaultedRows {
                first,
                rows: 1,
                fault,
            })
            .collect();
        for row in &rows {
            self.counters.faults[row.fault.kind as usize] += 1;
            self.counters.rows_faulted[row.fault.kind as usize] += 1;
        }
        rows
    }

    fn renew(&mut self) -> Result<Guest<W>, Fault> {
        let check = &self.check;
        let (guest, _) = Guest::start(
            &check.engine,
            &check.pre,
            &check.limits,
            &check.config,
            None,
        )
        .map_err(|error| Fault::new(FaultKind::Start, error.to_string()))?;
        self.counters.instances += 1;
        Ok(guest)
    }

    /// Drops the guest: its answer broke the contract, so its state is not to be trusted.
    pub(crate) fn discard(&mut self) {
        self.guest = None;
    }
}

/// What a batch that fails has wasted: the time of the calls that failed, or what it took beyond the
/// time that a batch may take.
fn waste(failing: Duration, took: Duration, full: Duration) -> Duration {
    failing.max(took.saturating_sub(full))
}

/// The time for a part of a batch of `of` rows.
fn part_time(full: Duration, rows: usize, of: usize) -> Duration {
    if rows == of {
        return full;
    }
    let share = full.mul_f64(rows as f64 / of as f64) * PART_TIME_FACTOR;
    share.clamp(full / PART_TIME_SHARE_MIN, full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_gets_time_by_its_rows_within_bounds() {
        let full = Duration::from_millis(240);
        assert_eq!(part_time(full, 100, 100), full);
        assert_eq!(part_time(full, 50, 100), full);
        assert_eq!(part_time(full, 25, 100), Duration::from_millis(120));
        assert_eq!(part_time(full, 1, 100), Duration::from_millis(30));
    }
}
