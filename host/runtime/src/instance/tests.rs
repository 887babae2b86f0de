//! Tests of `instance.rs`.

use super::*;

#[test]
fn a_part_gets_time_by_its_rows_within_bounds() {
    let full = Duration::from_millis(240);
    assert_eq!(part_time(full, 100, 100), full);
    assert_eq!(part_time(full, 50, 100), full);
    assert_eq!(part_time(full, 25, 100), Duration::from_millis(120));
    assert_eq!(part_time(full, 1, 100), Duration::from_millis(30));
}
