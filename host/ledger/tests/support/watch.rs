//! Runs an incident tracker by a script, and writes as text the incidents that came out.
//!
//! Steps, one on a line (times in ms; schemas are a letter or a number): `arrived S FROM[..TO]`,
//! `landed S at T`, `something landed at T`, `missing S at T due T`, `unconfirmed S at T`, `hole raw|written FROM TO CAUSE`, `note CAUSE S EVENTS at FROM[..TO]`, `late INCIDENT S`,
//! `seen raw|written T`, `told raw|written T`, `at T` (what follows is handed in then), `now T`, and for the settings `deadline MS`, `silence raw MS`; `restore N`
//! takes over an open incident of that number (leaked a, at 10, one event).
//!
//! Each opening is a line, and each late landing whose incident is no longer kept; the last lines are the incidents as they were last reported.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use landfall_ledger::{
    Activity, Cause, Change, Hole, HoleCause, Incident, IncidentFinding, IncidentId,
    IncidentTracker, IncidentTrackerConfig, PerStream, ReasonId, SchemaId, Scope, Severity, Share,
    Stream,
};

/// Runs the steps and demands the text.
#[track_caller]
pub fn check(steps: &str, expected: &str) {
    let trim = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut watch = Watch::new();
    for step in steps.lines().map(str::trim) {
        watch.step(step);
    }
    assert_eq!(trim(&watch.end()), trim(expected), "after {steps}");
}

pub struct Watch {
    tracker: IncidentTracker,
    config: IncidentTrackerConfig,
    incidents: BTreeMap<IncidentId, Incident>,
    last_missing: Option<(u64, u16)>,
    text: String,
}

#[allow(dead_code, reason = "each test of incidents needs its part")]
impl Watch {
    pub fn new() -> Self {
        let config = IncidentTrackerConfig {
            stall_ms: 100,
            stall_schema_ms: 300,
            clear_ms: 50,
            deadline_max_ms: 200,
            unwatched_min_ms: 5_000,
            silence_ms: PerStream::default(),
        };
        Self {
            tracker: IncidentTracker::new(config.clone(), 0, 1),
            config,
            incidents: BTreeMap::new(),
            last_missing: None,
            text: String::new(),
        }
    }

    pub fn step(&mut self, step: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        match words[0] {
            "arrived" => {
                let (first_ms, last_ms) = span(words[2]);
                self.tracker.activity(&Activity {
                    arrived: 1,
                    arrived_first_ms: first_ms,
                    arrived_last_ms: last_ms,
                    ..nothing(schema(words[1]))
                });
            }
            "landed" => self.tracker.activity(&Activity {
                landed: 1,
                landed_last_ms: number(words[3]),
                ..nothing(schema(words[1]))
            }),
            "something" => self.tracker.landed(number(words[3])),
            "missing" => {
                let schema = schema(words[1]);
                let id = self
                    .tracker
                    .missing(schema, number(words[3]), number(words[5]));
                self.last_missing = Some((id.0, schema.0));
            }
            "unconfirmed" => {
                self.tracker.unconfirmed(schema(words[1]), number(words[3]));
            }
            "hole" => self.tracker.unwatched(
                stream(words[1]),
                Hole {
                    from_ms: number(words[2]),
                    to_ms: number(words[3]),
                    cause: HoleCause::named(words[4]).expect("a cause"),
                },
            ),
            "note" => {
                let (first_ms, last_ms) = span(words[5]);
                let events = number(words[3]) as u64;
                self.tracker
                    .note(cause(words[1]), schema(words[2]), events, first_ms, last_ms);
            }
            "found" => {
                let (first_ms, last_ms) = span(words[5]);
                let found = IncidentFinding {
                    reason: ReasonId(number(words[1]) as u16),
                    severity: match words[2] {
                        "critical" => Severity::Critical,
                        _ => Severity::Warning,
                    },
                };
                self.tracker
                    .found(found, schema(words[3]), 1, first_ms, last_ms);
            }
            "late" => {
                let id = IncidentId(number(words[1]) as u64);
                if !self.tracker.landed_late(id, schema(words[2])) {
                    let _ = writeln!(self.text, "late {}: gone", id.0);
                }
            }
            "seen" => self.tracker.seen(stream(words[1]), number(words[2])),
            "at" => self.tracker.set_time(number(words[1])),
            "told" => self.tracker.read_up_to(stream(words[1]), number(words[2])),
            "now" => {
                self.tracker.advance(number(words[1]));
                self.drain(number(words[1]));
            }
            "deadline" => {
                self.config.deadline_max_ms = number(words[1]);
                self.tracker.reconfigure(self.config.clone());
            }
            "silence" => {
                self.config.silence_ms[stream(words[1])] = number(words[2]);
                self.tracker.reconfigure(self.config.clone());
            }
            "restore" => {
                let open = open_before(IncidentId(number(words[1]) as u64));
                self.tracker.restore(vec![open]);
            }
            "schema-stall" => {
                self.config.stall_schema_ms = number(words[1]);
                self.tracker.reconfigure(self.config.clone());
            }
            "stalled-before" => {
                let (start_ms, end_ms) = span(words[3]);
                let scope = match words[2] {
                    "pipeline" => Scope::Pipeline,
                    letter => Scope::Schema(schema(letter)),
                };
                self.tracker.restore(vec![Incident {
                    cause: Cause::Stalled,
                    scope,
                    start_ms,
                    end_ms,
                    ..open_before(IncidentId(number(words[1]) as u64))
                }]);
            }
            other => panic!("no step {other}"),
        }
    }

