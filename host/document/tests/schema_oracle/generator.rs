//! Random schemas and instances from a seed, with all keywords of a draft and some that it does not have. They
//! are made as text, so that numbers can be written in ways in which no serializer writes them.
//!
//! Long: it has a part for each keyword.

use std::fmt::Write as _;

use super::chance::Chance;
use super::values::{COUNTS, DIVISORS, KINDS, LONG, NAMES, NUMBERS, ODD, PATTERNS, TEXTS};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Draft {
    D3,
    D4,
    D6,
    D7,
    D2019,
    D2020,
}

use Draft::{D3, D4, D6, D7, D2019, D2020};

impl Draft {
    pub const ALL: [Self; 6] = [D3, D4, D6, D7, D2019, D2020];

    pub fn uri(self) -> &'static str {
        match self {
            D3 => "http://json-schema.org/draft-03/schema#",
            D4 => "http://json-schema.org/draft-04/schema#",
            D6 => "http://json-schema.org/draft-06/schema#",
            D7 => "http://json-schema.org/draft-07/schema#",
            D2019 => "https://json-schema.org/draft/2019-09/schema",
            D2020 => "https://json-schema.org/draft/2020-12/schema",
        }
    }

    fn definitions(self) -> &'static str {
        if self >= D2019 {
            "$defs"
        } else {
            "definitions"
        }
    }
}

/// A value of `enum` or `const`: rarely with an integer that is refused there.
fn expected(chance: &mut Chance, depth: usize) -> String {
    let text = value(chance, depth);
    let is_long = LONG.iter().any(|long| text.contains(long));
    if is_long && !chance.one_in(20) {
        "1".to_owned()
    } else {
        text
    }
}

