//! The example of docs/CHECKS.md, tested as it says.

use example_check::Limit;
use landfall_guest::test::EventHarness;

#[test]
fn a_number_above_the_limit_fails() {
    let mut check = EventHarness::<Limit>::new(r#"{"at":"/event/ms","max":1000}"#);
    let events = [
        r#"{"event":{"ms":999.5}}"#,
        r#"{"event":{"ms":1001}}"#,
        r#"{"event":{"ms":"1001"}}"#,
        r#"{"event":{}}"#,
    ];
    assert_eq!(
        check.reasons(&events),
        ["pass", "too_large", "pass", "pass"]
    );
}
