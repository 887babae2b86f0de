//! Labels of schemas: `<name>/<revision>`. They become labels of metrics, so only few characters are allowed.

/// Whether a label is a name, a slash and a revision.
pub(super) fn is_label(label: &str) -> bool {
    let Some((name, revision)) = label.rsplit_once('/') else {
        return false;
    };
    name.split('/').all(is_name_part) && is_revision(revision)
}

fn is_name_part(part: &str) -> bool {
    !part.is_empty()
        && part != "."
        && part != ".."
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// Digits, or a semantic version `major.minor.patch` with an optional `-pre` and `+build`.
fn is_revision(revision: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let tail_begins = revision.find(['-', '+']).unwrap_or(revision.len());
    let (core, tail) = revision.split_at(tail_begins);
    let parts: Vec<&str> = core.split('.').collect();
    let is_tail = tail.is_empty()
        || tail.len() > 1
            && tail
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte));
    match parts.as_slice() {
        [number] => is_number(number) && tail.is_empty(),
        [_, _, _] => parts.iter().all(|part| is_number(part)) && is_tail,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_label;

    #[test]
    fn a_label_is_a_name_and_a_number_or_a_semantic_version() {
        for good in [
            "Edit/1",
            "a/b-c/1.0.0",
            "x.y/2.0.0-rc.1+7",
            "EventCapsule/10981547",
        ] {
            assert!(is_label(good), "{good}");
        }
        for bad in [
            "1",
            "Edit",
            "Edit/latest",
            "Edit/1.0",
            "a b/1",
            "../1",
            "a//1",
            "a/1.0.0-",
            "/1",
        ] {
            assert!(!is_label(bad), "{bad}");
        }
    }
}
