//! What Landfall does where parsers of JSON differ, case by case, as docs/JSON.md says.
//!
//! Long: it is one table of cases.

use landfall_document::{
    Defect, Documents, Oddity, Pointer, RowState, SchemaSet, Validity, redact,
};

#[path = "support/drafts.rs"]
mod drafts;

use drafts::{judge, judged, judged_alike};

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).unwrap()
}

/// State and canonical text of one document that stands between two others.
fn read(json: impl AsRef<[u8]>) -> (RowState, String) {
    let around = br#"{"neighbour":"\u0041"}"#;
    let json = json.as_ref();
    let text = [around, json, around].concat();
    let first = around.len() as u32;
    let ends = [first, first + json.len() as u32, text.len() as u32];
    let mut documents = Documents::default();
    documents.parse(&text, &ends);
    for row in [0, 2] {
        assert_eq!(
            documents
                .value(row, &pointer("/neighbour"))
                .unwrap()
                .as_str(),
            Some("A")
        );
    }
    let mut column = Vec::new();
    let mut column_ends = Vec::new();
    documents.write_column(&pointer("").into(), &mut column, &mut column_ends);
    let column = &column[column_ends[0] as usize..column_ends[1] as usize];
    (
        documents.state(1),
        String::from_utf8(column.to_vec()).unwrap(),
    )
}

fn good(json: &str, canonical: &str) {
    assert_eq!(read(json), (RowState::Good, canonical.to_owned()), "{json}");
}

