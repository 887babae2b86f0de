//! Reads the Prometheus text format, as much of it as a test needs.

use std::collections::BTreeMap;

/// One line of an exposition.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// An exposition.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub samples: Vec<Sample>,
}

impl Metrics {
    /// Lines that cannot be read are left out; `promtool` finds faults in them.
    pub fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        Self {
            samples: lines.filter_map(sample).collect(),
        }
    }

    /// All samples of `name` that carry all of `labels`.
    pub fn find<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a Sample> + 'a {
        self.samples.iter().filter(move |sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(key, value)| sample.labels.get(*key).is_some_and(|have| have == value))
        })
    }

    /// The sum over all samples of `name` that carry `labels`; 0 if there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).map(|sample| sample.value).sum()
    }

    /// The sum as a count.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.sum(name, labels) as u64
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (left, rest) = match line.find('{') {
        Some(brace) => (&line[..brace], &line[brace..]),
        None => line.split_once(' ')?,
    };
    let (labels, value) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (BTreeMap::new(), rest),
    };
    let value = value.split_whitespace().next()?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    Some(Sample {
        name: left.trim().to_owned(),
        labels,
        value,
    })
}

/// `key="value",...}` and what follows.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut found = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((found, after));
        }
        let (key, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        found.insert(key.to_owned(), value);
        rest = &quoted[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_values_and_escapes_are_read() {
        let metrics = Metrics::parse(
            "# HELP a b\na_total{x=\"1\",y=\"q\\\"}\\n\"} 3\na_total{x=\"2\"} 4.5 1700\nplain 7\nh_bucket{le=\"+Inf\"} +Inf\n",
        );
        assert_eq!(metrics.samples.len(), 4);
        assert_eq!(metrics.sum("a_total", &[]), 7.5);
        assert_eq!(metrics.samples[0].labels["y"], "q\"}\n");
        assert_eq!(metrics.count("plain", &[]), 7);
        assert_eq!(metrics.sum("a_total", &[("x", "2")]), 4.5);
    }
}
