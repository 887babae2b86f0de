//! The played day, and Prometheus' data about it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use landfall_ops::Parameters;
use landfall_tests::clock::{Clock, log_time, real_ms};
use landfall_tests::events::Maker;
use landfall_tests::monitoring::{
    Alertmanager, Exposition, Notification, Prometheus, PrometheusOptions, Webhook,
};
use landfall_tests::recording::Alert;
use landfall_tests::replay::{
    DEADLINE_MS, Day, Fault, HELD_MS, Stage, StageOptions, Stretch, play,
};
use landfall_tests::sidecar::{Incident, Readings, Sidecar, landfall};
use landfall_tests::truth::Margins;
use landfall_tests::wait;
use tempfile::TempDir;

/// The demo's.
pub const SPEED: f64 = 675.0;
const RATE: u32 = 600;
const SEED: u64 = 20_141_118;

/// Between two scrapes, and between two evaluations: a minute of the day.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// How much earlier than the day Landfall's clock starts, in real time.
const START: Duration = Duration::from_secs(20);

/// After the last event of the incident, the last alarm may take this long, in milliseconds of the day.
const AFTER_MS: i64 = 2 * 3_600_000;

/// See the demo: a latency this near to the deadline may be judged either way, in real time.
const SLACK: Duration = Duration::from_millis(300);

/// How long Prometheus scrapes the truth before the queries: enough scrapes for all of it.
const SHOWN: Duration = Duration::from_secs(2);

/// What is started beside Landfall.
pub struct Programs {
    pub prometheus: PathBuf,
    pub alertmanager: PathBuf,
}

/// The day is over, and everything that watched it still runs.
pub struct MonitoredDay {
    pub prometheus: Prometheus,
    options: PrometheusOptions,
    pub notifications: Vec<Notification>,
    pub stage: Stage,
    pub sidecar: Sidecar,
    pub margins: Margins,
    faults: Vec<(Fault, Stretch)>,
    clock: Arc<Clock>,
    /// Real time of the first scrape and of the end, in milliseconds.
    pub real_ms: (i64, i64),
    // Ended after everything that writes into it.
    _alertmanager: Alertmanager,
    _webhook: Webhook,
    _dir: TempDir,
}

