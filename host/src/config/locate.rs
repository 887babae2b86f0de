//! Where relative paths of a configuration lead.
//!
//! They are relative to the configuration file. Files that come with Landfall (checks, schemas) are also
//! searched beside the program, so that the built-in default works from any directory.

use std::path::{Path, PathBuf};

use super::{CheckConfig, Config, Environment, SchemasConfig};

/// Everything that decides where paths lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The configuration file; None: the built-in default.
    pub file: Option<PathBuf>,
    /// `LANDFALL_GUESTS`.
    pub guests: Option<PathBuf>,
    /// The directory of files that can be made again; None if the environment names none.
    pub cache: Option<PathBuf>,
    /// The directory of the program; None if it is unknown.
    pub program: Option<PathBuf>,
}

/// A file that was not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is in none of: {}", list(.tried))]
pub struct NotFound {
    pub name: String,
    pub tried: Vec<PathBuf>,
}

fn list(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Where checks are, relative to the program.
const GUESTS_BESIDE_PROGRAM: [&str; 3] = ["guests", "../guests", "../lib/landfall/guests"];

/// Where schemas are, relative to the program: in an installation, and in a build directory.
const SCHEMAS_BESIDE_PROGRAM: [&str; 2] = ["../share/landfall/schemas", "../../schemas"];

impl Places {
    pub(super) fn of_process(file: Option<PathBuf>, environment: &Environment) -> Self {
        let program = std::env::current_exe().ok();
        // Follow a link to the real place of the program.
        let program = program.map(|program| program.canonicalize().unwrap_or(program));
        let program = program.and_then(|program| program.parent().map(Path::to_owned));
        Self {
            file,
            guests: environment.guests.clone(),
            cache: environment.cache(),
            program,
        }
    }

    /// The directory that relative paths are relative to.
    pub fn base(&self) -> &Path {
        match self.file.as_deref().and_then(Path::parent) {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    fn beside_program(&self, places: &[&str]) -> impl Iterator<Item = PathBuf> {
        places
            .iter()
            .filter_map(|place| Some(self.program.as_ref()?.join(place)))
    }
}

impl Config {
    /// The directory of the store.
    pub fn store_dir(&self) -> PathBuf {
        self.places.base().join(&self.store.dir)
    }

    /// The directory of schemas. If it is that of the built-in default (whether or not a configuration file
    /// repeats it) and does not exist here, it is searched beside the program.
    pub fn schemas_dir(&self) -> PathBuf {
        let mut places = self.schemas_places();
        let found = places.iter().position(|place| place.is_dir());
        places.swap_remove(found.unwrap_or(0))
    }

    /// Where the directory of schemas is searched, first to last.
    pub fn schemas_places(&self) -> Vec<PathBuf> {
        let mut places = vec![self.places.base().join(&self.schemas.dir)];
        if self.schemas.dir == SchemasConfig::default().dir {
            places.extend(self.places.beside_program(&SCHEMAS_BESIDE_PROGRAM));
        }
        places
    }

    /// The directory of kept code; None if there is none.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        if self.compile.cache_bytes_max == 0 {
            return None;
        }
        if self.compile.cache_dir.as_os_str().is_empty() {
            return self.places.cache.clone();
        }
        Some(self.places.base().join(&self.compile.cache_dir))
    }

    /// Where the file of a check is searched, first to last.
    pub fn check_places(&self, check: &CheckConfig) -> Vec<PathBuf> {
        let base = self.places.base();
        let mut places = vec![base.join(&check.path)];
        if check.path.is_relative() {
            if self.guests.dir.as_os_str().is_empty() {
                let usual = [Some(base.join("guests")), self.places.guests.clone()]
                    .into_iter()
                    .flatten();
                let all = usual.chain(self.places.beside_program(&GUESTS_BESIDE_PROGRAM));
                places.extend(all.map(|place| place.join(&check.path)));
            } else {
                places.push(base.join(&self.guests.dir).join(&check.path));
            }
        }
        places
    }

    /// The file of a check: relative to the configuration file, or else in the directories of checks.
    ///
    /// # Errors
    /// No place has the file. The error names all of them.
    pub fn check_file(&self, check: &CheckConfig) -> Result<PathBuf, NotFound> {
        let tried = self.check_places(check);
        let found = tried.iter().find(|path| path.is_file()).cloned();
        found.ok_or_else(|| NotFound {
            name: check.path.display().to_string(),
            tried,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }

    #[test]
    fn a_check_is_looked_for_beside_the_file_first_then_in_the_usual_places() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let places = Places {
            file: Some(at("etc/landfall.toml")),
            guests: Some(at("mine")),
            cache: None,
            program: Some(at("usr/bin")),
        };
        let mut config = Config {
            places,
            ..Config::default()
        };
        std::fs::create_dir_all(at("usr/bin")).unwrap();
        let check = CheckConfig {
            path: "a.wasm".into(),
            ..CheckConfig::default()
        };
        let missing = config.check_file(&check).unwrap_err();
        assert_eq!(missing.tried.len(), 6);
        assert!(
            missing.to_string().contains("a.wasm is in none of: "),
            "{missing}"
        );
        for place in [
            "usr/lib/landfall/guests",
            "usr/bin/guests",
            "mine",
            "etc/guests",
            "etc",
        ] {
            touch(&at(place).join("a.wasm"));
            let found = config.check_file(&check).unwrap().canonicalize().unwrap();
            assert_eq!(found, at(place).join("a.wasm").canonicalize().unwrap());
        }
        config.guests.dir = "elsewhere".into();
        std::fs::remove_file(at("etc/a.wasm")).unwrap();
        assert_eq!(
            config.check_file(&check).unwrap_err().tried[1],
            at("etc/elsewhere/a.wasm")
        );
    }

    #[test]
    fn schemas_beside_the_program_serve_the_built_in_default_alone_also_where_a_file_repeats_it() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("target/release");
        std::fs::create_dir_all(&program).unwrap();
        std::fs::create_dir_all(root.path().join("schemas-here")).unwrap();
        let mut config = Config::default();
        config.places.program = Some(program.clone());
        let elsewhere = root.path().join("elsewhere");
        std::fs::create_dir_all(&elsewhere).unwrap();
        config.places.file = Some(elsewhere.join("landfall.toml"));
        assert_eq!(config.schemas_dir(), elsewhere.join("schemas"));
        std::fs::create_dir_all(root.path().join("schemas")).unwrap();
        assert_eq!(config.schemas_dir(), program.join("../../schemas"));
        std::fs::create_dir_all(elsewhere.join("schemas")).unwrap();
        assert_eq!(config.schemas_dir(), elsewhere.join("schemas"));
        config.schemas.dir = "no-such-directory-here".into();
        assert_eq!(
            config.schemas_dir(),
            elsewhere.join("no-such-directory-here")
        );
    }
}
