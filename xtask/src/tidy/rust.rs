//! Just enough Rust to tell code from comments, texts and tests.

/// The source with comments, and what stands in quotes, blanked out: every line keeps its number
/// and every character its column.
pub fn code(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => block_end(&chars, at),
            '"' => text_end(&chars, at),
            '\'' => char_end(&chars, at),
            'r' if !follows_name(&chars, at) => raw_end(&chars, at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(
                chars[at..end]
                    .iter()
                    .map(|&c| if c == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        }
    }
    out
}

/// `br"..."` is raw, `for"..."` would not be.
fn follows_name(chars: &[char], at: usize) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    match at.checked_sub(1).map(|before| chars[before]) {
        Some('b' | 'c') => at >= 2 && is_name(chars[at - 2]),
        Some(before) => is_name(before),
        None => false,
    }
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..]
        .iter()
        .position(|&c| c == '\n')
        .map_or(chars.len(), |length| at + length)
}

fn block_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    chars.len()
}

fn text_end(chars: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// A character's end; for a lifetime, where it began.
fn char_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let close = chars.iter().skip(at + 3).position(|&c| c == '\'');
            close.map_or(chars.len(), |length| at + 3 + length + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

/// A raw text's end; for any other `r`, where it is.
fn raw_end(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return at;
    }
    let mut end = at + 2 + hashes;
    while end < chars.len() {
        let closing = chars[end + 1..]
            .iter()
            .take(hashes)
            .filter(|&&c| c == '#')
            .count();
        if chars[end] == '"' && closing == hashes {
            return end + 1 + hashes;
        }
        end += 1;
    }
    chars.len()
}

/// What stands before and after each occurrence of a whole word.
pub fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .map(move |(at, _)| (&text[..at], &text[at + word.len()..]))
        .filter(move |(before, after)| !before.ends_with(is_name) && !after.starts_with(is_name))
}

/// Which lines of a file belong to tests.
pub struct Tests {
    /// By index of line.
    pub lines: Vec<bool>,
}

/// Finds the items under `#[cfg(test)]`. It goes by the indentation that rustfmt gives, so it needs
/// formatted code, without comments and texts (see `code`).
pub fn tests(code: &str) -> Tests {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Tests {
        lines: vec![false; lines.len()],
    };
    let mut at = 0;
    while at < lines.len() {
        if !is_test_attribute(lines[at]) {
            at += 1;
            continue;
        }
        let indent = indent(lines[at]);
        let mut end = at + 1;
        // Further attributes of the same item.
        while lines
            .get(end)
            .is_some_and(|line| line.trim_start().starts_with("#["))
        {
            end += 1;
        }
        let first = lines.get(end).map_or("", |line| line.trim());
        let whole = first.ends_with(';') || first.ends_with('}') || first.ends_with(',');
        if !whole {
            end += 1;
            // To the line that closes the item.
            let closes = |line: &str| {
                self::indent(line) == indent
                    && matches!(line.trim_start().chars().next(), Some('}' | ')'))
            };
            while lines.get(end).is_some_and(|line| !closes(line)) {
                end += 1;
            }
        }
        let end = (end + 1).min(lines.len());
        found.lines[at..end].fill(true);
        at = end;
    }
    found
}

fn is_test_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[cfg(test)]")
        || line.starts_with("#[cfg(any(test")
        || line.starts_with("#[cfg(all(test")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn comments_and_texts_are_blanked_and_code_stays_in_place() {
        for (source, expected) in [
            ("a // b.unwrap()", "a              "),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x // \" y") + 1"#, "f(           ) + 1"),
            (r##"f(r#"a "b" c"#, g)"##, "f(            , g)"),
            (r#"f(b"x", br"\", y)"#, "f(b   , b    , y)"),
            (
                "fn f<'a>(x: &'a str) { '\"' }",
                "fn f<'a>(x: &'a str) {     }",
            ),
            (r"m('\'', '\u{7f}', 'x')", "m(    ,         ,    )"),
            ("for r in rows {}", "for r in rows {}"),
            ("\"two\nlines\" x", "    \n       x"),
        ] {
            assert_eq!(code(source), expected, "{source}");
        }
    }

    #[test]
    fn tests_are_told_from_the_rest() {
        let source = "\
use a;
#[cfg(test)]
use b;
fn c() {
    d
}
#[cfg(test)]
#[path = x]
mod tests;
#[cfg(test)]
mod test {
    fn e() {
        f
    }
}
fn g() {}
";
        let tests = tests(source);
        let rest: Vec<&str> = source
            .lines()
            .zip(&tests.lines)
            .filter_map(|(line, &is_test)| (!is_test).then_some(line))
            .collect();
        assert_eq!(rest, ["use a;", "fn c() {", "    d", "}", "fn g() {}"]);
    }
}
