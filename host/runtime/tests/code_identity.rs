//! A change of anything that compiles a check's file changes the key under which the code is cached.

#[path = "../build/identity.rs"]
mod identity;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn lock() -> String {
    std::fs::read_to_string(root().join(identity::LOCK)).unwrap()
}

fn sources() -> BTreeMap<PathBuf, Vec<u8>> {
    identity::sources(&root().join(identity::SOURCES)).unwrap()
}

#[test]
fn the_key_is_that_of_the_sources_and_libraries_as_they_are() {
    assert_eq!(env!("LANDFALL_COMPILED_BY"), identity::of(root()).unwrap());
}

/// The lock file with another version of a package that is there in this one.
fn with_other(name: &str, version: &str) -> String {
    let was = format!("name = \"{name}\"\nversion = \"{version}\"");
    let is = format!("name = \"{name}\"\nversion = \"{version}-other\"");
    let lock = lock();
    assert_eq!(lock.matches(&was).count(), 1, "{was}");
    // Others name it with its version where there are two of them.
    lock.replace(&was, &is).replace(
        &format!("\"{name} {version}\""),
        &format!("\"{name} {version}-other\""),
    )
}

#[test]
fn another_version_of_a_library_that_compiles_is_another_key_and_of_any_other_it_is_not() {
    let sources = sources();
    let now = identity::digest(&lock(), &sources).unwrap();
    let libraries = identity::libraries(&lock()).unwrap();
    let version = |name: &str| {
        let mut found = libraries.iter().filter_map(|library| {
            let mut words = library.split(' ');
            (words.next() == Some(name)).then(|| words.next().unwrap().to_owned())
        });
        found
            .next()
            .unwrap_or_else(|| panic!("no {name} among {libraries:?}"))
    };
    for name in [
        "wit-component",
        "wasmparser",
        "wasm-encoder",
        "wasmtime",
        "wasmtime-environ",
        "cranelift-codegen",
    ] {
        let other = identity::digest(&with_other(name, &version(name)), &sources).unwrap();
        assert_ne!(now, other, "{name}");
    }
    assert!(
        !libraries.iter().any(|library| library.starts_with("axum ")),
        "{libraries:?}"
    );
    let damaged = lock().replace("checksum = \"", "checksum = \"0");
    assert_ne!(now, identity::digest(&damaged, &sources).unwrap());
}

#[test]
fn another_line_of_our_own_is_another_key() {
    let now = identity::digest(&lock(), &sources()).unwrap();
    for name in ["compile/componentize.rs", "compile/serve.rs", "engine.rs"] {
        let mut sources = sources();
        let text = sources.get_mut(Path::new(name)).unwrap();
        text.extend_from_slice(b"\n");
        assert_ne!(now, identity::digest(&lock(), &sources).unwrap(), "{name}");
    }
    let mut moved = sources();
    let text = moved.remove(Path::new("engine.rs")).unwrap();
    moved.insert("motor.rs".into(), text);
    assert_ne!(now, identity::digest(&lock(), &moved).unwrap());
}
