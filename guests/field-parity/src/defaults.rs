//! The changes that EventLogging's writer is declared to make; they apply besides the operator's settings.

use crate::config::{As, Config, Field, Pointers};

/// Members of the capsule that the row does not keep, or (an address) keeps in another form.
const IGNORED: [&str; 7] = [
    "recvFrom", "seqId", "schema", "revision", "clientIp", "ip", "topic",
];

impl Config {
    /// The configuration with its defaults written out.
    pub fn resolved(mut self) -> Self {
        if !std::mem::take(&mut self.defaults) {
            return self;
        }
        let is_ignored = |name: String| {
            let is_it = |entry: &String| match entry.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => *entry == name,
            };
            self.ignore.iter().any(is_it)
        };
        let holds = |field: &Field| {
            let ignored = field.name(&self.separator).is_some_and(is_ignored);
            !ignored && !self.fields.iter().any(|own| overlap(own, field))
        };
        let fields: Vec<Field> = fields().into_iter().filter(holds).collect();
        self.fields.extend(fields);
        let ignored = IGNORED.iter().map(|&name| name.to_owned());
        self.ignore.extend(ignored);
        self
    }
}

/// Whether both name the same value on one side.
fn overlap(one: &Field, other: &Field) -> bool {
    let shared = |one: &Pointers, other: &Pointers| {
        let other = other.as_slice();
        one.as_slice().iter().any(|pointer| other.contains(pointer))
    };
    shared(&one.raw, &other.raw) || shared(&one.written, &other.written)
}

fn fields() -> Vec<Field> {
    let both = |pointers: &[&str], form| {
        let pointers = Pointers::Several(pointers.iter().map(|&p| p.to_owned()).collect());
        Field {
            raw: pointers.clone(),
            written: pointers,
            form,
            name: None,
            truncate: None,
            float: None,
            null_as_absent: None,
        }
    };
    vec![
        // Either time stands for the other. So a side that has one of them is compared with a side that
        // has the other, and both are compared if both sides have both.
        both(&["/timestamp", "/dt"], As::Timestamp),
        both(&["/dt", "/timestamp"], As::Timestamp),
        both(&["/userAgent"], As::Trimmed),
    ]
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn resolved(config: &str) -> (Vec<String>, usize) {
        let config: Config = serde_json::from_str(config).expect("a configuration");
        let config = config.resolved();
        let name = |field: &crate::config::Field| field.name("_").expect("a name");
        (
            config.fields.iter().map(name).collect(),
            config.ignore.len(),
        )
    }

    #[test]
    fn own_rules_add_to_the_defaults_and_take_their_place() {
        let cases = [
            ("{}", "timestamp dt userAgent", 7),
            (r#"{"defaults":false}"#, "", 0),
            (
                r#"{"fields":[{"raw":"/event/action","written":"/event_action"}],"ignore":["x"]}"#,
                "event_action timestamp dt userAgent",
                8,
            ),
            (
                r#"{"fields":[{"raw":"/userAgent","written":"/agent"}]}"#,
                "agent timestamp dt",
                7,
            ),
            (
                r#"{"fields":[{"raw":"/at","written":"/dt","as":"timestamp"}]}"#,
                "dt userAgent",
                7,
            ),
            (r#"{"ignore":["userAgent*"]}"#, "timestamp dt", 8),
            (r#"{"ignore":["timestamp","dt"]}"#, "userAgent", 9),
        ];
        for (config, fields, ignored) in cases {
            let (names, count) = resolved(config);
            assert_eq!(
                (names.join(" ").as_str(), count),
                (fields, ignored),
                "{config}"
            );
        }
    }
}
