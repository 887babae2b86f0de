//! The rules over recorded days: Prometheus' own promtool reports which alerts fire when, on metrics that
//! Landfall really exported. The expectation is beside each recording, minute by minute, and the rules for
//! the expectation are here.
//!
//! `UPDATE=1` writes the expectations again; the rules for them are tested all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use landfall_ops::Parameters;
use landfall_ops::evaluations::{Evaluations, digest};
use landfall_tests::paths;
use landfall_tests::recording::{
    Alert, Case, Happening, Recording, Span, Timeline, alerts_of, check, inputs,
};

/// How long an outage may go on before the page, in minutes: `incidents.stall` of the recordings is five,
/// nothing may have landed for as long, and a flush of half a second comes up to six minutes of these days
/// later.
const TOLD_WITHIN: usize = 18;

/// How long after it an alert may still fire: `incidents.clear`, the deadline of the last event, and the time
/// that keeps the alert from flapping.
const OVER_WITHIN: usize = 60;

// The day, and every how many minutes rules are evaluated: promtool takes some 30 ms of processor time for each,
// and whatever fires goes on for ten minutes at least. Once a minute where something short happens to
// Landfall or its scrapes.
macro_rules! days {
    ($($name:ident: $case:literal every $minutes:literal, $held:expr;)*) => {
        const CASES: &[&str] = &[$($case),*];

        $(#[test]
        fn $name() {
            hold($case, $minutes, $held);
        })*
    };
}

days! {
    the_day_of_the_incident_wakes_somebody_once_for_each_outage: "incident-day" every 2, |day| {
        let outages = day.happenings("the writer is deaf");
        assert_eq!(outages.len(), 5);
        day.one_for_each("LandfallEventsStalled", &outages);
        for (alert, trouble) in [
            ("LandfallEventsAltered", "Altered"),
            ("LandfallEventsDuplicated", "Doubled"),
            ("LandfallEventsLeaked", "Leaked"),
            ("LandfallEventsUnjudged", "Unjudgeable"),
            ("LandfallEventsLost", "Held"),
        ] {
            let trouble = format!("trouble of single events: {trouble}");
            day.some_during(alert, &day.happenings(&trouble));
        }
        day.some_during("LandfallEventsLost", &day.happenings("a duplicate key kills a batch"));
        day.owned_by("LandfallEventsAltered", "RigEdit/5570274", "editing");
        day.owned_by("LandfallEventsDuplicated", "RigSearch/10641988", "search");
        // One for each outage; beside them the objective that altered events miss, and rows that a batch and
        // a writer that holds them back lose.
        day.pages(&[
            ("LandfallEventsStalled", 5),
            ("LandfallObjectiveBurns", 1),
            ("LandfallManyEventsLost", 2),
        ]);
        day.quiet_about_landfall();
    };
    thirty_percent_lost_for_days_wake_somebody_and_go_on_doing_so: "partial-loss" every 5, |day| {
        let losses = day.happenings("the writer loses 30 % of its rows");
        assert_eq!(losses.len(), 1);
        day.some_during("LandfallManyEventsLost", &losses);
        day.fires_throughout("LandfallEventsLost", &losses);
        day.fires_throughout("page", &losses);
        // Of each schema, in forty hours.
        day.pages(&[("LandfallManyEventsLost", 6)]);
        day.quiet_about_landfall();
    };
    a_duplicate_key_that_kills_a_batch_is_reported: "duplicate-key" every 2, |day| {
        let killed = day.happenings("a duplicate key kills a batch");
        assert_eq!(killed.len(), 2);
        day.some_during("LandfallEventsLost", &killed);
        day.pages(&[]);
        day.quiet_about_landfall();
    };
    refused_connections_wake_somebody: "refused-connections" every 2, |day| {
        let refused = day.happenings("the writer's database refuses connections");
        assert_eq!(refused.len(), 2);
        day.some_during("LandfallEventsStalled", &refused[..1]);
        // The second follows while the alert of the first goes on, so there is no second page.
        day.pages(&[("LandfallEventsStalled", 2)]);
        day.quiet_about_landfall();
    };
    events_without_a_schema_are_reported_to_their_owner: "no-schema" every 2, |day| {
        let trouble = day.happenings("trouble of single events: NoSchema");
        day.fires_throughout("LandfallEventsWithoutSchema", &trouble);
        day.owned_by("LandfallEventsWithoutSchema", "(none)", "instrumentation");
        // Nothing is owed of them.
        day.pages(&[]);
        day.quiet_about_landfall();
    };
    a_schema_that_does_not_land_while_others_do_is_one_page_for_it: "schema-stalled" every 2, |day| {
        let lost = day.happenings("the writer loses all rows of RigSearch");
        assert_eq!(lost.len(), 1);
        day.some_during("LandfallSchemaStalled", &lost);
        day.owned_by("LandfallSchemaStalled", "RigSearch/10641988", "search");
        day.pages(&[("LandfallSchemaStalled", 1)]);
        day.quiet_about_landfall();
    };
    a_line_that_is_cut_is_reported_as_such: "cut-off" every 1, |day| {
        let cut = day.happenings("Landfall is cut off from the writer");
        assert_eq!(cut.len(), 1);
        day.one_for_each("LandfallNotConnected", &cut);
        // No alert about the pipeline fires: events that Landfall does not receive only seem not to land.
        day.pages(&[("LandfallNotConnected", 1)]);
        let of_pipeline = day.spans_where(|alert| alert.label("component") == "pipeline");
        assert!(of_pipeline.is_empty(), "{of_pipeline:#?}");
    };
    a_landfall_that_is_dead_is_reported_and_so_is_nothing_else: "killed" every 1, |day| {
        let dead = day.happenings("Landfall is dead");
        assert_eq!(dead.len(), 1);
        day.one_for_each("LandfallAbsent", &dead);
        day.pages(&[("LandfallAbsent", 1)]);
    };
    a_rare_schema_that_loses_its_events_is_reported: "rare-schema-lost" every 5, |day| {
        let lost = day.happenings("an event of the rare schema is lost");
        assert_eq!(lost.len(), 3);
        day.some_during("LandfallEventsLost", &lost);
        day.owned_by("LandfallEventsLost", "RigEdit/5570274", "editing");
        day.quiet_about_landfall();
    };
    a_restart_is_no_alarm: "restart" every 1, Day::silent;
    a_reload_is_no_alarm: "reload" every 1, Day::silent;
    a_rare_schema_is_no_alarm: "rare-schema" every 5, Day::silent;
    a_night_without_events_is_no_alarm: "nightly-lull" every 2, Day::silent;
    batches_of_300_seconds_are_no_alarm: "batches-of-300-s" every 2, Day::silent;
    gaps_between_scrapes_are_no_alarm: "scrape-gaps" every 1, Day::silent;
    a_slow_start_is_no_alarm: "slow-start" every 1, Day::silent;
}

