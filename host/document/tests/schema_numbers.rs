//! Numbers of any size with bounds and divisors of any size, compared as Python does.

#[path = "support/drafts.rs"]
mod drafts;

use drafts::{judged, judged_alike};

#[test]
fn integers_beyond_64_bits_are_integers_and_compare_exactly_with_bounds() {
    let huge = "9".repeat(400);
    judged_alike(r#""type":"integer""#, &["18446744073709551616", &huge], &[]);
    judged_alike(
        r#""minimum":20000000000000000000001"#,
        &["20000000000000000000001", "2.0000000000000004e22", &huge],
        // One less, but the same double.
        &[
            "20000000000000000000000",
            "2e22",
            "18446744073709551615",
            "-1",
            "1.5",
        ],
    );
    judged_alike(
        r#""maximum":-20000000000000000000001"#,
        &["-20000000000000000000001", &format!("-{huge}")],
        &[
            "-20000000000000000000000",
            "-2e22",
            "-9223372036854775808",
            &huge,
        ],
    );
    // As a double it is 10000000000000000905969664.
    judged_alike(
        r#""maximum":1e25"#,
        &["10000000000000000905969664", "1e25"],
        &["10000000000000000905969665", &huge],
    );
    judged_alike(
        r#""minimum":9007199254740992.0"#,
        &["9007199254740992", "9007199254740993"],
        &["9007199254740991", "9007199254740991.0"],
    );
    for draft in ["draft-06", "draft-07", "draft/2019-09", "draft/2020-12"] {
        judged(
            draft,
            r#""exclusiveMinimum":1e25,"exclusiveMaximum":10000000000000000905969666"#,
            &["10000000000000000905969665"],
            &[
                "1e25",
                "10000000000000000905969664",
                "10000000000000000905969666",
            ],
        );
    }
    for draft in ["draft-03", "draft-04"] {
        judged(
            draft,
            r#""minimum":1e25,"exclusiveMinimum":true,"maximum":1e25,"exclusiveMaximum":false"#,
            &[],
            &[
                "1e25",
                "10000000000000000905969664",
                "10000000000000000905969665",
            ],
        );
    }
    judged_alike(
        r#""enum":[18446744073709551615]"#,
        &["18446744073709551615"],
        &["18446744073709551614"],
    );
}

#[test]
fn a_quotient_beyond_a_double_is_taken_exactly() {
    for draft in ["draft-04", "draft-07", "draft/2020-12"] {
        judged(
            draft,
            r#""multipleOf":5e-324"#,
            &[
                "1",
                "-3",
                "1e308",
                "1.5",
                "18446744073709551615",
                "123456789012345678901234567890",
            ],
            &[],
        );
        // Three times the least double; and 1e308 is a power of two times five to the 308th.
        judged(
            draft,
            r#""multipleOf":1.5e-323"#,
            &["3", "1.5", "9"],
            &["1", "4", "1e308"],
        );
        judged(
            draft,
            r#""multipleOf":0.5"#,
            &["1e308", "1.7976931348623157e308"],
            &["0.25"],
        );
    }
}
