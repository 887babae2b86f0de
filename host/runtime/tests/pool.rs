//! Many checks at once, and a check with more than one memory.

mod support;

use landfall_runtime::{Check, CheckInstance, FaultKind, Limits, Projected, Tally};
use support::{load_bytes, load_with};
use wit_component::{StringEncoding, embed_component_metadata};

/// A page of WebAssembly's memory.
const PAGE_BYTES: usize = 64 << 10;

#[test]
fn the_default_checks_have_room_on_sixty_four_workers_while_they_are_swapped() {
    const CHECKS: usize = 4;
    const WORKERS: usize = 64;
    const GENERATIONS: usize = 2;
    let Ok(Check::Parity(check)) = load_with("hostile_parity.wasm", "{}", Limits::default()) else {
        panic!("hostile_parity.wasm is no parity check");
    };
    let row = landfall_runtime::PackedRef {
        text: b"row",
        ends: &[3],
    };
    let mut projected = Projected::default();
    let alive: Vec<_> = (0..CHECKS * WORKERS * GENERATIONS)
        .map(|n| {
            let mut instance = CheckInstance::new(check.clone());
            instance.project("raw", 1, &[row], &mut projected);
            assert!(projected.faulted.is_empty(), "{n}: {:?}", projected.faulted);
            instance
        })
        .collect();
    assert_eq!(alive.len(), 512);
}

/// A window check of two memories of one page each: each judgement takes one page more of both, and
/// traps if it cannot have them.
const TWO_MEMORIES: &str = r#"
    (module
      (memory (export "memory") 1)
      (memory $second 1)
      (data (i32.const 64) "\80\00\00\00\03\00\00\00" "\83\00\00\00\01\00\00\00")
      (data (i32.const 128) "two1")
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
      (func (export "configure") (param i32 i32) (result i32) i32.const 16)
      (func (export "describe") (result i32) i32.const 64)
      (func (export "check") (param i32 i32) (result i32)
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
        (if (i32.eq (memory.grow $second (i32.const 1)) (i32.const -1)) (then unreachable))
        i32.const 16))
"#;

#[test]
fn the_memories_of_a_check_are_limited_by_their_sum() {
    let mut module = wat::parse_str(TWO_MEMORIES).expect("a module");
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve
        .push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit"))
        .expect("the contract");
    let world = resolve
        .select_world(&[package], Some("window-check"))
        .expect("the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("a component type");
    let limits = Limits {
        memory_bytes_max: 5 * PAGE_BYTES,
        ..Limits::default()
    };
    let Ok(Check::Window(check)) = load_bytes(&module, limits) else {
        panic!("it is no window check");
    };
    let mut instance = CheckInstance::new(check);
    let tallies = [Tally::default()];
    let first = instance.judge_windows(&tallies);
    assert!(first.faulted.is_empty(), "{:?}", first.faulted);
    assert_eq!(instance.take_counters().memory_bytes, 4 * PAGE_BYTES as u64);
    // A fifth page for the first memory is within the limit, a sixth for the second is not.
    let second = instance.judge_windows(&tallies);
    assert_eq!(second.faulted[0].fault.kind, FaultKind::Memory);
    assert_eq!(instance.take_counters().memory_bytes, 5 * PAGE_BYTES as u64);
    let third = instance.judge_windows(&tallies);
    assert!(
        third.faulted.is_empty(),
        "a fresh instance: {:?}",
        third.faulted
    );
}
