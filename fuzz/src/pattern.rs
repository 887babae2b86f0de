//! Patterns of schemas. The input is a pattern, a line `---`, and a text in each line.
//!
//! In each dialect a pattern is translated or refused with a reason; what is translated keeps to the size that
//! is told, its engine takes it, and the two engines agree on what it matches; Python 2 and 3 agree where only
//! ASCII is written.

use landfall_document::{EnginePattern, PatternDialect, translate_pattern};

use crate::input::parts;

/// Parts of a compiled pattern: fewer than a schema may have, so that an input does not take long.
const SIZE_MAX: u64 = 20_000;

/// Steps of an engine that backtracks.
const STEPS_MAX: usize = 20_000;

pub fn pattern(data: &[u8]) {
    let (pattern, texts) = parts(data);
    let pattern = String::from_utf8_lossy(pattern);
    let texts = String::from_utf8_lossy(texts);
    let texts: Vec<&str> = texts.lines().collect();
    let [three, two, _] = PatternDialect::ALL.map(|dialect| {
        let matched = matched(&pattern, dialect, &texts)?;
        Some(matched)
    });
    // `(?u)` and escapes may name what is not ASCII without having it.
    let is_plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if let (Some(three), Some(two)) = (three, two)
        && is_plain(&pattern)
    {
        for ((text, three), two) in texts.iter().zip(three).zip(two) {
            if let (true, Some(three), Some(two)) = (is_plain(text), three, two) {
                assert_eq!(three, two, "by both Pythons, on {text:?}");
            }
        }
    }
}

/// Whether it matches each text, None where the engine gave up; None if the pattern is refused.
fn matched(pattern: &str, dialect: PatternDialect, texts: &[&str]) -> Option<Vec<Option<bool>>> {
    let translated = match translate_pattern(pattern, dialect, SIZE_MAX) {
        Ok(translated) => translated,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    let size = translated.size;
    assert!(size <= SIZE_MAX);
    if size > 0 {
        let smaller = translate_pattern(pattern, dialect, size - 1);
        assert!(smaller.is_err(), "{size} parts in {} are taken", size - 1);
    }
    assert_eq!(
        translate_pattern(pattern, dialect, size).as_ref(),
        Ok(&translated)
    );
    Some(by_engines(&translated, texts))
}

fn by_engines(translated: &EnginePattern, texts: &[&str]) -> Vec<Option<bool>> {
    let backtracking = fancy_regex::RegexBuilder::new(&translated.text)
        .backtrack_limit(STEPS_MAX)
        .build();
    if !translated.is_linear {
        let engine = backtracking.expect("its engine takes it");
        return texts
            .iter()
            .map(|text| engine.is_match(text).ok())
            .collect();
    }
    let engine = regex::Regex::new(&translated.text).expect("its engine takes it");
    let matched = |text: &&str| {
        let is_match = engine.is_match(text);
        if let Ok(other) = &backtracking
            && let Ok(other) = other.is_match(text)
        {
            assert_eq!(other, is_match, "by both engines, on {text:?}");
        }
        Some(is_match)
    };
    texts.iter().map(matched).collect()
}
