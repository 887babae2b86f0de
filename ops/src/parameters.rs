//! The parameters of what is generated: what differs between installations, and which values are valid.

use fluent_uri::Uri;

/// What the generated texts are made for.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Where docs/OPERATIONS.md is published, without an anchor: what an alert links to.
    pub runbook_url: String,
    /// Where Grafana is, without a path: what an alert links to.
    pub dashboard_url: String,
    /// Where Alertmanager's example sends notifications: each receiver has its name below it.
    pub webhook_url: String,
    /// Owners for which the example has receivers, as `[owners]` of Landfall's configuration names them.
    pub owners: Vec<String>,
    /// The job under which Prometheus scrapes Landfall.
    pub job: String,
    /// How many times faster than real time Landfall's clock runs: every duration of a rule is divided by it. 1,
    /// except in a replay.
    pub time_factor: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            runbook_url: "https://landfall.example/docs/OPERATIONS.md".into(),
            dashboard_url: "https://grafana.example".into(),
            webhook_url: "https://notify.example".into(),
            owners: vec!["editing-team".into()],
            job: "landfall".into(),
            time_factor: 1.0,
        }
    }
}

/// The highest factor: a day takes nine seconds. Prometheus knows nothing shorter than a millisecond, and a range of
/// four scrapes has to be several of them.
pub const TIME_FACTOR_MAX: f64 = 10_000.0;
/// The lowest factor: an hour takes four days.
pub const TIME_FACTOR_MIN: f64 = 0.01;

/// Why a text is no valid parameter.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParameterError {
    #[error("it is no URL ({0}); write one as https://host/path")]
    NoUrl(String),
    #[error("its scheme is {0}; write a URL that begins with https:// or http://")]
    Scheme(String),
    #[error("it names no host; write a URL as https://host/path")]
    NoHost,
    #[error("it has {0}, which is added to it later, or would show in every alert; leave it out")]
    TooMuch(&'static str),
    #[error("it is no number above 0; write one as 1 or 60")]
    NoFactor,
    #[error(
        "it is not between {TIME_FACTOR_MIN} and {TIME_FACTOR_MAX}: Prometheus would see nothing any more"
    )]
    Factor,
    #[error("it is empty, or has invisible characters; write the name that is configured")]
    Name,
}

/// The address of pages, to which an anchor or a path is added. A slash at its end is removed.
///
/// # Errors
///
/// If the text is no URL of `http` or `https`, or has a user, a query or an anchor.
pub fn base_url(text: &str) -> Result<String, ParameterError> {
    let url = Uri::parse(text).map_err(|error| ParameterError::NoUrl(error.to_string()))?;
    let scheme = url.scheme().as_str().to_ascii_lowercase();
    if !["https", "http"].contains(&scheme.as_str()) {
        return Err(ParameterError::Scheme(scheme));
    }
    let authority = url.authority().ok_or(ParameterError::NoHost)?;
    if authority.host().is_empty() {
        return Err(ParameterError::NoHost);
    }
    let too_much = [
        ("a user", authority.has_userinfo()),
        ("a query", url.has_query()),
        ("an anchor", url.has_fragment()),
    ];
    if let Some((what, _)) = too_much.into_iter().find(|(_, is_there)| *is_there) {
        return Err(ParameterError::TooMuch(what));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// A factor of time.
///
/// # Errors
///
/// If the text is no number above 0, or not between [`TIME_FACTOR_MIN`] and [`TIME_FACTOR_MAX`].
pub fn time_factor(text: &str) -> Result<f64, ParameterError> {
    let factor: f64 = text.parse().map_err(|_| ParameterError::NoFactor)?;
    if !factor.is_finite() || factor <= 0.0 {
        return Err(ParameterError::NoFactor);
    }
    if !(TIME_FACTOR_MIN..=TIME_FACTOR_MAX).contains(&factor) {
        return Err(ParameterError::Factor);
    }
    Ok(factor)
}

/// The name of a job or an owner.
///
/// # Errors
///
/// If it is blank, or has invisible characters.
pub fn name(text: &str) -> Result<String, ParameterError> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(ParameterError::Name);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_a_scheme_and_a_host_and_nothing_behind_its_path() {
        for (text, taken) in [
            ("https://a.example", Some("https://a.example")),
            (
                "http://[::1]:3000/grafana/",
                Some("http://[::1]:3000/grafana"),
            ),
            ("HTTPS://a/b.md", Some("HTTPS://a/b.md")),
            ("a.example", None),
            ("", None),
            ("ftp://a", None),
            ("javascript:alert(1)", None),
            ("https:///path", None),
            ("https://user:word@a", None),
            ("https://a/?b=c", None),
            ("https://a/#b", None),
            ("https://a/{{ x }}", None),
            ("https://a/\nb", None),
            ("https://a/\"b", None),
        ] {
            assert_eq!(base_url(text).ok().as_deref(), taken, "{text:?}");
        }
    }

    #[test]
    fn a_factor_is_above_0_and_leaves_something_to_see() {
        assert_eq!(time_factor("60"), Ok(60.0));
        assert_eq!(time_factor("0.5"), Ok(0.5));
        for text in ["0", "-1", "nan", "inf", "fast", ""] {
            assert_eq!(time_factor(text), Err(ParameterError::NoFactor), "{text}");
        }
        for text in ["1e9", "0.001"] {
            assert_eq!(time_factor(text), Err(ParameterError::Factor), "{text}");
        }
    }

    #[test]
    fn a_name_can_be_seen() {
        assert_eq!(name("a b").as_deref(), Ok("a b"));
        for text in ["", " ", "a\nb", "a\u{1b}[1m"] {
            assert_eq!(name(text), Err(ParameterError::Name), "{text:?}");
        }
    }

    #[test]
    fn the_defaults_are_such_parameters() {
        let default = Parameters::default();
        for url in [
            &default.runbook_url,
            &default.dashboard_url,
            &default.webhook_url,
        ] {
            assert_eq!(base_url(url).as_ref(), Ok(url));
        }
    }
}
