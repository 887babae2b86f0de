//! Circuit breakers of schemas: a schema whose validation takes too many steps or too long is suspended for a
//! while, as a check is that fails. Neither the check nor other schemas pay for the time that it wastes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::breaker::Breaker;
use crate::fault::{Fault, FaultKind};

/// What a schema is used for. One that cannot explain in its steps where an event is wrong can still validate
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SchemaTask {
    Validate,
    Explain,
}

/// One row may take one part in so many of a batch's time, if all rows of a call together take no more than
/// that time.
const WORK_PART: u32 = 8;

/// What all schemas together may waste of one batch, in batch times, in however many parts it is judged. From then
/// on those that wasted time of it are suspended until its end: many slow schemas delay a batch hardly longer
/// than one.
const BATCH_WASTE_MAX: u32 = 8;

/// How often a schema took too many steps, since that was last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaFaults {
    pub schema: String,
    /// Rows that it could not judge, with those for which it was suspended.
    pub rows: u64,
    /// Rows that are not valid, and for which it could not be explained where.
    pub unexplained: u64,
    /// Times that it was suspended for a while.
    pub suspensions: u64,
}

/// Why a row could not be validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SchemaFailure {
    /// The validation took all its steps.
    Exhausted,
    /// The schema is suspended for a while.
    Suspended,
    /// A pattern gave up, or memory was short.
    HostFailed,
}

/// The fault of a row on which a schema failed.
pub(crate) fn fault(schema: &str, failure: SchemaFailure) -> Fault {
    let message = match failure {
        SchemaFailure::Exhausted => {
            format!("the schema {schema} takes more steps on it than a validation may take")
        }
        SchemaFailure::Suspended => {
            format!(
                "the schema {schema} is suspended for a while: it took too much time on earlier events"
            )
        }
        SchemaFailure::HostFailed => format!(
            "the schema {schema} could not be applied: a pattern with look-around or back-references takes \
             too many steps on a text of it, or memory is short"
        ),
    };
    Fault::new(FaultKind::Schema, message)
}

/// The breakers of one instance of a check. Holds nothing of schemas that never took too many steps.
#[derive(Debug, Default)]
pub(crate) struct SchemaBreakers {
    /// By schema and what it is used for.
    breakers: HashMap<(String, SchemaTask), SchemaBreaker>,
    /// Number of the batch that is judged.
    batch: u64,
    /// What all schemas wasted of that batch.
    wasted_of_batch: Duration,
    /// What each schema took in this call, of those that were timed.
    work: Vec<(String, SchemaTask, Duration)>,
    /// The time that a batch may take.
    deadline: Duration,
    faults: Vec<SchemaFaults>,
    /// Time that guests got back since that was last taken.
    given_back: Duration,
}

/// The breaker of a schema that wasted time.
#[derive(Debug)]
struct SchemaBreaker {
    breaker: Breaker,
    /// The last batch of which it wasted time.
    batch: u64,
}

