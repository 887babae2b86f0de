//! The known key that somebody probably meant by a key that does not exist.

use strsim::levenshtein;

/// The known key that was probably meant: at most half of its letters differ.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let by_distance = known
        .iter()
        .map(|&known| (levenshtein(key, known), known))
        .min()?;
    (by_distance.0 * 2 <= by_distance.1.len()).then_some(by_distance.1)
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
