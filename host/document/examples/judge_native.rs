//! Measures parsing and validation on the tape, compared with serde_json and jsonschema, on generated events of
//! the shipped schemas: `cargo run --release -p landfall-document --example judge_native`.
//!
//! Both sides run in turns in one process, and the best turn of each counts, for absolute figures differ from
//! machine to machine and from minute to minute.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use landfall_document::{Documents, Pointer, Schema, SchemaSet, Validity};

/// Events per batch, as a judge gets them.
const BATCH_EVENTS: usize = 256;
/// Turns of each side; the best counts.
const TURNS: usize = 15;
/// A turn repeats its batch until this long has passed.
const TURN: Duration = Duration::from_millis(100);

fn main() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let (set, errors) = SchemaSet::load(&directory);
    assert!(errors.is_empty(), "{errors:?}");
    println!(
        "{:<22} {:>6} {:>11} {:>11} {:>11} {:>7}",
        "schema", "bytes", "parse/s", "judge/s", "native/s", "ratio"
    );
    let mut ratios = Vec::new();
    for (label, event) in EVENTS {
        let schema = set.find(label).expect("a shipped schema");
        ratios.push(measure(label, event, schema, &directory));
    }
    let mean = ratios.iter().map(|ratio: &f64| ratio.ln()).sum::<f64>() / ratios.len() as f64;
    println!("judge_ratio {:.2} (geometric mean)", mean.exp());
}

fn measure(label: &str, event: Maker, schema: &Schema, directory: &Path) -> f64 {
    let rows: Vec<String> = (0..BATCH_EVENTS).map(event).collect();
    let text = rows.concat();
    let ends: Vec<u32> = rows
        .iter()
        .scan(0, |end, row| {
            *end += row.len() as u32;
            Some(*end)
        })
        .collect();
    let native = native(label, directory);
    let whole = Pointer::default();
    let mut documents = Documents::default();
    let mut best = [0.0_f64; 3];
    for _ in 0..TURNS {
        let parsed = rate(|| documents.parse(black_box(&text).as_bytes(), &ends));
        let judged = rate(|| {
            documents.parse(black_box(&text).as_bytes(), &ends);
            for (row, event) in rows.iter().enumerate() {
                assert_eq!(
                    documents.validate(row, &whole, schema),
                    Validity::Valid,
                    "{event}"
                );
            }
        });
        let natively = rate(|| {
            for row in black_box(&rows) {
                let value: serde_json::Value = serde_json::from_str(row).expect("JSON");
                assert!(native.is_valid(&value), "{row}");
            }
        });
        for (best, now) in best.iter_mut().zip([parsed, judged, natively]) {
            *best = best.max(now);
        }
    }
    let [parsed, judged, natively] = best;
    let bytes = text.len() / BATCH_EVENTS;
    let ratio = judged / natively;
    println!("{label:<22} {bytes:>6} {parsed:>11.0} {judged:>11.0} {natively:>11.0} {ratio:>7.2}");
    ratio
}

/// Events per second.
fn rate(mut batch: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut events = 0;
    while begin.elapsed() < TURN {
        batch();
        events += BATCH_EVENTS;
    }
    events as f64 / begin.elapsed().as_secs_f64()
}

/// jsonschema on serde_json's values. A `$schema` that it does not know is removed; both sides do at least the
/// same work.
fn native(label: &str, directory: &Path) -> jsonschema::Validator {
    let read = |label: &str| -> serde_json::Value {
        let text = std::fs::read_to_string(directory.join(format!("{label}.json")))
            .expect("a shipped schema");
        serde_json::from_str(&text).expect("JSON")
    };
    let mut schema = read(label);
    if label.starts_with("PageTiming") {
        // Its one keyword of draft-03, translated to draft-04.
        let properties = schema["properties"].as_object_mut().expect("properties");
        let required: Vec<String> = properties
            .iter()
            .filter(|(_, schema)| schema["required"] == true)
            .map(|(name, _)| name.clone())
            .collect();
        for property in properties.values_mut() {
            property
                .as_object_mut()
                .expect("an object")
                .remove("required");
        }
        schema["required"] = required.into();
        schema["additionalProperties"] = false.into();
        schema["$schema"] = "http://json-schema.org/draft-04/schema#".into();
    }
    if label.starts_with("PageChange") {
        let page = read("PageChange/fragments/page/1.0.0");
        schema["properties"]["page"] = page.clone();
        schema["properties"]["priorPage"] = page;
    }
    jsonschema::options()
        .should_validate_formats(false)
        .build(&schema)
        .expect("a schema")
}

