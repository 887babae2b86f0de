//! Native checks: `/valid` of an event decides whether it is valid, and two sides are equal if their `/content` is.

use std::sync::Arc;

use landfall_document::Column;
use landfall_runtime::{
    CallInput, Counters, Difference, Fault, Finding, InstanceFault, Judged, JudgedWindows, LogLine,
    Manifest, Outcome, PackedRef, Projected, Reason, Severity, Suspension, Tally,
};

use crate::judge::guests::{EventGuest, Guest, GuestCode, ParityGuest, WindowGuest};

/// A check by its name and manifest.
pub(super) struct Native {
    name: &'static str,
    manifest: Manifest,
}

impl Native {
    pub fn new(name: &'static str, column: &str, outcome: Outcome) -> Arc<Self> {
        let columns = match column {
            "" => Vec::new(),
            column => vec![Column::parse(column).expect("a column")],
        };
        Arc::new(Self {
            name,
            manifest: Manifest {
                name: name.into(),
                version: "1".into(),
                written_columns: columns.clone(),
                columns,
                reasons: vec![Reason {
                    id: "seen".into(),
                    help: String::new(),
                    outcome,
                }],
            },
        })
    }
}

/// An instance of any of them. It never fails, and takes no time.
struct Instance(Counters);

impl Instance {
    fn count(&mut self, rows: usize) {
        self.0.batches += 1;
        self.0.rows += rows as u64;
    }
}

impl Guest for Instance {
    fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.0)
    }

    fn take_log(&mut self) -> Vec<LogLine> {
        Vec::new()
    }

    fn take_faults(&mut self) -> Vec<InstanceFault> {
        Vec::new()
    }

    fn take_suspensions(&mut self) -> Vec<Suspension> {
        Vec::new()
    }
}

impl EventGuest for Instance {
    fn judge(
        &mut self,
        _: &mut CallInput<'_>,
        _: &str,
        rows: usize,
        columns: &[PackedRef<'_>],
        out: &mut Judged,
    ) {
        self.count(rows);
        out.details.clear();
        out.faulted.clear();
        out.codes.clear();
        out.codes
            .extend((0..rows).map(|row| u16::from(columns[0].row(row) == b"false")));
    }
}

impl ParityGuest for Instance {
    fn project(&mut self, _: &str, rows: usize, columns: &[PackedRef<'_>], out: &mut Projected) {
        self.count(rows);
        out.faulted.clear();
        out.forms.clear();
        (0..rows).for_each(|row| out.forms.push(columns[0].row(row)));
    }

    fn explain(&mut self, raw: &[u8], written: &[u8]) -> Result<Vec<Difference>, Fault> {
        let text = |side: &[u8]| String::from_utf8_lossy(side).into_owned();
        Ok(vec![Difference {
            field: "content".into(),
            raw: text(raw),
            written: text(written),
        }])
    }
}

impl WindowGuest for Instance {
    fn judge_windows(&mut self, tallies: &[Tally]) -> JudgedWindows {
        self.count(tallies.len());
        let missing = tallies
            .iter()
            .enumerate()
            .filter(|(_, tally)| tally.missing > 0);
        let finding = |(place, tally): (usize, &Tally)| Finding {
            tally: place,
            reason: 0,
            severity: Severity::Warning,
            text: format!("{} missing", tally.missing),
        };
        JudgedWindows {
            findings: missing.map(finding).collect(),
            faulted: Vec::new(),
        }
    }
}

macro_rules! native {
    ($guest:ty) => {
        impl GuestCode<$guest> for Native {
            fn name(&self) -> &str {
                self.name
            }

            fn manifest(&self) -> &Manifest {
                &self.manifest
            }

            fn instance(self: Arc<Self>) -> Box<$guest> {
                Box::new(Instance(Counters::default()))
            }
        }
    };
}

native!(dyn EventGuest);
native!(dyn ParityGuest);
native!(dyn WindowGuest);
