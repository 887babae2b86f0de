//! The reference parity and window checks in the real runtime.

mod support;

use landfall_document::{Column, Documents};
use landfall_runtime::{
    Check, CheckInstance, Limits, Packed, ParityCheck, Projected, Severity, Tally,
};
use support::load_with;

fn columns(documents: &str, wanted: &[Column]) -> Vec<Packed> {
    let mut rows = Packed::default();
    documents
        .lines()
        .for_each(|line| rows.push(line.as_bytes()));
    let mut documents = Documents::default();
    documents.parse(&rows.text, &rows.ends);
    let column = |wanted: &Column| {
        let mut column = Packed::default();
        documents.write_column(wanted, &mut column.text, &mut column.ends);
        column
    };
    wanted.iter().map(column).collect()
}

/// The check on both sides of events.
struct Parity {
    instance: CheckInstance<ParityCheck>,
    raw: Vec<Column>,
    written: Vec<Column>,
}

impl Parity {
    fn new(config: &str) -> Self {
        let Ok(Check::Parity(check)) = load_with("field_parity.wasm", config, Limits::default())
        else {
            panic!("field_parity.wasm is no parity check");
        };
        let manifest = check.manifest.clone();
        Self {
            instance: CheckInstance::new(check),
            raw: manifest.columns,
            written: manifest.written_columns,
        }
    }

    /// The normal form of each line's document.
    fn project(&mut self, stream: &str, documents: &str) -> Vec<Vec<u8>> {
        let pointers = match stream {
            "raw" => &self.raw,
            _ => &self.written,
        };
        let columns = columns(documents, pointers);
        let columns: Vec<_> = columns.iter().map(Packed::as_ref).collect();
        let (rows, mut projected) = (documents.lines().count(), Projected::default());
        self.instance
            .project(stream, rows, &columns, &mut projected);
        assert!(projected.faulted.is_empty(), "{:?}", projected.faulted);
        let forms = projected.forms.as_ref();
        (0..rows).map(|row| forms.row(row).to_vec()).collect()
    }

    /// What differs in each pair of lines, as `field: raw -> written`.
    fn altered(&mut self, raw: &str, written: &str) -> Vec<Vec<String>> {
        let (raw, written) = (self.project("raw", raw), self.project("written", written));
        assert_eq!(raw.len(), written.len());
        let mut altered = Vec::new();
        for (raw, written) in raw.iter().zip(&written) {
            assert!(!raw.is_empty() && !written.is_empty(), "no normal form");
            altered.push(if raw == written {
                Vec::new()
            } else {
                let differences = self.instance.explain(raw, written).expect("an explanation");
                assert!(!differences.is_empty(), "two forms differ, but no field");
                let told = differences
                    .iter()
                    .map(|d| format!("{}: {} -> {}", d.field, d.raw, d.written));
                told.collect()
            });
        }
        altered
    }
}

#[test]
fn field_parity_tells_an_altered_row_from_the_writers_own_changes() {
    let raw = concat!(
        r#"{"event":{"a":{"pi":0.1},"ok":true,"l":[1,"é"]},"timestamp":1416276000,"seqId":1}"#,
        "\n",
        r#"{"event":{"a":{"pi":3},"ok":true},"timestamp":1416276000,"seqId":2}"#,
    );
    let written = concat!(
        r#"{"event_a_pi":0.10000000149011612,"event_ok":1,"event_l":"[1, \"\\u00e9\"]","timestamp":"20141118020000"}"#,
        "\n",
        r#"{"event_a_pi":4,"event_ok":1,"timestamp":"20141118020000"}"#,
    );
    let altered = Parity::new("{}").altered(raw, written);
    assert!(altered[0].is_empty(), "{altered:?}");
    assert_eq!(altered[1], ["event_a_pi: 3 -> 4"]);
}

