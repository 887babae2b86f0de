//! Reads a check's configuration from JSON text.
//!
//! This is stricter than serde by itself: a member that the `Config` type does not know is refused,
//! whether or not the author wrote `deny_unknown_fields`. Otherwise a misspelt setting would silently
//! have its default. Every message names the member by its path.

use serde::de::DeserializeOwned;

/// Reads `text` as a `T`. The error is a lower-case fragment that names the member and what to do;
/// the host puts the check's name before it.
pub fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut source = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let mut unknown: Vec<String> = Vec::new();
    let config = {
        let tracked = serde_path_to_error::Deserializer::new(&mut source, &mut track);
        let mut note = |path: serde_ignored::Path<'_>| unknown.push(path.to_string());
        T::deserialize(serde_ignored::Deserializer::new(tracked, &mut note))
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            let path = track.path().to_string();
            let place = if path == "." {
                String::from("the configuration")
            } else {
                format!("`{path}`")
            };
            return Err(format!("{place}: {error}"));
        }
    };
    source
        .end()
        .map_err(|error| format!("the configuration goes on after its end: {error}"))?;
    if unknown.is_empty() {
        Ok(config)
    } else {
        Err(format!(
            "unknown field `{}`: remove it, or correct its name",
            unknown.join("`, `")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::from_text;

    #[derive(Debug, serde::Deserialize)]
    struct Inner {
        #[serde(default)]
        #[allow(dead_code, reason = "only its reading is tested")]
        limit: u32,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Config {
        #[allow(dead_code, reason = "only its reading is tested")]
        rules: Vec<Inner>,
    }

    #[test]
    fn errors_name_the_field() {
        let cases = [
            (r#"{"rules":[]}"#, None),
            (r#"{"rules":[{"limit":3}]}"#, None),
            (
                r#"{"rules":[{},{"limits":3}]}"#,
                Some("unknown field `rules.1.limits`: remove it, or correct its name"),
            ),
            (
                r#"{"rules":[{"limit":"3"}]}"#,
                Some(
                    "`rules[0].limit`: invalid type: string \"3\", expected u32 at line 1 column 22",
                ),
            ),
            (
                "{}",
                Some("the configuration: missing field `rules` at line 1 column 2"),
            ),
            (
                r#"{"rules":[]} x"#,
                Some(
                    "the configuration goes on after its end: trailing characters at line 1 column 14",
                ),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                from_text::<Config>(text).err().as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
