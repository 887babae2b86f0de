//! Configuration to a plan: loads schemas and checks. Slow (reads and compiles), so never on a
//! thread that judges. Keeps what did not change.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_document::{Pointer, PointerError, SchemaSet};
use landfall_ledger::{Deadlines, Generation};
use landfall_runtime::{
    Check, Digest, Engine as WasmEngine, Limits, LoadError, LoadRequest, digest_of,
};

use crate::config::{CheckConfig, Config, NotFound};
use crate::judge::labels::{Reasons, SchemaLabels};
use crate::judge::plan::{EventPointers, Placed, Plan, PlanError, PlanParts, STREAM_NAMES};

/// Schemas that stay as they were are named up to here.
const STALE_NAMED_MAX: usize = 8;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    #[error("{field}: {error}")]
    Pointer {
        field: &'static str,
        error: PointerError,
    },
    #[error("failed to load check {name} from {path}: {error}")]
    Check {
        name: String,
        path: String,
        error: LoadError,
    },
    #[error(transparent)]
    NotFound(#[from] NotFound),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(
        "this process has made all {} plans that it can tell apart; restart it, the store's numbers go on",
        1 + u32::from(u16::MAX)
    )]
    Generations,
}

/// How a check stands, for `/readyz`, metrics and logs.
#[derive(Clone, Debug)]
pub struct CheckState {
    pub name: String,
    pub kind: &'static str,
    pub version: String,
    pub digest: String,
    pub loaded_ms: i64,
    /// Why the file as it is now is not the version in use.
    pub stale: Option<String>,
}

/// A check in use: what it was loaded from, and what came of it.
#[derive(Clone)]
struct InUse {
    request: LoadRequest,
    digest: Digest,
    check: Check,
    loaded_ms: i64,
}

/// Loads and reloads. Owned by one thread at a time. What it knows changes only when a plan was
/// made: one that fails leaves it as it was.
pub struct Planner {
    wasm: WasmEngine,
    in_use: BTreeMap<String, InUse>,
    reasons: Arc<Reasons>,
    /// The plan that was made last.
    plan: Option<Arc<Plan>>,
    /// None: every number was given. A number is never given again in a process: what still waits may
    /// have been judged by the plan that had it.
    next_generation: Option<u16>,
}

/// What planning gives.
pub struct Planned {
    pub plan: Arc<Plan>,
    pub deadlines: Deadlines,
    pub checks: Vec<CheckState>,
    /// Schemas of which an older version stays in force.
    pub stale_schemas: usize,
    /// What was left as it was, or left out, and why.
    pub problems: Vec<String>,
    /// Whether anything differs from the plan before.
    pub changed: bool,
}

impl Planner {
    pub fn new(wasm: WasmEngine) -> Self {
        Self {
            wasm,
            in_use: BTreeMap::new(),
            reasons: Arc::default(),
            plan: None,
            next_generation: Some(0),
        }
    }

