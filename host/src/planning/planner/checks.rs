//! The checks of a plan: the file of each, what has to be loaded, and which version is used.

use landfall_ledger::Stream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landfall_runtime::{CheckFile, CodeCache, CodeOrigin, Limits, LoadRequest};

use super::{InUse, OtherLoads, Planner, RefusedCheck};
use crate::config::{CheckConfig, Config};
use crate::planning::loading::Progress;
use crate::planning::origin::{Drift, SearchOrigin};

impl Planner {
    /// Looks at the file of each check, and begins to load the files that differ from those in use. Also
    /// returns why code is not kept; the earlier reason stays if no code has to be kept.
    pub(super) fn look_at_files(
        &mut self,
        config: &Config,
        others: OtherLoads,
    ) -> (Vec<Found>, Option<String>) {
        let found: Vec<Found> = config
            .checks
            .iter()
            .map(|check| self.look_at_file(config, check))
            .collect();
        // Opened when it is needed: it may have been created, or have changed.
        let is_needed = found.iter().any(|found| found.to_load.is_some());
        let (kept, not_kept) = if is_needed {
            match open_kept(config) {
                Ok(kept) => (kept, None),
                Err(problem) => (None, Some(problem)),
            }
        } else {
            (None, self.not_kept.clone())
        };
        let mut all = Vec::with_capacity(found.len());
        for (check, mut found) in config.checks.iter().zip(found) {
            match (found.to_load.take(), &found.request) {
                (Some(file), Some((request, _))) => {
                    found.wants_load = true;
                    self.loading
                        .want(request, file, &config.compile.limits, kept.clone());
                }
                // The running version is the wanted one, or there is nothing to load: the load that was begun is over.
                _ if others == OtherLoads::End => self.loading.forget(&check.name),
                _ => {}
            }
            all.push(found);
        }
        (all, not_kept)
    }

    fn look_at_file(&self, config: &Config, check: &CheckConfig) -> Found {
        let known = self.in_use.get(&check.name);
        let places = config.check_places(check);
        let drift = known.and_then(|known| known.origin.drift(&places, Path::is_file));
        let place = match (&drift, known) {
            (Some(_), Some(known)) => Ok(known.origin.place.clone()),
            _ => config.check_file(check).map_err(|error| error.to_string()),
        };
        let mut found = Found::default();
        if let (Some(drift), Some(known)) = (&drift, known) {
            found.problem = drift.problem(&known.origin.place);
            if matches!(drift, Drift::Gone { .. }) {
                return found;
            }
        }
        let place = match place {
            Ok(place) => place,
            Err(why) => {
                found.problem = Some(why);
                return found;
            }
        };
        let request = request(check, place.clone());
        match CheckFile::read(&place) {
            Ok(file) => {
                let same = known.is_some_and(|known| {
                    known.request.path == request.path
                        && known.request.config == request.config
                        && known.request.limits == request.limits
                        && known.digest == file.digest
                });
                found.is_in_use = same;
                found.to_load = (!same).then_some(file);
            }
            Err(error) => {
                found.problem = Some(format!("{}: {error}", place.display()));
            }
        }
        found.request = Some((request, SearchOrigin::new(place, places)));
        found
    }

