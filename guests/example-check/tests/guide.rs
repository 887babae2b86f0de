//! The guide for authors shows the exact files of this crate.

fn block_after(guide: &str, file: &str) -> String {
    let start = guide
        .find(&format!("`{file}`"))
        .unwrap_or_else(|| panic!("{file} is not in the guide"));
    let (_, rest) = guide[start..]
        .split_once("\n```")
        .unwrap_or_else(|| panic!("no block after {file}"));
    let (_, block) = rest.split_once('\n').expect("a language, then the block");
    let (block, _) = block.split_once("\n```").expect("the end of the block");
    format!("{block}\n")
}

#[test]
fn the_guide_shows_the_example_as_it_is_compiled() {
    let guide = include_str!("../../../docs/CHECKS.md");
    assert_eq!(
        block_after(guide, "guests/example-check/src/lib.rs"),
        include_str!("../src/lib.rs")
    );
    assert_eq!(
        block_after(guide, "guests/example-check/tests/limit.rs"),
        include_str!("limit.rs")
    );
}

#[test]
fn a_complete_check_takes_under_thirty_lines() {
    assert!(include_str!("../src/lib.rs").lines().count() < 30);
}
