//! Pieces of PromQL that many rules are made of.

use super::time::{Scale, Span};

/// A text in double quotes.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// By how much counters have grown. A process that starts anew begins with 0, and `increase` takes that into account.
pub fn increase(selector: &str, scale: Scale, over: Span) -> String {
    format!("increase({selector}[{}])", scale.of(over))
}

/// A gauge that outlives single scrapes that fail: such a scrape marks all series of its target as gone, and would
/// reset the time of `for`.
pub fn bridged(selector: &str, scale: Scale) -> String {
    format!("last_over_time({selector}[{}])", scale.of(BRIDGE))
}

/// Four scrapes of a minute, and one more.
const BRIDGE: Span = Span::minutes(5);

/// The same for counters of which a series begins with its first count, and so above 0: `increase` does not see that
/// count. Such a series is found by a scrape in which the rest of the target was there and the series was not.
/// `labels` are those that the counter has beside those of its target.
pub fn increase_or_first(
    selector: &str,
    labels: &str,
    job: &str,
    scale: Scale,
    over: Span,
) -> String {
    let ago = scale.of(BRIDGE);
    format!(
        "(\n  ({selector} unless {selector} offset {ago} and ignoring ({labels}) up{{job={}}} offset {ago} == 1)\n  or\n  {}\n)",
        quoted(job),
        increase(selector, scale, over)
    )
}

/// The same text, each line further in.
pub fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_quotes_cannot_end_them() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
        assert_eq!(quoted("a\nb"), r#""a\nb""#);
    }
}
