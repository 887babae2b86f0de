//! The contract's limits on what a check says of itself, so that a test shows a breach before the
//! host refuses the check.

const NAME_BYTES_MAX: usize = 48;
const VERSION_BYTES_MAX: usize = 32;
const COLUMNS_MAX: usize = 64;
const REASONS_MAX: usize = 64;

/// Panics with what is wrong.
pub fn check_name(name: &str, version: &str) {
    let lawful = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(
        !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(lawful),
        "NAME `{name}`: lower-case letters, digits and dashes, at most {NAME_BYTES_MAX} bytes"
    );
    let parts: Vec<&str> = version.splitn(3, '.').collect();
    assert!(
        version.len() <= VERSION_BYTES_MAX
            && parts.len() == 3
            && parts
                .iter()
                .all(|part| part.starts_with(|c: char| c.is_ascii_digit())),
        "VERSION `{version}`: a semantic version, at most {VERSION_BYTES_MAX} bytes"
    );
}

/// Panics with what is wrong.
pub fn check_reasons<'a>(ids: impl Iterator<Item = &'a str>) {
    let lawful = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let mut seen: Vec<&str> = Vec::new();
    for id in ids {
        assert!(
            !id.is_empty() && id.len() <= NAME_BYTES_MAX && id.bytes().all(lawful),
            "reason `{id}`: lower-case letters, digits and underscores, at most {NAME_BYTES_MAX} bytes"
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
    for pointer in pointers {
        assert!(
            pointer.is_empty() || pointer.starts_with('/'),
            "column `{pointer}`: a JSON pointer begins with `/`"
        );
    }
}