#[test]
fn every_case_is_recorded_and_tested() {
    let cases = Case::all().expect("every time is one");
    let cases: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(cases, CASES.iter().copied().collect());
    let files: BTreeSet<String> = std::fs::read_dir(paths::recordings())
        .expect("recordings")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".txt.gz").map(str::to_owned))
        .collect();
    assert_eq!(files, cases.into_iter().map(str::to_owned).collect());
}

/// A rule that asks for a metric that is in no recording is tested by none.
#[test]
fn every_metric_of_a_rule_is_in_every_recording() {
    let asked: BTreeSet<String> = landfall_ops::prometheus::groups(&Parameters::default())
        .into_iter()
        .flat_map(|group| {
            let recorded = group.recordings.into_iter().map(|one| one.expr);
            recorded.chain(group.alerts.into_iter().map(|one| one.expr))
        })
        .flat_map(|expr| metrics_of(&expr))
        .collect();
    assert!(asked.len() > 20, "{asked:?}");
    for case in CASES {
        let recording = read(case);
        let there: BTreeSet<&str> = recording.names().collect();
        let missing: Vec<&String> = asked
            .iter()
            .filter(|name| !there.contains(name.as_str()))
            .filter(|name| !SELDOM.contains(&name.as_str()))
            .collect();
        assert!(
            missing.is_empty(),
            "{case} has no {missing:?}; record it anew: cargo xtask record {case}"
        );
    }
}

/// Metrics that have a series only once something has happened.
const SELDOM: [&str; 1] = ["landfall_verdicts_revised_total"];

/// Names of metrics in a query; series that rules compute have a colon in theirs.
fn metrics_of(expr: &str) -> BTreeSet<String> {
    let ends = |char: char| !(char.is_ascii_alphanumeric() || char == '_' || char == ':');
    expr.split(ends)
        .filter(|word| word.starts_with("landfall_") && !word.contains(':'))
        .map(str::to_owned)
        .collect()
}

