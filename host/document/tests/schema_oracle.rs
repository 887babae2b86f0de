//! Random schemas and instances of all drafts, compared with the pipeline's validator: Python's `jsonschema`.
//! Each difference has a name here and a line in docs/JSON.md; if it can be seen when a schema is loaded, there
//! is a hint too. If that validator is missing, the test says so.
//!
//! `LANDFALL_JSONSCHEMA` names the directory with it (`cargo xtask setup` makes one), else python3 has to
//! have it. `LANDFALL_ORACLE_SCHEMAS` sets the number of schemas of each draft, and `LANDFALL_ORACLE_SEED` the
//! seed.

#[path = "support/chance.rs"]
mod chance;
#[path = "schema_oracle/generator.rs"]
mod generator;
#[path = "schema_oracle/values.rs"]
mod values;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use chance::Chance;
use generator::Draft;
use landfall_document::{Documents, Pointer, Schema, SchemaRules, SchemaSet, Validity};
use serde_json::{Value, json};

/// Of each draft.
const SCHEMAS: u64 = 100;
const INSTANCES_PER_SCHEMA: usize = 12;
/// Schemas of one directory.
const TOGETHER: usize = 500;

const ORACLE: &str = include_str!("schema_oracle/oracle.py");
const REQUIREMENTS: &str = include_str!("schema_oracle/requirements.txt");

/// Parts of the messages with which a schema that Python accepts is refused here.
const REFUSED: [(&str, &str); 4] = [
    (
        "has more than 64 bits",
        "an integer beyond 64 bits in `enum`",
    ),
    (
        "leads back to where it stands",
        "an endless reference, at which Python fails or which it does not meet",
    ),
    (
        "does not exist",
        "a dead reference, at which Python fails or which it does not meet",
    ),
    // In draft-03 Python does not check `definitions` by the meta-schema, which does not have them.
    (
        "\"http://json-schema.org/draft-03",
        "`definitions` of draft-03 that break its meta-schema",
    ),
];

struct Question {
    draft: Draft,
    schema: String,
    instances: Vec<String>,
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |number| number.parse().expect(name))
}

/// A python3 that finds the validator in its own place, or where it was put for us.
fn python() -> Command {
    let mut python = Command::new("python3");
    if let Some(directory) = std::env::var_os("LANDFALL_JSONSCHEMA").filter(|dir| !dir.is_empty()) {
        python.env("PYTHONPATH", directory);
    }
    python
}

/// Whether there is a python3 with the very version of the validator.
fn has_validator() -> bool {
    let pinned = REQUIREMENTS
        .lines()
        .find_map(|line| line.strip_prefix("jsonschema=="));
    let asked = "import importlib.metadata as m; print(m.version('jsonschema'))";
    let output = python().args(["-c", asked]).output();
    output.is_ok_and(|output| Some(String::from_utf8_lossy(&output.stdout).trim()) == pinned)
}

fn ask_python(questions: &[Question]) -> Vec<Value> {
    let mut python = python()
        .args(["-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A stack overflow is reported there at length; it is an answer too.
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let asked: String = questions
        .iter()
        .map(|question| format!("{}\n", json!([question.schema, question.instances])))
        .collect();
    let writer = std::thread::spawn(move || input.write_all(asked.as_bytes()).unwrap());
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What was compared, by name; the wrong ones with an example each.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn count(&mut self, name: impl Into<String>) {
        *self.counts.entry(name.into()).or_default() += 1;
    }
}

/// One schema as it was loaded.
struct Loaded<'s> {
    question: &'s Question,
    schema: Option<&'s Schema>,
    hints: Vec<&'static str>,
    error: String,
}

impl Loaded<'_> {
    fn has_hint(&self, words: &str) -> bool {
        self.hints.iter().any(|hint| hint.contains(words))
    }

    fn compare(&self, answer: &Value, tally: &mut Tally) {
        let Question { draft, schema, .. } = self.question;
        match (self.schema, answer.as_array()) {
            (None, None) => tally.count("schemas that both refuse"),
            (Some(_), None) => {
                // Up to draft-07, keywords beside `$ref` are ignored, so they are not checked.
                let name = if self.has_hint("drafts 3 and 4 forbid") {
                    "schemas that Python alone refuses: values of `enum`, with a hint"
                } else if *draft == Draft::D3 && schema.contains("\"$ref\":\"") {
                    "schemas that Python alone refuses: beside `$ref` in draft-03"
                } else {
                    tally
                        .wrong
                        .push(format!("only Python refuses, {answer}: {schema}"));
                    "schemas that Python alone refuses: no reason"
                };
                tally.count(name);
            }
            (None, Some(_)) => {
                let is_it = |words: &str| {
                    self.error.contains(words) || words.starts_with('"') && schema.contains(words)
                };
                match REFUSED.iter().find(|(words, _)| is_it(words)) {
                    Some((_, name)) => tally.count(format!("schemas refused here alone: {name}")),
                    None => tally
                        .wrong
                        .push(format!("refused here alone, {}: {schema}", self.error)),
                }
            }
            (Some(compiled), Some(answers)) => {
                for (text, expected) in self.question.instances.iter().zip(answers) {
                    self.compare_one(compiled, text, expected, tally);
                }
            }
        }
    }

    fn compare_one(&self, schema: &Schema, text: &str, expected: &Value, tally: &mut Tally) {
        let mut documents = Documents::default();
        documents.parse(text.as_bytes(), &[text.len() as u32]);
        let judged = documents.validate(0, &Pointer::default(), schema);
        let raised = expected.as_str().unwrap_or_default();
        let name = match (judged, expected.as_bool()) {
            (Validity::Valid, Some(true)) => "valid for both",
            (Validity::Invalid, Some(false)) => "invalid for both",
            (Validity::NoValue, _) if generator::is_odd(text) => "rows that JSON does not have",
            (Validity::Valid | Validity::Invalid, Some(_)) if self.has_hint("in 2019-09") => {
                "pairs that differ: `unevaluatedProperties` of 2019-09, with a hint"
            }
            (Validity::Valid | Validity::Invalid, None) => match raised {
                "TypeError" if self.has_hint("fails on every") => {
                    "pairs at which Python fails: `items` of true or false, with a hint"
                }
                "RecursionError" | "PanicException" => {
                    "pairs at which Python fails: an endless reference in what is not used here"
                }
                "_WrappedReferencingError" => {
                    "pairs at which Python fails: a dead reference in what is not used here"
                }
                "OverflowError" => "pairs at which Python fails: a multiple beyond a double",
                _ => "wrong",
            },
            _ => "wrong",
        };
        tally.count(name);
        if name == "wrong" {
            let schema = &self.question.schema;
            tally.wrong.push(format!(
                "here {judged:?}, Python {expected}: {schema} on {text}"
            ));
        }
    }
}

