//! Which settings are accepted, and which are refused.

use field_parity::FieldParity;
use landfall_guest::test::ParityHarness;

fn altered(config: &str, raw: &str, written: &str) -> Vec<String> {
    ParityHarness::<FieldParity>::new(config).altered(raw, written)
}

#[test]
fn fields_pair_values_at_different_places() {
    let config = r#"{"defaults":false,"flatten":[],"fields":[
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
fn own_fields_leave_the_defaults_in_force() {
    let config = r#"{"fields":[{"raw":"/event/action","written":"/event_action"}]}"#;
    let raw =
        r#"{"event":{"action":"save"},"timestamp":1416276123,"userAgent":"\"A\"\n","seqId":1}"#;
    let row = r#"{"event_action":"save","timestamp":"20141118020203","userAgent":"A"}"#;
    assert!(altered(config, raw, row).is_empty());
    let off = config.replacen('{', r#"{"defaults":false,"#, 1);
    assert_eq!(altered(&off, raw, row), ["seqId", "timestamp", "userAgent"]);
    let own =
        r#"{"fields":[{"raw":"/userAgent","written":"/agent","as":"exact"}],"ignore":["wiki"]}"#;
    let row = r#"{"event_action":"save","timestamp":"20141118020203","agent":"A","wiki":"x"}"#;
    assert_eq!(altered(own, raw, row), ["agent"]);
}

#[test]
fn a_column_of_floats_that_takes_integers_is_named() {
    let raw = r#"{"event":{"ms":16777217,"id":16777217}}"#;
    let row = |ms: &str| format!(r#"{{"event_ms":{ms},"event_id":16777217}}"#);
    assert_eq!(altered("{}", raw, &row("16777216.0")), ["event_ms"]);
    let config = r#"{"fields":[{"raw":"/event/ms","written":"/event_ms","as":"float"}]}"#;
    assert!(altered(config, raw, &row("16777216.0")).is_empty());
    assert_eq!(altered(config, raw, &row("16777220.0")), ["event_ms"]);
}

#[test]
fn arrays_are_compared_as_the_writer_writes_them() {
    let raw = r#"{"event":{"l":[1,"é",0.00001]}}"#;
    let row = |text: &str| serde_json::json!({ "event_l": text }).to_string();
    let python = row(r#"[1, "\u00e9", 1e-05]"#);
    let compact = row(r#"[1,"é",0.00001]"#);
    for (config, same, other) in [
        ("{}", &python, &compact),
        (r#"{"arrays":"compact"}"#, &compact, &python),
    ] {
        assert!(altered(config, raw, same).is_empty(), "{config}");
        assert_eq!(altered(config, raw, other), ["event_l"], "{config}");
    }
}

#[test]
fn json_that_was_cut_is_compared_up_to_the_object_that_was_left_open() {
    let config = r#"{"truncate":30,"fields":[{"raw":"/o","written":"/o","as":"json_text"}]}"#;
    let raw = r#"{"o":[{"z":1,"a":2},{"y":"0123456789","b":1}]}"#;
    let row = |text: &str| serde_json::json!({ "o": text }).to_string();
    assert!(altered(config, raw, &row(r#"[{"z": 1, "a": 2}, {"y": "0123"#)).is_empty());
    assert_eq!(
        altered(config, raw, &row(r#"[{"z": 1, "a": 3}, {"y": "0123"#)),
        ["o"]
    );
}

const FILE_2019: &str = include_str!("../eventlogging-2019.json");

/// The codec has the user agent as it came in; the row has the parser's result, in any of three
/// shapes, or nothing.
#[test]
fn the_user_agent_of_2019_is_not_compared() {
    let raw =
        r#"{"event":{"a":"x"},"dt":"2019-01-19T23:16:38Z","userAgent":"Mozilla/5.0","ip":"::1"}"#;
    let agents = [
        "",
        r#","userAgent":{"browser_family":"Firefox","is_bot":false}"#,
        r#","userAgent":"{\"browser_family\": \"Firefox\", \"is_bot\": false}""#,
        r#","userAgent_browser_family":"Firefox","userAgent_is_bot":0"#,
    ];
    let times = [
        r#""dt":"2019-01-19T23:16:38Z""#,
        r#""timestamp":"20190119231638""#,
    ];
    for (agent, time) in agents
        .iter()
        .flat_map(|agent| times.map(|time| (agent, time)))
    {
        let row = |a: &str| format!(r#"{{"event_a":"{a}",{time}{agent}}}"#);
        assert!(altered(FILE_2019, raw, &row("x")).is_empty(), "{agent}");
        assert_eq!(altered(FILE_2019, raw, &row("y")), ["event_a"], "{agent}");
    }
    let long = "é".repeat(1500);
    let raw = format!(r#"{{"event":{{"a":"{long}"}}}}"#);
    let row = |n: usize| format!(r#"{{"event_a":"{}"}}"#, "é".repeat(n));
    assert!(altered(FILE_2019, &raw, &row(1024)).is_empty());
    assert_eq!(altered(FILE_2019, &raw, &row(191)), ["event_a"]);
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
            r#"{"defaults":false,"flatten":[],"fields":[]}"#,
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
    let names: Vec<String> = (0..257).map(|name| name.to_string()).collect();
    let many = format!(r#"{{"defaults":false,"ignore":{names:?}}}"#);
    let long = format!(r#"{{"separator":"{}"}}"#, "_".repeat(129));
    for (config, part) in [
        (many.as_str(), "`ignore`: 257 names"),
        (&long, "`separator`: 129 bytes"),
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

#[test]
fn an_object_that_landed_twice_is_compared_twice() {
    let config = r#"{"flatten":[{"raw":"/event","written":"/a"},{"raw":"/event","written":"/b"}]}"#;
    let mut parity = ParityHarness::<FieldParity>::new(config);
    let raw = r#"{"event":{"x":7,"y":1}}"#;
    let written = r#"{"a":{"x":7,"y":true},"b":{"x":7,"y":1}}"#;
    assert_eq!(parity.altered(raw, written), Vec::<String>::new());
    let altered = parity.altered(raw, r#"{"a":{"x":7,"y":1},"b":{"x":8,"y":1}}"#);
    assert!(altered.contains(&"x".to_owned()), "{altered:?}");
}
