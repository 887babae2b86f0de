//! A schema that refers to a refused one is refused, with the place in its own file. And what is ignored in
//! each draft, as Python's jsonschema does.

use std::fs;

use landfall_document::{Documents, Pointer, SchemaRules, SchemaSet, Validity, validate_lines};

const DRAFT_03: &str = r#""$schema":"http://json-schema.org/draft-03/schema#""#;
const DRAFT_07: &str = r#""$schema":"http://json-schema.org/draft-07/schema#""#;

fn load(files: &[(&str, &str)]) -> (SchemaSet, Vec<String>) {
    load_by(files, SchemaRules::default())
}

fn load_by(files: &[(&str, &str)], rules: SchemaRules) -> (SchemaSet, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = text.replace("D3", DRAFT_03).replace("D7", DRAFT_07);
        fs::write(path, text).unwrap();
    }
    let (set, errors) = SchemaSet::load_by(directory.path(), rules);
    let root = directory.path().display().to_string();
    let errors = errors
        .iter()
        .map(|error| error.to_string().replace(&root, ""));
    (set, errors.collect())
}

fn validity(set: &SchemaSet, label: &str, event: &str) -> Validity {
    let mut documents = Documents::default();
    documents.parse(event.as_bytes(), &[event.len() as u32]);
    documents.validate(0, &Pointer::default(), set.find(label).expect(label))
}

