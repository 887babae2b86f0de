//! The operator's settings.

use serde::Deserialize;

/// The configuration; `{}` judges EventLogging events by the schema that each names.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The schema of the whole document, if it has one.
    pub capsule: Option<Capsule>,
    /// The place of the name of the payload's schema: a string.
    pub name: String,
    /// The place of its revision: an integer, or a string such as `1.0.0`.
    pub revision: String,
    /// The place of name and revision together, as `/mediawiki/page/move/1.0.0`. If it is set, `name`
    /// and `revision` are not used.
    pub uri: Option<String>,
    /// The place of the payload, which is judged by the named schema; empty for the whole document.
    pub at: String,
    /// Names of schemas (without revision) whose events the pipeline is right to leave out.
    pub blocked: Vec<String>,
    /// How events from bots are recognised, which the pipeline is right to leave out.
    pub bots: Option<Bots>,
}

/// The fixed schema of the whole document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capsule {
    /// `name/revision`.
    pub schema: String,
}

/// How bots are recognised.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bots {
    /// The place of the user agent: a string, or an object with `is_bot`.
    pub at: String,
    /// Parts of a user agent that only bots have; upper and lower case of ASCII are the same.
    pub contains: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            capsule: None,
            name: "/schema".into(),
            revision: "/revision".into(),
            uri: None,
            at: "/event".into(),
            blocked: Vec::new(),
            bots: None,
        }
    }
}

impl Default for Bots {
    fn default() -> Self {
        Self {
            at: "/userAgent".into(),
            contains: Vec::new(),
        }
    }
}

impl Config {
    /// Whether all fields can be used.
    ///
    /// # Errors
    /// A field that cannot be used; the text names it, and what to do.
    pub fn check(&self) -> Result<(), String> {
        let mut pointers = vec![("at", &self.at)];
        match &self.uri {
            Some(uri) => pointers.push(("uri", uri)),
            None => pointers.extend([("name", &self.name), ("revision", &self.revision)]),
        }
        if let Some(bots) = &self.bots {
            pointers.push(("bots.at", &bots.at));
        }
        for (field, pointer) in pointers {
            if !(pointer.is_empty() || pointer.starts_with('/')) {
                return Err(format!(
                    "`{field}`: `{pointer}` is no JSON pointer: begin it with `/`"
                ));
            }
        }
        if let Some(capsule) = &self.capsule
            && !capsule.schema.contains('/')
        {
            return Err(format!(
                "`capsule.schema`: `{}` lacks its revision: write it as `name/revision`",
                capsule.schema
            ));
        }
        Ok(())
    }
}
