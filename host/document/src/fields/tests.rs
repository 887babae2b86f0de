//! Fields against a check that answers all it is given as it is: what is taken changes nothing. Knows
//! columns as their readers do, and no tape.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::{FieldHasher, FieldsDigest, are_same_fields, check_fields};
use crate::members::entry_at;
use crate::{Column, ColumnWriter, Documents, FieldHashing};

const HEAD: u8 = 4;

/// A writer that lives on, and what it is asked for.
struct Scene {
    writer: ColumnWriter,
    hasher: FieldHasher,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            writer: ColumnWriter::default(),
            hasher: FieldHasher::new([7; 16]),
        }
    }
}

fn parsed(document: &str) -> Documents {
    let mut documents = Documents::default();
    documents.parse(document.as_bytes(), &[document.len() as u32]);
    documents
}

impl Scene {
    /// The row of a document, and the sum of what was taken.
    fn row(&mut self, column: &Column, document: &str) -> (Vec<u8>, FieldsDigest) {
        let (mut row, mut ends, mut digests) = (Vec::new(), Vec::new(), Vec::new());
        let hashing = FieldHashing {
            hasher: &self.hasher,
            digests: &mut digests,
        };
        self.writer.write(
            &parsed(document),
            column,
            &mut row,
            &mut ends,
            Some(hashing),
        );
        assert_eq!((ends, digests.len()), (vec![row.len() as u32], 1));
        (row, digests[0])
    }

    /// The sum that stands for all of a document's fields, if a check answers what it is given as it is.
    fn sum(&mut self, column: &Column, flat: Flat<'_>, document: &str) -> FieldsDigest {
        let (row, taken) = self.row(column, document);
        taken + self.hasher.answered(&flat.answer(&row))
    }
}

/// The row of a document from which nothing is taken.
fn whole_row(column: &Column, document: &str) -> Vec<u8> {
    let (mut row, mut ends) = (Vec::new(), Vec::new());
    parsed(document).write_column(column, &mut row, &mut ends);
    row
}

/// How names are flattened.
#[derive(Clone, Copy)]
struct Flat<'a> {
    prefix: &'a str,
    separator: &'a str,
}

const PLAIN: Flat<'_> = Flat {
    prefix: "",
    separator: "_",
};

impl Flat<'_> {
    /// Each field of a row under its flattened name.
    fn answer(self, row: &[u8]) -> Vec<u8> {
        let mut answer = vec![HEAD];
        if let Some(root) = entry_at(row, 0)
            && root.kind == b'o'
        {
            self.flatten(root.value, self.prefix, &mut answer);
        }
        assert_eq!(check_fields(&answer), Ok(()));
        answer
    }

    fn flatten(self, entries: &[u8], base: &str, answer: &mut Vec<u8>) {
        let mut at = 0;
        while let Some(entry) = entry_at(entries, at) {
            at = entry.end;
            let name = format!("{base}{}", std::str::from_utf8(entry.name).unwrap());
            if entry.kind == b'o' {
                self.flatten(entry.value, &format!("{name}{}", self.separator), answer);
            } else {
                answer.extend_from_slice(&field(entry.kind, &name, entry.value));
            }
        }
        assert_eq!(at, entries.len(), "whole entries");
    }
}

fn field(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    let lengths = [name.len(), value.len()].map(|bytes| (bytes as u32).to_le_bytes());
    [&[kind][..], &lengths.concat(), name.as_bytes(), value].concat()
}

fn column(spec: &Json) -> Column {
    Column::parse(&format!("fields:{spec}")).unwrap()
}

/// The fields of an answer as `name=kind:value`, sorted.
fn words(answer: &[u8]) -> String {
    let (mut told, mut at) = (Vec::new(), 1);
    while let Some(entry) = entry_at(answer, at) {
        at = entry.end;
        let text = |bytes| std::str::from_utf8(bytes).unwrap().to_owned();
        let kind = char::from(entry.kind);
        told.push(format!("{}={kind}:{}", text(entry.name), text(entry.value)));
    }
    told.sort();
    told.join(" ")
}

