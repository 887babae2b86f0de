//! Which values can be the key of an event, and by which text keys are compared.

use landfall_document::{Documents, Pointer};
use proptest::prelude::*;

/// The text by which a JSON value is compared as a key; `None` if it cannot be one.
fn key(json: &str) -> Option<String> {
    let mut documents = Documents::default();
    documents.parse(json.as_bytes(), &[json.len() as u32]);
    let value = documents.value(0, &Pointer::default())?;
    let mut text = Vec::new();
    (value.is_key() && value.write_key(&mut text)).then(|| String::from_utf8(text).unwrap())
}

#[test]
fn what_cannot_identify_is_no_key() {
    for json in [
        "null",
        "true",
        "false",
        r#""""#,
        r#"" ""#,
        r#""\t\n ""#,
        "\"\u{a0}\u{3000}\"",
        "{}",
        "[]",
        "NaN",
        "Infinity",
        "-Infinity",
        r#"{"id":""}"#,
        r#"["wiki",null]"#,
        r#"["wiki"," "]"#,
        "[[]]",
        "[{}]",
        r#"{"wiki":"en","id":null}"#,
        r#"{"id":NaN}"#,
        "1e9999999999999999999",
        "[1e9999999999999999999]",
    ] {
        assert_eq!(key(json), None, "{json}");
    }
}

#[test]
fn a_key_counts_by_its_text() {
    for (json, text) in [
        (r#""a""#, "a"),
        (r#"" a ""#, " a "),
        (r#""007""#, "007"),
        (r#""10000.0""#, "10000.0"),
        (r#""null""#, "null"),
        ("\"e\u{301}\"", "e\u{301}"),
        (r#""\ud800""#, r#""\ud800""#),
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("7", "7"),
        ("10000.0", "10000"),
        ("1E+4", "10000"),
        ("0.10", "0.1"),
        ("12345678901234567890", "12345678901234567890"),
        ("12345678901234567891.0", "12345678901234567891"),
        ("1.2345678901234567891e19", "12345678901234567891"),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
        ("1e999999999", "1e999999999"),
        (r#"{"b":1.50,"a":"x"}"#, r#"{"a":"x","b":1.5}"#),
        (r#"{"a":"x","b":15e-1}"#, r#"{"a":"x","b":1.5}"#),
        (r#"["x",true,1e2]"#, r#"["x",true,100]"#),
    ] {
        assert_eq!(key(json).as_deref(), Some(text), "{json}");
    }
    assert_eq!(key("1e400"), Some(format!("1{}", "0".repeat(400))));
    assert_ne!(key("1e400"), key("1e401"));
}

proptest! {
    #[test]
    fn a_number_is_one_key_wherever_its_point_is_and_whatever_stands_around(
        digits in 0_u64.., exponent in 0_u32..30, spaces in 0_usize..3,
    ) {
        let plain = format!("{digits}{}", "0".repeat(exponent as usize));
        let around = " ".repeat(spaces);
        let expected = key(&plain);
        for json in [
            format!("{digits}e{exponent}"),
            format!("{digits}.0E+{exponent}"),
            format!("{around}{plain}.000{around}"),
            format!("{plain}0e-1"),
            format!("\"{}\"", expected.clone().unwrap()),
        ] {
            prop_assert_eq!(key(&json), expected.clone(), "{}", json);
        }
        prop_assert_ne!(key(&format!("{plain}.5")), expected.clone());
        // The same among other members, and in a document that only the lenient reader takes.
        prop_assert_eq!(
            key(&format!("[\"\\u0061b\", {digits}e{exponent}]")),
            Some(format!("[\"ab\",{}]", plain.trim_start_matches('0').to_owned() + if digits == 0 { "0" } else { "" })),
        );
        let odd = format!("{{\"a\":1,\"a\":{digits}e{exponent},\"b\":\"\\ud800\"}}");
        let first = format!("{{\"a\":{},", expected.unwrap_or_default());
        prop_assert!(key(&odd).is_some_and(|text| text.starts_with(&first)), "{}", odd);
    }
}
