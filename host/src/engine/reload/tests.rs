//! Tests of reloads.

use super::*;

#[test]
fn deadlines_that_become_too_short_for_the_batches_are_reported() {
    let mut config = Config::default();
    let batches = config.judge.batches(config.deadlines.shortest());
    assert_eq!(too_coarse(&config, &batches), None);
    config.deadlines.default = Duration::from_secs(1);
    let problem = too_coarse(&config, &batches).unwrap();
    assert!(
        problem.contains("1s") && problem.contains("500ms"),
        "{problem}"
    );
    config.deadlines.default = Duration::from_secs(3600);
    assert_eq!(too_coarse(&config, &batches), None);
}

#[test]
fn what_takes_a_restart_is_reported_at_every_reload_and_not_taken() {
    let started = Config::default();
    let mut new_config = Config::default();
    new_config.event.key = "/id".into();
    new_config.streams.raw.codec = "json".into();
    new_config.checks.clear();
    new_config.incidents.stall = Duration::from_secs(7);
    new_config.metrics.latency_buckets.pop();
    new_config.owners.default = "analytics".into();
    let (first, waiting) = in_force(&started, new_config.clone());
    let fields: Vec<_> = waiting
        .iter()
        .filter_map(|text| text.split(' ').next())
        .collect();
    assert_eq!(fields, ["event", "streams", "metrics"]);
    assert_eq!(first.event, started.event);
    assert_eq!(first.streams, started.streams);
    assert!(first.checks.is_empty());
    assert_eq!(first.incidents, new_config.incidents);
    assert_eq!(first.owners, new_config.owners);
    assert_eq!(first.metrics, started.metrics);
    let (_, again) = in_force(&first, new_config);
    assert_eq!(again, waiting, "the second reload has not forgotten");
}

#[test]
fn a_file_that_appears_or_vanishes_is_reported_if_the_next_start_would_take_another_one() {
    let path = Path::new("landfall.toml");
    let problem = appeared(None, Some(path)).unwrap();
    assert!(
        problem.contains("landfall.toml is there now") && problem.contains("restart"),
        "{problem}"
    );
    assert!(problem.starts_with('/'), "the whole place: {problem}");
    for (runs, found) in [
        (None, None),
        (Some(path), Some(path)),
        (Some(Path::new("other")), Some(path)),
    ] {
        assert_eq!(appeared(runs, found), None);
    }
    let nowhere = Path::new("/nowhere/landfall.toml");
    assert!(
        deleted_config_problem(nowhere, false)
            .unwrap()
            .contains("built-in default")
    );
    assert_eq!(deleted_config_problem(nowhere, true), None);
    assert_eq!(deleted_config_problem(Path::new("/dev/null"), false), None);
}

#[test]
fn settling_ends_although_changes_go_on() {
    let (request, wake) = requests();
    let stop = ShutdownRequest::default();
    let ended = ShutdownRequest::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.is_set() {
                request.send();
                std::thread::yield_now();
            }
        });
        let began = Instant::now();
        settle(&wake, &stop);
        assert!(began.elapsed() >= SETTLE_MAX);
        stop.set();
        let began = Instant::now();
        settle(&wake, &stop);
        assert!(began.elapsed() < SETTLE_MAX, "the wish to end is heard");
        ended.set();
    });
}
