//! Events that land, and events that do not, in a whole pipeline over real sockets: every count is compared
//! with the truth that the pipeline itself recorded.

use landfall_tests::events::Maker;
use landfall_tests::events::odd::Odd;
use landfall_tests::identity::Era;
use landfall_tests::scene::Scene;
use landfall_tests::truth::{Fate, Verdict};
use landfall_tests::wait::await_until;

#[test]
fn in_good_health_every_event_gets_the_verdict_it_deserves() {
    let mut scene = Scene::start();
    scene.send_valid(300);
    scene.send(20, Maker::invalid);
    for odd in Odd::ALL {
        scene.send(5, |maker, now_ms| maker.odd(odd, now_ms));
    }
    scene.send(5, Maker::unknown);
    let readings = scene.assert_truth();
    assert_eq!(readings.count(Verdict::Delivered), 310);
    assert_eq!(readings.count(Verdict::Rejected), 20);
    assert_eq!(readings.count(Verdict::Unjudged), 10);
    scene.stop();
}

#[test]
fn the_formats_of_2019_land_as_well() {
    let mut scene = Scene::build(Era::Dt, |_| {});
    scene.send_valid(200);
    scene.send(10, Maker::invalid);
    let readings = scene.assert_truth();
    assert_eq!(readings.count(Verdict::Delivered), 200);
    assert_eq!(readings.count(Verdict::Rejected), 10);
    scene.stop();
}

#[test]
fn a_writer_that_does_everything_wrong_at_once_is_reported_exactly() {
    let mut scene = Scene::start();
    scene.pipeline.writer.set(|faults| faults.loss_percent = 30);
    for fate in [
        Fate::Normal,
        Fate::Altered,
        Fate::Doubled,
        Fate::Leaked,
        Fate::Lost,
        Fate::Held { ms: 9_000 },
    ] {
        scene.send(60, |maker, now_ms| maker.fated(fate, now_ms));
    }
    let sent = scene.send_valid(20);
    for made in &sent {
        scene.send_again(made);
    }
    // Held rows land after their deadline, when everything else has its verdict.
    scene.await_settled();
    await_until("held rows have landed", || {
        scene.pipeline.writer.backlog() == 0
    });
    let readings = scene.assert_truth();
    assert_eq!(readings.count(Verdict::Repeated), 20);
    for verdict in [
        Verdict::Altered,
        Verdict::Leaked,
        Verdict::Missing,
        Verdict::Late,
    ] {
        assert!(readings.count(verdict) > 10, "{verdict:?}: {readings:?}");
    }
    assert_eq!(scene.missing_keys(), scene.truly_missing());
    scene.stop();
    let store = scene.store();
    assert_eq!(store.unbalanced_windows().expect("a store"), 0);
    assert_eq!(store.totals().expect("a store").raw, readings.raw);
}

#[test]
fn one_duplicate_key_kills_its_batch_and_all_of_it_is_named() {
    let mut scene = Scene::start();
    scene
        .pipeline
        .writer
        .set(|faults| faults.strict_keys = true);
    // Until both copies and some others have met in one batch.
    await_until("a batch dies", || {
        let made = scene.send_valid(20);
        scene.send_again(&made[7]);
        scene.pipeline.writer.batches_lost() > 0
    });
    scene
        .pipeline
        .writer
        .set(|faults| faults.strict_keys = false);
    scene.send_valid(20);
    let readings = scene.assert_truth();
    assert!(readings.count(Verdict::Missing) > 0, "{readings:?}");
    assert_eq!(scene.missing_keys(), scene.truly_missing());
    scene.stop();
}

#[test]
fn a_writer_that_takes_the_newest_first_is_slow_and_loses_nothing() {
    let mut scene = Scene::start();
    scene
        .pipeline
        .writer
        .set(|faults| faults.order = landfall_tests::pipeline::Order::NewestFirst);
    scene.send_valid(2_000);
    let readings = scene.assert_truth();
    assert_eq!(readings.count(Verdict::Missing), 0);
    scene.stop();
}
