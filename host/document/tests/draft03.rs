//! Draft-03 schemas, keyword by keyword: which events they accept and which not, and which schemas are refused.

use landfall_document::{Documents, Pointer, SchemaSet, Validity};

/// Loads the schema, which declares no draft but shows that it is draft-03.
fn load(schema: &str) -> Result<SchemaSet, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("s")).unwrap();
    let schema = schema
        .replacen(
            '{',
            r#"{"$schema":"http://json-schema.org/draft-03/schema#","#,
            1,
        )
        .replace(",}", "}");
    std::fs::write(directory.path().join("s/1.json"), schema).unwrap();
    let (set, errors) = SchemaSet::load(directory.path());
    errors
        .first()
        .map_or(Ok(set), |error| Err(error.problem.to_string()))
}

/// Events to pass and events to fail, each list separated by white space.
fn check(schema: &str, valid: &str, invalid: &str) {
    let set = load(schema).unwrap_or_else(|error| panic!("{schema}: {error}"));
    let mut documents = Documents::default();
    for (events, expected) in [(valid, Validity::Valid), (invalid, Validity::Invalid)] {
        for event in events.split_whitespace() {
            documents.parse(event.as_bytes(), &[event.len() as u32]);
            let judged = documents.validate(0, &Pointer::default(), set.find("s/1").unwrap());
            assert_eq!(judged, expected, "{event} by {schema}");
        }
    }
}

fn refused(schema: &str, said: &str) {
    let error = load(schema).map(|_| ()).expect_err(schema);
    assert!(error.contains(said), "{schema}: {error}");
}

#[test]
fn required_stands_in_each_property_at_every_level() {
    check(
        r#"{"properties":{"a":{"required":true},"b":{"required":false,"properties":{"c":{"required":true}}},
            "l":{"items":{"properties":{"d":{"required":true}}}}}}"#,
        r#"{"a":null} {"a":1,"b":1} {"a":1,"b":{"c":0}} {"a":1,"l":[{"d":1},2]}"#,
        r#"{} {"b":1} {"a":1,"b":{}} {"a":1,"l":[{}]}"#,
    );
    for inner in [
        r#""extends":{"properties":{"a":{"required":true}}}"#,
        r#""extends":[{},{"properties":{"a":{"required":true}}}]"#,
        r#""dependencies":{"x":{"properties":{"a":{"required":true}}}}"#,
    ] {
        check(
            &format!(r#"{{"properties":{{"a":{{}},"x":{{}}}},{inner}}}"#),
            r#"{"a":1,"x":1}"#,
            r#"{"x":1}"#,
        );
    }
    check(
        r#"{"properties":{"o":{"additionalProperties":{"properties":{"a":{"required":true}}},
            "patternProperties":{"^p":{"properties":{"b":{"required":true}}}}}}}"#,
        r#"{"o":{"x":{"a":1}}} {"o":{"p":{"b":1}}}"#,
        r#"{"o":{"x":{}}} {"o":{"p":{"a":1}}}"#,
    );
}

#[test]
fn required_elsewhere_says_nothing_and_counts_beside_a_reference() {
    check(
        r#"{"required":true,"properties":{"l":{"items":{"required":true}}}}"#,
        r#"{} {"l":[]} {"l":[1]}"#,
        "",
    );
    check(
        r##"{"properties":{"a":{"$ref":"#/properties/b","required":true},"b":{"type":"string"}}}"##,
        r#"{"a":"x"}"#,
        r#"{} {"a":1} {"b":"x"}"#,
    );
}

