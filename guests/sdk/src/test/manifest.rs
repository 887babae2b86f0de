//! The contract's limits on a check's manifest, so that a test shows a breach before the host refuses
//! the check.

use super::fields::named;

const NAME_BYTES_MAX: usize = 48;
const VERSION_BYTES_MAX: usize = 32;
const COLUMNS_MAX: usize = 64;
const REASONS_MAX: usize = 64;
const HELP_BYTES_MAX: usize = 256;

/// Reasons that the host itself gives, and the prefix of those of faults.
const RESERVED: [&str; 9] = [
    "invalid_utf8",
    "syntax",
    "too_deep",
    "integer_too_long",
    "not_a_number",
    "infinity",
    "float_overflow",
    "lone_surrogate",
    "no_key",
];
const RESERVED_PREFIX: &str = "fault_";

/// Panics with what is wrong.
pub fn check_name(name: &str, version: &str) {
    let lawful = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(
        !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(lawful),
        "NAME `{name}`: lower-case letters, digits and dashes, at most {NAME_BYTES_MAX} bytes"
    );
    assert!(
        version.len() <= VERSION_BYTES_MAX && is_semantic(version),
        "VERSION `{version}`: a semantic version, at most {VERSION_BYTES_MAX} bytes"
    );
}

/// Panics with what is wrong; each reason is an id and its help.
pub fn check_reasons<'a>(reasons: impl Iterator<Item = (&'a str, &'a str)>) {
    let lawful = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let mut seen: Vec<&str> = Vec::new();
    for (id, help) in reasons {
        assert!(
            !id.is_empty() && id.len() <= NAME_BYTES_MAX && id.bytes().all(lawful),
            "reason `{id}`: lower-case letters, digits and underscores, at most {NAME_BYTES_MAX} bytes"
        );
        assert!(
            !id.starts_with(RESERVED_PREFIX) && !RESERVED.contains(&id),
            "reason `{id}`: it is the host's own word"
        );
        assert!(
            help.len() <= HELP_BYTES_MAX,
            "the help of reason `{id}`: at most {HELP_BYTES_MAX} bytes"
        );
        assert!(!seen.contains(&id), "reason `{id}` is there twice");
        seen.push(id);
    }
    assert!(seen.len() <= REASONS_MAX, "more than {REASONS_MAX} reasons");
}

/// Panics with what is wrong.
pub fn check_columns(pointers: &[String]) {
    assert!(
        pointers.len() <= COLUMNS_MAX,
        "more than {COLUMNS_MAX} columns"
    );
    for column in pointers {
        let fields = named(column);
        let pointer = match &fields {
            Some(fields) => &fields.at,
            None => column.strip_prefix("members:").unwrap_or(column),
        };
        assert!(
            pointer.is_empty() || pointer.starts_with('/'),
            "column `{column}`: a JSON pointer begins with `/`"
        );
        let lawful = |step: &str| step.starts_with(['0', '1']);
        assert!(
            pointer.split('~').skip(1).all(lawful),
            "column `{column}`: in a JSON pointer `~` is written `~0`, and `/` in a name `~1`"
        );
    }
}

/// Panics if a check that is no parity check asks for a column of fields.
pub fn check_no_fields(columns: &[String]) {
    for column in columns {
        assert!(
            named(column).is_none(),
            "column `{column}`: columns of fields are for parity checks alone"
        );
    }
}

/// Three numbers, then perhaps a pre-release and a build: semver.org, version 2.0.0.
fn is_semantic(version: &str) -> bool {
    let (version, build) = version.split_once('+').unwrap_or((version, "0"));
    let (core, release) = version.split_once('-').unwrap_or((version, "0"));
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (part == "0" || !part.starts_with('0'))
    };
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let letters = |part: &str| part.bytes().any(|byte| !byte.is_ascii_digit());
    core.split('.').count() == 3
        && core.split('.').all(number)
        && release
            .split('.')
            .all(|part| word(part) && (letters(part) || number(part)))
        && build.split('.').all(word)
}

#[cfg(test)]
mod tests {
    use super::{check_columns, check_name, check_reasons, is_semantic};

    fn refused(check: impl FnOnce() + std::panic::UnwindSafe) -> bool {
        std::panic::catch_unwind(check).is_err()
    }

    #[test]
    fn what_the_host_would_refuse_fails_the_test() {
        check_name("a-1", "1.0.0");
        check_reasons([("a_1", "help"), ("b", "")].into_iter());
        check_columns(&[
            "".into(),
            "/a~0b~1c".into(),
            "members:/a".into(),
            "members:".into(),
        ]);
        for name in ["", "A", "a_b", "é", &"a".repeat(49)] {
            assert!(refused(|| check_name(name, "1.0.0")), "{name}");
        }
        let long = "x".repeat(257);
        for reasons in [
            [("a", ""), ("a", "")],
            [("a-b", ""), ("b", "")],
            [("a", long.as_str()), ("b", "")],
        ] {
            assert!(
                refused(|| check_reasons(reasons.into_iter())),
                "{reasons:?}"
            );
        }
        for column in ["a", "/a~b", "/a~", "/~2", "members:a"] {
            assert!(refused(|| check_columns(&[column.into()])), "{column}");
        }
        assert!(refused(|| check_columns(&vec![String::new(); 65])));
    }

    #[test]
    fn a_version_is_semantic() {
        for version in [
            "0.1.0",
            "10.20.30",
            "1.0.0-alpha.1",
            "1.0.0-0a+b.01",
            "1.0.0--",
        ] {
            assert!(is_semantic(version), "{version}");
        }
        for version in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "01.0.0",
            "1.0.x",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0+",
            "v1.0.0",
            "1.0.0-a..b",
            "1.0.0 ",
        ] {
            assert!(!is_semantic(version), "{version}");
        }
    }
}
