//! A file or configuration that cannot be used is refused with the reason, before it judges anything.

mod support;

use std::time::Duration;

use landfall_runtime::{Check, Limits, LoadError, LoadRequest, MEMORY_BYTES_MAX};
use support::{load_bytes, load_with};

fn limits() -> Limits {
    Limits {
        memory_bytes_max: 16 << 20,
        start_time: Duration::from_secs(1),
        ..Limits::default()
    }
}

fn refusal(loaded: Result<Check, LoadError>) -> LoadError {
    match loaded {
        Ok(check) => panic!("{:?} loads", check.manifest()),
        Err(error) => error,
    }
}

#[test]
fn a_module_that_imports_something_else_is_refused_by_the_name_of_the_import() {
    let error = refusal(load_with("hostile_import.wasm", "{}", limits()));
    assert!(matches!(error, LoadError::ForbiddenImport(_)), "{error}");
    let wanted = r#"it imports "now" from "wasi:clocks/monotonic-clock@0.2.0", which no check may"#;
    assert!(error.to_string().starts_with(wanted), "{error}");
}

#[test]
fn a_component_that_imports_something_else_is_refused_by_the_name_of_the_import() {
    let component = wat::parse_str(r#"(component (import "wasi:io/poll@0.2.0" (instance)))"#)
        .expect("a component");
    let error = refusal(load_bytes(&component, limits()));
    let wanted = r#"it imports "wasi:io/poll@0.2.0", which no check may"#;
    assert!(error.to_string().starts_with(wanted), "{error}");
}

#[test]
fn a_check_that_fails_at_its_start_is_refused_with_the_reason() {
    for (deed, when, wanted) in [
        ("trap", "configure", "does not start: wasm trap"),
        ("trap", "describe", "does not start: wasm trap"),
        ("loop", "configure", "did not start within its time"),
        ("loop", "describe", "did not start within its time"),
        (
            "allocate",
            "configure",
            "needs more memory than limits.memory",
        ),
        (
            "allocate",
            "describe",
            "needs more memory than limits.memory",
        ),
        ("stack", "describe", "does not start"),
        ("err", "configure", "refuses its configuration: `do`"),
        ("not_utf8", "configure", "does not start"),
        ("not_utf8", "describe", "does not start"),
        ("huge_output", "describe", "does not start"),
        (
            "bad_manifest",
            "describe",
            "its manifest is wrong: reason 1",
        ),
        ("nonsense", "batch", "refuses its configuration"),
    ] {
        let config = format!(r#"{{"do":"{deed}","when":"{when}","amount":8000000}}"#);
        let limits = Limits {
            output_bytes_max: 1 << 20,
            ..limits()
        };
        let error = refusal(load_with("hostile_check.wasm", &config, limits)).to_string();
        assert!(error.contains(wanted), "{config}: {error}");
    }
}

#[test]
fn columns_of_fields_are_for_both_sides_of_a_parity_check() {
    for (file, config) in [
        ("hostile_check.wasm", r#"{"column":"fields:{}"}"#),
        (
            "hostile_parity.wasm",
            r#"{"fields":true,"do":"bad_manifest","when":"describe"}"#,
        ),
    ] {
        let error = refusal(load_with(file, config, limits())).to_string();
        assert!(error.contains("on both sides"), "{file}: {error}");
    }
    let both = load_with("hostile_parity.wasm", r#"{"fields":true}"#, limits());
    assert!(both.is_ok_and(|check| check.manifest().answers_fields()));
}

#[test]
fn no_check_may_be_allowed_more_memory_than_there_is_room_for() {
    let load = |memory_bytes_max| {
        let limits = Limits {
            memory_bytes_max,
            ..limits()
        };
        load_with("hostile_check.wasm", "{}", limits)
    };
    assert!(load(MEMORY_BYTES_MAX).is_ok());
    let error = refusal(load(MEMORY_BYTES_MAX + 1)).to_string();
    assert!(
        error.contains("limits.memory is 4294967297 bytes"),
        "{error}"
    );
}

#[test]
fn what_is_no_webassembly_is_told_apart_from_what_is_no_check() {
    for (bytes, wanted) in [
        (&b"not wasm at all"[..], "no WebAssembly"),
        (&b"\0asm\x01\0\0\0"[..], "implements no world"),
        (&b""[..], "no WebAssembly"),
    ] {
        let error = refusal(load_bytes(bytes, limits())).to_string();
        assert!(error.contains(wanted), "{bytes:?}: {error}");
    }
}

#[test]
fn a_file_that_is_not_there_cannot_be_read() {
    let request = LoadRequest {
        name: "x".into(),
        path: "no-such-check.wasm".into(),
        config: "{}".into(),
        limits: limits(),
    };
    let error = refusal(Check::load(support::engine(), &request));
    assert!(matches!(error, LoadError::Read(_)), "{error}");
}