#[test]
fn a_schema_that_refers_to_a_refused_one_is_refused_at_the_place_in_its_own_file() {
    let (set, errors) = load(&[
        (
            "bad/1.json",
            r#"{D7,"$id":"https://example.org/bad","type":"strin"}"#,
        ),
        (
            "pattern/1.json",
            r#"{D7,"definitions":{"p":{"pattern":"a("}}}"#,
        ),
        ("broken/1.json", "{"),
        ("dead/1.json", r#"{D7,"items":{"$ref":"/absent/1"}}"#),
        (
            "pointer/1.json",
            r##"{D7,"items":{"$ref":"#/definitions/no"}}"##,
        ),
        ("a/1.json", r#"{D7,"properties":{"f":{"$ref":"/bad/1"}}}"#),
        (
            "a/2.json",
            r#"{D7,"items":[{"$ref":"../a/1#/properties/f"}]}"#,
        ),
        (
            "a/3.json",
            r#"{D7,"allOf":[{"$ref":"https://example.org/bad#"}]}"#,
        ),
        (
            "a/4.json",
            r#"{D7,"not":{"$ref":"/pattern/1#/definitions/p"}}"#,
        ),
        (
            "a/5.json",
            r#"{D7,"properties":{"x":{"$ref":"/broken/1.json"}}}"#,
        ),
        ("a/6.json", r#"{D7,"properties":{"x":{"$ref":"/dead/1"}}}"#),
        (
            "a/7.json",
            r#"{D3,"properties":{"x":{"extends":{"$ref":"/a/6"}}}}"#,
        ),
        (
            "a/8.json",
            r#"{D7,"definitions":{"unused":{"$ref":"/pointer/1"}}}"#,
        ),
        (
            "loop/1.json",
            r#"{D7,"properties":{"l":{"$ref":"/loop/2"},"f":{"$ref":"/bad/1"}}}"#,
        ),
        (
            "loop/2.json",
            r#"{D7,"properties":{"l":{"$ref":"/loop/1"}}}"#,
        ),
        // These only seem to refer to it.
        (
            "good/1.json",
            r#"{D7,"enum":[{"$ref":"/bad/1"}],"default":{"$ref":"/bad/1"}}"#,
        ),
        (
            "good/2.json",
            r#"{D7,"properties":{"$ref":{"type":"null"}}}"#,
        ),
        (
            "good/3.json",
            r#"{D7,"x-note":{"$ref":"/bad/1","pattern":"a("}}"#,
        ),
    ]);
    let all = errors.join("\n");
    for expected in [
        "/a/1.json: at /properties/f/$ref: refers to bad/1, which is refused: at /type: \"strin\" is not valid",
        "/a/2.json: at /items/0/$ref: refers to a/1, which is refused: at /properties/f/$ref: refers to bad/1",
        "/a/3.json: at /allOf/0/$ref: refers to bad/1, which",
        "/a/4.json: at /not/$ref: refers to pattern/1, which is refused: at /definitions/p/pattern",
        "/a/5.json: at /properties/x/$ref: refers to broken/1, which is refused: it is no JSON",
        "/a/6.json: at /properties/x/$ref: ",
        "/a/7.json: at /properties/x/extends/$ref: ",
        "/a/8.json: at /definitions/unused/$ref: refers to pointer/1, which is refused: at /items/$ref: \
         `#/definitions/no` leads nowhere",
        "/dead/1.json: at /items/$ref: ",
        "/loop/1.json: at /properties/f/$ref: refers to bad/1",
        "/loop/2.json: at /properties/l/$ref: refers to loop/1",
    ] {
        assert!(all.contains(expected), "{expected} is not in:\n{all}");
    }
    assert_eq!(set.names(), ["good/1", "good/2", "good/3"], "{all}");
    assert_eq!(
        validity(&set, "good/2", r#"{"$ref":null}"#),
        Validity::Valid
    );
    assert_eq!(validity(&set, "good/3", "1"), Validity::Valid);
}

#[test]
fn a_reference_to_what_no_keyword_holds_is_judged_by_the_dialect_or_refused() {
    let (set, errors) = load(&[
        (
            "s/1.json",
            r##"{D7,"x":{"digit":{"pattern":"^\\d$"}},"items":{"$ref":"#/x/digit"}}"##,
        ),
        (
            "s/2.json",
            r##"{D7,"x":{"wrong":{"pattern":"^(a"}},"items":{"$ref":"#/x/wrong"}}"##,
        ),
        (
            "s/3.json",
            r##"{D7,"default":{"pattern":"^\\d$"},"items":{"$ref":"#/default"}}"##,
        ),
    ]);
    assert_eq!(validity(&set, "s/1", "[\"\u{661}\"]"), Validity::Valid);
    assert_eq!(validity(&set, "s/1", r#"["a"]"#), Validity::Invalid);
    assert_eq!(set.names(), ["s/1"], "{errors:?}");
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn dependencies_are_ignored_from_2019_09_on_with_a_hint() {
    let keywords =
        r#""dependencies":{"a":["b"]},"items":{"dependencies":{"a":{"required":["b"]}}}"#;
    let (set, errors) = load(&[
        (
            "s/4.json",
            &format!(r#"{{"$schema":"http://json-schema.org/draft-04/schema#",{keywords}}}"#),
        ),
        ("s/7.json", &format!("{{D7,{keywords}}}")),
        (
            "s/2019.json",
            &format!(r#"{{"$schema":"https://json-schema.org/draft/2019-09/schema",{keywords}}}"#),
        ),
        (
            "s/2020.json",
            &format!(r#"{{"$schema":"https://json-schema.org/draft/2020-12/schema",{keywords}}}"#),
        ),
        // A property of that name is another thing.
        (
            "s/2021.json",
            r#"{"$schema":"https://json-schema.org/draft/2020-12/schema",
            "properties":{"dependencies":{"type":"null"}}}"#,
        ),
    ]);
    assert!(errors.is_empty(), "{errors:?}");
    for event in [r#"{"a":1}"#, r#"[{"a":1}]"#] {
        for label in ["s/4", "s/7"] {
            assert_eq!(validity(&set, label, event), Validity::Invalid, "{label}");
        }
        for label in ["s/2019", "s/2020"] {
            assert_eq!(validity(&set, label, event), Validity::Valid, "{label}");
        }
    }
    assert_eq!(
        validity(&set, "s/2021", r#"{"dependencies":1}"#),
        Validity::Invalid
    );
    let hints: Vec<String> = set.hints().iter().map(ToString::to_string).collect();
    assert_eq!(hints.len(), 4, "{hints:?}");
    assert!(
        hints[0].contains("at /dependencies: `dependencies` is ignored here"),
        "{hints:?}"
    );
}

#[test]
fn what_the_pipelines_validator_refuses_fails_on_or_judges_otherwise_gives_a_hint() {
    const TWICE: &str = "is empty or has a value twice";
    const ITEMS: &str = "`additionalItems` beside `items` of true or false";
    const UNEVALUATED_ITEMS: &str = "`unevaluatedItems` in 2019-09";
    const UNEVALUATED: &str = "does not see in 2019-09 which properties";
    let of_2019 = |keywords: &str| {
        format!(r#"{{"$schema":"https://json-schema.org/draft/2019-09/schema",{keywords}}}"#)
    };
    let of_2020 = |keywords: &str| {
        format!(r#"{{"$schema":"https://json-schema.org/draft/2020-12/schema",{keywords}}}"#)
    };
    let rows: Vec<(String, Option<(&str, &str)>)> = vec![
        (r#"{D3,"enum":["a",1,"a"]}"#.into(), Some(("/enum", TWICE))),
        (
            r#"{D4,"items":{"enum":[[1,{"a":2}],[1.0,{"a":2.0}]]}}"#.into(),
            Some(("/items/enum", TWICE)),
        ),
        (r#"{D4,"enum":[]}"#.into(), Some(("/enum", TWICE))),
        (r#"{D4,"enum":[1,true,"1",[1],0,false,null]}"#.into(), None),
        (
            r##"{D4,"$ref":"#/definitions/a","enum":[1,1],"definitions":{"a":{}}}"##.into(),
            Some(("/enum", TWICE)),
        ),
        (
            r#"{D4,"default":{"enum":[1,1]},"properties":{"enum":{}}}"#.into(),
            None,
        ),
        (r#"{D7,"enum":[1,1]}"#.into(), None),
        (
            r#"{D7,"not":{"items":false,"additionalItems":{}}}"#.into(),
            Some(("/not/additionalItems", ITEMS)),
        ),
        (r#"{D7,"items":[{}],"additionalItems":false}"#.into(), None),
        (
            of_2019(r#""unevaluatedItems":false,"allOf":[{"items":true}]"#),
            Some(("/allOf/0/items", UNEVALUATED_ITEMS)),
        ),
        (
            of_2020(r#""unevaluatedItems":false,"allOf":[{"items":true}]"#),
            None,
        ),
        (
            of_2019(r#""unevaluatedProperties":false,"allOf":[{"additionalProperties":{}}]"#),
            Some(("/unevaluatedProperties", UNEVALUATED)),
        ),
        (
            of_2019(r#""unevaluatedProperties":{"type":"string"}"#),
            Some(("/unevaluatedProperties", UNEVALUATED)),
        ),
        (
            of_2019(r#""unevaluatedProperties":false,"properties":{"a":{}}"#),
            None,
        ),
        (
            of_2020(r#""unevaluatedProperties":{"type":"string"}"#),
            None,
        ),
    ];
    for (schema, expected) in rows {
        let draft_04 = r#"{"$schema":"http://json-schema.org/draft-04/schema#""#;
        let schema = schema.replace("{D4", draft_04);
        let (set, errors) = load(&[("s/1.json", schema.as_str())]);
        assert!(errors.is_empty(), "{schema}: {errors:?}");
        let hints: Vec<_> = set
            .hints()
            .iter()
            .map(|hint| (hint.pointer.as_str(), hint.hint))
            .collect();
        match expected {
            None => assert!(hints.is_empty(), "{schema}: {hints:?}"),
            Some((at, words)) => assert!(
                hints.len() == 1 && hints[0].0 == at && hints[0].1.contains(words),
                "{schema}: {hints:?}"
            ),
        }
    }
}

#[test]
fn a_draft03_schema_is_open_where_no_one_says_that_it_is_closed() {
    let schema = r#"{D3,"properties":{"a":{"type":"integer","required":true}}}"#;
    let open = SchemaRules {
        draft03_closed: false,
        ..SchemaRules::default()
    };
    let (set, _) = load_by(&[("s/1.json", schema)], open);
    assert_eq!(validity(&set, "s/1", r#"{"a":1,"b":2}"#), Validity::Valid);
    assert_eq!(validity(&set, "s/1", r#"{"b":2}"#), Validity::Invalid);
    let (closed, _) = load(&[("s/1.json", schema)]);
    assert_eq!(
        validity(&closed, "s/1", r#"{"a":1,"b":2}"#),
        Validity::Invalid
    );
    assert_ne!(set.digest(), closed.digest());
}

#[test]
fn the_meta_schema_of_draft03_is_there_without_a_network() {
    let (set, errors) = load(&[
        (
            "s/1.json",
            r#"{"$ref":"http://json-schema.org/draft-03/schema#"}"#,
        ),
        (
            "s/2.json",
            r#"{D3,"properties":{"s":{"$ref":"http://json-schema.org/draft-03/schema#"}}}"#,
        ),
        (
            "s/3.json",
            r#"{D7,"items":{"$ref":"https://json-schema.org/draft-03/schema"}}"#,
        ),
        (
            "s/4.json",
            r#"{D7,"items":{"$ref":"http://json-schema.org/draft-07/schema#"}}"#,
        ),
    ]);
    assert!(errors.is_empty(), "{errors:?}");
    for (label, valid, invalid) in [
        (
            "s/1",
            r#"{"type":"any","required":true}"#,
            r#"{"required":["a"]}"#,
        ),
        (
            "s/2",
            r#"{"s":{"properties":{"a":{"minimum":1}}}}"#,
            r#"{"s":{"properties":{"a":{"minimum":"1"}}}}"#,
        ),
        (
            "s/3",
            r#"[{"dependencies":{"exclusiveMinimum":"minimum"}}]"#,
            r#"[{"exclusiveMinimum":true}]"#,
        ),
        ("s/4", r#"[{"type":"string"}]"#, r#"[{"type":1}]"#),
    ] {
        assert_eq!(
            validity(&set, label, valid),
            Validity::Valid,
            "{label} {valid}"
        );
        assert_eq!(
            validity(&set, label, invalid),
            Validity::Invalid,
            "{label} {invalid}"
        );
    }
}

#[test]
fn one_file_alone_is_refused_for_what_it_refers_to_and_gives_its_hints() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("1.json");
    fs::write(
        directory.path().join("2.json"),
        format!(r#"{{{DRAFT_07},"pattern":"a("}}"#),
    )
    .unwrap();
    let mut hints = Vec::new();
    let mut run = |text: &str| {
        fs::write(&file, text).unwrap();
        let mut hint = |hint: &landfall_document::SchemaHint| hints.push(hint.to_string());
        let rules = SchemaRules::default();
        validate_lines(
            &file,
            None,
            rules,
            &b"{}"[..],
            &mut |_| Ok(()),
            &mut hint,
            false,
        )
    };
    let error = run(&format!(r#"{{{DRAFT_07},"items":{{"$ref":"2"}}}}"#))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(
            "at /items/$ref: refers to 2, which is refused: at /pattern: the pattern is refused"
        ),
        "{error}"
    );
    run(r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","dependencies":{}}"#).unwrap();
    assert_eq!(hints.len(), 1, "{hints:?}");
}
