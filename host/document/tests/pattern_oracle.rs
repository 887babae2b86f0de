//! Random patterns, compared with a real Python. If there is none, the test says so; the table in
//! `pattern_dialects.rs` is tested in any case. `LANDFALL_ORACLE_PATTERNS` sets the number of patterns, and
//! `LANDFALL_ORACLE_SEED` the seed.

#[path = "support/chance.rs"]
mod chance;
#[path = "pattern_oracle/generator.rs"]
mod generator;

use std::io::Write as _;
use std::process::{Command, Stdio};

use chance::Chance;
use landfall_document::{
    Documents, PatternDialect, Pointer, SchemaSet, Validity, translate_pattern,
};
use serde_json::{Value, json};

const PATTERNS: u64 = 2_000;
const TEXTS_PER_PATTERN: usize = 8;

/// Reads pattern and texts, one pair a line; answers whether each text matches, or the error.
const ORACLE: &str = r#"
import json, re, sys, warnings
warnings.simplefilter("ignore")
for line in sys.stdin:
    pattern, texts = json.loads(line)
    try:
        compiled = re.compile(pattern)
        answer = [compiled.search(text) is not None for text in texts]
    except (re.error, OverflowError, ValueError, RecursionError) as error:
        answer = str(error)
    print(json.dumps(answer))
"#;

/// Parts of the messages with which a pattern that Python accepts is refused here.
const REFUSED: [&str; 6] = [
    "a condition that asks for a group around it",
    "a back reference that ignores case",
    "a repetition that may take no text",
    "a capital letter beyond U+FFFF",
    "the flag `t`",
    "names of characters",
];

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |number| number.parse().expect(name))
}

/// What `python3` answers; `None` if there is none of 3.11 or later, for before it there are no
/// possessive quantifiers and no errors for flags within.
fn ask_python(questions: &[(String, Vec<String>)]) -> Option<Vec<Value>> {
    let version = "import sys; sys.exit(sys.version_info < (3, 11) or sys.version_info >= (3, 14))";
    let status = Command::new("python3").args(["-c", version]).status();
    if !status.is_ok_and(|status| status.success()) {
        return None;
    }
    let mut python = Command::new("python3")
        .args(["-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let asked: String = questions
        .iter()
        .map(|question| format!("{}\n", json!(question)))
        .collect();
    let writer = std::thread::spawn(move || input.write_all(asked.as_bytes()).unwrap());
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    Some(
        lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect(),
    )
}

#[test]
fn patterns_of_python_3_are_taken_matched_and_refused_as_python_does() {
    let mut chance = Chance::new(number("LANDFALL_ORACLE_SEED", 1));
    let questions: Vec<(String, Vec<String>)> = (0..number("LANDFALL_ORACLE_PATTERNS", PATTERNS))
        .map(|_| {
            let pattern = generator::pattern(&mut chance);
            let texts = (0..TEXTS_PER_PATTERN).map(|_| generator::text(&mut chance));
            (pattern, texts.collect())
        })
        .collect();
    let Some(answers) = ask_python(&questions) else {
        eprintln!("SKIPPED: there is no python3 of 3.11 to 3.13 to hold patterns against");
        return;
    };
    assert_eq!(answers.len(), questions.len());
    let mut wrong = Vec::new();
    let (mut compared, mut both_refuse) = (0, 0);
    for (number, chunk) in questions.chunks(500).enumerate() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("s")).unwrap();
        for (place, (pattern, _)) in chunk.iter().enumerate() {
            let schema = json!({ "items": { "pattern": pattern } }).to_string();
            std::fs::write(directory.path().join(format!("s/{place}.json")), schema).unwrap();
        }
        let (set, _) = SchemaSet::load(directory.path());
        for (place, (pattern, texts)) in chunk.iter().enumerate() {
            let answer = &answers[number * 500 + place];
            let schema = set.find(&format!("s/{place}"));
            match (schema, answer.as_array()) {
                (None, None) => both_refuse += 1,
                (Some(_), None) => wrong.push(format!("{pattern:?} is taken; Python: {answer}")),
                (None, Some(_)) => {
                    let error =
                        translate_pattern(pattern, PatternDialect::Python3, u64::MAX).unwrap_err();
                    let error = error.to_string();
                    if !REFUSED.iter().any(|reason| error.contains(reason)) {
                        wrong.push(format!("{pattern:?} is refused: {error}"));
                    }
                }
                (Some(schema), Some(answer)) => {
                    for (text, expected) in texts.iter().zip(answer) {
                        let event = json!([text]).to_string();
                        let mut documents = Documents::default();
                        documents.parse(event.as_bytes(), &[event.len() as u32]);
                        let judged = documents.validate(0, &Pointer::default(), schema);
                        compared += 1;
                        let is_right = match judged {
                            Validity::Valid => expected == &Value::Bool(true),
                            Validity::Invalid => expected == &Value::Bool(false),
                            Validity::Unjudged => true,
                            Validity::NoValue | Validity::Exhausted => false,
                        };
                        if !is_right {
                            wrong.push(format!(
                                "{pattern:?} on {text:?}: Python {expected}, here {judged:?}"
                            ));
                        }
                    }
                }
            }
        }
    }
    eprintln!("{compared} pairs compared, {both_refuse} patterns that both refuse");
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 0 && both_refuse > 0);
}