impl MonitoredDay {
    pub fn play(programs: &Programs) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("landfall-monitored-")
            .tempdir()
            .expect("a directory");
        let day = Day::of_the_incident().expect("every time is one");
        let day = Day {
            end_ms: day.end_ms + AFTER_MS,
            ..day
        };
        let start_ms = Clock::starting(0, SPEED).stretch_ms(START);
        let options = StageOptions::new(SPEED, day.begin_ms - start_ms);
        let mut stage = Stage::set(dir.path(), options).expect("a pipeline");
        stage.launcher.settings.extra.push_str(OWNERS);
        let clock = Arc::new(stage.clock.clone());
        let stamped = clock.clone();
        let webhook = Webhook::start(move || log_time(stamped.now_ms())).expect("a webhook");
        let parameters = Parameters {
            time_factor: SPEED,
            ..Parameters::default()
        };
        let config = super::notifications::config(&parameters, &webhook.url());
        let alertmanager = Alertmanager::start(&programs.alertmanager, dir.path(), &config)
            .expect("Alertmanager starts");
        let sidecar = stage.start().expect("Landfall starts");
        let mut options = PrometheusOptions {
            targets: vec![("landfall", sidecar.http())],
            rules: "groups: []\n".into(),
            interval: INTERVAL,
            alertmanager: Some(alertmanager.address()),
        };
        let prometheus = Prometheus::start(&programs.prometheus, dir.path(), &options)
            .expect("Prometheus starts");
        // It takes up targets every five seconds: an hour of the day in which all would be absent.
        let answers = |expr: &str| {
            wait::await_until(expr, || {
                let found = prometheus.query(expr, real_ms() as f64 / 1000.0);
                found.is_ok_and(|samples| !samples.is_empty())
            });
        };
        answers(r#"up{job="landfall"} == 1"#);
        options.rules = landfall_ops::prometheus::rules(&parameters);
        prometheus.change(&options).expect("rules");
        wait::await_until("Prometheus knows Alertmanager", || {
            prometheus.alertmanagers().is_ok_and(|count| count == 1)
        });
        let first_ms = real_ms();
        // All counters from now on began at 0.
        answers(r#"count_over_time(up{job="landfall"}[1s]) > 5"#);
        let day = day.beginning_at(clock.now_ms());
        assert!(
            day.faults[0].1.from_ms > day.begin_ms,
            "the machine needed more than {START:?} to start everything"
        );
        let interval_ms = ((SPEED * 1000.0) / f64::from(RATE)) as i64;
        let mut maker = Maker::of_2014(SEED);
        let tell = |line: &str| println!("{line}");
        let played = play(&day, &mut stage.pipeline, &mut maker, interval_ms, &tell)
            .expect("the day is played");
        let margins = Margins {
            deadline_ms: DEADLINE_MS,
            slack_ms: clock.stretch_ms(SLACK),
        };
        let mut day = Self {
            prometheus,
            options,
            notifications: Vec::new(),
            stage,
            sidecar,
            margins,
            faults: played.faults,
            clock,
            real_ms: (first_ms, 0),
            _alertmanager: alertmanager,
            _webhook: webhook,
            _dir: dir,
        };
        day.settle();
        day
    }

    /// Waits until every event has its verdict, and until all that fired and can resolve has.
    fn settle(&mut self) {
        let tally = self.stage.pipeline.truth.tally(self.margins);
        let raw = tally.frames - tally.malformed;
        let quiet_ms = self.clock.now_ms() + HELD_MS;
        wait::await_until("every event has its verdict", || {
            Readings::of(&self.sidecar.metrics()).is_settled(raw)
                && self.clock.now_ms() > quiet_ms
                && self.stage.pipeline.writer.backlog() == 0
        });
        wait::until(wait::PATIENCE, || {
            let told = super::notifications::all_resolved(&self._webhook.received());
            told.then_some(())
        });
        self.notifications = self._webhook.received();
        self.real_ms.1 = real_ms();
    }

    /// A moment of real time as the day's clock read it, in milliseconds.
    pub fn of_real(&self, real_ms: i64) -> i64 {
        let ago_ms = landfall_tests::clock::real_ms() - real_ms;
        self.clock.now_ms() - (ago_ms as f64 * SPEED) as i64
    }

    /// When the day's clock read it, in seconds of real time.
    pub fn real_s(&self, at_ms: i64) -> f64 {
        let ago_ms = (self.clock.now_ms() - at_ms) as f64 / SPEED;
        (real_ms() as f64 - ago_ms) / 1000.0
    }

    pub fn time(&self, at_ms: i64) -> String {
        log_time(at_ms)
    }

    /// When the day ended, by its own clock.
    pub fn end_ms(&self) -> i64 {
        self.of_real(self.real_ms.1) - self.clock.stretch_ms(2 * INTERVAL)
    }

    /// First and last moment in Prometheus' memory, in seconds of real time.
    pub fn range_s(&self) -> (f64, f64) {
        (
            self.real_ms.0 as f64 / 1000.0,
            self.real_ms.1 as f64 / 1000.0,
        )
    }

    pub fn outages(&self) -> Vec<Stretch> {
        self.faults.iter().map(|(_, stretch)| *stretch).collect()
    }

    /// What goes wrong with single events or one batch, by the plan of the day.
    pub fn troubles(&self) -> Vec<Stretch> {
        let day = Day::of_the_incident().expect("every time is one");
        let of_batches = day.duplicate_keys_ms.iter().map(|at_ms| Stretch {
            from_ms: *at_ms,
            to_ms: *at_ms,
        });
        let of_events = day.troubles.iter().map(|(_, stretch)| *stretch);
        of_events.chain(of_batches).collect()
    }

    /// Incidents of a cause, as Landfall's store has them.
    pub fn incidents(&self, cause: &str) -> u64 {
        let config = self.sidecar.config().to_string_lossy();
        let args = ["incidents", "--json", "--config", &config];
        let answer = landfall(&self.stage.launcher.program, args).expect("landfall runs");
        let incidents = Incident::read_all(&answer.json().expect("JSON")).expect("incidents");
        incidents.iter().filter(|one| one.cause == cause).count() as u64
    }

    /// When which alert fired, by the day's clock.
    pub fn firing(&self) -> BTreeMap<Alert, Vec<(i64, i64)>> {
        let step_ms = INTERVAL.as_millis() as i64;
        let series = self
            .prometheus
            .query_range(r#"ALERTS{alertstate="firing"}"#, self.range_s(), INTERVAL)
            .expect("alerts");
        let mut firing: BTreeMap<Alert, Vec<(i64, i64)>> = BTreeMap::new();
        for mut one in series {
            for name in ["__name__", "alertstate"] {
                one.labels.remove(name);
            }
            let spans = firing.entry(Alert { labels: one.labels }).or_default();
            for (at_s, _) in one.points {
                let at_ms = (at_s * 1000.0) as i64;
                match spans.last_mut() {
                    Some((_, to_ms)) if at_ms - *to_ms <= step_ms + step_ms / 2 => *to_ms = at_ms,
                    _ => spans.push((at_ms, at_ms)),
                }
            }
        }
        for (from_ms, to_ms) in firing.values_mut().flatten() {
            *from_ms = self.of_real(*from_ms);
            *to_ms = self.of_real(*to_ms);
        }
        firing
    }

    /// Lets Prometheus scrape the truth as the job `truth`: counters from 0 on, all in one step. No rule is
    /// evaluated any more. The end of the day moves on by that time.
    pub fn show(&mut self, before: String, truth: String) -> Exposition {
        let exposition = Exposition::start(before).expect("a target");
        let mut options = self.options.clone();
        options.targets.push(("truth", exposition.address()));
        options.rules = "groups: []\n".into();
        options.alertmanager = None;
        self.prometheus.change(&options).expect("a new target");
        let scraped = |expr: &str| {
            wait::await_until("Prometheus scrapes the truth", || {
                let now_s = real_ms() as f64 / 1000.0;
                let found = self.prometheus.query(expr, now_s);
                found.is_ok_and(|samples| samples.iter().any(|sample| sample.value > 0.0))
            });
        };
        // Often enough that the first values do not look like a counter that began in between.
        scraped(r#"count_over_time(up{job="truth"}[1m]) > 10"#);
        exposition.set_text(truth);
        scraped(r#"landfall_raw_events_total{job="truth"} > 0"#);
        let shown_ms = real_ms();
        wait::await_until("the truth is shown", || {
            real_ms() - shown_ms > SHOWN.as_millis() as i64
        });
        self.real_ms.1 = real_ms();
        exposition
    }
}

/// The owners.
const OWNERS: &str = "\
[owners]
default = \"data-platform\"
landfall = \"observability\"
schemas = { RigEdit = \"editing\", RigSearch = \"search\" }
checks = { delivery-objective = \"analytics\" }
";