/// What CPython 3.11 prints for `json.dumps`, from members in another order than the host keeps
/// them, cut to 191 characters. The doubles are some that a reader without care misses by one.
#[test]
fn field_parity_renders_arrays_as_python_does() {
    let floats =
        "[1e-7,1e22,51.24817837550540,2.2250738585072014e-308,0.1,-0.0,123456789012345678901]";
    let python = "[1e-07, 1e+22, 51.2481783755054, 2.2250738585072014e-308, 0.1, -0.0, 123456789012345678901]";
    let numbers: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let cut: String = format!("[{}]", numbers.join(", "))
        .chars()
        .take(191)
        .collect();
    let objects = r#"[{"z":1,"a":[0.5]},{"z":2,"a":[0.5]}]"#;
    let dumped = r#"[{\"z\": 1, \"a\": [0.5]}, {\"z\": 2, \"a\": [0.5]}]"#;
    let long = format!(r#"[1.5,{{"z":"{}","a":1}}]"#, "é".repeat(60));
    let dumped_long: String = format!(r#"[1.5, {{"z": "{}"#, "\\u00e9".repeat(60))
        .chars()
        .take(191)
        .collect();
    let dumped_long = dumped_long.replace('\\', r"\\").replace('"', r#"\""#);
    let text = format!("[{}]", ["1"; 121].join(","));
    let pairs = [
        (floats.to_owned(), python.to_owned()),
        (format!("[{}]", numbers.join(",")), cut),
        (objects.to_owned(), dumped.to_owned()),
        (long, dumped_long),
        // A string that is an array's text stays as it is.
        (format!("\"{text}\""), text[..191].to_owned()),
    ];
    let line = |name: &str, value: &str| format!("{{\"{name}\":{value}}}\n");
    let raw = |value: &str| line("event", &format!("{{\"l\":{value}}}"));
    let raw: String = pairs.iter().map(|(array, _)| raw(array)).collect();
    let row = |text: &str| line("event_l", &format!("\"{text}\""));
    let written: String = pairs.iter().map(|(_, text)| row(text)).collect();
    let mut parity = Parity::new("{}");
    for (altered, (array, _)) in parity.altered(&raw, &written).iter().zip(&pairs) {
        assert!(altered.is_empty(), "{array}: {altered:?}");
    }
    // They differ in one digit each, and every pair is found to differ.
    let changed: String = pairs
        .iter()
        .map(|(_, text)| row(&text.replacen('1', "7", 1)))
        .collect();
    for (altered, (array, _)) in parity.altered(&raw, &changed).iter().zip(&pairs) {
        assert_eq!(altered.len(), 1, "{array}: {altered:?}");
    }
}

#[test]
fn field_parity_of_2019_leaves_out_what_a_parser_made_of_the_user_agent() {
    let file = include_str!("../../../guests/field-parity/eventlogging-2019.json");
    let raw =
        r#"{"event":{"x":16777217.0},"dt":"2019-01-19T23:16:38Z","userAgent":"UA","ip":"::1"}"#;
    let raw = [raw, raw, raw].join("\n");
    let written = concat!(
        r#"{"event_x":16777216.0,"dt":"2019-01-19T23:16:38Z","userAgent":{"is_bot":false}}"#,
        "\n",
        r#"{"event_x":16777216.0,"timestamp":"20190119231638","userAgent_is_bot":0}"#,
        "\n",
        r#"{"event_x":16777216.0,"dt":"2019-01-19T23:16:39Z","userAgent":"{\"is_bot\": false}"}"#,
    );
    let altered = Parity::new(file).altered(&raw, written);
    assert!(
        altered[0].is_empty() && altered[1].is_empty(),
        "{altered:?}"
    );
    let fields: Vec<&str> = altered[2]
        .iter()
        .filter_map(|d| d.split(':').next())
        .collect();
    assert_eq!(fields, ["dt", "timestamp"]);
}

#[test]
fn field_parity_has_no_normal_form_of_what_json_does_not_have() {
    let config = r#"{"flatten":[{"raw":"/event","written":"/event"}]}"#;
    let mut parity = Parity::new(config);
    let documents = "{\"event\":{\"a\":1,\"b\":NaN}}\n{\"event\":{\"a\":1}}\n{}";
    for stream in ["raw", "written"] {
        let forms = parity.project(stream, documents);
        assert!(forms[0].is_empty(), "{stream}");
        assert!(!forms[1].is_empty() && !forms[2].is_empty(), "{stream}");
    }
}

#[test]
fn delivery_objective_finds_the_window_that_misses_its_target() {
    let config = r#"{"target":0.99,"severity":"critical"}"#;
    let Ok(Check::Window(check)) = load_with("delivery_objective.wasm", config, Limits::default())
    else {
        panic!("delivery_objective.wasm is no window check");
    };
    let tally = |missing: u64| Tally {
        schema: "Edit/1".into(),
        start_ms: 0,
        end_ms: 60_000,
        raw: 1000,
        delivered: 1000 - missing,
        late: 0,
        altered: 0,
        missing,
        unconfirmed: 0,
        rejected: 0,
        leaked: 0,
        repeated: 0,
        unjudged: 0,
        duplicate: 0,
        unexpected: 0,
    };
    let reasons = check.manifest.reasons.clone();
    let judged = CheckInstance::new(check).judge_windows(&[tally(0), tally(300), tally(9)]);
    assert!(judged.faulted.is_empty(), "{:?}", judged.faulted);
    let findings = judged.findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].tally, 1);
    assert_eq!(reasons[findings[0].reason].id, "below_target");
    assert_eq!(findings[0].severity, Severity::Critical);
}