#[test]
fn what_can_be_written_in_one_way_only_is_taken() {
    let long = "n".repeat(129);
    let spec = json!({"text_bytes": 4, "without": ["no", "a_no"], "without_beginning": ["x"]});
    let cases = [
        (json!({}), ""),
        (
            json!({"t": true, "f": false, "i": 2, "j": -1, "s": "abc", "e": ""}),
            "",
        ),
        (json!({"i": i64::MAX, "j": i64::MIN}), ""),
        (json!({"a": 0, "b": 1, "z": null}), "a=i:0 b=i:1 z=z:"),
        (json!({"u": u64::MAX}), "u=i:18446744073709551615"),
        (json!({"d": 2.0, "e": 1e30}), "d=d:2.0 e=d:1e30"),
        (
            json!({"s": "abcd", "b": "[", "a": [2, {"t": true}]}),
            "a=a:[2,{\"t\":true}] b=s:[ s=s:abcd",
        ),
        // In objects; an object of which nothing is left is left out.
        (
            json!({"o": {"p": {"t": true}, "b": 1}, "q": {"r": {}}}),
            "o_b=i:1",
        ),
        // An object is left out with all of its fields.
        (
            json!({"no": 1, "on": 1, "a": {"no": {"b": 1}, "on": 1}, "xy": 1, "x": {"b": 1}}),
            "a_on=i:1 on=i:1",
        ),
        (json!({"a_no": 1, "a_": 1}), "a_=i:1"),
    ];
    let (column, mut scene) = (column(&spec), Scene::default());
    // Twice, for the second time the names are in the cache.
    for (document, left) in cases.iter().chain(&cases) {
        let (row, _) = scene.row(&column, &document.to_string());
        assert_eq!(words(&PLAIN.answer(&row)), *left, "{document}");
    }
    let (row, _) = scene.row(&column, &json!({ &long: 7, &long[1..]: 7 }).to_string());
    assert_eq!(words(&PLAIN.answer(&row)), format!("{long}=i:7"));
}

