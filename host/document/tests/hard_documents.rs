//! Documents that are deep, wide or huge: they take bounded stack and time, and texts about them are bounded.

use std::time::{Duration, Instant};

use landfall_document::{
    Documents, NESTING_MAX, Pointer, RowState, SchemaSet, VIOLATION_TEXT_BYTES_MAX, Validity,
    redact,
};

/// The stack of a judge's thread.
const STACK_BYTES: usize = 2 * 1024 * 1024;

fn on_a_judges_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

fn set(schema: &str) -> SchemaSet {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("s")).unwrap();
    std::fs::write(directory.path().join("s/1.json"), schema).unwrap();
    let (set, errors) = SchemaSet::load(directory.path());
    assert!(errors.is_empty(), "{errors:?}");
    set
}

fn parse(json: &str) -> Documents {
    let mut documents = Documents::default();
    documents.parse(json.as_bytes(), &[json.len() as u32]);
    documents
}

#[test]
fn the_deepest_document_is_read_written_validated_and_explained_on_a_small_stack() {
    on_a_judges_stack(|| {
        let levels = NESTING_MAX / 2;
        let deep =
            |leaf: &str| format!("{}{leaf}{}", "{\"a\":[".repeat(levels), "]}".repeat(levels));
        let recursive = set(
            r##"{"$schema":"http://json-schema.org/draft-07/schema#","anyOf":[{"$ref":"#/definitions/node"}],
                "definitions":{"node":{"oneOf":[{"type":"integer"},{"type":"object","additionalProperties":
                {"allOf":[{"type":"array","uniqueItems":true,"items":{"$ref":"#/definitions/node"}}]}}]}}}"##,
        );
        let schema = recursive.find("s/1").unwrap();
        for (leaf, expected) in [("1", Validity::Valid), ("\"x\"", Validity::Invalid)] {
            let json = deep(leaf);
            // By the fast reader, and by the lenient one.
            for json in [json.clone(), json.replacen('{', "{\"a\":0,", 1)] {
                let documents = parse(&json);
                assert_eq!(documents.state(0), RowState::Good);
                assert_eq!(documents.validate(0, &Pointer::default(), schema), expected);
                let told = documents.explain(0, &Pointer::default(), schema, 5);
                assert_eq!(told.is_empty(), expected == Validity::Valid);
                let (mut column, mut ends) = (Vec::new(), Vec::new());
                documents.write_column(&Pointer::default().into(), &mut column, &mut ends);
                assert_eq!(String::from_utf8(column).unwrap(), deep(leaf));
            }
        }
        let steps = format!("{}/a", "/a/0".repeat(levels - 1));
        let mut redacted = Vec::new();
        redact(
            deep("1").as_bytes(),
            &[Pointer::parse(&steps).unwrap()],
            &mut redacted,
        );
        assert!(
            String::from_utf8(redacted)
                .unwrap()
                .contains("{\"a\":\"(redacted)\"}")
        );
    });
}

#[test]
fn deep_equal_elements_are_compared_on_a_small_stack() {
    on_a_judges_stack(|| {
        let unique =
            set(r#"{"$schema":"http://json-schema.org/draft-07/schema#","uniqueItems":true}"#);
        let deep = format!(
            "{}1{}",
            "[".repeat(NESTING_MAX - 1),
            "]".repeat(NESTING_MAX - 1)
        );
        let documents = parse(&format!("[{deep},{deep}]"));
        assert_eq!(
            documents.validate(0, &Pointer::default(), unique.find("s/1").unwrap()),
            Validity::Invalid
        );
        let many = vec![deep.as_str(); 20].join(",");
        let documents = parse(&format!("[{many}]"));
        assert_eq!(
            documents.validate(0, &Pointer::default(), unique.find("s/1").unwrap()),
            Validity::Invalid
        );
    });
}

#[test]
fn wide_objects_cost_no_more_than_sorting_them() {
    // Equal first and last bytes, so that hashes and most of each comparison are alike.
    let names: Vec<String> = (0..100_000)
        .map(|index| format!("\"same_begin_{index:06}_same_ending\":{index}"))
        .collect();
    let json = format!("{{{}}}", names.join(","));
    let properties: Vec<String> = (0..300)
        .map(|index| {
            format!(
                "\"same_begin_{:06}_same_ending\":{{\"type\":\"integer\"}}",
                index * 300
            )
        })
        .collect();
    let schema = set(&format!(
        r#"{{"$schema":"http://json-schema.org/draft-07/schema#","properties":{{{}}}}}"#,
        properties.join(",")
    ));
    let begin = Instant::now();
    let documents = parse(&json);
    assert_eq!(documents.state(0), RowState::Good);
    assert_eq!(
        documents.validate(0, &Pointer::default(), schema.find("s/1").unwrap()),
        Validity::Valid
    );
    let last = Pointer::parse("/same_begin_099999_same_ending").unwrap();
    assert_eq!(documents.value(0, &last).unwrap().as_i64(), Some(99_999));
    let twice = parse(&format!("{{{0},{0}}}", names.join(",")));
    assert_eq!(twice.value(0, &Pointer::default()).unwrap().len(), 100_000);
    // In quadratic time it would take minutes; the limit leaves room for a slow machine.
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn violations_hold_no_values_and_are_bounded() {
    let schema = set(
        r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","additionalProperties":false,
            "properties":{"a":{"type":"integer"},"b":{"enum":["x"]},"c":{"maxLength":3},"d":{"minimum":5},
            "e":{"pattern":"^x$"},"f":{"const":1},"g":{"maxItems":1},"h":{"not":{}},"i":{"items":[{}],"additionalItems":false}}}"#,
    );
    let long = "n".repeat(5000);
    let json = format!(
        r#"{{"a":"secret","b":"secret","c":"secret","d":-123456,"e":"secret","f":"secret","g":["secret",1],
            "h":"secret","i":[1,"secret"],"{long}":"secret","\u001b[2J":1}}"#
    );
    let documents = parse(&json);
    let schema = schema.find("s/1").unwrap();
    let told = documents.explain(0, &Pointer::default(), schema, 100);
    assert_eq!(told.len(), 10, "{told:?}");
    for violation in &told {
        for text in [
            &violation.pointer,
            &violation.schema_pointer,
            &violation.message,
        ] {
            assert!(
                text.len() <= VIOLATION_TEXT_BYTES_MAX && !text.contains(char::is_control),
                "{text}"
            );
            assert!(
                !text.contains("secret") && !text.contains("123456"),
                "{text}"
            );
        }
    }
    assert_eq!(told[0].pointer, "/a", "{told:?}");
    assert_eq!(
        documents.explain(0, &Pointer::default(), schema, 2).len(),
        2
    );
    assert!(
        documents
            .explain(0, &Pointer::parse("/z").unwrap(), schema, 2)
            .is_empty()
    );
    assert_eq!(
        documents.validate(0, &Pointer::parse("/z").unwrap(), schema),
        Validity::NoValue
    );
}