    fn drain(&mut self, now_ms: i64) {
        let mut changes = Vec::new();
        self.tracker.drain_changes(&mut changes);
        for change in changes {
            let incident = change.incident().clone();
            if matches!(change, Change::Opened(_)) {
                let _ = writeln!(
                    self.text,
                    "opened at {now_ms} {} {}..{}",
                    name(&incident),
                    incident.start_ms,
                    incident.end_ms
                );
            }
            self.incidents.insert(incident.id, incident);
        }
    }

    pub fn end(mut self) -> String {
        for incident in self.incidents.values() {
            let _ = writeln!(self.text, "{}", line(incident));
        }
        self.text
    }

    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values()
    }

    pub fn open(&self, cause: &str) -> usize {
        let of_cause =
            |incident: &&Incident| incident.is_open() && incident.cause.as_str() == cause;
        self.incidents().filter(of_cause).count()
    }

    pub fn events(&self, cause: &str) -> u64 {
        self.incidents()
            .filter(|incident| incident.cause.as_str() == cause)
            .map(|incident| incident.events)
            .sum()
    }

    /// The incident and the schema of the last `missing`.
    pub fn last_missing(&self) -> Option<(u64, u16)> {
        self.last_missing
    }
}

fn nothing(schema: SchemaId) -> Activity {
    Activity {
        schema,
        arrived: 0,
        arrived_first_ms: i64::MAX,
        arrived_last_ms: i64::MIN,
        landed: 0,
        landed_last_ms: i64::MIN,
    }
}

fn open_before(id: IncidentId) -> Incident {
    let share = Share {
        schema: schema("a"),
        events: 1,
        landed_late: 0,
        first_ms: 10,
        last_ms: 10,
    };
    Incident {
        id,
        cause: Cause::Leaked,
        scope: Scope::Schema(schema("a")),
        found: None,
        start_ms: 10,
        end_ms: 10,
        opened_ms: 10,
        closed_ms: None,
        resumed_ms: None,
        events: 1,
        landed_late: 0,
        shares: vec![share],
    }
}

/// Letters are schemas from 1000 on.
fn schema(word: &str) -> SchemaId {
    match word.parse() {
        Ok(number) => SchemaId(number),
        Err(_) => SchemaId(1000 + u16::from(word.as_bytes()[0])),
    }
}

fn schema_name(schema: SchemaId) -> String {
    match schema.0.checked_sub(1000) {
        Some(letter) => char::from(letter as u8).to_string(),
        None => schema.0.to_string(),
    }
}

fn number(word: &str) -> i64 {
    word.parse().expect("a number")
}

fn span(word: &str) -> (i64, i64) {
    match word.split_once("..") {
        Some((first, last)) => (number(first), number(last)),
        None => (number(word), number(word)),
    }
}

fn stream(word: &str) -> Stream {
    Stream::named(word).expect("a stream")
}

fn cause(word: &str) -> Cause {
    let found = Cause::ALL.into_iter().find(|cause| cause.as_str() == word);
    found.expect("a cause")
}

fn name(incident: &Incident) -> String {
    let scope = match incident.scope {
        Scope::Pipeline => "pipeline".to_owned(),
        Scope::Schema(schema) => schema_name(schema),
        Scope::Others => "others".to_owned(),
        Scope::Stream(stream) => stream.as_str().to_owned(),
    };
    let cause = incident.cause.as_str();
    match incident.found {
        Some(found) => {
            let (reason, severity) = (found.reason.0, found.severity.as_str());
            format!("#{} {cause} {reason} {severity} {scope}", incident.id.0)
        }
        None => format!("#{} {cause} {scope}", incident.id.0),
    }
}

fn line(incident: &Incident) -> String {
    let mut text = format!(
        "{} {}..{} told {}",
        name(incident),
        incident.start_ms,
        incident.end_ms,
        incident.opened_ms
    );
    if let Some(resumed_ms) = incident.resumed_ms {
        let _ = write!(text, " resumed {resumed_ms}");
    }
    match incident.closed_ms {
        Some(closed_ms) => {
            let _ = write!(text, " closed {closed_ms}");
        }
        None => text.push_str(" open"),
    }
    let _ = write!(text, " events {}", incident.events);
    if incident.landed_late > 0 {
        let _ = write!(text, " landed late {}", incident.landed_late);
    }
    let shares: Vec<String> = incident
        .shares
        .iter()
        .map(|share| {
            let late = match share.landed_late {
                0 => String::new(),
                late => format!(" late {late}"),
            };
            format!("{} {}{late}", schema_name(share.schema), share.events)
        })
        .collect();
    if !shares.is_empty() {
        let _ = write!(text, " ({})", shares.join(", "));
    }
    text
}
