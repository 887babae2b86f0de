//! What validation by single schemas has wasted: a schema that takes too many steps again and again is left
//! alone for a while, as a check is that fails, and neither the check nor other schemas pay for it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::breaker::Breaker;
use crate::fault::{Fault, FaultKind};

/// What is asked of a schema. A schema that cannot tell where an event is wrong can still judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    Judge,
    Tell,
}

/// The part of a batch's time that one row may take as a matter of course, if all rows of a call together
/// take no more than a batch may.
const WORK_PART: u32 = 8;

/// So many batches' times may all schemas together waste of one batch, in however many parts it is judged. From then on those that have wasted of it
/// are left alone until its end: many that are slow hold a batch up hardly longer than one.
const BATCH_WASTE_MAX: u32 = 8;

/// What a schema took too many steps for since that was last told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaFaults {
    pub schema: String,
    /// Rows that it could not judge, those among them at which it was left alone.
    pub rows: u64,
    /// Rows that are not valid, and of which it could not be told where.
    pub untold: u64,
    /// Times that it was left alone for a while from then on.
    pub suspensions: u64,
}

/// Why a row has no verdict, or no explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Exhausted,
    LeftAlone,
    /// A pattern gave up, or memory was short.
    HostFailed,
}

/// A fault of a row by its schema.
pub(crate) fn fault(schema: &str, why: Why) -> Fault {
    let message = match why {
        Why::Exhausted => {
            format!("the schema {schema} takes more steps on it than a validation may take")
        }
        Why::LeftAlone => {
            format!(
                "the schema {schema} is left alone for a while: it took too much time on events before"
            )
        }
        Why::HostFailed => format!(
            "the schema {schema} could not be applied: a pattern with look-around or back-references takes \
             too many steps on a text of it, or memory is short"
        ),
    };
    Fault::new(FaultKind::Schema, message)
}

/// Of one seat. Holds nothing of schemas that never took too many steps.
#[derive(Debug, Default)]
pub(crate) struct Waste {
    /// By schema, and what is asked.
    wasters: HashMap<(String, Asked), Waster>,
    /// The number of the batch that is judged.
    batch: u64,
    /// What all schemas wasted of it.
    of_batch: Duration,
    /// What each took in this call, of those that were timed.
    work: Vec<(String, Asked, Duration)>,
    /// The time of a batch.
    deadline: Duration,
    told: Vec<SchemaFaults>,
    /// Given back since that was last taken.
    time: Duration,
}

/// A schema that has wasted.
#[derive(Debug)]
struct Waster {
    breaker: Breaker,
    /// The batch of which it wasted last.
    batch: u64,
}

