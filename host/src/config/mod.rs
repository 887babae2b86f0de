//! The configuration: one TOML file, laid over built-in defaults, overridden by the environment.
//!
//! All errors are reported at once, each with file, line, field and what to do. `default.toml` beside
//! this file is the default and the manual; a test keeps it equal to `Config::default()`. This module
//! does not know what the settings are used for.

mod file;
mod locate;
mod proof;
mod sections;
mod semantics;

use std::path::Path;

pub use crate::settings::{ConfigError, ConfigErrors, Environment, Hint, units};
pub use locate::{NotFound, Places};
pub use sections::*;

use crate::settings::node::{self, Table};
use crate::settings::{Findings, Section, origin};

/// The default, fully commented: what `landfall config default` prints.
pub const DEFAULT_TEXT: &str = include_str!("default.toml");

/// The file that is read if none is named and this one exists.
pub const DEFAULT_FILE: &str = "landfall.toml";

/// The text for the file in messages if there is none.
const BUILT_IN: &str = "built-in default";

/// All settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the configuration came from, and so where its relative paths lead.
    pub places: Places,
    pub clock: ClockConfig,
    pub event: EventConfig,
    pub streams: StreamsConfig,
    pub schemas: SchemasConfig,
    pub deadlines: DeadlinesConfig,
    pub windows: WindowsConfig,
    pub incidents: IncidentsConfig,
    pub ledger: LedgerConfig,
    pub judge: JudgeConfig,
    pub store: StoreConfig,
    pub http: HttpConfig,
    pub log: LogConfig,
    pub metrics: MetricsConfig,
    pub owners: OwnersConfig,
    pub redact: RedactConfig,
    pub guests: GuestsConfig,
    pub compile: CompileConfig,
    pub checks: Vec<CheckConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            places: Places::default(),
            clock: ClockConfig::default(),
            event: EventConfig::default(),
            streams: StreamsConfig::pipeline(),
            schemas: SchemasConfig::default(),
            deadlines: DeadlinesConfig::default(),
            windows: WindowsConfig::default(),
            incidents: IncidentsConfig::default(),
            ledger: LedgerConfig::default(),
            judge: JudgeConfig::default(),
            store: StoreConfig::default(),
            http: HttpConfig::default(),
            log: LogConfig::default(),
            metrics: MetricsConfig::default(),
            owners: OwnersConfig::default(),
            redact: RedactConfig::default(),
            guests: GuestsConfig::default(),
            compile: CompileConfig::default(),
            checks: default_checks(),
        }
    }
}

/// A configuration that was checked completely.
#[derive(Debug)]
pub struct Inspected {
    pub config: Config,
    /// Settings that can be right, but are probably not intended.
    pub hints: Vec<Hint>,
    file: String,
    findings: Findings,
}

impl Inspected {
    /// Something else that was found about a field, with the place of the field.
    pub fn hint(&self, field: &str, found: impl Into<String>, remedy: impl Into<String>) -> Hint {
        Hint {
            file: self.file.clone(),
            error: ConfigError {
                origin: self.findings.origin(field),
                field: field.to_owned(),
                found: found.into(),
                remedy: remedy.into(),
            },
        }
    }
}

