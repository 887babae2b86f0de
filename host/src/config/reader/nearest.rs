//! What was probably meant by a key that does not exist.

/// The known key that was probably meant: at most half of its letters differ.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let by_distance = known
        .iter()
        .map(|&known| (distance(key, known), known))
        .min()?;
    (by_distance.0 * 2 <= by_distance.1.len()).then_some(by_distance.1)
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["endpoints", "topics", "codec", "dir", "store"];
        for (key, meant) in [
            ("endpoint", Some("endpoints")),
            ("tpoics", Some("topics")),
            ("stroe", Some("store")),
            ("dirr", Some("dir")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(key, &known), meant, "{key}");
        }
    }
}
