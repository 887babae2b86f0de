//! EventLogging's rows compared with its raw events, with the default configuration.

use field_parity::{Config, FieldParity};
use landfall_guest::test::{Parity, ParityHarness};

const FILE: &str = include_str!("../eventlogging.json");

/// A raw event and its row; a case replaces `EVENT` and `ROW`.
fn altered(event: &str, row: &str) -> Vec<String> {
    let raw = format!(
        r#"{{"event":{{{event}}},"wiki":"enwiki","webHost":"en.m","schema":"Edit","revision":7,
        "recvFrom":"cp1","seqId":9,"timestamp":1416276123,"clientIp":"10.0.0.1","uuid":"u1",
        "userAgent":"\"Mozilla/5.0\"\n"}}"#
    );
    let comma = if row.is_empty() { "" } else { "," };
    let written = format!(
        r#"{{"uuid":"u1","wiki":"enwiki","webHost":"en.m","timestamp":"20141118020203",
        "clientIp":"a keyed hash","userAgent":"Mozilla/5.0"{comma}{row}}}"#
    );
    ParityHarness::<FieldParity>::new(FILE).altered(&raw, &written)
}

#[test]
fn the_file_is_the_default() {
    let file: Config = serde_json::from_str(FILE).expect("the file is a configuration");
    assert_eq!(file, Config::default().resolved());
}