#[test]
fn the_top_level_is_closed_and_nested_objects_are_open() {
    check(
        r#"{"properties":{"a":{"properties":{"b":{}}}},"patternProperties":{"^x":{}}}"#,
        r#"{} {"a":{"c":1}} {"x1":1}"#,
        r#"{"c":1} {"a":{},"c":1}"#,
    );
    check(r#"{"additionalProperties":true}"#, "{} 1", r#"{"a":1}"#);
    check(
        r#"{"properties":{"a":{"additionalProperties":false}}}"#,
        r#"{"a":{}}"#,
        r#"{"a":{"b":1}}"#,
    );
    // Properties that `extends` declares are not declared at the top level.
    check(r#"{"extends":{"properties":{"a":{}}}}"#, "{}", r#"{"a":1}"#);
}

#[test]
fn types_are_names_any_and_unions_with_schemas() {
    let of = |types: &str| format!(r#"{{"properties":{{"a":{{"type":{types}}}}}}}"#);
    check(
        &of(r#""integer""#),
        r#"{"a":1} {"a":18446744073709551616} {"a":-0}"#,
        r#"{"a":1.0} {"a":1e2} {"a":"1"} {"a":true}"#,
    );
    check(
        &of(r#""number""#),
        r#"{"a":1} {"a":1.5}"#,
        r#"{"a":true} {"a":"1"}"#,
    );
    check(&of(r#""any""#), r#"{"a":1} {"a":null} {"a":{}}"#, "");
    check(&of(r#"["string","any"]"#), r#"{"a":1}"#, "");
    check(
        &of(r#"["string","null","string"]"#),
        r#"{"a":"x"} {"a":null}"#,
        r#"{"a":1}"#,
    );
    check(
        &of(r#"["null",{"type":"integer","minimum":5}]"#),
        r#"{"a":null} {"a":5}"#,
        r#"{"a":4} {"a":"x"}"#,
    );
    check(
        &of(r#"[{"properties":{"b":{"required":true}},"type":"object"}]"#),
        r#"{"a":{"b":1}}"#,
        r#"{"a":{}} {"a":1}"#,
    );
    check(
        &of(r#"[{"enum":[1]},{"enum":[2]}]"#),
        r#"{"a":1} {"a":2}"#,
        r#"{"a":3}"#,
    );
    check(&of("[]"), "{}", r#"{"a":1} {"a":null}"#);
}

#[test]
fn disallow_takes_names_and_schemas() {
    let of = |types: &str| format!(r#"{{"properties":{{"a":{{"disallow":{types}}}}}}}"#);
    check(&of(r#""string""#), r#"{"a":1}"#, r#"{"a":"x"}"#);
    check(
        &of(r#"["string","null"]"#),
        r#"{"a":1}"#,
        r#"{"a":"x"} {"a":null}"#,
    );
    check(
        &of(r#"[{"minimum":3,"type":"number"},"null"]"#),
        r#"{"a":2} {"a":"x"}"#,
        r#"{"a":3} {"a":null}"#,
    );
    check(&of(r#"{"enum":["no"]}"#), r#"{"a":"yes"}"#, r#"{"a":"no"}"#);
    check(&of(r#""any""#), "{}", r#"{"a":1}"#);
    check(&of("[]"), r#"{} {"a":1}"#, "");
}

#[test]
fn numbers_have_bounds_and_divisors() {
    let of = |rest: &str| format!(r#"{{"properties":{{"a":{{{rest}}}}}}}"#);
    check(
        &of(r#""divisibleBy":3"#),
        r#"{"a":9} {"a":0} {"a":"x"}"#,
        r#"{"a":10}"#,
    );
    check(
        &of(r#""divisibleBy":0.01"#),
        r#"{"a":4.5} {"a":0.01} {"a":5}"#,
        // 401.99999999999994 in doubles, in which the pipeline divides too.
        r#"{"a":4.02} {"a":4.021}"#,
    );
    check(
        &of(r#""minimum":3,"maximum":5"#),
        r#"{"a":3} {"a":5} {"a":"x"}"#,
        r#"{"a":2} {"a":6}"#,
    );
    check(
        &of(r#""minimum":3,"exclusiveMinimum":true"#),
        r#"{"a":3.1}"#,
        r#"{"a":3}"#,
    );
    check(
        &of(r#""maximum":3,"exclusiveMaximum":true"#),
        r#"{"a":2}"#,
        r#"{"a":3}"#,
    );
    check(&of(r#""exclusiveMinimum":true"#), r#"{"a":-1}"#, "");
    let huge = "9".repeat(400);
    check(
        &of(r#""minimum":3"#),
        &format!(r#"{{"a":99999999999999999999}} {{"a":{huge}}}"#),
        &format!(r#"{{"a":-99999999999999999999}} {{"a":-{huge}}}"#),
    );
}

#[test]
fn dependencies_are_names_lists_and_schemas() {
    let of = |dependency: &str| {
        format!(
            r#"{{"properties":{{"a":{{}},"b":{{}},"c":{{}}}},"dependencies":{{"a":{dependency}}}}}"#
        )
    };
    check(&of(r#""b""#), r#"{} {"b":1} {"a":1,"b":1}"#, r#"{"a":1}"#);
    check(
        &of(r#"["b","c","b"]"#),
        r#"{"a":1,"b":1,"c":1}"#,
        r#"{"a":1,"b":1}"#,
    );
    check(&of("[]"), r#"{"a":1}"#, "");
    check(
        &of(r#"{"properties":{"b":{"type":"string","required":true}}}"#),
        r#"{"b":1} {"a":1,"b":"x"}"#,
        r#"{"a":1} {"a":1,"b":1}"#,
    );
}

#[test]
fn items_are_one_schema_or_a_tuple() {
    let of = |rest: &str| format!(r#"{{"properties":{{"a":{{{rest}}}}}}}"#);
    check(
        &of(r#""items":{"type":"string"}"#),
        r#"{"a":["x"]} {"a":1}"#,
        r#"{"a":[1]}"#,
    );
    check(
        &of(r#""items":[{"type":"string"},{"type":"any"}]"#),
        r#"{"a":["x",1,2]} {"a":[]}"#,
        r#"{"a":[1]}"#,
    );
    check(
        &of(r#""items":[{}],"additionalItems":false"#),
        r#"{"a":[1]}"#,
        r#"{"a":[1,2]}"#,
    );
    check(
        &of(r#""items":[{}],"additionalItems":{"type":"integer"}"#),
        r#"{"a":["x",2]}"#,
        r#"{"a":[1,"x"]}"#,
    );
    check(
        &of(r#""minItems":1,"maxItems":2,"uniqueItems":true"#),
        r#"{"a":[1]} {"a":[1,2]}"#,
        r#"{"a":[]} {"a":[1,1.0]} {"a":[1,2,3]}"#,
    );
}

#[test]
fn texts_have_lengths_patterns_and_no_formats() {
    let of = |rest: &str| format!(r#"{{"properties":{{"a":{{{rest}}}}}}}"#);
    check(
        &of(r#""minLength":2,"maxLength":3"#),
        r#"{"a":"éé"} {"a":1}"#,
        r#"{"a":"é"} {"a":"abcd"}"#,
    );
    check(&of(r#""pattern":"b+""#), r#"{"a":"abc"}"#, r#"{"a":"ac"}"#);
    check(
        &of(r#""enum":["x",1,null]"#),
        r#"{"a":"x"} {"a":1.0} {"a":null}"#,
        r#"{"a":"y"}"#,
    );
    check(&of(r#""format":"date-time""#), r#"{"a":"never"}"#, "");
}

#[test]
fn references_lead_to_translated_schemas() {
    check(
        r##"{"properties":{"name":{"required":true},"child":{"$ref":"#"}}}"##,
        r#"{"name":1} {"name":1,"child":{"name":2}}"#,
        r#"{"name":1,"child":{}} {"name":1,"child":{"name":1,"other":1}}"#,
    );
    check(
        r##"{"properties":{"a":{"$ref":"#/definitions/b~1c"},"d":{"$ref":"#/kept/%78"}},
            "definitions":{"b/c":{"properties":{"z":{"required":true}}}},"kept":{"x":{"divisibleBy":2}}}"##,
        r#"{"a":{"z":1}} {"d":4}"#,
        r#"{"a":{}} {"d":3}"#,
    );
    check(
        r##"{"properties":{"a":{"$ref":"#inner"},"b":{"id":"#inner","extends":{"type":["string",{"minimum":2}]}}}}"##,
        r#"{"a":"x"} {"a":2} {"b":3}"#,
        r#"{"a":1} {"b":1}"#,
    );
    check(
        r##"{"properties":{"a":{"type":[{"type":"null"},{"divisibleBy":2,"type":"integer"}]},"b":{"$ref":"#/properties/a/type/1"}}}"##,
        r#"{"a":null} {"b":2}"#,
        r#"{"b":null} {"b":3}"#,
    );
}

#[test]
fn what_cannot_be_translated_is_refused_by_keyword_and_place() {
    let property = |rest: &str| format!(r#"{{"properties":{{"a":{{{rest}}}}}}}"#);
    refused(
        &property(r#""type":"text""#),
        r#"at /properties/a/type: "text" is no type of draft-03"#,
    );
    refused(
        &property(r#""type":["string",7]"#),
        "at /properties/a/type/1: 7 is no type",
    );
    refused(
        &property(r#""disallow":["thing"]"#),
        "at /properties/a/disallow/0",
    );
    refused(
        &property(r#""divisibleBy":0"#),
        "at /properties/a/divisibleBy",
    );
    refused(
        &property(r#""oneOf":[{}]"#),
        "at /properties/a/oneOf: draft-03 has no `oneOf`",
    );
    refused(
        r#"{"required":["a"]}"#,
        "at /required: `required` is true or false in draft-03",
    );
    refused(
        &property(r#""items":true"#),
        "at /properties/a/items: a schema of draft-03 is an object",
    );
    refused(
        r#"{"properties":[]}"#,
        "at /properties: an object is expected here",
    );
    refused(
        &property(r##""$ref":"#/nowhere""##),
        "at /properties/a/$ref: `#/nowhere` leads to nothing",
    );
    refused(
        &property(r#""$ref":7"#),
        "at /properties/a/$ref: `$ref` must be a string",
    );
    refused(
        r#"{"properties":{"a":{"id":"http://example.org/inner/","items":{"$ref":"other"}}}}"#,
        "may be relative to an `id` below the top level",
    );
    refused(&property(r#""pattern":"(""#), "at /properties/a/pattern");
    refused(&property(r#""minLength":-1"#), "at /properties/a/minLength");
    refused(
        r#"{"extends":{"properties":{"a":{"pattern":"("}}}}"#,
        "at /extends/properties/a/pattern",
    );
}

/// Pointers to the keywords that the event violates.
fn broken(schema: &str, event: &str) -> Vec<String> {
    let set = load(schema).unwrap_or_else(|error| panic!("{schema}: {error}"));
    let mut documents = Documents::default();
    documents.parse(event.as_bytes(), &[event.len() as u32]);
    let schema = set.find("s/1").unwrap();
    let told = documents.explain(0, &Pointer::default(), schema, 10);
    told.into_iter()
        .map(|violation| violation.schema_pointer)
        .collect()
}

#[test]
fn a_violation_names_the_place_in_the_authors_file() {
    for (schema, event, expected) in [
        (
            r#"{"properties":{"a":{"divisibleBy":2}}}"#,
            r#"{"a":3}"#,
            "/properties/a/divisibleBy",
        ),
        (
            r#"{"properties":{"a":{"required":true}}}"#,
            "{}",
            "/properties",
        ),
        (
            r#"{"properties":{"a":{"disallow":["null",{"minimum":3}]}}}"#,
            r#"{"a":4}"#,
            "/properties/a/disallow",
        ),
        (
            r#"{"properties":{"a":{"type":["null",{"minimum":3}]}}}"#,
            r#"{"a":1}"#,
            "/properties/a/type",
        ),
        (
            r#"{"extends":{"properties":{"a":{"divisibleBy":2}}},"properties":{"a":{}}}"#,
            r#"{"a":3}"#,
            "/extends/properties/a/divisibleBy",
        ),
        (
            r#"{"extends":[{},{"properties":{"a":{"maxLength":2}}}],"properties":{"a":{}}}"#,
            r#"{"a":"long"}"#,
            "/extends/1/properties/a/maxLength",
        ),
        (
            r##"{"properties":{"a":{"$ref":"#/kept/multipleOf"}},"kept":{"multipleOf":{"items":{"divisibleBy":2}}}}"##,
            r#"{"a":[3]}"#,
            "/kept/multipleOf/items/divisibleBy",
        ),
        (
            r#"{"properties":{"multipleOf":{"properties":{"not":{"type":"null"}}}}}"#,
            r#"{"multipleOf":{"not":1}}"#,
            "/properties/multipleOf/properties/not/type",
        ),
        ("{}", r#"{"a":1}"#, "/additionalProperties"),
    ] {
        assert_eq!(broken(schema, event), [expected], "{event} by {schema}");
    }
}
