//! libFuzzer over one target, which the variable `LANDFALL_FUZZ_TARGET` names. `cargo xtask fuzz` starts it.
//!
//! libFuzzer has `main`. It is told of a failure by a panic that comes out of the target, and by nothing
//! before: code under test may panic and be caught.
#![no_main]

use std::sync::LazyLock;

use landfall_fuzz::Target;
// Links libFuzzer.
use libfuzzer_sys as _;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("LANDFALL_FUZZ_TARGET").unwrap_or_default();
    match Target::of_name(&name) {
        Some(target) => target,
        None => panic!("LANDFALL_FUZZ_TARGET=\"{name}\" names no target"),
    }
});

/// What libfuzzer-sys calls for each input; 0 keeps the input if it reached something new.
#[expect(
    improper_ctypes_definitions,
    reason = "both sides are Rust, of one compiler"
)]
// SAFETY: the name and the signature are those that libfuzzer-sys declares.
#[unsafe(no_mangle)]
extern "C" fn rust_fuzzer_test_input(input: &[u8]) -> i32 {
    (TARGET.run)(input);
    0
}