impl Config {
    /// Loads the file at `path`. Without a path it loads `./landfall.toml` if that exists, and otherwise the
    /// built-in default. The process's environment overrides it.
    ///
    /// # Errors
    /// The file cannot be read, or settings are wrong: each error has its place and its remedy.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigErrors> {
        Self::load_with(path, &Environment::of_process())
    }

    /// The same with any environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(path: Option<&Path>, environment: &Environment) -> Result<Self, ConfigErrors> {
        inspect(path, environment, For::Anything).map(|inspected| inspected.config)
    }

    /// Loads again what runs: the file at `path`, or without one the built-in default, even if
    /// `./landfall.toml` exists meanwhile.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_again(path: Option<&Path>) -> Result<Self, ConfigErrors> {
        let environment = Environment::of_process();
        inspect_at(path, &environment, For::Anything).map(|inspected| inspected.config)
    }

    /// The file that a start without a named file would take.
    pub fn file_of_default() -> Option<&'static Path> {
        Some(Path::new(DEFAULT_FILE)).filter(|path| path.exists())
    }

    /// The same as [`Config::load`], for the sidecar, which needs an endpoint for each stream.
    ///
    /// # Errors
    /// As [`Config::load`], and for a stream without an endpoint.
    pub fn load_to_run(path: Option<&Path>) -> Result<Self, ConfigErrors> {
        inspect(path, &Environment::of_process(), For::Running).map(|inspected| inspected.config)
    }

    /// The same, and also checks whether the files that it names exist: `landfall config check`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn check(
        path: Option<&Path>,
        environment: &Environment,
    ) -> Result<Inspected, ConfigErrors> {
        inspect(path, environment, For::Checking)
    }

    fn read(table: Table, findings: &mut Findings) -> Self {
        let mut config = Self::default();
        let mut root = Section::root(table, findings);
        root.section("clock", |section| config.clock.read(section));
        root.section("event", |section| config.event.read(section));
        root.section("streams", |section| config.streams.read(section));
        root.section("schemas", |section| config.schemas.read(section));
        root.section("deadlines", |section| config.deadlines.read(section));
        root.section("windows", |section| config.windows.read(section));
        root.section("incidents", |section| config.incidents.read(section));
        root.section("ledger", |section| config.ledger.read(section));
        root.section("judge", |section| config.judge.read(section));
        root.section("store", |section| config.store.read(section));
        root.section("http", |section| config.http.read(section));
        root.section("log", |section| config.log.read(section));
        root.section("metrics", |section| config.metrics.read(section));
        root.section("owners", |section| config.owners.read(section));
        root.section("redact", |section| config.redact.read(section));
        root.section("guests", |section| config.guests.read(section));
        root.section("compile", |section| config.compile.read(section));
        if let Some(checks) = root.sections("checks", CheckConfig::read) {
            config.checks = checks;
        }
        root.finish();
        config
    }
}

/// What a configuration is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Anything,
    /// The sidecar: both streams need an endpoint.
    Running,
    /// A complete check: the files that it names must exist.
    Checking,
}

fn inspect(
    path: Option<&Path>,
    environment: &Environment,
    purpose: For,
) -> Result<Inspected, ConfigErrors> {
    let path = match path {
        None => Config::file_of_default(),
        named => named,
    };
    inspect_at(path, environment, purpose)
}

/// The same without a search for a file: without a path it is the built-in default.
fn inspect_at(
    path: Option<&Path>,
    environment: &Environment,
    purpose: For,
) -> Result<Inspected, ConfigErrors> {
    let file = path.map_or_else(|| BUILT_IN.to_owned(), |path| path.display().to_string());
    let mut findings = Findings::default();
    let text = match path {
        None => String::new(),
        Some(path) => match file::read(path, purpose == For::Running) {
            Ok(text) => text,
            Err(error) => {
                let remedy = "check that the file is there, readable and UTF-8, or begin with `landfall config default`";
                findings.error(None, "", error.to_string(), remedy);
                return Err(ConfigErrors {
                    file,
                    errors: findings.errors,
                });
            }
        },
    };
    let mut table = node::parse(&text, &mut findings.errors);
    environment.apply(&mut table, &mut findings.errors);
    let mut config = Config::read(table, &mut findings);
    config.places = Places::of_process(path.map(Path::to_owned), environment);
    semantics::check(&config, &mut findings);
    match purpose {
        For::Anything => {}
        For::Running => semantics::check_endpoints(&config, &mut findings),
        For::Checking => semantics::check_files(&config, &mut findings),
    }
    if purpose != For::Anything {
        proof::check(&config, &mut findings);
    }
    if findings.errors.is_empty() {
        let mut hints = semantics::hints(&config, &findings);
        hints.extend(proof::hints(&config, &findings));
        let hints = hints
            .into_iter()
            .map(|error| Hint {
                file: file.clone(),
                error,
            })
            .collect();
        return Ok(Inspected {
            config,
            hints,
            file,
            findings,
        });
    }
    // In the order of the file; findings without a place come last.
    findings.errors.sort_by_key(|error| match &error.origin {
        Some(origin::SettingOrigin::Line(line)) => *line,
        Some(origin::SettingOrigin::Variable(_)) => usize::MAX - 1,
        None => usize::MAX,
    });
    Err(ConfigErrors {
        file,
        errors: findings.errors,
    })
}

#[cfg(test)]
mod tests;
