//! Window checks: judge the tallies of windows that have closed.

use serde::de::DeserializeOwned;

use crate::bindings::objectives::exports::landfall::check::objectives;
use crate::bindings::window_check as wit;
use crate::config;

/// The counts of one window and one schema, in events.
pub use crate::bindings::window_check::{Severity, Tally};

/// One of the finitely many answers of a window check.
#[derive(Clone, Copy, Debug)]
pub struct WindowReason {
    /// A metric label: lower-case letters, digits and underscores, at most 48 bytes.
    pub id: &'static str,
    /// What it means, for people.
    pub help: &'static str,
}

/// A finding of a check about one tally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The id of one of the check's `REASONS`.
    pub reason: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// For people.
    pub text: String,
}

/// Judges closed windows, each schema on its own.
pub trait WindowCheck: Sized {
    /// Lower-case letters, digits and dashes, at most 48 bytes.
    const NAME: &'static str;
    /// Semantic version, at most 32 bytes.
    const VERSION: &'static str;
    /// At most 64.
    const REASONS: &'static [WindowReason];
    /// The operator's settings. Unknown members are refused.
    type Config: DeserializeOwned;

    /// Called once per instance. An error refuses the configuration.
    fn new(config: Self::Config) -> Result<Self, String>;

    /// Judges one tally; None if there is no finding.
    fn judge(&mut self, tally: &Tally) -> Result<Option<Finding>, String>;
}

/// What a check demands of the pipeline for a schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The share of the expected events that should be delivered, from 0 to 1.
    pub target: f64,
    /// Whether an event that landed late counts as delivered.
    pub late_counts: bool,
}

/// A window check that judges by delivery objectives and states them: operators see them beside the
/// measured values. Exported with `export_window_check!(Check, objectives)`.
pub trait StatesObjectives: WindowCheck {
    /// The objective of `name/revision`, `(unknown)` or `(none)`; none if the schema has none. The same
    /// configuration gives the same objective.
    fn objective(&self, schema: &str) -> Option<Objective>;
}

/// A configured window check, with the functions of the contract.
#[doc(hidden)]
pub struct Configured<C> {
    check: C,
}

impl<C: WindowCheck> Configured<C> {
    pub fn configure(config: &str) -> Result<Self, String> {
        let check = C::new(config::from_text(config)?)?;
        Ok(Self { check })
    }

    pub fn describe(&self) -> wit::WindowManifest {
        let reasons = C::REASONS.iter().map(|reason| wit::WindowReason {
            id: reason.id.into(),
            help: reason.help.into(),
        });
        wit::WindowManifest {
            name: C::NAME.into(),
            version: C::VERSION.into(),
            reasons: reasons.collect(),
        }
    }

    pub fn check(&mut self, tallies: &[Tally]) -> Result<Vec<wit::Finding>, String> {
        let mut findings = Vec::new();
        for (place, tally) in tallies.iter().enumerate() {
            let Some(finding) = self.check.judge(tally)? else {
                continue;
            };
            let known = C::REASONS.iter().position(|r| r.id == finding.reason);
            let Some(reason) = known else {
                return Err(format!(
                    "the check gave the reason `{}`, which its REASONS lack",
                    finding.reason
                ));
            };
            findings.push(wit::Finding {
                tally: place as u32,
                reason: reason as u16 + 1,
                severity: finding.severity,
                text: finding.text,
            });
        }
        Ok(findings)
    }
}

impl<C: StatesObjectives> Configured<C> {
    pub fn state(&self, schemas: &[String]) -> Vec<Option<objectives::Objective>> {
        let stated = |schema: &String| {
            let objective = self.check.objective(schema)?;
            Some(objectives::Objective {
                target: objective.target,
                late_counts: objective.late_counts,
            })
        };
        schemas.iter().map(stated).collect()
    }
}

/// Makes `$check`, a [`WindowCheck`](crate::WindowCheck), the component's; with `objectives` one that
/// [states them](crate::StatesObjectives). Expands to nothing natively.
#[macro_export]
macro_rules! export_window_check {
    ($check:ty, objectives) => {
        $crate::export_window_check!($check, {
            use $crate::bindings::objectives as stated;
            impl stated::exports::landfall::check::objectives::Guest for Glue {
                fn state(
                    schemas: Vec<String>,
                ) -> Vec<Option<stated::exports::landfall::check::objectives::Objective>> {
                    with_configured(|configured| configured.state(&schemas))
                }
            }
    stated::export!(Glue with_types_in $crate::bindings::objectives);
        });
    };
    ($check:ty) => {
        $crate::export_window_check!($check, {});
    };
    ($check:ty, { $($more:tt)* }) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::window_check as world;
            $crate::__configured!($crate::window::Configured<$check>);
            impl world::Guest for Glue {
                fn configure(config: String) -> Result<(), String> {
                    configure(&config)
                }
                fn describe() -> world::WindowManifest {
                    with_configured(|configured| configured.describe())
                }
                fn check(tallies: Vec<world::Tally>) -> Result<Vec<world::Finding>, String> {
                    with_configured(|configured| configured.check(&tallies))
                }
            }
    world::export!(Glue with_types_in $crate::bindings::window_check);
            $($more)*
        };
    };
}
