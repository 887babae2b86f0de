//! Values, names and patterns that validators may read differently.

/// Numbers that may be read differently: the same number in two spellings, those at the limits of types, those
/// that are not exact as doubles.
pub const NUMBERS: &[&str] = &[
    "0",
    "0",
    "1",
    "1",
    "1.0",
    "2",
    "2.0",
    "3",
    "-1",
    "-0.0",
    "0.0",
    "1e0",
    "1.5",
    "4.5",
    "0.1",
    "0.3",
    "4.02",
    "0.01",
    "100",
    "1e2",
    "1e16",
    "9007199254740993",
    "9007199254740992.0",
    "9223372036854775807",
    "9223372036854775808",
    "9.223372036854775807e18",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e19",
    "123456789012345678901234567890",
    "-123456789012345678901234567890",
    "1e308",
    "1e-9",
    "5e-324",
];

/// Numbers beyond 64 bits.
pub const LONG: &[&str] = &["18446744073709551616", "123456789012345678901234567890"];

/// Values of keywords that are counts; the last one is refused up to draft-04.
pub const COUNTS: &[&str] = &["0", "1", "1", "2", "2", "3", "2.0"];

pub const DIVISORS: &[&str] = &[
    "1",
    "2",
    "3",
    "0.01",
    "0.1",
    "1.5",
    "2.0",
    "1e-9",
    "0.5",
    "5e-324",
    "9007199254740993",
    "18446744073709551615",
    "1e19",
    "1e308",
];

/// Texts of one, two and no characters, some of more than one unit or code point.
pub const TEXTS: &[&str] = &[
    r#""""#,
    r#""a""#,
    r#""b""#,
    r#""ab""#,
    r#""abc""#,
    r#""\u00e9""#,
    r#""e\u0301""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d\ude00\ud83d\ude00""#,
    r#""1""#,
    r#""true""#,
    r#""a\nb""#,
    r#""2020-01-01""#,
];

pub const NAMES: &[&str] = &["a", "b", "c", "ab", "bc", "", "$ref", "~/", "\\u00e9"];

pub const PATTERNS: &[&str] = &["^a", "b$", ".", "^$", "a|c", "[0-9]"];

pub const KINDS: &[&str] = &[
    "null", "boolean", "integer", "number", "string", "array", "object",
];

/// Rows that JSON does not have, or that Python refuses.
pub const ODD: &[&str] = &["NaN", "-Infinity", "1e400", r#""\ud800""#, "[1,]", "01"];
