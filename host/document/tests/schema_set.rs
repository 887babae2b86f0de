//! Loading a directory of schemas: what loads, what is refused, the messages, and that references do not lead
//! out of it.

use std::fs;
use std::path::Path;

use landfall_document::{Documents, Pointer, SchemaRules, SchemaSet, Validity};
use tempfile::TempDir;

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn errors(files: &[(&str, &str)]) -> Vec<String> {
    let directory = directory(files);
    let (_, errors) = SchemaSet::load(directory.path());
    let root = directory.path().canonicalize().unwrap();
    let texts = errors.iter().map(ToString::to_string);
    texts
        .map(|text| {
            text.replace(&root.display().to_string(), "")
                .replace(&directory.path().display().to_string(), "")
        })
        .collect()
}

fn is_valid(set: &SchemaSet, label: &str, json: &str) -> bool {
    let mut documents = Documents::default();
    documents.parse(json.as_bytes(), &[json.len() as u32]);
    match documents.validate(0, &Pointer::default(), set.find(label).expect(label)) {
        Validity::Valid => true,
        Validity::Invalid => false,
        Validity::NoValue | Validity::Exhausted | Validity::Unjudged => {
            panic!("{json} was not judged")
        }
    }
}

#[test]
fn the_shipped_schemas_load() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let (set, errors) = SchemaSet::load(&directory);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(
        set.names(),
        [
            "AppTap/12",
            "EditStep/7",
            "EventCapsule/2014",
            "EventCapsule/2019",
            "PageChange/2.0.0",
            "PageChange/fragments/page/1.0.0",
            "PageTiming/3",
            "SearchSession/1.2.0",
        ]
    );
    let capsule = r#"{"event":{"any":1},"wiki":"enwiki","schema":"PageTiming","revision":3,"recvFrom":"cp1",
        "uuid":"98f80637d7385fc88468b5203417b9f1","timestamp":1445442531}"#;
    assert!(is_valid(&set, "EventCapsule/2014", capsule));
    assert!(!is_valid(
        &set,
        "EventCapsule/2014",
        &capsule.replace("\"revision\":3", "\"revision\":3.0")
    ));
    assert!(!is_valid(
        &set,
        "EventCapsule/2014",
        &capsule.replace(",\"timestamp\":1445442531", "")
    ));
    assert!(is_valid(
        &set,
        "EventCapsule/2019",
        &capsule.replace(",\"timestamp\":1445442531", "")
    ));
    assert!(!is_valid(
        &set,
        "EventCapsule/2014",
        &capsule.replace("\"wiki\"", "\"other\":1,\"wiki\"")
    ));
    let id = "8a6f0f3e-0000-4000-8000-1d2f3a4b5c6d";
    let tap =
        format!(r#"{{"appInstallId":"{id}","name":"star","username":null,"editCount":"hidden"}}"#);
    assert!(is_valid(&set, "AppTap/12", &tap));
    assert!(!is_valid(
        &set,
        "AppTap/12",
        &tap.replace("\"username\":null,", "")
    ));
    assert!(!is_valid(&set, "AppTap/12", &tap.replace("hidden", "many")));
    assert!(!is_valid(&set, "AppTap/12", &tap.replace(id, "x")));
}

#[test]
fn a_set_is_found_by_label_and_changes_its_digest_with_its_files() {
    let files = directory(&[
        ("a/b/1.json", "{}"),
        ("a/2.0.0.json", "{}"),
        ("README.md", "x"),
        (".git/1.json", ""),
    ]);
    let (set, errors) = SchemaSet::load(files.path());
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(set.names(), ["a/2.0.0", "a/b/1"]);
    assert_eq!(set.find("a/b/1").unwrap().name(), "a/b/1");
    assert!(set.find("a/b").is_none() && set.find("a/b/2").is_none());
    let (same, _) = SchemaSet::load(files.path());
    assert_eq!(set.digest(), same.digest());
    fs::write(files.path().join("a/b/1.json"), "{ }").unwrap();
    assert_ne!(set.digest(), SchemaSet::load(files.path()).0.digest());
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&set);
}

