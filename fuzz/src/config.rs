//! The reader of configurations. The input is TOML, a line `---`, and a variable of the environment in each
//! line, `NAME=value`.
//!
//! A configuration is taken or refused with all that is wrong, each with its place; asked again the answer is
//! the same; and what passes the close look is loaded as it is.

use std::path::Path;

use landfall::config::{Config, ConfigErrors, Environment};

use crate::input::parts;

pub fn config(data: &[u8]) {
    let (toml, variables) = parts(data);
    let environment = environment(variables);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("landfall.toml");
    std::fs::write(&file, toml).expect("a file");
    let loaded = Config::load_with(Some(&file), &environment);
    let again = Config::load_with(Some(&file), &environment);
    assert_eq!(loaded, again, "asked again");
    let checked = Config::check(Some(&file), &environment);
    match (&loaded, &checked) {
        (Ok(loaded), Ok(checked)) => {
            assert_eq!(*loaded, checked.config, "looked at closely");
            for hint in &checked.hints {
                assert!(!hint.to_string().is_empty());
            }
        }
        (Err(errors), Ok(_)) => panic!("only the close look takes it: {errors}"),
        (Ok(_), Err(errors)) => assert_errors_have_places(errors, &file),
        (Err(errors), Err(more)) => {
            assert_errors_have_places(errors, &file);
            assert_errors_have_places(more, &file);
            assert!(errors.errors.len() <= more.errors.len());
        }
    }
}

fn environment(text: &[u8]) -> Environment {
    let text = String::from_utf8_lossy(text);
    let variables = text.lines().filter_map(|line| line.split_once('='));
    Environment::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

fn assert_errors_have_places(errors: &ConfigErrors, file: &Path) {
    let lines = errors.lines();
    assert!(!lines.is_empty(), "refused for no reason");
    let file = file.display().to_string();
    for line in lines {
        let has_place = line.starts_with(&file) || line.starts_with("LANDFALL__");
        assert!(has_place, "no place: {line}");
    }
}
