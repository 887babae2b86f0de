//! Schemas with long chains of references: validation takes bounded stack, wherever the references lead.

use landfall_document::{Documents, NESTING_MAX, Pointer, SchemaSet, Validity};

/// The stack of a judge's thread, and of the thread that reloads schemas.
const STACK_BYTES: usize = 2 * 1024 * 1024;

fn on_a_small_stack(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        thread.spawn_scoped(scope, work).unwrap().join().unwrap();
    });
}

fn load(schema: &str) -> Result<SchemaSet, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("s")).unwrap();
    std::fs::write(directory.path().join("s/1.json"), schema).unwrap();
    let (set, errors) = SchemaSet::load(directory.path());
    errors
        .first()
        .map_or(Ok(set), |error| Err(error.problem.to_string()))
}

/// `links` definitions, each leading to the next one by `link`, in which `NEXT` stands for the reference.
fn chain(links: usize, link: &str, end: &str) -> String {
    let definitions: Vec<String> = (0..links)
        .map(|index| {
            let next = format!(r##"{{"$ref":"#/definitions/d{}"}}"##, index + 1);
            format!(r#""d{index}":{}"#, link.replace("NEXT", &next))
        })
        .collect();
    format!(
        r##"{{"$schema":"http://json-schema.org/draft-07/schema#","allOf":[{{"$ref":"#/definitions/d0"}}],
            "definitions":{{{},"d{links}":{end}}}}}"##,
        definitions.join(",")
    )
}

fn validity(set: &SchemaSet, event: &str) -> Validity {
    let mut documents = Documents::default();
    documents.parse(event.as_bytes(), &[event.len() as u32]);
    documents.validate(0, &Pointer::default(), set.find("s/1").unwrap())
}

#[test]
fn a_long_chain_of_schemas_for_one_value_is_refused() {
    for link in [
        r#"{"allOf":[NEXT]}"#,
        r#"{"anyOf":[false,NEXT]}"#,
        r#"{"not":NEXT}"#,
        r#"{"dependencies":{"a":NEXT}}"#,
        "NEXT",
    ] {
        on_a_small_stack(|| {
            let error = load(&chain(20_000, link, "{}")).err().unwrap();
            assert!(
                error.contains("more than 64 schemas apply to one value"),
                "{link}: {error}"
            );
            assert!(load(&chain(10, link, "{}")).is_ok(), "{link}");
        });
    }
    // The 64th link is the last one allowed: the top level, its `allOf`, and two links for each definition.
    let of_twos = |links| load(&chain(links, r#"{"allOf":[NEXT]}"#, "{}"));
    assert!(of_twos(30).is_ok());
    assert!(of_twos(31).is_err());
}

#[test]
fn a_chain_through_another_file_counts() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        std::fs::create_dir_all(directory.path().join(name)).unwrap();
    }
    let first = chain(20, r#"{"allOf":[NEXT]}"#, r#"{"$ref":"/b/1"}"#);
    let second = chain(20, r#"{"allOf":[NEXT]}"#, "{}");
    std::fs::write(directory.path().join("a/1.json"), first).unwrap();
    std::fs::write(directory.path().join("b/1.json"), second).unwrap();
    let (set, errors) = SchemaSet::load(directory.path());
    assert_eq!(set.names(), ["b/1"]);
    assert!(
        errors[0].to_string().contains("more than 64 schemas"),
        "{errors:?}"
    );
}

#[test]
fn a_reference_that_never_gets_deeper_is_refused() {
    for (schema, reference) in [
        (
            r##"{"$schema":"http://json-schema.org/draft-07/schema#","allOf":[{"$ref":"#"}]}"##,
            "#",
        ),
        (
            r##"{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/a",
                "definitions":{"a":{"not":{"$ref":"#/definitions/b"}},"b":{"anyOf":[{"$ref":"#/definitions/a"}]}}}"##,
            "#/definitions/a",
        ),
        (
            r##"{"$schema":"http://json-schema.org/draft-03/schema#","properties":{"a":{"extends":{"$ref":"#/properties/a"}}}}"##,
            "#/properties/a",
        ),
    ] {
        let error = load(schema).err().unwrap();
        assert!(
            error.contains(&format!("the reference `{reference}` leads back")),
            "{error}"
        );
    }
}

#[test]
fn the_longest_chain_is_judged_at_every_level_on_a_small_stack() {
    on_a_small_stack(|| {
        let leaf = r##"{"type":["array","integer"],"items":{"$ref":"#"}}"##;
        let set = load(&chain(30, r#"{"allOf":[NEXT]}"#, leaf)).unwrap();
        for levels in [60, NESTING_MAX] {
            let nested = |leaf: &str| format!("{}{leaf}{}", "[".repeat(levels), "]".repeat(levels));
            assert_eq!(validity(&set, &nested("1")), Validity::Valid);
            assert_eq!(validity(&set, &nested("null")), Validity::Invalid);
            let mut documents = Documents::default();
            let event = nested("null");
            documents.parse(event.as_bytes(), &[event.len() as u32]);
            let told = documents.explain(0, &Pointer::default(), set.find("s/1").unwrap(), 1);
            assert_eq!(told.len(), 1);
        }
    });
}

#[test]
fn a_chain_that_gets_deeper_may_be_as_long_as_the_file() {
    on_a_small_stack(|| {
        let set = load(&chain(5_000, r#"{"properties":{"a":NEXT}}"#, "false")).unwrap();
        assert_eq!(validity(&set, r#"{"a":{"a":{"a":1}}}"#), Validity::Valid);
        drop(set);
    });
}
