//! Settings from the environment: `LANDFALL__STORE__DIR=/data` sets `dir` in `[store]`.
//!
//! Two underscores go one table deeper; names are taken in lower case. The value is TOML if it
//! reads as a TOML list, table or quoted text; otherwise it is used unchanged. Tables whose keys the
//! operator chooses (schemas, a check's own configuration) can only be set as a whole:
//! `LANDFALL__DEADLINES__SCHEMAS='{ "Edit/11" = "20m" }'`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::errors::ConfigError;
use super::node::{self, Node, Table, Value};
use super::origin::SettingOrigin;

const PREFIX: &str = "LANDFALL__";

/// Tables that a name may go through, with its key; no setting is deeper. Each table keeps the whole name, so a name
/// with many parts would take the square of its length.
const PARTS_MAX: usize = 8;

/// Where checks are searched, besides the places that the configuration names.
const GUESTS: &str = "LANDFALL_GUESTS";

/// Where code may be kept, and the directory of ours in each.
const CACHES: [(&str, &str); 3] = [
    ("CACHE_DIRECTORY", ""),
    ("XDG_CACHE_HOME", "landfall"),
    ("HOME", ".cache/landfall"),
];

/// The part of an environment that Landfall reads.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    settings: BTreeMap<String, String>,
    /// `LANDFALL_GUESTS`: one more directory of checks.
    pub guests: Option<PathBuf>,
    /// Directories of caches; the first that is set counts: `CACHE_DIRECTORY` (systemd's, for the
    /// service alone), `XDG_CACHE_HOME`, `HOME`.
    caches: [Option<PathBuf>; 3],
}

impl Environment {
    /// The environment of this process. Variables that are not UTF-8 are read lossily.
    pub fn of_process() -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self::of(std::env::vars_os().map(|(name, value)| (text(name), text(value))))
    }

    /// Any other environment, for tests.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            if let Some(index) = CACHES.iter().position(|(known, _)| *known == name) {
                // systemd names several, separated by colons; a relative one is none.
                let first = value.split(':').next().unwrap_or_default();
                let path = Path::new(first);
                environment.caches[index] = path.is_absolute().then(|| path.join(CACHES[index].1));
            } else if name == GUESTS {
                environment.guests = (!value.is_empty()).then(|| PathBuf::from(value));
            } else if name.starts_with(PREFIX) {
                environment.settings.insert(name, value);
            }
        }
        environment
    }

    /// The directory of files that can be made again.
    pub(crate) fn cache(&self) -> Option<PathBuf> {
        self.caches.iter().flatten().next().cloned()
    }

    /// Lays the settings over those of a file. Unknown settings are found when the tree is read.
    pub(crate) fn apply(&self, table: &mut Table, errors: &mut Vec<ConfigError>) {
        for (name, text) in &self.settings {
            let path: Vec<String> = name[PREFIX.len()..]
                .split("__")
                .map(str::to_ascii_lowercase)
                .collect();
            let placed = if path.len() > PARTS_MAX {
                Err(format!("its name has {} parts", path.len()))
            } else {
                place(table, &path, name, node::parse_variable(name, text))
            };
            if let Err(problem) = placed {
                errors.push(ConfigError {
                    origin: Some(SettingOrigin::Variable(name.clone())),
                    field: path.join("."),
                    found: problem,
                    remedy: "name a setting by its tables and its key, as LANDFALL__STORE__DIR"
                        .into(),
                });
            }
        }
    }
}

fn place(table: &mut Table, path: &[String], name: &str, node: Node) -> Result<(), String> {
    let Some((key, rest)) = path.split_first() else {
        return Err("it names no setting".into());
    };
    if key.is_empty() {
        return Err("a part of the name is empty".into());
    }
    if rest.is_empty() {
        table.insert(key.clone(), node);
        return Ok(());
    }
    let inner = table.entry(key.clone()).or_insert_with(|| Node {
        origin: SettingOrigin::Variable(name.to_owned()),
        value: Value::Table(Table::new()),
    });
    match &mut inner.value {
        Value::Table(inner) => place(inner, rest, name, node),
        other => Err(format!("{key} is {}, not a table", other.kind())),
    }
}
