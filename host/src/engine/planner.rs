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
struct InUse {
    request: LoadRequest,
    digest: Digest,
    check: Check,
    loaded_ms: i64,
}

/// Loads and reloads. Owned by one thread at a time.
pub struct Planner {
    wasm: WasmEngine,
    in_use: BTreeMap<String, InUse>,
    schemas: Option<(u64, Arc<SchemaSet>)>,
    labels: Arc<SchemaLabels>,
    reasons: Arc<Reasons>,
    next_generation: u16,
}

/// What planning gives.
pub struct Planned {
    pub plan: Arc<Plan>,
    pub deadlines: Deadlines,
    pub checks: Vec<CheckState>,
    /// What was left as it was, or left out, and why.
    pub problems: Vec<String>,
    /// Whether anything differs from the plan before.
    pub changed: bool,
}

impl Planner {
    pub fn new(wasm: WasmEngine, next_generation: u16) -> Self {
        Self {
            wasm,
            in_use: BTreeMap::new(),
            schemas: None,
            labels: Arc::default(),
            reasons: Arc::default(),
            next_generation,
        }
    }

    /// Makes a plan of the configuration. At the start every check must load; at a reload one that
    /// does not leaves its old version in use, and is told as stale.
    pub fn plan(&mut self, config: &Config, now_ms: i64) -> Result<Planned, PlanningError> {
        let mut problems = Vec::new();
        let mut states = Vec::new();
        let mut changed = false;
        let mut placed = Vec::new();
        let mut in_use = BTreeMap::new();
        for check in &config.checks {
            let request = request(config, check)?;
            let known = self.in_use.remove(&check.name);
            let (entry, stale, reloaded) = self.load(request, known, now_ms)?;
            changed |= reloaded;
            if let Some(stale) = &stale {
                problems.push(stale.clone());
            }
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
        changed |= !self.in_use.is_empty();
        self.in_use = in_use;
        let schemas = self.load_schemas(config, &mut problems, &mut changed);
        self.extend_labels(config, &schemas, &mut problems);
        let generation = Generation(self.next_generation);
        self.next_generation = self.next_generation.wrapping_add(1);
        let plan = Plan::build(PlanParts {
            generation,
            event: event_pointers(config)?,
            codecs: [
                config.streams.raw.codec.clone(),
                config.streams.written.codec.clone(),
            ],
            placed,
            schemas,
            labels: Arc::clone(&self.labels),
            reasons: Arc::clone(&self.reasons),
        })?;
        Ok(Planned {
            plan: Arc::new(plan),
            deadlines: deadlines(config, &self.labels),
            checks: states,
            problems,
            changed,
        })
    }

    /// The check to use, why it is not the file's, and whether it is a new one.
    fn load(
        &self,
        request: LoadRequest,
        known: Option<InUse>,
        now_ms: i64,
    ) -> Result<(InUse, Option<String>, bool), PlanningError> {
        let failed = |error: LoadError| PlanningError::Check {
            name: request.name.clone(),
            path: request.path.display().to_string(),
            error,
        };
        let Some(known) = known else {
            let check = Check::load(&self.wasm, &request).map_err(failed)?;
            let entry = InUse {
                digest: check.digest(),
                check,
                loaded_ms: now_ms,
                request,
            };
            return Ok((entry, None, true));
        };
        let same_request = known.request.path == request.path
            && known.request.config == request.config
            && known.request.limits == request.limits;
        if same_request && digest_of(&request.path).is_ok_and(|digest| digest == known.digest) {
            return Ok((known, None, false));
        }
        match Check::load(&self.wasm, &request) {
            Ok(check) if check.kind() == known.check.kind() => {
                let entry = InUse {
                    digest: check.digest(),
                    check,
                    loaded_ms: now_ms,
                    request,
                };
                Ok((entry, None, true))
            }
            Ok(check) => {
                let stale = format!(
                    "check {} stays at version {}: the file is a {} now, and was a {}",
                    request.name,
                    known.check.manifest().version,
                    check.kind().as_str(),
                    known.check.kind().as_str()
                );
                Ok((known, Some(stale), false))
            }
            Err(error) => {
                let stale = format!(
                    "check {} stays at version {}: {}",
                    request.name,
                    known.check.manifest().version,
                    failed(error)
                );
                Ok((known, Some(stale), false))
            }
        }
    }

    fn load_schemas(
        &mut self,
        config: &Config,
        problems: &mut Vec<String>,
        changed: &mut bool,
    ) -> Arc<SchemaSet> {
        let (schemas, errors) = SchemaSet::load(&config.schemas_dir());
        problems.extend(
            errors
                .iter()
                .map(|error| format!("a schema is left out: {error}")),
        );
        let digest = schemas.digest();
        if let Some((known, set)) = &self.schemas
            && *known == digest
        {
            return Arc::clone(set);
        }
        *changed = true;
        let set = Arc::new(schemas);
        self.schemas = Some((digest, Arc::clone(&set)));
        set
    }

    fn extend_labels(&mut self, config: &Config, schemas: &SchemaSet, problems: &mut Vec<String>) {
        let mut labels = SchemaLabels::clone(&self.labels);
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
        if labels.names().len() != self.labels.names().len() {
            self.labels = Arc::new(labels);
        }
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