#[test]
fn a_row_is_there_where_a_value_is() {
    let (column, mut scene) = (column(&json!({"at": "/e"})), Scene::default());
    let none = FieldsDigest::default();
    for (document, kind) in [
        (r#"{"e":{"a":7}}"#, Some(b'o')),
        (r#"{"e":{}}"#, Some(b'o')),
        (r#"{"e":7}"#, Some(b'i')),
        (r#"{"e":null}"#, Some(b'z')),
        (r#"{"e":[true]}"#, Some(b'a')),
        ("{}", None),
        ("no JSON", None),
        (r#"{"e":{"a":NaN}}"#, None),
    ] {
        let (row, taken) = scene.row(&column, document);
        assert_eq!(
            entry_at(&row, 0).map(|entry| entry.kind),
            kind,
            "{document}"
        );
        assert_eq!(taken == none, document != r#"{"e":{"a":7}}"#, "{document}");
    }
}

#[test]
fn a_field_is_its_name_its_kind_and_its_value() {
    let hasher = FieldHasher::new([7; 16]);
    let fields = [
        field(b'i', "a", b"7"),
        field(b'i', "a", b"07"),
        field(b'i', "a", b"+7"),
        field(b'i', "a", &7_i64.to_le_bytes()),
        field(b'i', "a", b"8"),
        field(b'i', "b", b"7"),
        field(b's', "a", b"7"),
        field(b's', "a7", b""),
        field(b's', "", b"a7"),
        field(b't', "a", b""),
        field(b'f', "a", b""),
        field(b'i' | 0x80, "a", b"7"),
        field(b'i', "a", b"18446744073709551615"),
        field(!b'i', "a", b"18446744073709551615"),
    ];
    let mut sums: Vec<u128> = fields
        .iter()
        .map(|field| hasher.answered(&[&[HEAD][..], field].concat()).as_u128())
        .collect();
    // No fields, each field twice, and another first byte.
    sums.push(hasher.answered(&[HEAD]).as_u128());
    for field in &fields {
        sums.push(
            hasher
                .answered(&[&[HEAD][..], field, field].concat())
                .as_u128(),
        );
        sums.push(
            hasher
                .answered(&[&[HEAD + 1][..], field].concat())
                .as_u128(),
        );
    }
    let count = sums.len();
    sums.sort_unstable();
    sums.dedup();
    assert_eq!(sums.len(), count, "no two are the same");
    for (one, left) in fields.iter().enumerate() {
        for (other, right) in fields.iter().enumerate() {
            let [left, right] = [[right, left], [left, right]]
                .map(|[first, second]| [&[HEAD][..], first, second, &fields[0]].concat());
            assert!(are_same_fields(&left, &right), "in any order");
            let [left, right] =
                [&fields[one], &fields[other]].map(|field| [&[HEAD][..], field].concat());
            assert_eq!(are_same_fields(&left, &right), one == other);
        }
    }
    assert!(!are_same_fields(&[HEAD], &[HEAD + 1]) && !are_same_fields(&[HEAD], &[]));
    let other = FieldHasher::new([8; 16]);
    let row = [&[HEAD][..], &fields[0]].concat();
    assert_ne!(hasher.answered(&row), other.answered(&row), "it is keyed");
}

#[test]
fn names_around_many_objects_are_not_taken_for_theirs() {
    let column = column(&json!({"without": ["ip"]}));
    let mut scene = Scene::default();
    let inner: String = (0..130)
        .map(|place| format!(r#""p{place}":{{"y":2}},"x{place}":3,"#))
        .collect();
    let around =
        |x: i64, y: i64| format!(r#"{{{inner}"event":{{"y":2,"x":{x}}},"ip":"a","x":{y}}}"#);
    let nested = r#"{"event":{"x":7,"ip":"a","y":2}}"#;
    for document in [&around(5, 6), nested, &around(6, 5), nested, &around(5, 6)] {
        let whole = scene
            .hasher
            .answered(&PLAIN.answer(&whole_row(&column, document)));
        assert_eq!(scene.sum(&column, PLAIN, document), whole, "{document}");
    }
    assert_ne!(
        scene.sum(&column, PLAIN, &around(5, 6)),
        scene.sum(&column, PLAIN, &around(6, 5))
    );
}

#[test]
fn a_column_names_no_more_than_can_be_looked_through() {
    let names: Vec<String> = (0..257).map(|name| name.to_string()).collect();
    for list in ["without", "without_beginning"] {
        let parsed =
            |count: usize| Column::parse(&format!("fields:{}", json!({ list: names[..count] })));
        assert!(parsed(256).is_ok());
        assert!(parsed(257).is_err_and(|error| error.to_string().contains("256")));
    }
}

#[test]
fn what_stands_before_and_between_names_is_short() {
    for part in ["prefix", "separator"] {
        let parsed =
            |bytes: usize| Column::parse(&format!("fields:{}", json!({ part: "s".repeat(bytes) })));
        assert!(parsed(128).is_ok());
        assert!(parsed(129).is_err_and(|error| error.to_string().contains(part)));
    }
}

#[test]
fn in_an_object_with_a_long_name_all_is_the_checks() {
    let (column, mut scene) = (
        column(&json!({"without_beginning": ["y"]})),
        Scene::default(),
    );
    let long = "n".repeat(129);
    let inner = json!({"": 7, "a": true, "b": "c"});
    let document = json!({ &long: inner, "y": { &long: 7 } }).to_string();
    for _ in 0..2 {
        let (row, taken) = scene.row(&column, &document);
        let left = format!("{long}_=i:7 {long}_a=t: {long}_b=s:c");
        assert_eq!(words(&PLAIN.answer(&row)), left);
        assert_eq!(taken, FieldsDigest::default());
    }
    assert!(scene.writer.memory_bytes() < 256 << 10);
    // Each has another long name; none of them is kept.
    for number in 0..100 {
        let long = format!("{number}{}", "n".repeat(100_000));
        scene.row(&column, &json!({ long: {"a": true} }).to_string());
    }
    let bytes = scene.writer.memory_bytes();
    assert!(bytes < 1 << 20, "{bytes}");
}

#[test]
fn many_places_and_many_names_are_told_apart() {
    let (column, mut scene) = (column(&json!({})), Scene::default());
    for round in 0..3 {
        // More scopes and more names than the cache keeps.
        let document: Map<String, Json> = (0..200)
            .map(|place| {
                (
                    format!("p{place}"),
                    json!({"name": place + 2, format!("n{place}"): true, "b": 1}),
                )
            })
            .collect();
        let document = Json::Object(document).to_string();
        let fresh = Scene::default().sum(&column, PLAIN, &document);
        assert_eq!(scene.sum(&column, PLAIN, &document), fresh, "{round}");
        let whole = PLAIN.answer(&whole_row(&column, &document));
        assert_eq!(scene.hasher.answered(&whole), fresh);
    }
}

fn any_object() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-3i64..12).prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-1.0f64..2.0).prop_map(Json::from),
        "[a\\[\"é]{0,40}".prop_map(Json::from),
        Just(json!([1, {"a": 2}])),
    ];
    let name = prop_oneof![6 => "[a_]{1,3}", 4 => "[a-c_é]{0,3}", 1 => "[a-c]{30,140}"];
    leaf.prop_recursive(3, 40, 9, move |inner| {
        prop::collection::vec((name.clone(), inner), 0..9)
            .prop_map(|members| Json::Object(members.into_iter().collect()))
    })
}

fn any_spec() -> impl Strategy<Value = (Json, String, String)> {
    (
        "[a_]{0,3}",
        "_{0,2}",
        prop::collection::vec("[a_]{1,4}", 0..3),
        prop::collection::vec("[b-c]{1,2}", 0..2),
        prop::option::of(0usize..40),
    )
        .prop_map(|(prefix, separator, without, beginning, text_bytes)| {
            let spec = json!({
                "prefix": prefix, "separator": separator, "without": without,
                "without_beginning": beginning, "text_bytes": text_bytes,
            });
            (spec, prefix, separator)
        })
}

/// The same members in another order.
fn turned(value: &Json) -> String {
    let Json::Object(members) = value else {
        return value.to_string();
    };
    let members: Vec<String> = members
        .iter()
        .rev()
        .map(|(name, value)| format!("{}: {}", json!(name), turned(value)))
        .collect();
    format!("{{{}}}", members.join(" ,"))
}

proptest! {
    #[test]
    fn what_is_taken_and_what_is_answered_are_all_fields_whatever_came_before(
        cases in prop::collection::vec((any_object(), 0usize..2), 1..8),
        specs in [any_spec(), any_spec()],
    ) {
        let mut scene = Scene::default();
        let columns = specs.clone().map(|(spec, ..)| column(&spec));
        for (object, which) in &cases {
            let ((_, prefix, separator), column) = (&specs[*which], &columns[*which]);
            let flat = Flat { prefix, separator };
            let whole = flat.answer(&whole_row(column, &object.to_string()));
            let sum = scene.hasher.answered(&whole);
            prop_assert_eq!(scene.sum(column, flat, &object.to_string()), sum);
            prop_assert_eq!(scene.sum(column, flat, &turned(object)), sum);
        }
    }

    #[test]
    fn fields_are_the_same_in_objects_and_flat(object in any_object()) {
        let column = column(&json!({}));
        let (row, mut flat) = (whole_row(&column, &object.to_string()), Map::new());
        let mut at = 1;
        let answer = PLAIN.answer(&row);
        while let Some(entry) = entry_at(&answer, at) {
            at = entry.end;
            let name = String::from_utf8(entry.name.to_vec()).unwrap();
            let value = match entry.kind {
                b't' => json!(true),
                b'f' => json!(false),
                b'z' => Json::Null,
                b's' => json!(std::str::from_utf8(entry.value).unwrap()),
                _ => serde_json::from_slice(entry.value).unwrap(),
            };
            // A flat object cannot have two fields of one name.
            prop_assume!(flat.insert(name, value).is_none());
        }
        let mut scene = Scene::default();
        let sum = scene.sum(&column, PLAIN, &object.to_string());
        prop_assert_eq!(scene.sum(&column, PLAIN, &Json::Object(flat).to_string()), sum);
    }

    #[test]
    fn any_bytes_have_an_end(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let hasher = FieldHasher::default();
        let _ = hasher.answered(&bytes);
        if let Err(error) = check_fields(&bytes) {
            prop_assert!(error.at < bytes.len());
        }
    }
}