#[test]
fn a_refused_file_is_named_with_place_and_remedy_and_the_rest_loads() {
    let said = errors(&[
        ("good/1.json", "{}"),
        ("bad/1.json", "{"),
        ("bad/2.json", "[]"),
        ("bad/3.json", r#"{"$schema":"http://example.org/mine"}"#),
        ("bad/4.json", r#"{"properties":{"a":{"const":1}}}"#),
        ("bad/5.json", r#"{"properties":{"a":{"type":"text"}}}"#),
        (
            "bad/6.json",
            r#"{"properties":{"a":{"$ref":"/good/1"},"b/c":{"$ref":"/absent/1#/x"}}}"#,
        ),
        (
            "bad/8.json",
            r#"{"definitions":{"a":{"enum":[1,{"b":12345678901234567890123}]}}}"#,
        ),
        (
            "bad/9.json",
            r#"{"$schema":"http://json-schema.org/draft-07/schema","const":18446744073709551616}"#,
        ),
        (
            "bad/10.json",
            r#"{"properties":{"a":{"divisibleBy":100000000000000000000}}}"#,
        ),
        (
            "good/2.json",
            r#"{"enum":[18446744073709551615,-9223372036854775808],"minimum":-99999999999999999999,"default":99999999999999999999}"#,
        ),
        ("bad/7.json", r#"{"$ref":"https://example.org/x.json"}"#),
        ("bad/latest.json", "{}"),
        ("1.json", "{}"),
    ]);
    let all = said.join("\n");
    for expected in [
        "/bad/1.json: it is no JSON: EOF while parsing an object at line 1 column 1",
        "/bad/2.json: its top level is no object",
        "/bad/3.json: at /$schema: `$schema` is \"http://example.org/mine\"",
        "/bad/4.json: at /properties/a/const: `const` is newer than draft-04, and there is no `$schema`",
        "/bad/5.json: at /properties/a/type",
        "/bad/6.json: at /properties/b~1c/$ref: the reference leads to absent/1",
        "/bad/7.json: at /$ref: the reference leads to",
        "/bad/8.json: at /definitions/a/enum/1/b: the integer 12345678901234567890123 has more than 64 bits",
        "/bad/9.json: at /const: the integer 18446744073709551616 has",
        "/bad/10.json: at /properties/a/divisibleBy: the integer 100000000000000000000 has",
        "the reference leads to absent/1, which is not in the schema directory",
        "the reference leads to https://example.org/x, which is not in the schema directory",
        "/bad/latest.json: `bad/latest` is no schema name: name the file `<name>/<revision>.json`",
        "/1.json: `/1` is no schema name",
    ] {
        assert!(all.contains(expected), "{expected} is not in:\n{all}");
    }
    assert_eq!(said.len(), 12, "{all}");
}

#[test]
fn references_work_by_place_by_identifier_and_relative() {
    let number = r#"{"$schema":"http://json-schema.org/draft-07/schema","type":"integer"}"#;
    let by = |reference: &str| {
        format!(
            r#"{{"$schema":"http://json-schema.org/draft-07/schema#","properties":{{"a":{{"$ref":"{reference}"}}}}}}"#
        )
    };
    let named = r#"{"$schema":"http://json-schema.org/draft-07/schema","$id":"https://example.org/named","type":"string"}"#;
    let files = directory(&[
        ("base/number/1.0.0.json", number),
        ("base/named/1.json", named),
        ("use/1.json", &by("/base/number/1.0.0#")),
        ("use/2.json", &by("../base/number/1.0.0.json")),
        ("use/3.json", &by("https://example.org/named#")),
        ("use/4.json", &by("../../../../base/number/1.0.0")),
        ("use/5.json", &by("1#/properties/a")),
    ]);
    let (set, errors) = SchemaSet::load(files.path());
    assert!(errors.is_empty(), "{errors:?}");
    for label in ["use/1", "use/2", "use/4", "use/5"] {
        assert!(is_valid(&set, label, r#"{"a":1}"#), "{label}");
        assert!(!is_valid(&set, label, r#"{"a":"1"}"#), "{label}");
    }
    assert!(is_valid(&set, "use/3", r#"{"a":"1"}"#));
    assert!(!is_valid(&set, "use/3", r#"{"a":1}"#));
}

#[test]
fn two_files_with_one_identifier_are_not_both_loaded() {
    let one = r#"{"$schema":"http://json-schema.org/draft-07/schema#","$id":"/same/1"}"#;
    let said = errors(&[("a/1.json", one), ("b/1.json", one)]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0]
            .contains("/b/1.json: its identifier `landfall-schemas:///same/1` is also that of a/1"),
        "{said:?}"
    );
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_directory_are_refused() {
    let outside = directory(&[("secret/1.json", "{}")]);
    let inside = directory(&[("a/1.json", "{}")]);
    let link = |target: &Path, name: &str| {
        std::os::unix::fs::symlink(target, inside.path().join(name)).unwrap()
    };
    link(&outside.path().join("secret/1.json"), "a/2.json");
    link(&outside.path().join("secret"), "b");
    link(&inside.path().join("a/1.json"), "a/3.json");
    link(inside.path(), "a/loop");
    let (set, errors) = SchemaSet::load(inside.path());
    let said = errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    assert!(set.find("a/1").is_some() && set.find("a/3").is_some());
    assert!(set.find("a/2").is_none() && set.find("b/1").is_none());
    assert!(
        said.contains("a/2.json: it is a link that leaves the schema directory"),
        "{said}"
    );
    assert!(
        said.contains("/b: it is a link that leaves the schema directory"),
        "{said}"
    );
    assert!(
        said.contains("a/loop: it is a link to a directory that is read at another place"),
        "{said}"
    );
}

#[test]
fn a_schema_that_no_longer_loads_stays_as_it_was_and_one_that_is_gone_goes() {
    let number = r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"number"}"#;
    let by = r#"{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"/a/1"}"#;
    let files = directory(&[("a/1.json", number), ("b/1.json", by), ("c/1.json", number)]);
    let (first, errors) = SchemaSet::load(files.path());
    assert!(errors.is_empty() && first.stale().is_empty(), "{errors:?}");
    fs::write(files.path().join("a/1.json"), "{ half of").unwrap();
    fs::remove_file(files.path().join("c/1.json")).unwrap();
    let (second, errors) = SchemaSet::reload(files.path(), &first, SchemaRules::default());
    // The second refers to the first, so it does not load either.
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert_eq!(second.stale(), ["a/1", "b/1"]);
    assert_eq!(second.names(), ["a/1", "b/1"]);
    assert!(is_valid(&second, "b/1", "7") && !is_valid(&second, "b/1", "true"));
    assert_ne!(first.digest(), second.digest(), "c/1 is gone");
    // Still broken: the same set as before. Mended: no longer stale.
    let (third, _) = SchemaSet::reload(files.path(), &second, SchemaRules::default());
    assert_eq!(third.digest(), second.digest());
    fs::write(files.path().join("a/1.json"), number).unwrap();
    let (fixed, errors) = SchemaSet::reload(files.path(), &third, SchemaRules::default());
    assert!(errors.is_empty() && fixed.stale().is_empty(), "{errors:?}");
    // Without its directory (a mount that is away) the whole set stays.
    fs::rename(files.path().join("a"), files.path().join("aside")).unwrap();
    let (gone, _) = SchemaSet::reload(
        &files.path().join("no-such"),
        &fixed,
        SchemaRules::default(),
    );
    assert_eq!(gone.names(), ["a/1", "b/1"]);
    assert_eq!(gone.digest(), fixed.digest());
}

#[cfg(unix)]
#[test]
fn links_that_fan_out_are_followed_once() {
    // Without the bound, 4 ways at each of 16 levels.
    let files = directory(&[("a/1.json", "{}"), (".hidden/inner/2.json", "{}")]);
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, files.path().join(name)).unwrap()
    };
    for index in 0..4 {
        link("..", &format!("a/up{index}"));
    }
    link(".hidden/inner", "seen");
    let (set, errors) = SchemaSet::load(files.path());
    assert_eq!(set.names(), ["a/1", "seen/2"]);
    assert_eq!(errors.len(), 4, "{errors:?}");
}

const DRAFT_03: &str = r#""$schema":"http://json-schema.org/draft-03/schema#""#;
const DRAFT_07: &str = r#""$schema":"http://json-schema.org/draft-07/schema#""#;

#[test]
fn a_draft03_schema_is_closed_only_for_its_own_events() {
    let old =
        format!(r#"{{{DRAFT_03},"properties":{{"a":{{"type":"integer","required":true}}}}}}"#);
    let files = directory(&[
        ("old/1.json", &old),
        (
            "new/1.json",
            &format!(r#"{{{DRAFT_07},"properties":{{"o":{{"$ref":"/old/1"}}}}}}"#),
        ),
        (
            "old/2.json",
            &format!(
                r#"{{{DRAFT_03},"properties":{{"o":{{"$ref":"/old/1"}},"n":{{"$ref":"/new/1"}}}}}}"#
            ),
        ),
        (
            "old/3.json",
            &format!(
                r#"{{{DRAFT_03},"extends":{{"$ref":"/old/1"}},"properties":{{"a":{{}},"b":{{}}}}}}"#
            ),
        ),
    ]);
    let (set, errors) = SchemaSet::load(files.path());
    assert!(errors.is_empty(), "{errors:?}");
    for (label, valid, invalid) in [
        ("old/1", r#"{"a":1}"#, r#"{"a":1,"b":2}"#),
        // A reference to a draft-03 file: translated, and not closed.
        ("new/1", r#"{"o":{"a":1,"b":2},"p":1}"#, r#"{"o":{}}"#),
        ("new/1", r#"{"o":{"a":1}}"#, r#"{"o":{"a":1.0}}"#),
        // From it to another file, and from there to draft-03 again.
        (
            "old/2",
            r#"{"n":{"o":{"a":1,"b":2},"p":1}}"#,
            r#"{"n":{"o":{"b":2}}}"#,
        ),
        ("old/2", r#"{"o":{"a":1,"b":2}}"#, r#"{"o":{"a":1},"b":2}"#),
        ("old/3", r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2,"c":3}"#),
        ("old/3", r#"{"a":1}"#, r#"{"b":2}"#),
    ] {
        assert!(is_valid(&set, label, valid), "{valid} by {label}");
        assert!(!is_valid(&set, label, invalid), "{invalid} by {label}");
    }
}

#[test]
fn a_relative_reference_of_draft03_is_relative_to_the_files_own_identifier() {
    let files = directory(&[
        ("base/number/1.json", r#"{"type":"integer"}"#),
        ("number/1.json", r#"{"type":"string"}"#),
        (
            "use/1.json",
            &format!(
                r#"{{{DRAFT_03},"id":"/base/use/7#","properties":{{"a":{{"$ref":"../number/1"}}}}}}"#
            ),
        ),
        (
            "use/2.json",
            &format!(r#"{{{DRAFT_03},"properties":{{"a":{{"$ref":"../number/1"}}}}}}"#),
        ),
        (
            "use/3.json",
            &format!(
                r#"{{{DRAFT_03},"id":"no uri: ]","properties":{{"a":{{"$ref":"../number/1"}}}}}}"#
            ),
        ),
    ]);
    let (set, errors) = SchemaSet::load(files.path());
    assert!(errors.is_empty(), "{errors:?}");
    assert!(is_valid(&set, "use/1", r#"{"a":1}"#) && !is_valid(&set, "use/1", r#"{"a":"x"}"#));
    for label in ["use/2", "use/3"] {
        assert!(is_valid(&set, label, r#"{"a":"x"}"#) && !is_valid(&set, label, r#"{"a":1}"#));
    }
}

#[test]
fn without_a_declared_draft_its_traits_tell_draft03_from_draft04() {
    let of = |keywords: &str| {
        let files = directory(&[(
            "s/1.json",
            &format!(r#"{{"properties":{{"a":{{}}}},{keywords}}}"#),
        )]);
        let (set, errors) = SchemaSet::load(files.path());
        assert!(errors.is_empty(), "{errors:?}");
        set
    };
    for keywords in [
        r#""dependencies":{"a":"b"}"#,
        r#""extends":{}"#,
        r#""disallow":"null""#,
        r#""required":true"#,
        r#""type":"any""#,
        r#""items":{"divisibleBy":2}"#,
        r#""definitions":{"b":{"type":["string",{}]}}"#,
    ] {
        assert!(
            !is_valid(&of(keywords), "s/1", r#"{"c":1}"#),
            "closed by {keywords}"
        );
    }
    for keywords in [
        r#""dependencies":{"a":["b"]}"#,
        r#""required":["c"]"#,
        r#""type":"object""#,
        r#""default":{"required":true}"#,
    ] {
        assert!(
            is_valid(&of(keywords), "s/1", r#"{"c":1}"#),
            "open by {keywords}"
        );
    }
}

#[test]
fn a_directory_that_is_not_wanted_any_more_is_given_up_before_the_next_file() {
    const ANY: &str = r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#;
    let directory = directory(&[("A/1.json", ANY), ("B/1.json", ANY), ("C/1.json", ANY)]);
    let asked_until = |goes_on_for: u32| {
        let asked = std::cell::Cell::new(0);
        let go_on = || {
            asked.set(asked.get() + 1);
            asked.get() <= goes_on_for
        };
        let former = SchemaSet::default();
        let loaded =
            SchemaSet::reload_while(directory.path(), &former, SchemaRules::default(), &go_on);
        (loaded.is_some(), asked.get())
    };
    // Before each file is read, before each is compiled, and at the end.
    let (is_loaded, asked) = asked_until(u32::MAX);
    assert!(is_loaded && asked >= 7, "{asked}");
    for goes_on_for in 0..asked {
        let (is_loaded, more) = asked_until(goes_on_for);
        assert!(!is_loaded, "{goes_on_for}");
        assert!(more <= goes_on_for + 2, "{goes_on_for}: asked {more} times");
    }
}
