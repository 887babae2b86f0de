//! The delivery objectives that the window checks of a plan state. This starts an instance of each check,
//! so it never runs on a thread that judges.

use landfall_runtime::Check;

use crate::judge::plan::Plan;

/// The objective that a check states for a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    pub check: String,
    pub schema: String,
    /// A share, from 0 to 1.
    pub target: f64,
    /// Whether an event that landed late counts as delivered.
    pub late_counts: bool,
}

/// All objectives of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objectives {
    pub stated: Vec<Stated>,
    /// Checks whose objectives cannot be shown, and why. They judge all the same.
    pub problems: Vec<String>,
}

impl Objectives {
    /// Asks each window check for the objectives of the schemas that are loaded or configured, and of `(unknown)`
    /// and `(none)`, as long as `go_on` returns true.
    pub fn of(plan: &Plan, schemas: &[String], go_on: &dyn Fn() -> bool) -> Self {
        let names: Vec<&str> = schemas.iter().map(String::as_str).collect();
        let mut all = Self::default();
        for placed in &plan.checks {
            let Check::Window(check) = &placed.check else {
                continue;
            };
            if !go_on() {
                break;
            }
            match check.objectives(&names, go_on) {
                Ok(None) => {}
                Ok(Some(stated)) => {
                    let known = names.iter().zip(stated);
                    all.stated.extend(known.filter_map(|(schema, objective)| {
                        let objective = objective?;
                        Some(Stated {
                            check: placed.name.clone(),
                            schema: (*schema).to_owned(),
                            target: objective.target,
                            late_counts: objective.late_counts,
                        })
                    }));
                }
                Err(fault) => all.problems.push(format!(
                    "check {} judges, but its objectives are not shown, because it fails to state them: {}",
                    placed.name, fault.message
                )),
            }
        }
        all
    }
}
