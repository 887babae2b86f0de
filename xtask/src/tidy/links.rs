//! Every link from one page of the repository to another, or to a source, leads somewhere.

use super::Finding;
use super::files::File;

/// `exists` tells whether a path, relative to the root, is there.
pub fn check(file: &File, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_code = false;
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line) {
            let path = target.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || path.contains(':');
            if !elsewhere && !resolve(&file.path, path).is_some_and(|path| exists(&path)) {
                let text = format!("the link to {target} leads nowhere; fix or remove it");
                findings.push(Finding::at(&file.path, index + 1, text));
            }
        }
    }
    findings
}

/// What stands in the parentheses of `[text](target)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
}

/// A link's path from the root; None if it leads out of the repository.
fn resolve(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_followed_from_where_its_page_stands() {
        let text = "\
see [a](A.md) and [b](../src/b.rs#L3), [c](#here), [d](https://example.org/x)
[e](E.md) [f](../../f)
```text
[g](G.md)
```
";
        let file = File {
            path: "docs/PAGE.md".into(),
            text: text.into(),
        };
        let there = ["docs/A.md", "src/b.rs"];
        let found: Vec<String> = check(&file, |path| there.contains(&path))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "docs/PAGE.md:2: the link to E.md leads nowhere; fix or remove it",
                "docs/PAGE.md:2: the link to ../../f leads nowhere; fix or remove it",
            ]
        );
    }
}
