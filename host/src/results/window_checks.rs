//! The instances of window checks, which judge the tallies of closed windows.

use landfall_ledger::Generation;
use landfall_runtime::Tally;

use super::accounting::WindowFindings;
use crate::judge::guests::{GuestInstance, WindowGuest};
use crate::judge::plan::Plan;
use crate::judge::{CheckActivity, FaultNote, FaultedRow};

/// One instance of each window check in force.
#[derive(Default)]
pub(super) struct WindowChecks {
    instances: Vec<GuestInstance<dyn WindowGuest>>,
    /// The generation of the plan from which they come.
    generation: Option<Generation>,
}

impl WindowChecks {
    /// Takes the window checks of a plan. A check that did not change keeps its instance.
    pub fn follow(&mut self, plan: &Plan) {
        if self.generation.replace(plan.generation) == Some(plan.generation) {
            return;
        }
        let mut old = std::mem::take(&mut self.instances);
        let checks = plan.windows.iter();
        self.instances = checks
            .map(|check| GuestInstance::kept_or_new(&mut old, check))
            .collect();
    }

    /// Has all of them judge the tallies of a window. Gives what each found, and what it did.
    pub fn judge(&mut self, tallies: &[Tally]) -> Vec<(WindowFindings, CheckActivity)> {
        let judge = |GuestInstance { code, guest }: &mut GuestInstance<dyn WindowGuest>| {
            let judged = guest.judge_windows(tallies);
            let name = code.name().to_owned();
            let of = |row: usize| tallies.get(row).map_or(FaultedRow::Unknown, window_of);
            let faults = guest.take_faults().into_iter();
            let activity = CheckActivity {
                counters: guest.take_counters(),
                log: guest.take_log(),
                faults: faults
                    .map(|fault| FaultNote::of_instance(&name, None, fault, of))
                    .collect(),
                suspensions: guest.take_suspensions(),
                name: name.clone(),
            };
            let findings = WindowFindings {
                check: name,
                manifest: code.manifest().clone(),
                judged,
            };
            (findings, activity)
        };
        self.instances.iter_mut().map(judge).collect()
    }
}

fn window_of(tally: &Tally) -> FaultedRow {
    FaultedRow::Window {
        schema: tally.schema.clone(),
        start_ms: tally.start_ms,
    }
}