impl SchemaBreakers {
    /// For a check whose batches may take `deadline`.
    pub fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            ..Self::default()
        }
    }

    /// Whether a schema is suspended at the moment. Hashes nothing as long as no schema ever wasted time.
    pub fn is_open(&self, schema: &str, task: SchemaTask) -> bool {
        if self.breakers.is_empty() {
            return false;
        }
        let schema_breaker = self.breakers.get(&(schema.to_owned(), task));
        let is_batch_over = self.wasted_of_batch >= self.deadline * BATCH_WASTE_MAX;
        schema_breaker.is_some_and(|schema_breaker| {
            schema_breaker.breaker.is_open(Instant::now())
                || is_batch_over && schema_breaker.batch == self.batch
        })
    }

    /// Another batch begins. If it is judged in parts, these share what may be wasted of it.
    pub fn begin_batch(&mut self) {
        self.batch += 1;
        self.wasted_of_batch = Duration::ZERO;
    }

    /// Another call begins.
    pub fn begin_call(&mut self) {
        self.work.clear();
    }

    /// Counts time that the guest gets back.
    pub fn give_back(&mut self, time: Duration) {
        self.given_back += time;
    }

    /// Records that a schema took `wasted` and gave no answer.
    pub fn record_waste(&mut self, schema: &str, task: SchemaTask, wasted: Duration) {
        let (deadline, batch) = (self.deadline, self.batch);
        self.wasted_of_batch += wasted;
        let schema_breaker = self.breakers.entry((schema.to_owned(), task));
        let schema_breaker = schema_breaker.or_insert_with(|| SchemaBreaker {
            breaker: Breaker::new(deadline),
            batch,
        });
        schema_breaker.batch = batch;
        let suspension = schema_breaker.breaker.record(wasted, Instant::now());
        self.faults_of(schema).suspensions += u64::from(suspension.is_some());
    }

    /// Records how long a schema took for an answer. It may take as long for a call as the check itself; what goes
    /// beyond, or is long for one row, is waste.
    pub fn record_answer(&mut self, schema: &str, task: SchemaTask, taken: Duration) {
        let is_it = |work: &&mut (String, SchemaTask, Duration)| work.0 == schema && work.1 == task;
        let sum = match self.work.iter_mut().find(is_it) {
            Some((_, _, sum)) => {
                *sum += taken;
                *sum
            }
            None => {
                self.work.push((schema.to_owned(), task, taken));
                taken
            }
        };
        if taken > self.deadline / WORK_PART || sum > self.deadline {
            self.record_waste(schema, task, taken);
        }
    }

    /// The counts of a schema, to be added to.
    pub fn faults_of(&mut self, schema: &str) -> &mut SchemaFaults {
        let place = self
            .faults
            .iter()
            .position(|faults| faults.schema == schema);
        let place = place.unwrap_or_else(|| {
            self.faults.push(SchemaFaults {
                schema: schema.to_owned(),
                ..SchemaFaults::default()
            });
            self.faults.len() - 1
        });
        &mut self.faults[place]
    }

    /// The time that guests got back since it was last taken.
    pub fn given_back(&self) -> Duration {
        self.given_back
    }

    /// The same, and begins anew.
    pub fn take_given_back(&mut self) -> Duration {
        std::mem::take(&mut self.given_back)
    }

    /// Takes the counts of all schemas.
    pub fn take_faults(&mut self) -> Vec<SchemaFaults> {
        std::mem::take(&mut self.faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_answers_and_takes_much_of_a_batchs_time_for_it_is_left_alone_as_well() {
        let ms = Duration::from_millis;
        let mut breakers = SchemaBreakers::new(ms(250));
        for _ in 0..100 {
            breakers.begin_call();
            for _ in 0..12 {
                breakers.record_answer("Large/1", SchemaTask::Validate, ms(20));
                breakers.record_answer("Other/1", SchemaTask::Validate, ms(20));
            }
        }
        assert!(
            !breakers.is_open("Large/1", SchemaTask::Validate),
            "that is work"
        );
        breakers.begin_call();
        for _ in 0..10 {
            breakers.record_answer("Slow/1", SchemaTask::Validate, ms(240));
        }
        assert!(breakers.is_open("Slow/1", SchemaTask::Validate));
        assert!(!breakers.is_open("Slow/1", SchemaTask::Explain));
        assert!(!breakers.is_open("Other/1", SchemaTask::Validate));
    }

    #[test]
    fn rows_that_together_take_more_than_a_batch_may_are_waste_from_then_on() {
        let ms = Duration::from_millis;
        let mut breakers = SchemaBreakers::new(ms(250));
        let mut rows = 0;
        while !breakers.is_open("Many/1", SchemaTask::Validate) {
            breakers.record_answer("Many/1", SchemaTask::Validate, ms(5));
            rows += 1;
        }
        // 250 ms of work, and eight times as much.
        assert!((440..=460).contains(&rows), "{rows}");
    }

    #[test]
    fn many_schemas_that_waste_of_one_batch_are_left_alone_together_until_its_end() {
        let ms = Duration::from_millis;
        let mut breakers = SchemaBreakers::new(ms(250));
        let names = ["A/1", "B/1", "C/1", "D/1"];
        breakers.begin_batch();
        for name in names {
            // Its parts share what it may waste.
            breakers.begin_call();
            assert!(!breakers.is_open(name, SchemaTask::Validate));
            breakers.record_waste(name, SchemaTask::Validate, ms(500));
        }
        assert!(
            names
                .iter()
                .all(|name| breakers.is_open(name, SchemaTask::Validate))
        );
        // Nobody else is, and no one for longer.
        assert!(!breakers.is_open("E/1", SchemaTask::Validate));
        breakers.record_waste("E/1", SchemaTask::Validate, ms(500));
        assert!(breakers.is_open("E/1", SchemaTask::Validate));
        breakers.begin_call();
        assert!(
            names
                .iter()
                .all(|name| breakers.is_open(name, SchemaTask::Validate))
        );
        breakers.begin_batch();
        assert!(
            !names
                .iter()
                .any(|name| breakers.is_open(name, SchemaTask::Validate))
        );
    }

    #[test]
    fn a_schema_that_wastes_much_time_is_left_alone_and_others_are_not() {
        let mut breakers = SchemaBreakers::new(Duration::from_millis(250));
        let mut suspended = 0;
        for _ in 0..8 {
            assert!(!breakers.is_open("Bad/1", SchemaTask::Validate));
            breakers.record_waste("Bad/1", SchemaTask::Validate, Duration::from_millis(300));
            suspended += breakers.take_faults()[0].suspensions;
            if suspended > 0 {
                break;
            }
        }
        assert_eq!(suspended, 1);
        assert!(breakers.is_open("Bad/1", SchemaTask::Validate));
        assert!(
            !breakers.is_open("Bad/1", SchemaTask::Explain),
            "it still explains"
        );
        assert!(!breakers.is_open("Good/1", SchemaTask::Validate));
        breakers.give_back(Duration::from_secs(2));
        assert_eq!(breakers.take_given_back(), Duration::from_secs(2));
        assert_eq!(breakers.take_given_back(), Duration::ZERO);
    }
}
