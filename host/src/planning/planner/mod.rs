//! Makes a plan from the configuration: loads schemas and checks. It is slow (it reads and compiles), so it
//! never runs on a thread that judges. Keeps what did not change.

mod checks;
#[cfg(test)]
pub mod doubles;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_document::{Pointer, SchemaSet};
use landfall_ledger::{Deadlines, Generation, PerStream};
use landfall_runtime::{Check, Digest, LoadRequest, Loader};

use self::checks::{NoVersion, streams};
pub use super::error::{PlanningError, RefusedCheck};
use super::loading::Loading;
use super::origin::SearchOrigin;
pub use super::planned::{CheckState, Planned};
use crate::config::Config;
use crate::judge::labels::{NO_SCHEMA, Reasons, SchemaLabels, UNKNOWN_SCHEMA};
use crate::judge::plan::{EventPointers, Plan, PlanParts, PlannedCheck};

/// At most this many unchanged schemas are named.
const STALE_NAMED_MAX: usize = 8;

/// How long a plan waits for its loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until all are loaded or refused: each load has its limits.
    Whole,
    /// This long; loads that have not ended by then go on, and their checks stay as they are.
    For(Duration),
}

/// What happens to loads that a plan does not want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OtherLoads {
    End,
    /// Another plan wants them.
    Keep,
}

/// A check in use: what it was loaded from, and the outcome.
#[derive(Clone)]
struct InUse {
    request: LoadRequest,
    origin: SearchOrigin,
    digest: Digest,
    check: Check,
    loaded_ms: i64,
}

/// Loads and reloads. Owned by one thread at a time. A plan that fails changes nothing that is in use; the
/// loads that it began go on.
pub struct Planner {
    loading: Loading,
    in_use: BTreeMap<String, InUse>,
    /// The directory of the schemas in use.
    schemas_from: Option<SearchOrigin>,
    /// The last known reason why code was not kept.
    not_kept: Option<String>,
    /// The same, for the notes of the next plan.
    unreported: Option<String>,
    reasons: Arc<Reasons>,
    /// The plan that was made last.
    plan: Option<Arc<Plan>>,
    /// None: every number was used. A process never uses a number twice: an event that still waits may
    /// have been judged by the plan that had it.
    next_generation: Option<u16>,
    /// Whether a plan is still wanted; asked between two schemas, for there may be many.
    go_on: Box<dyn Fn() -> bool + Send>,
}

impl Planner {
    pub fn new(loader: Loader) -> Self {
        Self {
            loading: Loading::new(loader),
            in_use: BTreeMap::new(),
            schemas_from: None,
            not_kept: None,
            unreported: None,
            reasons: Arc::default(),
            plan: None,
            next_generation: Some(0),
            go_on: Box::new(|| true),
        }
    }

    /// Asks `go_on` from now on whether a plan is still wanted.
    pub fn plan_while(&mut self, go_on: impl Fn() -> bool + Send + 'static) {
        self.go_on = Box::new(go_on);
    }

    /// Calls `wake` whenever a load that begins from now on has ended, loaded or refused.
    pub fn on_loaded(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        self.loading.on_end(wake);
    }

    /// Whether a check is being loaded.
    pub fn is_loading(&self) -> bool {
        !self.loading.running().is_empty()
    }

    /// Tries refused files once more at the next plan, although they have not changed.
    pub fn try_again(&mut self) {
        self.loading.forget_refused();
    }

    /// Ends the loads of checks that none of these configurations has.
    pub fn load_only_for(&mut self, configs: &[&Config]) {
        let has = |config: &Config, name: &str| config.checks.iter().any(|c| c.name == name);
        self.loading
            .retain(|name| configs.iter().any(|config| has(config, name)));
    }

    /// Makes a plan of the configuration. A check that is in use and does not load stays in its old version
    /// and is reported as stale; one that is still being loaded when patience ends stays too. Every other
    /// check has to load. If nothing differs from the plan before, the result is that plan.
    ///
    /// # Errors
    /// A check that is not in use yet does not load, or the schemas cannot be read, or it was told to end.
    pub fn plan(
        &mut self,
        config: &Config,
        now_ms: i64,
        patience: Patience,
    ) -> Result<Planned, PlanningError> {
        self.make(config, now_ms, patience, OtherLoads::End)
    }