/// A value as text.
fn value(chance: &mut Chance, depth: usize) -> String {
    let kinds = if depth == 0 { 7 } else { 11 };
    match chance.below(kinds) {
        0 => chance
            .pick(&["null", "true", "false", "true", "false"])
            .to_owned(),
        1..=3 => chance.pick(NUMBERS).to_owned(),
        4..=6 => chance.pick(TEXTS).to_owned(),
        7 | 8 => {
            let elements: Vec<String> = (0..chance.below(5))
                .map(|_| value(chance, depth - 1))
                .collect();
            format!("[{}]", elements.join(","))
        }
        _ => {
            let members: Vec<String> = (0..chance.below(5))
                .map(|_| format!("\"{}\":{}", chance.pick(NAMES), value(chance, depth - 1)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

/// An event; rarely it holds something that JSON does not have.
pub fn instance(chance: &mut Chance) -> String {
    match chance.below(120) {
        0 => chance.pick(ODD).to_owned(),
        1 => format!("{{\"a\":{}}}", chance.pick(ODD)),
        _ => value(chance, 3),
    }
}

/// Whether an event holds something that JSON does not have.
pub fn is_odd(text: &str) -> bool {
    ODD.iter().any(|odd| text.contains(odd))
}

/// The text of a schema that declares its `$schema`.
pub fn schema(chance: &mut Chance, draft: Draft) -> String {
    let mut writer = Writer {
        chance,
        draft,
        loops_at: Some(2),
    };
    let mut members = vec![format!("\"$schema\":\"{}\"", draft.uri())];
    let names = ["x", "y"];
    let inner: Vec<String> = names
        .iter()
        .map(|name| format!("\"{name}\":{}", writer.object(2, Some(name))))
        .collect();
    writer.loops_at = None;
    members.push(format!(
        "\"{}\":{{{}}}",
        draft.definitions(),
        inner.join(",")
    ));
    if draft == D2019 && writer.chance.one_in(4) {
        members.push("\"$recursiveAnchor\":true".to_owned());
    }
    if draft == D2020 && writer.chance.one_in(4) {
        members.push("\"$dynamicAnchor\":\"node\"".to_owned());
    }
    if writer.chance.one_in(8) {
        let id = if draft <= D4 { "id" } else { "$id" };
        members.push(format!("\"{id}\":\"http://example.org/root/schema.json\""));
    }
    members.extend(writer.keywords(3));
    format!("{{{}}}", members.join(","))
}

struct Writer<'c> {
    chance: &'c mut Chance,
    draft: Draft,
    /// How deep schemas of a definition are whose references mostly lead to a loop.
    loops_at: Option<usize>,
}

impl Writer<'_> {
    /// A schema: from draft-06 on rarely a boolean.
    fn schema(&mut self, depth: usize) -> String {
        if self.draft >= D6 && self.chance.one_in(8) {
            return self.chance.pick(&["true", "false"]).to_owned();
        }
        self.object(depth, None)
    }

    fn object(&mut self, depth: usize, name: Option<&str>) -> String {
        let mut members = self.keywords(depth);
        if let Some(name) = name.filter(|_| self.draft >= D2019 && self.chance.one_in(3)) {
            let kind = if self.draft == D2020 && self.chance.one_in(2) {
                "$dynamicAnchor"
            } else {
                "$anchor"
            };
            members.push(format!(
                "\"{kind}\":\"{}{name}\"",
                if kind == "$anchor" { "at" } else { "dyn" }
            ));
        }
        format!("{{{}}}", members.join(","))
    }

    fn schemas(&mut self, depth: usize) -> String {
        let list: Vec<String> = (0..1 + self.chance.below(3))
            .map(|_| self.schema(depth))
            .collect();
        format!("[{}]", list.join(","))
    }

    fn by_name(&mut self, names: &[&str], depth: usize) -> String {
        let mut text = String::from("{");
        for name in names
            .iter()
            .filter(|_| self.chance.one_in(2))
            .copied()
            .collect::<Vec<_>>()
        {
            let comma = if text.len() > 1 { "," } else { "" };
            let schema = self.schema(depth);
            let _ = write!(text, "{comma}\"{name}\":{schema}");
        }
        text + "}"
    }

    fn names(&mut self) -> String {
        let mut names: Vec<&str> = NAMES
            .iter()
            .copied()
            .filter(|_| self.chance.one_in(3))
            .collect();
        if names.is_empty() {
            names.push("a");
        }
        format!("[\"{}\"]", names.join("\",\""))
    }

    /// Members of one schema, of different names.
    fn keywords(&mut self, depth: usize) -> Vec<String> {
        let mut members: Vec<String> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for _ in 0..self.chance.below(4) + usize::from(depth > 1) {
            let mut pairs = self.keyword(depth);
            pairs.retain(|(name, _)| !seen.contains(name));
            seen.extend(pairs.iter().map(|(name, _)| *name));
            members.extend(
                pairs
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}")),
            );
        }
        members
    }

    fn keyword(&mut self, depth: usize) -> Vec<(&'static str, String)> {
        match self.chance.below(if depth == 0 { 10 } else { 20 }) {
            0 => vec![("type", self.types(depth))],
            1 => vec![("enum", self.values())],
            2 if self.draft >= D6 => vec![("const", expected(self.chance, 2))],
            2 | 3 => self.bounds(),
            4 => {
                let keyword = if self.draft == D3 {
                    "divisibleBy"
                } else {
                    "multipleOf"
                };
                vec![(keyword, self.chance.pick(DIVISORS).to_owned())]
            }
            5 => {
                let counts = [
                    "minLength",
                    "maxLength",
                    "minItems",
                    "maxItems",
                    "minProperties",
                    "maxProperties",
                ];
                let keyword = self
                    .chance
                    .pick(&counts[..if self.draft == D3 { 4 } else { 6 }]);
                vec![(keyword, self.count())]
            }
            6 => vec![(
                "uniqueItems",
                self.chance.pick(&["true", "true", "false"]).to_owned(),
            )],
            7 => match self.draft {
                D3 => vec![("required", self.chance.pick(&["true", "false"]).to_owned())],
                _ => vec![("required", self.names())],
            },
            8 => self.annotation(),
            9 => vec![("pattern", format!("\"{}\"", self.chance.pick(PATTERNS)))],
            10 | 11 => self.of_members(depth - 1),
            12 | 13 => self.of_elements(depth - 1),
            14 | 15 => self.combined(depth - 1),
            16 => self.dependent(depth - 1),
            17 | 18 if self.loops_at == Some(depth) && !self.chance.one_in(20) => self.annotation(),
            17 | 18 => self.reference(),
            _ => self.newer(depth - 1),
        }
    }

    fn count(&mut self) -> String {
        let is_rare = self.draft <= D4 && !self.chance.one_in(20);
        self.chance
            .pick(&COUNTS[..COUNTS.len() - usize::from(is_rare)])
            .to_owned()
    }

    fn values(&mut self) -> String {
        let values: Vec<String> = (0..1 + self.chance.below(4))
            .map(|_| expected(self.chance, 2))
            .collect();
        format!("[{}]", values.join(","))
    }

    fn types(&mut self, depth: usize) -> String {
        let one = |writer: &mut Self| {
            if writer.draft == D3 && depth > 0 && writer.chance.one_in(4) {
                return writer.object(depth - 1, None);
            }
            if writer.draft == D3 && writer.chance.one_in(8) {
                return "\"any\"".to_owned();
            }
            format!("\"{}\"", writer.chance.pick(KINDS))
        };
        if self.chance.one_in(2) {
            let mut types = vec![one(self), one(self)];
            types.dedup();
            return format!("[{}]", types.join(","));
        }
        let one = one(self);
        if one.starts_with('{') {
            format!("[{one}]")
        } else {
            one
        }
    }

    fn bounds(&mut self) -> Vec<(&'static str, String)> {
        let bound = self.chance.pick(NUMBERS).to_owned();
        let (bounds, exclusive) = if self.chance.one_in(2) {
            ("minimum", "exclusiveMinimum")
        } else {
            ("maximum", "exclusiveMaximum")
        };
        match (self.draft <= D4, self.chance.one_in(2)) {
            (true, true) => vec![
                (bounds, bound),
                (exclusive, self.chance.pick(&["true", "false"]).to_owned()),
            ],
            (false, true) => vec![(exclusive, bound)],
            (_, false) => vec![(bounds, bound)],
        }
    }

    /// Keywords that are no constraint, or are of another draft.
    fn annotation(&mut self) -> Vec<(&'static str, String)> {
        let pair = match self.chance.below(7) {
            0 => (
                "format",
                self.chance
                    .pick(&["\"date\"", "\"ipv4\"", "\"uuid\"", "\"unknown\""])
                    .to_owned(),
            ),
            1 if self.draft != D3 => ("contentEncoding", "\"base64\"".to_owned()),
            2 => ("default", value(self.chance, 1)),
            3 => ("x-unknown", value(self.chance, 1)),
            4 if self.draft == D4 => ("const", expected(self.chance, 0)),
            4 if self.draft >= D6 => ("divisibleBy", "2".to_owned()),
            5 if self.draft >= D4 => ("disallow", "\"string\"".to_owned()),
            5 if self.draft == D3 => ("title", "\"t\"".to_owned()),
            _ => ("description", "\"d\"".to_owned()),
        };
        vec![pair]
    }

    fn of_members(&mut self, depth: usize) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        if !self.chance.one_in(4) {
            pairs.push(("properties", self.by_name(NAMES, depth)));
        }
        if self.chance.one_in(3) {
            pairs.push(("patternProperties", self.by_name(PATTERNS, depth)));
        }
        if self.chance.one_in(2) {
            let additional = if self.chance.one_in(2) {
                "false".to_owned()
            } else {
                self.object(depth, None)
            };
            pairs.push(("additionalProperties", additional));
        }
        if self.draft >= D6 && self.chance.one_in(5) {
            pairs.push(("propertyNames", self.schema(depth)));
        }
        pairs
    }

    fn of_elements(&mut self, depth: usize) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        if self.draft == D2020 {
            if self.chance.one_in(2) {
                pairs.push(("prefixItems", self.schemas(depth)));
            }
            if self.chance.one_in(2) {
                pairs.push(("items", self.schema(depth)));
            }
            if self.chance.one_in(6) {
                pairs.push(("additionalItems", self.schema(depth)));
            }
        } else {
            let items = if self.chance.one_in(2) {
                self.schemas(depth)
            } else {
                self.schema(depth)
            };
            if !self.chance.one_in(6) {
                pairs.push(("items", items));
            }
            if self.chance.one_in(2) {
                let additional = if self.chance.one_in(2) {
                    "false".to_owned()
                } else {
                    self.object(depth, None)
                };
                pairs.push(("additionalItems", additional));
            }
        }
        if self.draft >= D6 && self.chance.one_in(2) {
            pairs.push(("contains", self.schema(depth)));
            // Before 2019-09 they have no effect.
            if self.chance.one_in(2) {
                pairs.push(("minContains", self.count()));
            }
            if self.chance.one_in(3) {
                pairs.push(("maxContains", self.count()));
            }
        }
        pairs
    }

    fn combined(&mut self, depth: usize) -> Vec<(&'static str, String)> {
        if self.draft == D3 {
            return match self.chance.below(4) {
                0 => vec![("extends", self.object(depth, None))],
                1 => vec![("extends", self.schemas(depth))],
                2 => vec![("disallow", self.types(depth))],
                _ => vec![("disallow", format!("\"{}\"", self.chance.pick(KINDS)))],
            };
        }
        let keyword = self.chance.pick(&["allOf", "anyOf", "oneOf", "not", "if"]);
        match keyword {
            "not" => vec![(keyword, self.schema(depth))],
            "if" if self.draft >= D7 => {
                let mut pairs = vec![("if", self.schema(depth))];
                if !self.chance.one_in(3) {
                    pairs.push(("then", self.schema(depth)));
                }
                if !self.chance.one_in(3) {
                    pairs.push(("else", self.schema(depth)));
                }
                pairs
            }
            "if" => vec![("not", self.schema(depth))],
            _ => vec![(keyword, self.schemas(depth))],
        }
    }

    fn dependent(&mut self, depth: usize) -> Vec<(&'static str, String)> {
        let name = self.chance.pick(NAMES);
        let of = |text: String| format!("{{\"{name}\":{text}}}");
        match self.chance.below(3) {
            0 if self.draft >= D2019 => vec![("dependentRequired", of(self.names()))],
            1 if self.draft >= D2019 => vec![("dependentSchemas", of(self.schema(depth)))],
            0 if self.draft == D3 => vec![(
                "dependencies",
                of(format!("\"{}\"", self.chance.pick(NAMES))),
            )],
            0 | 1 => vec![("dependencies", of(self.names()))],
            _ => vec![("dependencies", of(self.schema(depth)))],
        }
    }

    /// A reference, also beside other keywords.
    fn reference(&mut self) -> Vec<(&'static str, String)> {
        let definitions = self.draft.definitions();
        match self.chance.below(8) {
            0 => vec![("$ref", "\"#\"".to_owned())],
            1 if self.draft == D2019 => vec![("$recursiveRef", "\"#\"".to_owned())],
            1 if self.draft == D2020 => vec![("$dynamicRef", "\"#node\"".to_owned())],
            2 if self.draft == D2020 => vec![("$dynamicRef", "\"#dynx\"".to_owned())],
            2 | 3 if self.draft >= D2019 => vec![(
                "$ref",
                self.chance.pick(&["\"#atx\"", "\"#aty\""]).to_owned(),
            )],
            number => vec![(
                "$ref",
                format!(
                    "\"#/{definitions}/{}\"",
                    if number % 2 == 0 { "x" } else { "y" }
                ),
            )],
        }
    }

    /// Keywords of 2019-09 and later.
    fn newer(&mut self, depth: usize) -> Vec<(&'static str, String)> {
        if self.draft < D2019 {
            return self.of_members(depth);
        }
        let schema = if self.chance.one_in(2) {
            "false".to_owned()
        } else {
            self.schema(depth)
        };
        let keyword = self
            .chance
            .pick(&["unevaluatedProperties", "unevaluatedItems"]);
        let mut pairs = vec![(keyword, schema)];
        if self.chance.one_in(2) {
            pairs.extend(self.applied(depth, keyword == "unevaluatedItems"));
        }
        if self.chance.one_in(2) {
            pairs.extend(if keyword == "unevaluatedItems" {
                self.of_elements(depth)
            } else {
                self.of_members(depth)
            });
        }
        pairs
    }

    /// Keywords that say more of the same value, by what is evaluated there.
    fn applied(&mut self, depth: usize, elements: bool) -> Vec<(&'static str, String)> {
        let one = |writer: &mut Self| {
            let pairs = if elements {
                writer.of_elements(depth.saturating_sub(1))
            } else {
                writer.of_members(depth.saturating_sub(1))
            };
            let members: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("\"{name}\":{value}"))
                .collect();
            format!("{{{}}}", members.join(","))
        };
        match self.chance.below(5) {
            0 => vec![("if", one(self)), ("then", one(self)), ("else", one(self))],
            1 => vec![("if", one(self))],
            2 => vec![("dependentSchemas", format!("{{\"a\":{}}}", one(self)))],
            number => {
                let keyword = if number == 3 { "anyOf" } else { "allOf" };
                vec![(keyword, format!("[{},{}]", one(self), one(self)))]
            }
        }
    }
}