/// The table of false alarms in docs/TESTING.md has the results of these tests.
#[test]
fn the_table_of_false_alarms_is_that_of_the_healthy_days() {
    let path = paths::workspace().join("docs/TESTING.md");
    let text = std::fs::read_to_string(&path).expect("the page");
    let table = table();
    let (begin, end) = ("<!-- healthy days -->\n", "<!-- end of healthy days -->");
    let (before, rest) = text.split_once(begin).expect("the table's begin");
    let (there, after) = rest.split_once(end).expect("the table's end");
    if there != table && std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).expect("written");
        return;
    }
    assert_eq!(there, table, "UPDATE=1 writes it");
}

fn table() -> String {
    let mut table = String::from("| day | Landfall's time | alarms |\n|---|---|---|\n");
    for case in CASES {
        let recording = read(case);
        if !recording.healthy {
            continue;
        }
        let alarms = kept(&recording).spans.len();
        let alarms = if alarms == 0 {
            "none".to_owned()
        } else {
            alarms.to_string()
        };
        table.push_str(&format!(
            "| {} (`{case}`) | {} h | {alarms} |\n",
            recording.title,
            recording.minutes / 60
        ));
    }
    table
}

/// A recording, and the alerts that fire over it by promtool.
struct Day {
    recording: Recording,
    timeline: Timeline,
}

impl Day {
    fn happenings(&self, what: &str) -> Vec<Happening> {
        let all = self.recording.happenings.iter();
        all.filter(|happening| happening.what == what)
            .cloned()
            .collect()
    }

    /// The intervals of an alert by its name, or of all of a severity.
    fn spans(&self, name: &str) -> Vec<(Span, &Alert)> {
        self.timeline
            .spans
            .iter()
            .filter(|(_, alert)| alert.name() == name || alert.label("severity") == name)
            .map(|(span, alert)| (*span, alert))
            .collect()
    }

    /// First and last minute of something that happened.
    fn minutes(&self, happening: &Happening) -> (usize, usize) {
        let minute = |ms| usize::try_from(self.recording.minute(ms)).expect("within the day");
        (minute(happening.from_ms), minute(happening.to_ms))
    }

    /// The alert fires once for each, soon after it began, until soon after it ended, and at no other
    /// time.
    #[track_caller]
    fn one_for_each(&self, name: &str, happenings: &[Happening]) {
        let spans = self.spans(name);
        assert_eq!(spans.len(), happenings.len(), "{}", self.text());
        for ((span, _), happening) in spans.iter().zip(happenings) {
            let (from, to) = self.minutes(happening);
            assert!(
                (from..=from + TOLD_WITHIN).contains(&span.from)
                    && (to..=to + OVER_WITHIN).contains(&span.to),
                "{happening:?} {span:?}"
            );
        }
    }

    /// The alert begins to fire in the course of each, or within an hour after it.
    #[track_caller]
    fn some_during(&self, name: &str, happenings: &[Happening]) {
        assert!(!happenings.is_empty());
        for happening in happenings {
            let (from, to) = self.minutes(happening);
            let spans = self.spans(name);
            let told = spans
                .iter()
                .any(|(span, _)| span.from < to + OVER_WITHIN && span.to > from);
            assert!(told, "{name} for {happening:?}\n{}", self.text());
        }
    }

    /// From an hour after the beginning until the end it fires in every minute.
    #[track_caller]
    fn fires_throughout(&self, name: &str, happenings: &[Happening]) {
        for happening in happenings {
            let (from, to) = self.minutes(happening);
            let spans = self.spans(name);
            for minute in from + OVER_WITHIN..to {
                assert!(
                    spans
                        .iter()
                        .any(|(span, _)| (span.from..span.to).contains(&minute)),
                    "no {name} in minute {minute}\n{}",
                    self.text()
                );
            }
        }
    }

    /// There are no other pages than these, not more of them, and each is about something that happened.
    #[track_caller]
    fn pages(&self, allowed: &[(&str, usize)]) {
        let pages = self.spans("page");
        for (name, at_most) in allowed {
            let count = pages
                .iter()
                .filter(|(_, page)| page.name() == *name)
                .count();
            assert!(
                (1..=*at_most).contains(&count),
                "{name}: {count}\n{}",
                self.text()
            );
        }
        for (span, page) in pages {
            let is_allowed = allowed.iter().any(|(name, _)| *name == page.name());
            let is_explained = self.recording.happenings.iter().any(|happening| {
                let (from, to) = self.minutes(happening);
                (from..=to + OVER_WITHIN).contains(&span.from)
            });
            assert!(
                is_allowed && is_explained,
                "{page} {span:?}\n{}",
                self.text()
            );
        }
    }