#[test]
fn what_the_writer_declares_is_no_alteration() {
    let cut = "é".repeat(191);
    let strings = (
        format!(r#""s":"{}""#, "é".repeat(192)),
        format!(r#""event_s":"{cut}""#),
    );
    let items: Vec<String> = (0..80).map(|number| number.to_string()).collect();
    let python: String = format!("[{}]", items.join(", "))
        .chars()
        .take(191)
        .collect();
    let arrays = (
        format!(r#""l":[{}]"#, items.join(",")),
        format!(r#""event_l":"{python}""#),
    );
    // A string that is an array's text is a string: 243 characters, compactly written.
    let compact = format!("[{}]", ["1"; 121].join(","));
    let texts = (
        format!(r#""s":"{compact}""#),
        format!(r#""event_s":"{}""#, &compact[..191]),
    );
    // Members in the order that the client wrote, cut inside the second object.
    let (long, name) = ("x".repeat(170), r#"\"z\": 1, \"a\": "#);
    let objects = (
        format!(r#""l":[{{"z":1,"a":2}},{{"z":"{long}","a":2}}]"#),
        format!(r#""event_l":"[{{{name}2}}, {{\"z\": \"{}""#, &long[..165]),
    );
    let cases = [
        ("", ""),
        (r#""a":"x","n":{"pi":3}"#, r#""event_a":"x","event_n_pi":3"#),
        (
            r#""a":"x","n":{"pi":3}"#,
            r#""event":{"a":"x","n":{"pi":3}}"#,
        ),
        (r#""t":true,"f":false"#, r#""event_t":1,"event_f":0"#),
        (r#""t":true,"f":false"#, r#""event_t":true,"event_f":false"#),
        (r#""x":0.1"#, r#""event_x":0.10000000149011612"#),
        (r#""x":0.1,"y":-0.0"#, r#""event_x":0.1,"event_y":0"#),
        (r#""x":12"#, r#""event_x":12.0"#),
        (r#""x":16777216.5"#, r#""event_x":16777216"#),
        (
            r#""x":1180591620717411303424"#,
            r#""event_x":1.1805916207174113e21"#,
        ),
        (
            r#""x":1416276123.0,"y":1e10"#,
            r#""event_x":1416276096.0,"event_y":10000000000.0"#,
        ),
        (
            r#""x":9223372036854775808"#,
            r#""event_x":9223372036854775808"#,
        ),
        (r#""x":null"#, ""),
        ("", r#""event_x":null"#),
        (r#""o":{}"#, ""),
        (
            r#""l":[1,"a",{"b":[]}]"#,
            r#""event_l":"[1, \"a\", {\"b\": []}]""#,
        ),
        (r#""l":[1,"a"]"#, r#""event_l":[1,"a"]"#),
        (r#""l":[1e-7,1e22]"#, r#""event_l":"[1e-07, 1e+22]""#),
        (
            r#""l":[18446744073709551616]"#,
            r#""event_l":"[18446744073709551616]""#,
        ),
        (r#""l":["é"]"#, r#""event_l":"[\"\\u00e9\"]""#),
        (
            r#""l":[{"z":1,"a":2}]"#,
            r#""event_l":"[{\"z\": 1, \"a\": 2}]""#,
        ),
        (
            r#""l":[{"z":1,"a":[{"y":2,"b":3}]}]"#,
            r#""event_l":"[{\"z\": 1, \"a\": [{\"y\": 2, \"b\": 3}]}]""#,
        ),
        (r#""s":"[1,2]""#, r#""event_s":"[1,2]""#),
        (strings.0.as_str(), strings.1.as_str()),
        (arrays.0.as_str(), arrays.1.as_str()),
        (texts.0.as_str(), texts.1.as_str()),
        (objects.0.as_str(), objects.1.as_str()),
    ];
    for (event, row) in cases {
        assert_eq!(
            altered(event, row),
            Vec::<String>::new(),
            "{event} against {row}"
        );
    }
}

#[test]
fn everything_else_is_an_alteration() {
    // 95 ones, the last of which fits and is changed.
    let ones = (
        format!(r#""a":"[{}]""#, ["1"; 95].join(",")),
        format!(r#""event_a":"[{},2]""#, ["1"; 94].join(",")),
    );
    let cut = "é".repeat(190);
    let strings = (
        format!(r#""s":"{}""#, "é".repeat(192)),
        format!(r#""event_s":"{cut}""#),
    );
    let cases = [
        (r#""a":"x""#, r#""event_a":"y""#, "event_a"),
        (r#""a":"x""#, "", "event_a"),
        ("", r#""event_a":"x""#, "event_a"),
        (r#""a":"""#, "", "event_a"),
        (r#""a":0"#, "", "event_a"),
        (r#""a":false"#, "", "event_a"),
        (r#""a":"x ""#, r#""event_a":"x""#, "event_a"),
        (r#""a":12"#, r#""event_a":"12""#, "event_a"),
        (r#""a":16777217"#, r#""event_a":16777216"#, "event_a"),
        (
            r#""a":9223372036854775809"#,
            r#""event_a":9223372036854775808"#,
            "event_a",
        ),
        (
            r#""a":1416276123.0"#,
            r#""event_a":1416276224.0"#,
            "event_a",
        ),
        (r#""a":"[1, 2]""#, r#""event_a":"[1,2]""#, "event_a"),
        (
            r#""a":"[ {\"b\": 1}]""#,
            r#""event_a":"[{\"b\": 1}]""#,
            "event_a",
        ),
        (r#""a":[1,2]"#, r#""event_a":"[1,2]""#, "event_a"),
        (
            r#""a":[{"b":1,"c":2}]"#,
            r#""event_a":"[{\"c\": 1, \"b\": 2}]""#,
            "event_a",
        ),
        (ones.0.as_str(), ones.1.as_str(), "event_a"),
        (
            r#""a":9007199254740993"#,
            r#""event_a":9007199254740992"#,
            "event_a",
        ),
        (r#""a":0.1"#, r#""event_a":0.1001"#, "event_a"),
        (r#""a":1.5"#, r#""event_a":1"#, "event_a"),
        (r#""a":true"#, r#""event_a":2"#, "event_a"),
        (r#""a":true"#, r#""event_a":"true""#, "event_a"),
        (r#""a":[1,2]"#, r#""event_a":"[2, 1]""#, "event_a"),
        (r#""a":[1]"#, r#""event_a":"[\"1\"]""#, "event_a"),
        (r#""a":{"b":1}"#, r#""event_b":1"#, "event_a_b event_b"),
        (strings.0.as_str(), strings.1.as_str(), "event_s"),
    ];
    for (event, row, expected) in cases {
        assert_eq!(
            altered(event, row).join(" "),
            expected,
            "{event} against {row}"
        );
    }
}

#[test]
fn capsule_fields_are_compared() {
    let mut harness = ParityHarness::<FieldParity>::new("{}");
    let raw = r#"{"uuid":"u","wiki":"en","timestamp":1416276123.9,"userAgent":"A b"}"#;
    let cases = [
        (
            r#"{"uuid":"v","wiki":"en","timestamp":"20141118020203","userAgent":"A b\n"}"#,
            "uuid",
        ),
        (
            r#"{"uuid":"u","wiki":"de","timestamp":"20141118020203","userAgent":"\"A b\""}"#,
            "wiki",
        ),
        (
            r#"{"uuid":"u","wiki":"en","timestamp":"20141118020204","userAgent":"A b"}"#,
            "dt timestamp",
        ),
        (
            r#"{"uuid":"u","wiki":"en","dt":"2014-11-18T02:02:03Z","userAgent":"A c"}"#,
            "userAgent",
        ),
        (
            r#"{"uuid":"u","wiki":"en","dt":"2014-11-18T02:02:03Z"}"#,
            "userAgent",
        ),
    ];
    for (written, expected) in cases {
        let altered = harness.altered(raw, written).join(" ");
        assert_eq!(altered, expected, "{written}");
    }
}

#[test]
fn both_times_are_compared_where_both_are_kept() {
    let mut harness = ParityHarness::<FieldParity>::new("{}");
    let (time, dt) = (
        r#""timestamp":1416276123"#,
        r#""dt":"2014-11-18T02:02:03Z""#,
    );
    let raws = [
        format!("{{{time}}}"),
        format!("{{{dt}}}"),
        format!("{{{time},{dt}}}"),
    ];
    let cases = [
        (r#"{"timestamp":"20141118020203"}"#, ""),
        (r#"{"dt":"2014-11-18T02:02:03"}"#, ""),
        (
            r#"{"timestamp":"20141118020203","dt":"2014-11-18T02:02:03Z"}"#,
            "",
        ),
        (
            r#"{"timestamp":"20141118020203","dt":"2014-11-18T02:02:04Z"}"#,
            "dt",
        ),
        (
            r#"{"timestamp":"20141118020204","dt":"2014-11-18T02:02:03Z"}"#,
            "timestamp",
        ),
        (r#"{"timestamp":"20141118020204"}"#, "dt timestamp"),
    ];
    for raw in &raws {
        for (written, expected) in cases {
            let altered = harness.altered(raw, written).join(" ");
            assert_eq!(altered, expected, "{raw} against {written}");
        }
    }
}

#[test]
fn a_form_is_no_longer_than_its_document_asks_for() {
    let mut harness = ParityHarness::<FieldParity>::new("{}");
    let name = "n".repeat(10_000);
    let leaves: Vec<String> = (0..5_000).map(|n| format!("\"{n}\":{n}")).collect();
    let document = |leaves: &[String]| format!(r#"{{"{name}":{{{}}}}}"#, leaves.join(","));
    let form = harness.project("raw", &document(&leaves));
    // Whole names would take 50 MB.
    assert!(form.len() < 1_000_000, "{} bytes", form.len());
    let mut changed = leaves.clone();
    changed[4_321] = "\"4321\":0".into();
    let fields = harness.altered(&document(&leaves), &document(&changed));
    assert_eq!(fields.len(), 1);
    assert!(
        fields[0].starts_with("nnn") && fields[0].len() < 200,
        "{fields:?}"
    );
    changed[4_321] = "\"4x21\":4321".into();
    let fields = harness.altered(&document(&leaves), &document(&changed));
    assert_eq!(fields.len(), 2, "one name went, another came");
}

#[test]
fn a_user_agent_may_be_cut_before_or_after_its_quotes_and_newline_went() {
    let agent: String = (0..300)
        .map(|n| if n % 6 == 5 { ' ' } else { 'a' })
        .collect();
    let quoted = format!("\"{agent}\"\n");
    let mut harness = ParityHarness::<FieldParity>::new("{}");
    let document = |agent: &str| serde_json::json!({ "userAgent": agent }).to_string();
    let raw = document(&quoted);
    for landed in [
        quoted.chars().take(191).collect::<String>(),
        agent.chars().take(191).collect(),
        agent.clone(),
        quoted.clone(),
    ] {
        assert!(
            harness.altered(&raw, &document(&landed)).is_empty(),
            "{landed}"
        );
    }
}

#[test]
fn differences_show_both_values() {
    let mut harness = ParityHarness::<FieldParity>::new("{}");
    let raw = r#"{"event":{"a":"é","b":3,"c":null,"d":""}}"#;
    let written = r#"{"event_a":"e","event_b":"3","event_c":[1]}"#;
    let Parity::Altered(differences) = harness.compare(raw, written) else {
        panic!("unchanged");
    };
    let shown: Vec<String> = differences
        .iter()
        .map(|one| format!("{}: {} -> {}", one.field, one.raw, one.written))
        .collect();
    assert_eq!(
        shown,
        [
            r#"event_a: "é" -> "e""#,
            r#"event_b: 3 -> "3""#,
            r#"event_c:  -> "[1]""#,
            r#"event_d: "" -> "#,
        ]
    );
}

#[test]
fn many_and_long_differences_are_bounded() {
    let mut harness = ParityHarness::<FieldParity>::new(r#"{"truncate":0}"#);
    let long = "é".repeat(5_000);
    let fields: Vec<String> = (0..100)
        .map(|n| format!("\"f{n}\":\"{long}{n}\""))
        .collect();
    let raw = format!("{{{}}}", fields.join(","));
    let Parity::Altered(differences) = harness.compare(&raw, &raw.replace('0', "1")) else {
        panic!("unchanged");
    };
    assert!(differences.len() <= 32);
    for one in differences {
        assert!(one.raw.len() <= 256 && one.written.len() <= 256);
        assert!(
            one.raw != one.written,
            "the part that differs is shown: {}",
            one.raw
        );
    }
}

#[test]
fn a_document_that_is_no_object_has_no_normal_form() {
    let mut harness = ParityHarness::<FieldParity>::new("{}");
    assert!(harness.project("raw", "[1]").is_empty());
    assert!(!harness.project("raw", "{}").is_empty());
    assert!(matches!(harness.compare("3", "{}"), Parity::Unprojectable));
    assert!(
        harness.log()[0].contains("no object"),
        "{:?}",
        harness.log()
    );
}