impl Waste {
    pub fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            ..Self::default()
        }
    }

    /// Whether a schema is left alone at the moment. Hashes nothing as long as no schema ever wasted.
    pub fn is_open(&self, schema: &str, asked: Asked) -> bool {
        if self.wasters.is_empty() {
            return false;
        }
        let waster = self.wasters.get(&(schema.to_owned(), asked));
        let is_batch_wasted = self.of_batch >= self.deadline * BATCH_WASTE_MAX;
        waster.is_some_and(|waster| {
            waster.breaker.is_open(Instant::now()) || is_batch_wasted && waster.batch == self.batch
        })
    }

    /// Another batch begins. If it is judged in parts, they share what may be wasted of it.
    pub fn begin_batch(&mut self) {
        self.batch += 1;
        self.of_batch = Duration::ZERO;
    }

    /// Another call begins.
    pub fn begin_call(&mut self) {
        self.work.clear();
    }

    /// Time that the guest gets back.
    pub fn give_back(&mut self, time: Duration) {
        self.time += time;
    }

    /// Tells that a schema took `wasted` without an answer.
    pub fn record(&mut self, schema: &str, asked: Asked, wasted: Duration) {
        let (deadline, batch) = (self.deadline, self.batch);
        self.of_batch += wasted;
        let waster = self.wasters.entry((schema.to_owned(), asked));
        let waster = waster.or_insert_with(|| Waster {
            breaker: Breaker::new(deadline),
            batch,
        });
        waster.batch = batch;
        let suspension = waster.breaker.record(wasted, Instant::now());
        self.told(schema).suspensions += u64::from(suspension.is_some());
    }

    /// Tells that a schema took so long for an answer. It may take as long for a call as the check itself;
    /// what goes beyond, or is long for one row, is waste.
    pub fn took(&mut self, schema: &str, asked: Asked, taken: Duration) {
        let is_it = |work: &&mut (String, Asked, Duration)| work.0 == schema && work.1 == asked;
        let sum = match self.work.iter_mut().find(is_it) {
            Some((_, _, sum)) => {
                *sum += taken;
                *sum
            }
            None => {
                self.work.push((schema.to_owned(), asked, taken));
                taken
            }
        };
        if taken > self.deadline / WORK_PART || sum > self.deadline {
            self.record(schema, asked, taken);
        }
    }

    /// Counts of a schema, to be added to.
    pub fn told(&mut self, schema: &str) -> &mut SchemaFaults {
        let place = self.told.iter().position(|told| told.schema == schema);
        let place = place.unwrap_or_else(|| {
            self.told.push(SchemaFaults {
                schema: schema.to_owned(),
                ..SchemaFaults::default()
            });
            self.told.len() - 1
        });
        &mut self.told[place]
    }

    /// The time that was wasted since it was last taken.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// The same, and begins anew.
    pub fn take_time(&mut self) -> Duration {
        std::mem::take(&mut self.time)
    }

    pub fn take_told(&mut self) -> Vec<SchemaFaults> {
        std::mem::take(&mut self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_answers_and_takes_much_of_a_batchs_time_for_it_is_left_alone_as_well() {
        let ms = Duration::from_millis;
        let mut waste = Waste::new(ms(250));
        for _ in 0..100 {
            waste.begin_call();
            for _ in 0..12 {
                waste.took("Large/1", Asked::Judge, ms(20));
                waste.took("Other/1", Asked::Judge, ms(20));
            }
        }
        assert!(!waste.is_open("Large/1", Asked::Judge), "that is work");
        waste.begin_call();
        for _ in 0..10 {
            waste.took("Slow/1", Asked::Judge, ms(240));
        }
        assert!(waste.is_open("Slow/1", Asked::Judge));
        assert!(!waste.is_open("Slow/1", Asked::Tell));
        assert!(!waste.is_open("Other/1", Asked::Judge));
    }

    #[test]
    fn rows_that_together_take_more_than_a_batch_may_are_waste_from_then_on() {
        let ms = Duration::from_millis;
        let mut waste = Waste::new(ms(250));
        let mut rows = 0;
        while !waste.is_open("Many/1", Asked::Judge) {
            waste.took("Many/1", Asked::Judge, ms(5));
            rows += 1;
        }
        // 250 ms of work, and eight times as much.
        assert!((440..=460).contains(&rows), "{rows}");
    }

    #[test]
    fn many_schemas_that_waste_of_one_batch_are_left_alone_together_until_its_end() {
        let ms = Duration::from_millis;
        let mut waste = Waste::new(ms(250));
        let names = ["A/1", "B/1", "C/1", "D/1"];
        waste.begin_batch();
        for name in names {
            // Its parts share what it may waste.
            waste.begin_call();
            assert!(!waste.is_open(name, Asked::Judge));
            waste.record(name, Asked::Judge, ms(500));
        }
        assert!(names.iter().all(|name| waste.is_open(name, Asked::Judge)));
        // Nobody else is, and no one for longer.
        assert!(!waste.is_open("E/1", Asked::Judge));
        waste.record("E/1", Asked::Judge, ms(500));
        assert!(waste.is_open("E/1", Asked::Judge));
        waste.begin_call();
        assert!(names.iter().all(|name| waste.is_open(name, Asked::Judge)));
        waste.begin_batch();
        assert!(!names.iter().any(|name| waste.is_open(name, Asked::Judge)));
    }

    #[test]
    fn a_schema_that_wastes_much_time_is_left_alone_and_others_are_not() {
        let mut waste = Waste::new(Duration::from_millis(250));
        let mut suspended = 0;
        for _ in 0..8 {
            assert!(!waste.is_open("Bad/1", Asked::Judge));
            waste.record("Bad/1", Asked::Judge, Duration::from_millis(300));
            suspended += waste.take_told()[0].suspensions;
            if suspended > 0 {
                break;
            }
        }
        assert_eq!(suspended, 1);
        assert!(waste.is_open("Bad/1", Asked::Judge));
        assert!(!waste.is_open("Bad/1", Asked::Tell), "it still tells");
        assert!(!waste.is_open("Good/1", Asked::Judge));
        waste.give_back(Duration::from_secs(2));
        assert_eq!(waste.take_time(), Duration::from_secs(2));
        assert_eq!(waste.take_time(), Duration::ZERO);
    }
}
