//! What lands, and what does not, in a pipeline in good and in bad health.

use landfall_tests::events::Maker;
use landfall_tests::scene::Scene;

#[test]
fn in_good_health_every_event_gets_the_verdict_it_deserves() {
    let mut scene = Scene::start();
    scene.send_valid(300);
    scene.send(20, Maker::invalid);
    scene.assert_truth();
}