/// Makes the event with a number.
type Maker = fn(usize) -> String;

/// Schemas and how their events are made, small ones first.
const EVENTS: [(&str, Maker); 4] = [
    ("PageTiming/3", page_timing),
    ("EditStep/7", edit_step),
    ("SearchSession/1.2.0", search_session),
    ("PageChange/2.0.0", page_change),
];

fn page_timing(index: usize) -> String {
    format!(
        r#"{{"action":"view","isHttps":true,"isAnon":{},"namespaceId":0,"pageId":{},"originCountry":"SE","mediaWikiVersion":"1.25wmf{}","redirecting":0,"dnsLookup":{},"connecting":{},"sending":1,"waiting":{},"receiving":23,"rendering":{},"loading":{},"samplingFactor":1000}}"#,
        index.is_multiple_of(3),
        10_000 + index * 7,
        index % 20,
        index % 90,
        index % 150,
        100 + index,
        300 + index,
        900 + index * 3
    )
}

fn edit_step(index: usize) -> String {
    format!(
        r#"{{"action":"saveFailure","editor":"visual","session":"{index:032x}","elapsedMs":{},"mechanism":"save button of the toolbar","page":{{"id":{index},"title":"Tallinn_Town_Hall_{index}","ns":0,"revision":{}}},"user":{{"id":{},"class":"registered","editCount":{},"groups":["autoconfirmed","editor","reviewer","user"]}},"failure":{{"type":"conflict","message":"the page was changed by somebody else while it was edited, \"{index}\"; the text above is what it holds now, the text below is what was sent, and both have to be merged by hand before the page can be saved again","code":409}},"sampling":0.0625}}"#,
        index * 37,
        640_000_000 + index,
        index * 11,
        index * 5
    )
}

fn search_session(index: usize) -> String {
    let results: Vec<String> = (0..14)
        .map(|place| {
            format!(
                r#"{{"pageId":{},"score":{}.{:03},"title":"Result {place} of {index}","snippet":"… the <b>harbour</b> of the town was first \"mentioned\" in {} …"}}"#,
                index * 100 + place + 1, 90 - place, index * 7 % 1000, 1154 + place
            )
        })
        .collect();
    format!(
        r#"{{"searchToken":"{index:024x}","query":"old harbour {index}","shownAt":"2014-11-18T02:12:{:02}Z","tookMs":{},"autocomplete":true,"results":[{}],"clicks":[{{"position":1,"afterMs":812,"kind":"click"}},{{"position":3,"afterMs":4200}}],"filters":{{"lang":"et","ns":0,"recent":false}}}}"#,
        index % 60,
        index % 300,
        results.join(",")
    )
}

fn page_change(index: usize) -> String {
    let categories: Vec<String> = (0..25)
        .map(|place| format!(r#""Category {place} of page {index}""#))
        .collect();
    let links: Vec<String> = (0..55)
        .map(|place| {
            format!(
                r#"{{"ns":{},"title":"Linked_page_{}"}}"#,
                place % 3,
                index * 55 + place
            )
        })
        .collect();
    format!(
        r#"{{"change":"edit","page":{{"id":{index},"title":"Page_{index}","ns":0,"isRedirect":false,"lang":"et"}},"priorPage":{{"id":{index},"title":"Old_{index}","ns":0}},"revision":{{"id":{},"parentId":{},"at":"2019-06-04T10:11:12Z","sizeBytes":48211,"isMinor":false,"comment":"/* History */ added what the \"town book\" says","sha1":"{index:031}","slots":{{"main":{{"contentModel":"wikitext","sizeBytes":48000,"sha1":"{index:031}","origin":{index}}},"data":{{"contentModel":"json","sizeBytes":211}}}}}},"performer":{{"id":77,"text":"Editor {index}","groups":["*","user","autoconfirmed"],"isBot":false,"registeredAt":"2007-01-02T03:04:05Z","editCount":4711}},"categories":[{}],"links":[{}]}}"#,
        index + 2,
        index + 1,
        categories.join(","),
        links.join(",")
    )
}