    /// Makes a plan of the configuration. At the start every check must load; at a reload one that
    /// does not leaves its old version in use, and is told as stale. If nothing differs from the plan
    /// before, it is that plan.
    pub fn plan(&mut self, config: &Config, now_ms: i64) -> Result<Planned, PlanningError> {
        let mut problems = Vec::new();
        let mut states = Vec::new();
        let mut placed = Vec::new();
        let mut in_use = BTreeMap::new();
        for check in &config.checks {
            let known = self.in_use.get(&check.name);
            let (entry, stale) = self.load(config, check, known, now_ms)?;
            problems.extend(stale.clone());
            states.push(CheckState {
                name: check.name.clone(),
                kind: entry.check.kind().as_str(),
                version: entry.check.manifest().version.clone(),
                digest: entry.digest.to_string(),
                loaded_ms: entry.loaded_ms,
                stale,
            });
            placed.push(Placed {
                name: check.name.clone(),
                check: entry.check.clone(),
                streams: streams(check),
                decides: check.decides,
            });
            in_use.insert(check.name.clone(), entry);
        }
        let (schemas, stale_schemas) = self.load_schemas(config, &mut problems);
        let labels = self.extend_labels(config, &schemas, &mut problems);
        let parts = PlanParts {
            generation: Generation(self.next_generation.unwrap_or(u16::MAX)),
            event: event_pointers(config)?,
            codecs: [
                config.streams.raw.codec.clone(),
                config.streams.written.codec.clone(),
            ],
            placed,
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
        self.in_use = in_use;
        self.plan = Some(Arc::clone(&plan));
        Ok(Planned {
            deadlines: deadlines(config, &plan.labels),
            plan,
            checks: states,
            stale_schemas,
            problems,
            changed,
        })
    }

    /// The check to use, and why it is not the file's.
    fn load(
        &self,
        config: &Config,
        check: &CheckConfig,
        known: Option<&InUse>,
        now_ms: i64,
    ) -> Result<(InUse, Option<String>), PlanningError> {
        let loaded = request(config, check).and_then(|request| {
            let same = |known: &&InUse| {
                known.request.path == request.path
                    && known.request.config == request.config
                    && known.request.limits == request.limits
                    && digest_of(&request.path).is_ok_and(|digest| digest == known.digest)
            };
            if let Some(known) = known.filter(same) {
                return Ok(known.clone());
            }
            match Check::load(&self.wasm, &request) {
                Ok(check) => Ok(InUse {
                    digest: check.digest(),
                    check,
                    loaded_ms: now_ms,
                    request,
                }),
                Err(error) => Err(PlanningError::Check {
                    name: request.name,
                    path: request.path.display().to_string(),
                    error,
                }),
            }
        });
        let Some(known) = known else {
            return loaded.map(|entry| (entry, None));
        };
        let why = match loaded {
            Ok(entry) if entry.check.kind() == known.check.kind() => return Ok((entry, None)),
            Ok(entry) => format!(
                "the file is a {} now, and was a {}",
                entry.check.kind().as_str(),
                known.check.kind().as_str()
            ),
            Err(error) => error.to_string(),
        };
        let stale = format!(
            "check {} stays at version {}: {why}",
            check.name,
            known.check.manifest().version,
        );
        Ok((known.clone(), Some(stale)))
    }

    /// The schemas, and of how many of them an older version stays.
    fn load_schemas(&self, config: &Config, problems: &mut Vec<String>) -> (Arc<SchemaSet>, usize) {
        let directory = config.schemas_dir();
        let former = self.plan.as_ref().map(|plan| &plan.schemas);
        let rules = config.schemas.rules;
        let (schemas, errors) = match former {
            Some(former) => SchemaSet::reload(&directory, former, rules),
            None => SchemaSet::load_by(&directory, rules),
        };
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
        match former {
            Some(former) if former.digest() == schemas.digest() => (Arc::clone(former), count),
            _ => {
                for hint in schemas.hints() {
                    tracing::warn!(%hint, "a schema says what is ignored");
                }
                (Arc::new(schemas), count)
            }
        }
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
        let configured = config
            .deadlines
            .schemas
            .keys()
            .map(String::as_str)
            .filter(|name| name.contains('/'));
        if !labels.extend(schemas.names().into_iter().chain(configured)) {
            problems.push(format!(
                "more than {} schemas: the rest are told as (unknown)",
                crate::judge::labels::SCHEMAS_MAX
            ));
        }
        if labels.names().len() == former.names().len() {
            return former;
        }
        Arc::new(labels)
    }
}

fn request(config: &Config, check: &CheckConfig) -> Result<LoadRequest, PlanningError> {
    Ok(LoadRequest {
        name: check.name.clone(),
        path: config.check_file(check)?,
        config: check.config.to_string(),
        limits: Limits {
            memory_bytes_max: check.limits.memory,
            batch_time: check.limits.batch_time,
            start_time: check.limits.start_time,
            output_bytes_max: check.limits.output_bytes_max,
            batches_per_instance: check.limits.batches_per_instance,
        },
    })
}

fn streams(check: &CheckConfig) -> Vec<usize> {
    (0..STREAM_NAMES.len())
        .filter(|&stream| {
            check
                .streams
                .iter()
                .any(|name| name == STREAM_NAMES[stream])
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 0;

    fn write(dir: &std::path::Path, label: &str, text: &str) {
        let path = dir.join(format!("{label}.json"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_plan_that_is_not_made_costs_nothing_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            "A/1",
            r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
        );
        let mut config = Config {
            checks: Vec::new(),
            ..Config::default()
        };
        config.streams.raw.codec = "json".into();
        config.schemas.dir = dir.path().to_owned();
        let mut planner = Planner::new(WasmEngine::new().unwrap());
        planner.next_generation = Some(u16::MAX - 1);
        let first = planner.plan(&config, NOW_MS).unwrap();
        assert!(
            first.changed && first.problems.is_empty(),
            "{:?}",
            first.problems
        );

        let again = planner.plan(&config, NOW_MS).unwrap();
        assert!(!again.changed && Arc::ptr_eq(&first.plan, &again.plan));

        // Refused, with a new schema beside it: the schema is not taken half.
        write(
            dir.path(),
            "B/1",
            r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
        );
        let mut wrong = config.clone();
        wrong.streams.raw.codec = "no-such".into();
        assert!(planner.plan(&wrong, NOW_MS).is_err());
        let mended = planner.plan(&config, NOW_MS).unwrap();
        assert!(mended.changed && mended.plan.schemas.find("B/1").is_some());
        assert_eq!(
            mended.plan.generation.0,
            u16::MAX,
            "no generation was burnt"
        );
        assert_eq!(
            mended.plan.labels.find(b"A/1"),
            first.plan.labels.find(b"A/1")
        );

        // What cannot be numbered is refused, and what is in force stays.
        std::fs::remove_file(dir.path().join("A/1.json")).unwrap();
        assert!(matches!(
            planner.plan(&config, NOW_MS),
            Err(PlanningError::Generations)
        ));
    }

    #[test]
    fn a_label_of_the_configuration_alone_makes_a_new_plan() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config {
            checks: Vec::new(),
            ..Config::default()
        };
        config.streams.raw.codec = "json".into();
        config.schemas.dir = dir.path().to_owned();
        let mut planner = Planner::new(WasmEngine::new().unwrap());
        planner.plan(&config, NOW_MS).unwrap();
        let hour = std::time::Duration::from_secs(3600);
        config.deadlines.schemas.insert("Rare/3".into(), hour);
        let second = planner.plan(&config, NOW_MS).unwrap();
        assert!(second.changed);
        let rare = second.plan.labels.find(b"Rare/3");
        assert_eq!(second.deadlines.by_schema[usize::from(rare.0)], 3_600_000);
    }
}