    /// The version of a check to use, and its state.
    pub(super) fn take(
        &self,
        check: &CheckConfig,
        found: Found,
        now_ms: i64,
        notes: &mut Vec<String>,
    ) -> Result<ChosenVersion, NoVersion> {
        let known = self.in_use.get(&check.name);
        let mut problem = found.problem;
        let mut loading = false;
        let path = found.request.as_ref().map(|(found, _)| found.path.clone());
        let origin = found.request.as_ref().map(|(_, origin)| origin.clone());
        let mut loaded = None;
        // If the version in use is the wanted one, a load is for another plan.
        let progress = match found.wants_load {
            true => self.loading.progress(&check.name),
            false => None,
        };
        match progress {
            Some(Progress::Loaded(load)) => {
                loaded = found.request.map(|found| (load, found));
            }
            Some(Progress::RefusedCheck(why)) => problem = Some(why),
            Some(Progress::Running) => loading = true,
            None => {}
        }
        if let Some((load, (request, origin))) = loaded {
            let kind = load.check.kind();
            match known
                .map(|known| known.check.kind())
                .filter(|was| *was != kind)
            {
                Some(was) => {
                    problem = Some(format!(
                        "the file is a {} now, and was a {}",
                        kind.as_str(),
                        was.as_str()
                    ));
                }
                None => {
                    notes.extend(load.problems);
                    let entry = InUse {
                        digest: load.check.digest(),
                        check: load.check,
                        loaded_ms: now_ms,
                        request,
                        origin,
                    };
                    return Ok(ChosenVersion {
                        stale: problem.map(|why| stale(check, &entry, &why)),
                        entry,
                        loading: false,
                        loaded_from: Some(load.origin),
                    });
                }
            }
        }
        match known {
            Some(known) => {
                let mut entry = known.clone();
                if let (true, Some(origin)) = (found.is_in_use, origin) {
                    // The same file, perhaps found at another place now.
                    entry.origin = origin;
                }
                Ok(ChosenVersion {
                    stale: problem.map(|why| stale(check, known, &why)),
                    entry,
                    loading,
                    loaded_from: None,
                })
            }
            None if loading => Err(NoVersion::Loading),
            None => Err(NoVersion::RefusedCheck(RefusedCheck {
                name: check.name.clone(),
                path,
                why: problem.unwrap_or_else(|| "nothing was loaded".into()),
            })),
        }
    }
}

/// Where code is kept: nowhere, if the configuration says so.
fn open_kept(config: &Config) -> Result<Option<Arc<CodeCache>>, String> {
    let bytes_max = config.compile.cache_bytes_max as u64;
    match config.cache_dir() {
        Some(dir) => CodeCache::open(&dir, bytes_max)
            .map(|kept| Some(Arc::new(kept)))
            .map_err(|error| {
                format!(
                    "code is not kept in {}, so each start compiles again: {error} (compile.cache_dir names the directory)",
                    dir.display()
                )
            }),
        None if bytes_max == 0 => Ok(None),
        None => Err(
            "code is not kept, so each start compiles again: the environment names no directory for it; set compile.cache_dir"
                .to_owned(),
        ),
    }
}

/// What was found about a check's file.
#[derive(Default)]
pub(super) struct Found {
    /// None if there is no file to use.
    request: Option<(LoadRequest, SearchOrigin)>,
    /// The file, if it differs from the one in use.
    to_load: Option<CheckFile>,
    is_in_use: bool,
    /// A load of this file was begun, or has ended.
    wants_load: bool,
    /// Why the version in use is not the one that the next start would take.
    problem: Option<String>,
}

/// The version of a check that a plan uses.
pub(super) struct ChosenVersion {
    pub entry: InUse,
    pub stale: Option<String>,
    pub loading: bool,
    pub loaded_from: Option<CodeOrigin>,
}

/// Why a plan has no version of a check.
pub(super) enum NoVersion {
    RefusedCheck(RefusedCheck),
    Loading,
}

fn stale(check: &CheckConfig, in_use: &InUse, why: &str) -> String {
    format!(
        "check {} stays at version {}: {why}",
        check.name,
        in_use.check.manifest().version,
    )
}

fn request(check: &CheckConfig, path: PathBuf) -> LoadRequest {
    LoadRequest {
        name: check.name.clone(),
        path,
        config: check.config.to_string(),
        limits: Limits {
            memory_bytes_max: check.limits.memory,
            batch_time: check.limits.batch_time,
            start_time: check.limits.start_time,
            output_bytes_max: check.limits.output_bytes_max,
            batches_per_instance: check.limits.batches_per_instance,
        },
    }
}

pub(super) fn streams(check: &CheckConfig) -> Vec<Stream> {
    Stream::ALL
        .into_iter()
        .filter(|stream| check.streams.iter().any(|name| name == stream.as_str()))
        .collect()
}