fn compare_together(questions: &[Question], answers: &[Value], tally: &mut Tally) {
    let directory = tempfile::tempdir().unwrap();
    let path = |place: usize| directory.path().join(format!("s/{place}.json"));
    std::fs::create_dir(directory.path().join("s")).unwrap();
    for (place, question) in questions.iter().enumerate() {
        // Each identifier may occur in one file only.
        let own = format!("http://example.org/root{place}/");
        let schema = question.schema.replace("http://example.org/root/", &own);
        std::fs::write(path(place), schema).unwrap();
    }
    let rules = SchemaRules {
        draft03_closed: false,
        ..SchemaRules::default()
    };
    let (set, errors) = SchemaSet::load_by(directory.path(), rules);
    for (place, (question, answer)) in questions.iter().zip(answers).enumerate() {
        let hints = set.hints().iter().filter(|hint| hint.path == path(place));
        let error = errors.iter().find(|error| error.path == path(place));
        let loaded = Loaded {
            question,
            schema: set.find(&format!("s/{place}")),
            hints: hints.map(|hint| hint.hint).collect(),
            error: error
                .map(|error| error.problem.to_string())
                .unwrap_or_default(),
        };
        loaded.compare(answer, tally);
    }
}

#[test]
fn schemas_of_every_draft_judge_as_the_pipelines_validator_does() {
    if !has_validator() {
        assert!(
            std::env::var_os("LANDFALL_JSONSCHEMA").is_none(),
            "LANDFALL_JSONSCHEMA names no directory with the validator that schema_oracle/requirements.txt pins"
        );
        eprintln!(
            "SKIPPED: there is no python3 with the jsonschema that schema_oracle/requirements.txt pins"
        );
        return;
    }
    let mut chance = Chance::new(number("LANDFALL_ORACLE_SEED", 1));
    let questions: Vec<Question> = (0..number("LANDFALL_ORACLE_SCHEMAS", SCHEMAS))
        .flat_map(|_| Draft::ALL)
        .map(|draft| Question {
            draft,
            schema: generator::schema(&mut chance, draft),
            instances: (0..INSTANCES_PER_SCHEMA)
                .map(|_| generator::instance(&mut chance))
                .collect(),
        })
        .collect();
    let answers = ask_python(&questions);
    assert_eq!(answers.len(), questions.len());
    let mut tally = Tally::default();
    for (questions, answers) in questions.chunks(TOGETHER).zip(answers.chunks(TOGETHER)) {
        compare_together(questions, answers, &mut tally);
    }
    for (name, count) in &tally.counts {
        eprintln!("{count:>8} {name}");
    }
    tally.wrong.sort_by_key(String::len);
    assert!(
        tally.wrong.is_empty(),
        "{} are wrong, the shortest first:\n{}",
        tally.wrong.len(),
        tally
            .wrong
            .iter()
            .take(10)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
    let count = |name| tally.counts.get(name).copied().unwrap_or_default();
    let both = count("valid for both").min(count("invalid for both"));
    assert!(
        both * 4 > questions.len() * INSTANCES_PER_SCHEMA,
        "the generator makes what tells little"
    );
}
