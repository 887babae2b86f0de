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

/// The part of a batch's time that one row may take as a matter of course.
const WORK_PART: u32 = 8;

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
    breakers: HashMap<(String, Asked), Breaker>,
    /// The time of a batch.
    deadline: Duration,
    told: Vec<SchemaFaults>,
    /// Since that was last taken.
    time: Duration,
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
        if self.breakers.is_empty() {
            return false;
        }
        let breaker = self.breakers.get(&(schema.to_owned(), asked));
        breaker.is_some_and(|breaker| breaker.is_open(Instant::now()))
    }

    /// Tells that a schema took `wasted` without an answer.
    pub fn record(&mut self, schema: &str, asked: Asked, wasted: Duration) {
        self.time += wasted;
        let deadline = self.deadline;
        let breaker = self.breakers.entry((schema.to_owned(), asked));
        let breaker = breaker.or_insert_with(|| Breaker::new(deadline));
        let suspension = breaker.record(wasted, Instant::now());
        self.told(schema).suspensions += u64::from(suspension.is_some());
    }

    /// Tells that a schema took so long for an answer. What is short beside a batch's time is work, and
    /// what is not is waste.
    pub fn took(&mut self, schema: &str, asked: Asked, taken: Duration) {
        if taken > self.deadline / WORK_PART {
            self.record(schema, asked, taken);
        } else {
            self.time += taken;
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
        let mut waste = Waste::new(Duration::from_millis(250));
        for _ in 0..1000 {
            waste.took("Large/1", Asked::Judge, Duration::from_millis(20));
        }
        assert!(!waste.is_open("Large/1", Asked::Judge), "that is work");
        assert_eq!(waste.take_time(), Duration::from_secs(20), "given back");
        for _ in 0..10 {
            waste.took("Slow/1", Asked::Judge, Duration::from_millis(240));
        }
        assert!(waste.is_open("Slow/1", Asked::Judge));
        assert!(!waste.is_open("Slow/1", Asked::Tell));
        assert_eq!(waste.take_time(), Duration::from_millis(2400));
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
        assert!(waste.take_time() >= Duration::from_secs(2));
        assert_eq!(waste.take_time(), Duration::ZERO);
    }
}
