//! Texts of locations within a schema file: JSON pointers (RFC 6901) and fragments of URIs. Knows texts alone.

/// A member's name as a step of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A URI's fragment as the text it stands for. What is no escape stays.
pub(super) fn percent_decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let escape = tail
            .first_chunk::<2>()
            .filter(|_| *byte == b'%')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escape.unwrap_or(*byte));
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What is left of a pointer behind `above`, if it leads there or below.
pub(super) fn below<'p>(pointer: &'p str, above: &str) -> Option<&'p str> {
    let rest = pointer.strip_prefix(above)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// The pointer from before members were renamed. `renamed` has the new pointer of each, and the one before.
pub(super) fn before_renaming(renamed: &[(String, String)], pointer: &str) -> String {
    let nearest = renamed
        .iter()
        .filter_map(|(to, at)| Some((to, at, below(pointer, to)?)))
        .max_by_key(|(to, ..)| to.len());
    nearest.map_or_else(|| pointer.to_owned(), |(_, at, rest)| format!("{at}{rest}"))
}
