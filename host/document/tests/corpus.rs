//! 273 schemas of a real pipeline, and the events that they have as examples. Only if the corpus is there
//! (LANDFALL_CORPUS, by default `../shared/corpus` beside the workspace).

use std::path::{Path, PathBuf};

use landfall_document::{Documents, Pointer, RowState, SchemaSet, Validity};

fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let path = std::env::var_os("LANDFALL_CORPUS").map_or_else(beside, PathBuf::from);
    path.is_dir().then_some(path)
}

#[test]
fn all_schemas_of_the_corpus_load_and_all_their_examples_are_judged() {
    let Some(corpus) = corpus() else {
        println!("skipped: there is no corpus; LANDFALL_CORPUS can name its directory");
        return;
    };
    let (set, errors) = SchemaSet::load(&corpus);
    for error in &errors {
        println!("{error}");
    }
    assert_eq!((set.len(), errors.len()), (273, 0));

    let whole = Pointer::default();
    let mut documents = Documents::default();
    let (mut valid, mut invalid) = (0, Vec::new());
    for label in set.names() {
        let file = std::fs::read(corpus.join(format!("{label}.json"))).unwrap();
        let schema: serde_json::Value = serde_json::from_slice(&file).unwrap();
        for example in schema["examples"].as_array().into_iter().flatten() {
            let text = serde_json::to_vec(example).unwrap();
            documents.parse(&text, &[text.len() as u32]);
            assert_eq!(documents.state(0), RowState::Good, "{label}");
            let compiled = set.find(label).unwrap();
            match documents.validate(0, &whole, compiled) {
                Validity::Valid => valid += 1,
                Validity::Invalid => {
                    let why = documents.explain(0, &whole, compiled, 3);
                    assert!(!why.is_empty(), "{label} is invalid for no reason");
                    invalid.push(format!("{label}: {why:?}"));
                }
                Validity::NoValue | Validity::Exhausted | Validity::Unjudged => {
                    panic!("{label} was not judged")
                }
            }
            // The same verdict as jsonschema's on serde_json's values.
            let native = jsonschema::options()
                .should_validate_formats(false)
                .build(&schema)
                .unwrap();
            let judged = documents.validate(0, &whole, compiled) == Validity::Valid;
            assert_eq!(native.is_valid(example), judged, "{label}");
        }
    }
    for line in &invalid {
        println!("{line}");
    }
    assert_eq!((valid, invalid.len()), (289, 0));
}