    /// The alert fires for that schema, and names its owner.
    #[track_caller]
    fn owned_by(&self, name: &str, schema: &str, owner: &str) {
        let owners: BTreeSet<&str> = self
            .spans(name)
            .into_iter()
            .filter(|(_, alert)| alert.label("schema") == schema)
            .map(|(_, alert)| alert.label("owner"))
            .collect();
        assert_eq!(
            owners,
            BTreeSet::from([owner]),
            "{name} of {schema}\n{}",
            self.text()
        );
    }

    /// Nothing is wrong with Landfall itself.
    #[track_caller]
    fn quiet_about_landfall(&self) {
        let about = self.spans_where(|alert| alert.label("component") == "landfall");
        assert!(about.is_empty(), "{about:#?}");
    }

    fn spans_where(&self, wanted: impl Fn(&Alert) -> bool) -> BTreeMap<Span, String> {
        let all = self.timeline.spans.iter();
        all.filter(|(_, alert)| wanted(alert))
            .map(|(span, alert)| (*span, alert.to_string()))
            .collect()
    }

    /// Nothing at all fires.
    #[track_caller]
    fn silent(day: &Self) {
        assert!(day.recording.healthy);
        assert!(day.timeline.spans.is_empty(), "{}", day.text());
    }

    fn text(&self) -> String {
        self.timeline.text(&self.recording)
    }
}

fn read(case: &str) -> Recording {
    let path = paths::recordings().join(format!("{case}.txt.gz"));
    Recording::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn expectation(case: &str) -> PathBuf {
    paths::recordings().join(format!("{case}.alerts"))
}

/// The expectation for a recording.
fn kept(recording: &Recording) -> Timeline {
    let text = std::fs::read_to_string(expectation(&recording.case)).expect("the expectation");
    Timeline::parse(&text, recording).expect("an expectation that can be read")
}

/// Where is what was evaluated as a whole, and passed.
fn evaluations() -> PathBuf {
    paths::workspace().join("ops/prometheus/evaluated-days.txt")
}

/// Days with so few evaluations are always evaluated. The others only if promtool, the rules, the recording or what is
/// expected is not what was evaluated before; or with this variable.
const ALWAYS_EVALUATED: usize = 300;
const ALL_EVALUATED: &str = "LANDFALL_ALL_EVALUATED";

fn hold(case: &str, every: usize, held: impl Fn(&Day)) {
    let recording = read(case);
    let rules = paths::workspace().join("ops/prometheus/landfall.rules.yml");
    let Some(promtool) = paths::promtool() else {
        // At least the kept expectation is tested.
        eprintln!("promtool is not there: {case} is not evaluated");
        let timeline = kept(&recording);
        held(&Day {
            recording,
            timeline,
        });
        return;
    };
    let is_update = std::env::var_os("UPDATE").is_some();
    let mut timeline = kept(&recording);
    let digest_of = |timeline: &Timeline| {
        let inputs = inputs(&promtool, &rules, &recording, every, timeline);
        digest(
            &inputs
                .expect("promtool runs")
                .each_ref()
                .map(String::as_str),
        )
    };
    let digest = digest_of(&timeline);
    let is_short = recording.minutes / every <= ALWAYS_EVALUATED;
    let is_all = std::env::var_os(ALL_EVALUATED).is_some();
    if Evaluations::read(&evaluations()).has(case, &digest) && !is_short && !is_all {
        held(&Day {
            recording,
            timeline,
        });
        return;
    }
    match check(&promtool, &rules, &recording, every, &timeline) {
        Ok(()) => {}
        Err(_) if is_update => {
            timeline = alerts_of(&promtool, &rules, &recording, every).expect("promtool answers");
            std::fs::write(expectation(case), timeline.text(&recording)).expect("written");
            let again = check(&promtool, &rules, &recording, every, &timeline);
            again.unwrap_or_else(|error| panic!("{case}: {error}"));
        }
        Err(error) => panic!("{case}: {error}\nUPDATE=1 writes the expectation anew"),
    }
    if is_update {
        let passed = vec![(case.to_owned(), digest_of(&timeline))];
        Evaluations::add(&evaluations(), passed).expect("written");
    }
    held(&Day {
        recording,
        timeline,
    });
}