    /// The same for the configuration in force, while another configuration is wanted but cannot be taken. The
    /// loads for that other one are kept: otherwise the end of each load would start it again, without end.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub fn plan_meanwhile(
        &mut self,
        config: &Config,
        now_ms: i64,
        patience: Patience,
    ) -> Result<Planned, PlanningError> {
        self.make(config, now_ms, patience, OtherLoads::Keep)
    }

    fn make(
        &mut self,
        config: &Config,
        now_ms: i64,
        patience: Patience,
        others: OtherLoads,
    ) -> Result<Planned, PlanningError> {
        let mut notes = Vec::new();
        let mut problems = Vec::new();
        let (found, not_kept) = self.look_at_files(config, others);
        if not_kept != self.not_kept {
            // There may be no plan yet that could carry it.
            self.unreported = not_kept.clone();
            self.not_kept = not_kept;
        }
        match patience {
            Patience::Whole => self.loading.wait_for_all(),
            Patience::For(time) => self.loading.wait(Instant::now() + time),
        }
        let (mut states, mut placed) = (Vec::new(), Vec::new());
        let (mut refused, mut awaited) = (Vec::new(), Vec::new());
        let mut in_use = BTreeMap::new();
        for (check, found) in config.checks.iter().zip(found) {
            let taken = match self.take(check, found, now_ms, &mut notes) {
                Ok(taken) => taken,
                Err(NoVersion::RefusedCheck(check)) => {
                    refused.push(check);
                    continue;
                }
                Err(NoVersion::Loading) => {
                    awaited.push(check.name.clone());
                    continue;
                }
            };
            problems.extend(taken.stale.clone());
            let entry = taken.entry;
            states.push(CheckState {
                name: check.name.clone(),
                kind: entry.check.kind().as_str(),
                version: entry.check.manifest().version.clone(),
                digest: entry.digest.to_string(),
                loaded_ms: entry.loaded_ms,
                stale: taken.stale,
                loading: taken.loading,
                loaded_from: taken.loaded_from,
            });
            placed.push(PlannedCheck {
                name: check.name.clone(),
                check: entry.check.clone(),
                streams: streams(check),
                decides: check.decides,
            });
            in_use.insert(check.name.clone(), entry);
        }
        if !refused.is_empty() {
            return Err(PlanningError::Checks(refused));
        }
        if !awaited.is_empty() {
            return Err(PlanningError::Loading(awaited));
        }
        let schemas = self.load_schemas(config, &mut problems);
        let (schemas, stale_schemas, schemas_from) = schemas.ok_or(PlanningError::Ended)?;
        let labels = self.extend_labels(config, &schemas, &mut problems);
        let parts = PlanParts {
            generation: Generation(self.next_generation.unwrap_or(u16::MAX)),
            event: event_pointers(config)?,
            codecs: PerStream::of(|stream| config.streams.of(stream).codec.clone()),
            checks: placed,
            schemas,
            labels,
            reasons: Arc::clone(&self.reasons),
        };
        let (plan, changed) = match &self.plan {
            Some(plan) if plan.is_made_of(&parts) => (Arc::clone(plan), false),
            _ if self.next_generation.is_none() => return Err(PlanningError::Generations),
            _ => (Arc::new(Plan::build(parts)?), true),
        };
        if changed {
            self.next_generation = plan.generation.0.checked_add(1);
        }
        notes.extend(self.unreported.take());
        self.in_use = in_use;
        self.schemas_from = Some(schemas_from);
        self.plan = Some(Arc::clone(&plan));
        Ok(Planned {
            deadlines: deadlines(config, &plan.labels),
            schemas: schemas_of(config, &plan),
            plan,
            checks: states,
            stale_schemas,
            problems,
            notes,
            changed,
        })
    }

    /// The schemas, and the number of those of which an older version stays; None if they are not wanted any more.
    fn load_schemas(
        &self,
        config: &Config,
        problems: &mut Vec<String>,
    ) -> Option<(Arc<SchemaSet>, usize, SearchOrigin)> {
        let places = config.schemas_places();
        let known = self.schemas_from.as_ref();
        let drift = known.and_then(|known| known.drift(&places, Path::is_dir));
        let directory = match (&drift, known) {
            (Some(drift), Some(known)) => {
                problems.extend(
                    drift
                        .problem(&known.place)
                        .map(|why| format!("schemas stay as they were: {why}")),
                );
                known.place.clone()
            }
            _ => config.schemas_dir(),
        };
        let former = self.plan.as_ref().map(|plan| &plan.schemas);
        let rules = config.schemas.rules;
        let none = SchemaSet::default();
        let known = former.map_or(&none, |former| former.as_ref());
        let (schemas, errors) = SchemaSet::reload_while(&directory, known, rules, &self.go_on)?;
        problems.extend(errors.iter().map(ToString::to_string));
        let stale = schemas.stale();
        if !stale.is_empty() {
            let named = &stale[..stale.len().min(STALE_NAMED_MAX)];
            problems.push(format!(
                "{} schemas stay as they were: {}{}",
                stale.len(),
                named.join(", "),
                if named.len() < stale.len() {
                    ", ..."
                } else {
                    ""
                }
            ));
        }
        let count = stale.len();
        let schemas = match former {
            Some(former) if former.digest() == schemas.digest() => Arc::clone(former),
            _ => {
                for hint in schemas.hints() {
                    tracing::warn!(%hint, "hint about a schema");
                }
                Arc::new(schemas)
            }
        };
        Some((schemas, count, SearchOrigin::new(directory, places)))
    }

    fn extend_labels(
        &self,
        config: &Config,
        schemas: &SchemaSet,
        problems: &mut Vec<String>,
    ) -> Arc<SchemaLabels> {
        let former = self.plan.as_ref().map(|plan| Arc::clone(&plan.labels));
        let former = former.unwrap_or_default();
        let mut labels = SchemaLabels::clone(&former);
        if !labels.extend(schemas.names().into_iter().chain(configured(config))) {
            problems.push(format!(
                "more than {} schemas: the rest count as (unknown)",
                crate::judge::labels::SCHEMAS_MAX
            ));
        }
        if labels.names().len() == former.names().len() {
            return former;
        }
        Arc::new(labels)
    }
}

