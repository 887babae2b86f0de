//! What can be declared, and what is refused.

use field_parity::FieldParity;
use landfall_guest::test::ParityHarness;

fn altered(config: &str, raw: &str, written: &str) -> Vec<String> {
    ParityHarness::<FieldParity>::new(config).altered(raw, written)
}

#[test]
fn fields_pair_values_at_different_places() {
    let config = r#"{"flatten":[],"fields":[
        {"raw":"/event/action","written":"/act"},
        {"raw":["/a/x","/a/y"],"written":"/n","as":"float","name":"amount"},
        {"raw":"/a~1b","written":"/ab","as":"exact"}]}"#;
    let raw = r#"{"event":{"action":"save"},"a":{"y":16777217},"a/b":1.0,"other":1}"#;
    let cases = [
        (r#"{"act":"save","n":16777216,"ab":1.0}"#, ""),
        (r#"{"act":"save","n":16777216,"ab":1}"#, "ab"),
        (r#"{"act":"load","n":3,"ab":1.0}"#, "act amount"),
    ];
    for (written, expected) in cases {
        assert_eq!(
            altered(config, raw, written).join(" "),
            expected,
            "{written}"
        );
    }
}

#[test]
fn a_field_overrides_the_general_rules_for_its_value_alone() {
    let config = r#"{"truncate":3,"fields":[
        {"raw":"/long","written":"/long","truncate":0},
        {"raw":"/n","written":"/n","null_as_absent":false},
        {"raw":"/f","written":"/f","float":{"digits":6}}]}"#;
    let raw = r#"{"long":"abcdef","short":"abcdef","n":null,"f":12345.678,"g":12345.678}"#;
    let cases = [
        (
            r#"{"long":"abcdef","short":"abc","n":null,"f":12345.7,"g":12345.678}"#,
            "",
        ),
        (
            r#"{"long":"abc","short":"abcdef","f":12345.8,"g":12345.7}"#,
            "f g long n",
        ),
    ];
    for (written, expected) in cases {
        assert_eq!(
            altered(config, raw, written).join(" "),
            expected,
            "{written}"
        );
    }
}

#[test]
fn objects_can_be_flattened_from_different_places() {
    let config = r#"{"flatten":[{"raw":"/event","written":"","raw_prefix":"event."}],
        "separator":".","fields":[{"raw":"/event/t","written":"/event.t","as":"timestamp"}],
        "ignore":["event.agent*"]}"#;
    let raw = r#"{"event":{"a":{"b":1},"t":0,"agent":{"os":"x"}},"meta":1}"#;
    assert!(altered(config, raw, r#"{"event.a.b":1,"event.t":"19700101000000"}"#).is_empty());
    assert_eq!(
        altered(config, raw, r#"{"event.a.b":2}"#),
        ["event.a.b", "event.t"]
    );
}

#[test]
fn a_column_of_json_is_compared_as_json() {
    let config = r#"{"fields":[{"raw":"/o","written":"/o","as":"json_text"}]}"#;
    let raw = r#"{"o":{"b":[1,2],"a":"x"}}"#;
    assert!(altered(config, raw, r#"{"o":"{\"a\": \"x\", \"b\": [1, 2]}"}"#).is_empty());
    assert_eq!(altered(config, raw, r#"{"o":"{\"a\": \"y\"}"}"#), ["o"]);
}

#[test]
fn sixty_four_bit_floats_are_exact_where_declared() {
    let raw = r#"{"x":0.1}"#;
    let written = r#"{"x":0.10000000149011612}"#;
    assert!(altered("{}", raw, written).is_empty());
    assert_eq!(altered(r#"{"float":"f64"}"#, raw, written), ["x"]);
}

#[test]
fn refusals_name_the_field() {
    let cases = [
        (
            r#"{"flatten":[],"fields":[]}"#,
            "`fields`: nothing is compared: give `fields` or `flatten`",
        ),
        (
            r#"{"fields":[{"raw":"a","written":"/a"}]}"#,
            "`fields[0]`: `a` is no JSON pointer: begin it with `/`",
        ),
        (
            r#"{"fields":[{"raw":[],"written":"/a"}]}"#,
            "`fields[0]`: give at least one pointer on each side",
        ),
        (
            r#"{"fields":[{"raw":"/a","written":[]}]}"#,
            "`fields[0].written`: give at least one pointer",
        ),
        (
            r#"{"float":{"digits":12}}"#,
            "`float`: 12 digits: write 1 to 9",
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(ParityHarness::<FieldParity>::refusal(config), expected);
    }
    for (config, part) in [
        (
            r#"{"fields":[{"raw":"/a","written":"/a","as":"string"}]}"#,
            "`fields[0].as`: unknown variant `string`",
        ),
        (r#"{"truncated":1}"#, "unknown field `truncated`"),
        (r#"{"truncate":-1}"#, "`truncate`: invalid value"),
    ] {
        let refusal = ParityHarness::<FieldParity>::refusal(config);
        assert!(refusal.contains(part), "{refusal}");
    }
}
