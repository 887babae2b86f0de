//! `[owners]`: who has to be notified. An alarm about a schema or a check carries its owner.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::settings::reader::Section;

/// The text in place of an owner if none is named. The series exists all the same, so that no alarm is lost
/// when a rule joins the alarm with it.
pub const NOBODY: &str = "(nobody)";

/// Maximum length of an owner: it is a metric label.
const OWNER_BYTES_MAX: usize = 64;

/// Maximum length of a pattern: no sensible name and revision is longer.
const PATTERN_BYTES_MAX: usize = 256;

/// Maximum patterns of one table: each is compared with up to 4,096 schemas at a reload.
const PATTERNS_MAX: usize = 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnersConfig {
    /// The owner of everything that is not named below.
    pub default: String,
    /// The owner of Landfall itself.
    pub landfall: String,
    /// By pattern of `name/revision` or name.
    pub schemas: BTreeMap<String, String>,
    /// By pattern of the check's name.
    pub checks: BTreeMap<String, String>,
}

impl OwnersConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        let remedy = format!(
            "write a name of at most {OWNER_BYTES_MAX} bytes that does not begin with \"(\", or \"\" for nobody"
        );
        let owner = |text: &str| is_owner(text).then(|| text.to_owned());
        section.parsed("default", &mut self.default, &remedy, owner);
        section.parsed("landfall", &mut self.landfall, &remedy, owner);
        for (key, into) in [("schemas", &mut self.schemas), ("checks", &mut self.checks)] {
            section.texts_by_name(key, into, PATTERNS_MAX, |pattern, text| {
                if !is_pattern(pattern) {
                    return Err(format!(
                        "write a name before the owner, of 1 to {PATTERN_BYTES_MAX} bytes, in which * stands for anything"
                    ));
                }
                owner(text).ok_or_else(|| remedy.clone())
            });
        }
    }

    /// The owner of a schema, or of a text in its place: `(unknown)`, `(none)`, `(other)`.
    pub fn of_schema(&self, schema: &str) -> &str {
        self.shown(best(&self.schemas, |pattern| {
            matches_schema(pattern, schema)
        }))
    }

    pub fn of_check(&self, check: &str) -> &str {
        self.shown(best(&self.checks, |pattern| matches(pattern, check)))
    }

    pub fn of_landfall(&self) -> &str {
        self.shown(Some(self.landfall.as_str()).filter(|owner| !owner.is_empty()))
    }

    /// None: the default. An empty owner is nobody, even if there is another default.
    fn shown<'a>(&'a self, owner: Option<&'a str>) -> &'a str {
        let owner = owner.unwrap_or(&self.default);
        if owner.is_empty() { NOBODY } else { owner }
    }
}

/// The owner of the pattern that counts: the one with the most literal characters; among those, the one with
/// the fewest stars; among those, the first by its bytes.
fn best(owners: &BTreeMap<String, String>, is_meant: impl Fn(&str) -> bool) -> Option<&str> {
    let stars = |pattern: &str| pattern.bytes().filter(|byte| *byte == b'*').count();
    let meant = owners.iter().filter(|(pattern, _)| is_meant(pattern));
    let best = meant.min_by_key(|(pattern, _)| {
        let stars = stars(pattern);
        (Reverse(pattern.len() - stars), stars, pattern.as_str())
    });
    best.map(|(_, owner)| owner.as_str())
}

/// Whether a pattern matches `name/revision` as a whole, or its name, and so all its revisions.
pub fn matches_schema(pattern: &str, schema: &str) -> bool {
    let of_name = || {
        let name = schema.rsplit_once('/').map(|(name, _)| name);
        name.is_some_and(|name| matches(pattern, name))
    };
    matches(pattern, schema) || of_name()
}

/// Whether a pattern matches a text. `*` matches anything, also nothing; every other character matches itself.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = pattern.rsplit_once('*').map(|(_, last)| last) else {
        return rest.is_empty();
    };
    // Match each part as early as possible, so that the most text is left for the parts behind it.
    let between = parts.clone().count().saturating_sub(1);
    for part in parts.take(between) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn is_owner(text: &str) -> bool {
    text.len() <= OWNER_BYTES_MAX && !text.starts_with('(') && is_plain(text)
}

fn is_pattern(text: &str) -> bool {
    !text.is_empty() && text.len() <= PATTERN_BYTES_MAX && is_plain(text)
}