fn event_pointers(config: &Config) -> Result<EventPointers, PlanningError> {
    let pointer = |field, text: &str| {
        Pointer::parse(text).map_err(|error| PlanningError::Pointer { field, error })
    };
    let revision = config.event.revision.as_str();
    Ok(EventPointers {
        key: pointer("event.key", &config.event.key)?,
        schema: pointer("event.schema", &config.event.schema)?,
        revision: if revision.is_empty() {
            None
        } else {
            Some(pointer("event.revision", revision)?)
        },
        time: config
            .event
            .time
            .iter()
            .map(|text| pointer("event.time", text))
            .collect::<Result<_, _>>()?,
    })
}

/// Schemas of the configuration, as far as it names revisions.
fn configured(config: &Config) -> impl Iterator<Item = &str> {
    let names = config.deadlines.schemas.keys().map(String::as_str);
    names.filter(|name| name.contains('/'))
}

/// The labels of schemas that are loaded or configured, and `(unknown)` and `(none)`.
fn schemas_of(config: &Config, plan: &Plan) -> Vec<String> {
    let loaded = plan.schemas.names().into_iter().chain(configured(config));
    let is_none = [UNKNOWN_SCHEMA, NO_SCHEMA].map(|id| plan.labels.name(id));
    let names: BTreeSet<&str> = loaded.chain(is_none).collect();
    let labels = plan.labels.names().iter();
    let known = labels.filter(|label| names.contains(label.as_str()));
    known.cloned().collect()
}

/// Deadlines by number of the schema.
fn deadlines(config: &Config, labels: &SchemaLabels) -> Deadlines {
    let ms =
        |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    Deadlines {
        default_ms: ms(config.deadlines.default),
        by_schema: labels
            .names()
            .iter()
            .map(|name| ms(config.deadlines.of(name)))
            .collect(),
    }
}