#[test]
fn memory_is_reused_and_its_size_is_told() {
    let batch: Vec<String> = (0..200)
        .map(|index| format!("{{\"index\":{index},\"text\":\"a\\nb\",\"list\":[1,2,3]}}"))
        .collect();
    let mut ends = Vec::new();
    let mut end = 0;
    for row in &batch {
        end += row.len() as u32;
        ends.push(end);
    }
    let text = batch.concat();
    let mut documents = Documents::default();
    assert_eq!(documents.memory_bytes(), 0);
    documents.parse(text.as_bytes(), &ends);
    let warm = documents.memory_bytes();
    for _ in 0..10 {
        documents.parse(text.as_bytes(), &ends);
    }
    assert_eq!(documents.memory_bytes(), warm);
    assert!(
        warm > text.len() && warm < text.len() * 30,
        "{warm} for {}",
        text.len()
    );
    // It is moved into a guest's store while the guest runs.
    fn movable<T: Send + Default + 'static>(_: &T) {}
    movable(&documents);
    let moved = std::mem::take(&mut documents);
    assert_eq!(
        moved
            .value(199, &Pointer::parse("/text").unwrap())
            .unwrap()
            .as_str(),
        Some("a\nb")
    );
    assert_eq!(documents.rows(), 0);
}

#[test]
fn no_row_is_read_through_all_those_behind_it() {
    // Rows lie one after the other: without a limit, reading each one would go on to the end of the last one.
    for row in [
        "1",
        "\"a",
        "[1,",
        "{\"a\":",
        "1e",
        "1.1",
        "\"\\u0061",
        "tru",
        " ",
    ] {
        let row = row.repeat(200_usize.div_ceil(row.len()));
        let rows = 40_000;
        let ends: Vec<u32> = (1..=rows).map(|end| end * row.len() as u32).collect();
        let mut documents = Documents::default();
        let begin = Instant::now();
        documents.parse(row.repeat(rows as usize).as_bytes(), &ends);
        // Then it would take minutes.
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{row}: {:?}",
            begin.elapsed()
        );
        assert_eq!(documents.rows(), rows as usize);
    }
}

#[test]
fn redaction_replaces_values_wherever_they_stand() {
    let pointers: Vec<Pointer> = ["/ip", "/userAgent", "/event/list/1", "/absent", "/a~1b"]
        .iter()
        .map(|text| Pointer::parse(text).unwrap())
        .collect();
    let redacted = |json: &str| {
        let mut out = Vec::new();
        redact(json.as_bytes(), &pointers, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        redacted(
            r#"{"ip":"0.0.0.0","ip":"1.2.3.4","userAgent":{"os":1},"event":{"list":[1,2,3]},"a/b":9,"n":NaN}"#
        ),
        r#"{"a/b":"(redacted)","event":{"list":[1,"(redacted)",3]},"ip":"(redacted)","n":NaN,"userAgent":"(redacted)"}"#
    );
    assert_eq!(redacted("{\"ip\":\"1.2.3.4\""), "");
    let mut out = Vec::new();
    redact(b"[1]", &[Pointer::default()], &mut out);
    assert_eq!(out, b"\"(redacted)\"");
}

#[test]
fn equal_names_at_every_level_cost_no_more_than_at_one() {
    // Each object drops a member, and in the innermost one there are many nodes to move.
    let leaf = format!("[0{}]", ",0".repeat(400_000));
    let levels = NESTING_MAX - 1;
    let (twice, once) = ("{\"a\":0,\"a\":", "{\"a\":");
    let close = "}".repeat(levels);
    let once_timed = |open: &str| {
        let begin = Instant::now();
        let documents = parse(&format!("{open}{leaf}{close}"));
        assert_eq!(documents.state(0), RowState::Good);
        let steps = Pointer::parse(&"/a".repeat(levels)).unwrap();
        assert_eq!(documents.value(0, &steps).unwrap().len(), 400_001);
        assert_eq!(documents.value(0, &Pointer::default()).unwrap().len(), 1);
        begin.elapsed()
    };
    // The best of three, for other work of the machine only adds time.
    let timed = |open: String| (0..3).map(|_| once_timed(&open)).min().unwrap();
    let at_one = timed(format!("{twice}{}", once.repeat(levels - 1)));
    let at_every = timed(twice.repeat(levels));
    // Moved level by level it would take some 100 times as long; the limit leaves room for a busy machine.
    assert!(at_every < at_one * 20, "{at_every:?} and {at_one:?}");
}