fn is_plain(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_all_else_for_itself() {
        for (pattern, text, is_meant) in [
            ("Edit/11", "Edit/11", true),
            ("Edit/11", "Edit/1", false),
            ("Edit/1", "Edit/11", false),
            ("Edit/*", "Edit/11", true),
            ("Edit/*", "Edit/", true),
            ("Edit/*", "EditConflict/1", false),
            ("*", "", true),
            ("*Timing/*", "NavigationTiming/7", true),
            ("*Timing/*", "Timing", false),
            ("a*b*a", "aba", true),
            ("a*b*a", "ab", false),
            ("a*a", "a", false),
            ("*a*a*", "xaxax", true),
            ("**", "x", true),
            ("a.c", "abc", false),
            ("mediawiki/*/1.*", "mediawiki/page/move/1.0.0", true),
        ] {
            assert_eq!(matches(pattern, text), is_meant, "{pattern} {text}");
        }
        assert!(matches_schema("Edit", "Edit/11"));
        assert!(matches_schema(
            "mediawiki/page/*",
            "mediawiki/page/move/1.0.0"
        ));
        assert!(!matches_schema("Edi", "Edit/11"));
    }

    #[test]
    fn the_pattern_that_says_most_counts_and_nobody_is_named_where_nobody_is() {
        let pairs = |pairs: &[(&str, &str)]| {
            let owned = pairs
                .iter()
                .map(|&(name, owner)| (name.into(), owner.into()));
            owned.collect::<BTreeMap<String, String>>()
        };
        let mut owners = OwnersConfig {
            default: String::new(),
            landfall: String::new(),
            schemas: pairs(&[
                ("*", "all"),
                ("Edit", "editors"),
                ("Edit/*", "revisions"),
                ("Edit/11", "eleven"),
                ("Edit/11*", "elevens"),
                ("*/7", "sevens"),
                ("Old*", ""),
                ("a*", "first"),
                ("*b", "second"),
                ("(other)", "the rest"),
            ]),
            checks: pairs(&[("delivery-*", "objectives")]),
        };
        for (schema, owner) in [
            ("Edit/11", "eleven"),
            ("Edit/110", "elevens"),
            ("Edit/2", "revisions"),
            ("Edit", "editors"),
            ("Move/7", "sevens"),
            ("Move/8", "all"),
            ("OldEdit/1", NOBODY),
            ("ab", "second"),
            ("(other)", "the rest"),
            ("(unknown)", "all"),
        ] {
            assert_eq!(owners.of_schema(schema), owner, "{schema}");
        }
        assert_eq!(owners.of_check("delivery-objective"), "objectives");
        assert_eq!(owners.of_check("field-parity"), NOBODY);
        assert_eq!(owners.of_landfall(), NOBODY);
        owners.default = "analytics".into();
        assert_eq!(owners.of_check("field-parity"), "analytics");
        assert_eq!(owners.of_landfall(), "analytics");
        assert_eq!(owners.of_schema("OldEdit/1"), NOBODY, "nobody on purpose");
        owners.landfall = "operators".into();
        assert_eq!(owners.of_landfall(), "operators");
    }

    #[test]
    fn an_invalid_owner_or_pattern_is_reported_with_its_place() {
        let text = r#"[owners]
default = "(nobody)"
landfall = 7
[owners.schemas]
"Edit/*" = "editing-team"
"" = "nobody"
"Search/*" = "two\u001blines"
"Odd\u001b/*" = 7
[owners.checks]
a = ["b"]
"#;
        let message = crate::config::tests::load(text, &[]).unwrap_err();
        let lines: Vec<&str> = message.lines().collect();
        for (line, expected) in lines.iter().zip([
            "landfall.toml:2: owners.default: found \"(nobody)\"; write a name of at most 64 bytes",
            "landfall.toml:3: owners.landfall: found 7; write a name",
            "landfall.toml:6: owners.schemas.\"\": found \"nobody\"; write a name before the owner",
            "landfall.toml:7: owners.schemas.\"Search/*\": found \"two\u{1b}lines\"; write a name of",
            "landfall.toml:8: owners.schemas.\"Odd\u{1b}/*\": found 7; write a text in quotes",
            "landfall.toml:10: owners.checks.\"a\": found a list; write a text in quotes",
        ]) {
            assert!(line.starts_with(expected), "{line}");
        }
        assert_eq!(lines.len(), 6, "{message}");
        let config = crate::config::tests::load("[owners]\nschemas = \"x\"\n", &[]);
        assert!(
            config
                .unwrap_err()
                .contains("write a table of names and texts")
        );
    }
}