#[test]
fn of_two_equal_names_the_last_wins() {
    good(r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
    good(
        r#"{"a":1,"\u0061":{"b":1,"b":[2,{"c":0,"c":1}]},"z":0}"#,
        r#"{"a":{"b":[2,{"c":1}]},"z":0}"#,
    );
    good(r#"{"a":{"x":1},"b":0,"a":3,"a":[4]}"#, r#"{"a":[4],"b":0}"#);
    good(r#"[{"":1,"":2}]"#, r#"[{"":2}]"#);
}

#[test]
fn an_odd_value_that_lost_to_a_later_one_was_never_there() {
    good(r#"{"a":NaN,"a":[1e400],"a":1}"#, r#"{"a":1}"#);
    assert_eq!(
        read(r#"{"a":1,"a":NaN}"#).0,
        RowState::Unjudged(Oddity::NotANumber)
    );
}

#[test]
fn of_two_equal_names_the_last_wins_in_large_objects() {
    let members: Vec<String> = (0..200)
        .map(|index| format!(r#""name{index}":{index}"#))
        .collect();
    let json = format!(r#"{{{},"name7":"last"}}"#, members.join(","));
    let mut documents = Documents::default();
    documents.parse(json.as_bytes(), &[json.len() as u32]);
    assert_eq!(documents.state(0), RowState::Good);
    assert_eq!(
        documents.value(0, &pointer("/name7")).unwrap().as_str(),
        Some("last")
    );
    assert_eq!(
        documents.value(0, &pointer("/name199")).unwrap().as_i64(),
        Some(199)
    );
    assert_eq!(documents.value(0, &pointer("")).unwrap().len(), 200);
    assert!(documents.value(0, &pointer("/name200")).is_none());
}

#[test]
fn integers_have_any_number_of_digits() {
    good("18446744073709551615", "18446744073709551615");
    good("18446744073709551616", "18446744073709551616");
    good("-9223372036854775808", "-9223372036854775808");
    good("-9223372036854775809", "-9223372036854775809");
    good(&"9".repeat(4300), &"9".repeat(4300));
    good(
        &format!("-{}", "9".repeat(4300)),
        &format!("-{}", "9".repeat(4300)),
    );
    assert_eq!(
        read("9".repeat(4301)).0,
        RowState::Undecodable(Defect::IntegerTooLong)
    );
}

#[test]
fn numbers_are_written_as_what_they_are() {
    good("-0", "0");
    good("-0.0", "-0.0");
    good("1.0", "1.0");
    good("-0.5e-1", "-0.05");
    good("1e5", "100000.0");
    good("1E+2", "100.0");
    good("0.1", "0.1");
    good("1e-400", "0.0");
    good("1e16", "1e16");
    good("123456789012345678.0", "1.2345678901234568e17");
    good("5e-324", "5e-324");
    good("1.7976931348623157e308", "1.7976931348623157e308");
}

#[test]
fn what_python_reads_and_json_does_not_have_is_unjudged() {
    for (json, oddity) in [
        ("NaN", Oddity::NotANumber),
        ("Infinity", Oddity::Infinity),
        ("-Infinity", Oddity::Infinity),
        ("1e400", Oddity::FloatOverflow),
        ("-1E400", Oddity::FloatOverflow),
        (r#""\ud800""#, Oddity::LoneSurrogate),
        (r#""\udc00\ud800""#, Oddity::LoneSurrogate),
        (r#""a\ud800\u0041""#, Oddity::LoneSurrogate),
    ] {
        // An odd value has no JSON text.
        assert_eq!(
            read(json),
            (RowState::Unjudged(oddity), String::new()),
            "{json}"
        );
        let json = format!(r#"{{"odd":[{json}],"uuid":"k","uuid":"\u006b2"}}"#);
        let mut documents = Documents::default();
        documents.parse(json.as_bytes(), &[json.len() as u32]);
        assert_eq!(documents.state(0), RowState::Unjudged(oddity), "{json}");
        assert_eq!(
            documents.value(0, &pointer("/uuid")).unwrap().as_str(),
            Some("k2"),
            "{json}"
        );
        assert!(documents.value(0, &pointer("/odd/0")).unwrap().is_odd());
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        documents.write_column(&pointer("/uuid").into(), &mut text, &mut ends);
        documents.write_column(&pointer("/odd").into(), &mut text, &mut ends);
        assert_eq!(
            (text.as_slice(), ends.as_slice()),
            (br#""k2""#.as_slice(), [4, 4].as_slice())
        );
    }
}

#[test]
fn names_can_be_odd_too() {
    let json = r#"{"\ud800":1,"\ud800":2,"a":3}"#;
    let mut documents = Documents::default();
    documents.parse(json.as_bytes(), &[json.len() as u32]);
    assert_eq!(
        documents.state(0),
        RowState::Unjudged(Oddity::LoneSurrogate)
    );
    assert_eq!(
        documents.value(0, &pointer("/a")).unwrap().as_i64(),
        Some(3)
    );
    assert_eq!(
        format!("{:?}", documents.value(0, &pointer("")).unwrap()),
        r#"{"a":3,"\ud800":2}"#
    );
}

#[test]
fn surrogate_pairs_are_one_character() {
    good(r#""\ud83d\ude00""#, "\"\u{1F600}\"");
    good(r#"{"\ud83d\ude00":"\u00e9"}"#, "{\"\u{1F600}\":\"é\"}");
}

#[test]
fn strings_are_written_with_the_shortest_escapes() {
    good(
        r#""\/\"\\\b\f\n\r\t\u0001\u007f\u2028""#,
        "\"/\\\"\\\\\\b\\f\\n\\r\\t\\u0001\u{7f}\u{2028}\"",
    );
}

#[test]
fn members_are_sorted_by_the_bytes_of_their_names() {
    good(
        r#"{ "b" : 1 , "a" : [ ] , "" : { } , "é" : null , "B" : true }"#,
        r#"{"":{},"B":true,"a":[],"b":1,"é":null}"#,
    );
}

#[test]
fn white_space_around_is_allowed_and_a_document_need_not_be_an_object() {
    good(" \t\r\n[1] \n", "[1]");
    good("null", "null");
    good("\"x\"\n", "\"x\"");
}

#[test]
fn what_python_refuses_is_undecodable() {
    for json in [
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "-NaN",
        "nul",
        "nan",
        "0x10",
        "1_000",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{,}",
        "{1:2}",
        "[1 2]",
        "1 2",
        "{}x",
        "]",
        "[",
        "{\"a\":1",
        "\"a",
        "\"\\x\"",
        "\"\\u00zz\"",
        "\"\\ud800\\uzzzz\"",
        "\"\u{1f}\"",
        "\"\n\"",
        "\u{feff}1",
        "\u{b}1",
        "\u{a0}1",
        "'a'",
        "//",
        "[1]]",
        "\"\\",
        "\"\\u12",
        "truefalse",
        "Infinit",
    ] {
        let (state, text) = read(json);
        assert!(
            matches!(state, RowState::Undecodable(Defect::Syntax { .. })),
            "{json:?}: {state:?}"
        );
        assert_eq!(text, "");
    }
    assert_eq!(read("").0, RowState::Undecodable(Defect::Empty));
    assert_eq!(read(" \n").0, RowState::Undecodable(Defect::Empty));
}

#[test]
fn bytes_that_are_no_utf8_are_undecodable() {
    for json in [
        &b"\"\xff\""[..],
        b"{\"\xc3\":1}",
        b"\"\xed\xa0\x80\"",
        b"\"\xf8\x88\x80\x80\x80\"",
        b"1\xff",
    ] {
        assert_eq!(
            read(json).0,
            RowState::Undecodable(Defect::InvalidUtf8),
            "{json:?}"
        );
    }
}

#[test]
fn a_defect_names_its_place() {
    assert_eq!(
        read("{\"a\": tru}").0,
        RowState::Undecodable(Defect::Syntax { at: 6 })
    );
    assert_eq!(
        read("[1] x").0,
        RowState::Undecodable(Defect::Syntax { at: 4 })
    );
}

#[test]
fn nesting_has_a_limit() {
    for (open, close) in [("[", "]"), ("{\"a\":[", "]}")] {
        let per_turn = if open.len() > 1 { 2 } else { 1 };
        let nested = |levels: usize| {
            let turns = levels / per_turn;
            format!("{}{}", open.repeat(turns), close.repeat(turns))
        };
        good(&nested(990), &nested(990));
        assert_eq!(read(nested(992)).0, RowState::Undecodable(Defect::TooDeep));
        assert_eq!(
            read(nested(100_000)).0,
            RowState::Undecodable(Defect::TooDeep)
        );
    }
    let closed = format!("{}{}", "[".repeat(991), "]".repeat(991));
    assert_eq!(read(closed).0, RowState::Undecodable(Defect::TooDeep));
    assert_eq!(
        read("[".repeat(991)).0,
        RowState::Undecodable(Defect::TooDeep)
    );
}

#[test]
fn ends_that_do_not_fit_are_empty_rows() {
    let mut documents = Documents::default();
    documents.parse(b"1", &[1, 0, 7]);
    assert_eq!(documents.rows(), 3);
    assert_eq!(documents.state(0), RowState::Good);
    assert_eq!(documents.state(1), RowState::Undecodable(Defect::Empty));
    assert_eq!(documents.state(2), RowState::Undecodable(Defect::Empty));
    assert_eq!(documents.state(3), RowState::Undecodable(Defect::Empty));
    documents.parse(b"[\"\\u0041\"]", &[10, 1, 10]);
    assert_eq!(documents.state(0), RowState::Good);
    assert_eq!(documents.state(2), RowState::Undecodable(Defect::Empty));
}

#[test]
fn characters_that_other_parsers_escape_are_written_as_they_are() {
    for character in [
        "\u{7f}",
        "\u{2028}",
        "\u{2029}",
        "\u{feff}",
        "\u{fffe}",
        "\u{10ffff}",
    ] {
        let json = format!("{{\"{character}\":\"a{character}\"}}");
        good(&json, &json);
    }
}

#[test]
fn a_float_without_fraction_is_no_integer_in_drafts_3_and_4_and_one_later() {
    let integer = r#""type":"integer""#;
    for draft in ["draft-03", "draft-04"] {
        judged(draft, integer, &["1", "-0"], &["1.0", "1e2", "-0.0", "1.5"]);
    }
    for draft in ["draft-06", "draft-07", "draft/2019-09", "draft/2020-12"] {
        judged(draft, integer, &["1", "1.0", "1e2", "-0.0"], &["1.5"]);
    }
    judged_alike(r#""type":"number""#, &["1", "1.0"], &["true"]);
}

#[test]
fn members_that_lost_count_nowhere() {
    let twice = r#"{"a":1,"\u0061":"x","b":{"c":1,"c":2}}"#;
    let draft = "draft-07";
    for keywords in [
        r#""maxProperties":2"#,
        r#""properties":{"a":{"type":"string"}}"#,
        r#""enum":[{"a":"x","b":{"c":2}}]"#,
        r#""properties":{"b":{"maxProperties":1}}"#,
    ] {
        assert_eq!(judge(draft, keywords, twice), Validity::Valid, "{keywords}");
    }
    assert_eq!(
        judge(draft, r#""minProperties":3"#, twice),
        Validity::Invalid
    );
}

#[test]
fn a_multiple_is_what_python_divides_to_an_integer() {
    for (draft, keyword) in [
        ("draft-03", "divisibleBy"),
        ("draft-04", "multipleOf"),
        ("draft/2020-12", "multipleOf"),
    ] {
        let by = |divisor: &str, valid: &[&str], invalid: &[&str]| {
            judged(draft, &format!(r#""{keyword}":{divisor}"#), valid, invalid);
        };
        // A divisor that is a float divides in doubles.
        by(
            "0.01",
            &["4.5", "0.01", "0", "-0.0", "3"],
            &["4.02", "0.07", "0.29", "4.021"],
        );
        by("0.1", &["0.1", "0.2", "1"], &["0.3", "0.7", "0.05"]);
        by(
            "2.0",
            &["4", "4.0", "-6", "18446744073709551616"],
            &["3", "4.5"],
        );
        // A divisor that is an integer divides exactly.
        by(
            "3",
            &[
                "9",
                "-9",
                "9.0",
                "18446744073709551615",
                "30000000000000000000000003",
            ],
            &["10", "9.5", "30000000000000000000000004"],
        );
        by(
            "18446744073709551615",
            &["18446744073709551615", "36893488147419103230"],
            &["18446744073709551614"],
        );
        // If the quotient is infinite, Python cannot make an integer of it.
        by("1e-300", &["0"], &["1e300", &"9".repeat(400)]);
        by("2", &["\"x\"", "true", "[1]"], &[]);
    }
}

#[test]
fn content_and_formats_are_not_checked() {
    for keywords in [
        r#""contentEncoding":"base64""#,
        r#""contentMediaType":"application/json""#,
        r#""contentEncoding":"base64","contentMediaType":"application/json""#,
        r#""format":"date-time""#,
    ] {
        judged_alike(keywords, &[r#""{ no such thing""#, "1"], &[]);
    }
}

#[test]
fn an_event_with_an_oddity_is_not_validated_and_all_around_it_is_found() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("s")).unwrap();
    std::fs::write(
        directory.path().join("s/1.json"),
        r#"{"type":"object","required":["b"]}"#,
    )
    .unwrap();
    let (set, _) = SchemaSet::load(directory.path());
    let schema = set.find("s/1").unwrap();
    let mut documents = Documents::default();
    let mut parse = |event: &str| {
        let row = format!(r#"{{"event":{event},"uuid":"k"}}"#);
        documents.parse(row.as_bytes(), &[row.len() as u32]);
        assert_eq!(
            documents.value(0, &pointer("/uuid")).unwrap().as_str(),
            Some("k")
        );
        let validity = documents.validate(0, &pointer("/event"), schema);
        let told = documents.explain(0, &pointer("/event"), schema, 3).len();
        (documents.state(0), validity, told)
    };
    for (event, oddity) in [
        (r#"{"b":NaN}"#, Oddity::NotANumber),
        (r#"{"b":[-Infinity]}"#, Oddity::Infinity),
        (r#"{"b":1e400}"#, Oddity::FloatOverflow),
        (r#"{"b":"\ud800"}"#, Oddity::LoneSurrogate),
        (r#"{"\ud800":1}"#, Oddity::LoneSurrogate),
        // Named after the first of them.
        (r#"{"b":NaN,"c":"\ud800"}"#, Oddity::NotANumber),
        (r#"{"c":"\ud800","b":NaN}"#, Oddity::LoneSurrogate),
    ] {
        assert_eq!(
            parse(event),
            (RowState::Unjudged(oddity), Validity::NoValue, 0),
            "{event}"
        );
    }
    for (event, validity) in [
        (r#"{"b":NaN,"b":1}"#, Validity::Valid),
        (r#"{"c":{"b":1,"b":"\ud800","b":0},"b":1}"#, Validity::Valid),
        (r#"{"c":1,"c":2}"#, Validity::Invalid),
        (r#"{"b":123456789012345678901234567890}"#, Validity::Valid),
    ] {
        let told = usize::from(validity == Validity::Invalid);
        assert_eq!(parse(event), (RowState::Good, validity, told), "{event}");
    }
}

#[test]
fn samples_show_what_is_odd_as_python_writes_it() {
    let mut out = Vec::new();
    redact(br#"{"a":[NaN,Infinity,-1e400,"\ud800x"]}"#, &[], &mut out);
    assert_eq!(out, br#"{"a":[NaN,Infinity,-Infinity,"\ud800x"]}"#);
}
