//! Cases of presence: whether Landfall runs, is scraped, and sees both streams.

use landfall_ops::prometheus::EXPECTED_SERIES;

use super::{NONE, from, within};
use crate::case::{Case, Firing, case, firing};
use crate::healthy::LANDFALL_OWNER;
use crate::world::{ENDPOINTS, JOB, World};

pub fn cases() -> Vec<Case> {
    [targets(), instances(), series(), restarts(), views()].concat()
}

fn owned(alert: &'static str) -> Firing {
    firing(alert).label("owner", LANDFALL_OWNER)
}

const ABSENT: &str = "LandfallAbsent";

fn targets() -> Vec<Case> {
    let unknown = || firing(ABSENT).label("owner", "(nobody)");
    let next = "so nobody would see that events are lost. Next: see its log and its exit code, and start it: landfall run";
    vec![
        case(ABSENT, "it does not answer", 60, |world| {
            world.down(10.0..55.0);
        })
        .quiet_at(19)
        .at(
            22,
            [owned(ABSENT).says(&format!("Landfall does not answer at a:9470, {next}"))],
        ),
        case(ABSENT, "its owner is remembered for long", 130, |world| {
            world.down(10.0..131.0);
        })
        .at(30, [owned(ABSENT)])
        .at(
            129,
            [owned(ABSENT).says(&format!("Landfall does not answer at a:9470, {next}"))],
        ),
        case(ABSENT, "Prometheus has its target no longer", 90, |world| {
            world.gone(20.0);
        })
        .at(
            40,
            [owned(ABSENT)
                .instance(None)
                .says(&format!("Landfall does not answer, {next}"))],
        ),
        case(ABSENT, "Prometheus has no target", 30, |world| {
            *world = World::empty(world.variant, world.minutes);
        })
        .quiet_at(8)
        .at(
            12,
            [unknown()
                .instance(None)
                .says(&format!("Landfall does not answer, {next}"))],
        ),
        case(ABSENT, "somebody else answers there", 30, |world| {
            *world = World::empty(world.variant, world.minutes);
            world.hold("up", NONE, 1.0);
        })
        .quiet_at(8)
        .at(12, [unknown()]),
        case(
            ABSENT,
            "a start that compiles checks for eight minutes",
            120,
            |world| {
                world.restart(30.0, 8.0);
            },
        )
        .quiet(),
        case(
            ABSENT,
            "the first start takes eight minutes",
            120,
            |world| {
                world.down(0.0..8.0);
            },
        )
        .quiet(),
    ]
}

fn instances() -> Vec<Case> {
    const FEWER: &str = "LandfallFewerInstances";
    vec![
        case(FEWER, "one of two has gone", 160, |world| {
            world.twin("b:9470", 0.0, 90.0);
        })
        .quiet_at(100)
        .at(120, [owned(FEWER).instance(None).says("Fewer instances of Landfall are scraped than an hour ago: 1. Next: compare the targets of Prometheus with what is to run")])
        ,
        case(FEWER, "the instances have two owners", 160, |world| {
            world.twin("b:9470", 0.0, 90.0).foreign(
                "landfall_owner_info",
                &[("job", JOB), ("instance", "b:9470"), ("owner", "others")],
                |minute| (minute < 90.0).then_some(1.0),
            );
            world.without("landfall_owner_info", &[("instance", "b:9470"), ("owner", LANDFALL_OWNER)]);
        })
        .at(120, [firing(FEWER).instance(None).label("owner", "(nobody)")]),
        case(FEWER, "one has come in place of another", 110, |world| {
            world.twin("b:9470", 0.0, 90.0).twin("c:9470", 90.0, 111.0);
        })
        .quiet(),
    ]
}

fn without_all(world: &mut World) {
    for series in EXPECTED_SERIES {
        let (metric, labels) = series
            .selector
            .split_once('{')
            .unwrap_or((series.selector, ""));
        let pair = labels.trim_end_matches('}').split_once('=');
        let pair = pair.map(|(label, value)| (label, value.trim_matches('"')));
        world.without(metric, pair.as_slice());
    }
}

fn series() -> Vec<Case> {
    const SERIES: &str = "LandfallSeriesAbsent";
    let says = |series: &str| {
        format!(
            "Landfall at a:9470 is scraped, and has no series {series}: alerts that need it cannot fire. Next: compare the versions of rules and program, and relabelling: landfall ops prometheus"
        )
    };
    let all: Vec<Firing> = EXPECTED_SERIES
        .iter()
        .map(|series| {
            let shown = series.selector.replace('"', "");
            owned(SERIES).label("series", &shown).says(&says(&shown))
        })
        .collect();
    vec![
        case(
            SERIES,
            "all that alerts rest upon are gone",
            40,
            without_all,
        )
        .quiet_at(18)
        .at(22, all),
        case(SERIES, "one cause is gone", 60, |world| {
            world.some("landfall_incidents_open", &[("cause", "loss")], |minute| {
                (minute < 20.0).then_some(0.0)
            });
        })
        .quiet_at(38)
        .at(
            43,
            [owned(SERIES)
                .label("series", "landfall_incidents_open{cause=loss}")
                .says(&says("landfall_incidents_open{cause=loss}"))],
        ),
        case(
            SERIES,
            "the readings of a few minutes are not there",
            60,
            |world| {
                world.some("landfall_store_failing", &[], |minute| {
                    (!(20.0..26.0).contains(&minute)).then_some(0.0)
                });
            },
        )
        .quiet(),
    ]
}

fn restarts() -> Vec<Case> {
    const RESTARTS: &str = "LandfallRestarts";
    const SCRAPES: &str = "LandfallScrapesFail";
    vec![
        case(RESTARTS, "four within an hour", 60, |world| {
            for at in [10.0, 20.0, 30.0, 40.0] {
                world.restart(at, 1.0);
            }
        })
        .quiet_at(38)
        .at(45, [owned(RESTARTS).says("Landfall at a:9470 has started 4 times within an hour; each start forgets the events that wait. Next: see its log and its exit code")]),
        case(RESTARTS, "three within an hour", 120, |world| {
            for at in [10.0, 30.0, 50.0] {
                world.restart(at, 1.0);
            }
        })
        .quiet(),
        case(SCRAPES, "one of three minutes", 90, |world| {
            for minute in (0..90).step_by(3) {
                world.down(f64::from(minute)..f64::from(minute) + 1.0);
            }
        })
        .quiet_at(8)
        .at(85, [owned(SCRAPES).says("Only 67 % of the scrapes of a:9470 worked within an hour, and again and again none did. Next: see scrape_timeout, the network, and whether Landfall restarts")]),
        case(SCRAPES, "one outage", 125, |world| {
            world.down(60.0..85.0);
        })
        .at(80, [firing(ABSENT)])
        .at(90, [firing(ABSENT)])
        .quiet_at(97)
        .quiet_at(120),
        case(SCRAPES, "one of five", 70, |world| {
            for minute in (0..70).step_by(5) {
                world.down(f64::from(minute)..f64::from(minute) + 1.0);
            }
        })
        .quiet(),
    ]
}

fn views() -> Vec<Case> {
    const CONNECTED: &str = "LandfallNotConnected";
    const FLAPS: &str = "LandfallConnectionFlaps";
    const READY: &str = "LandfallNotReady";
    const WRITTEN: [(&str, &str); 2] = [("stream", ENDPOINTS[1].0), ("endpoint", ENDPOINTS[1].1)];
    let of_endpoint = |alert| {
        owned(alert)
            .label("stream", ENDPOINTS[1].0)
            .label("endpoint", ENDPOINTS[1].1)
    };
    vec![
        case(CONNECTED, "the written stream is away", 60, |world| {
            world.set("landfall_source_connected", &WRITTEN, |minute| {
                1.0 - within(10.0, 20.0)(minute)
            });
        })
        .quiet_at(11)
        .at(13, [of_endpoint(CONNECTED).says("Landfall at a:9470 is not connected to tcp://127.0.0.1:8600 (written): it does not see what is published there. Next: curl http://a:9470/readyz says why")])
        .quiet_at(35),
        case(CONNECTED, "a publisher that starts anew", 40, |world| {
            world.set("landfall_source_connected", &WRITTEN, |minute| {
                1.0 - within(10.0, 11.0)(minute)
            });
        })
        .quiet(),
        case(FLAPS, "six connections are lost", 40, |world| {
            world.set("landfall_source_disconnects_total", &WRITTEN, |minute| {
                (minute - 10.0).clamp(0.0, 6.0).floor()
            });
        })
        .at(20, [of_endpoint(FLAPS).says("The connection to tcp://127.0.0.1:8600 (written) was lost 6 times within an hour, or ended because of what the peer sent; what is published meanwhile is not seen. Next: see the publisher and the log")]),
        case(FLAPS, "the peer sends what is no ZeroMQ", 40, |world| {
            world.set("landfall_source_protocol_errors_total", &WRITTEN, |minute| {
                (minute - 10.0).clamp(0.0, 8.0).floor()
            });
        })
        .at(20, [of_endpoint(FLAPS)]),
        case(FLAPS, "three connections are lost", 120, |world| {
            world.set("landfall_source_disconnects_total", &WRITTEN, |minute| {
                (minute - 10.0).clamp(0.0, 3.0).floor()
            });
        })
        .quiet(),
        case(READY, "a part is not ready", 60, |world| {
            world
                .set("landfall_ready", &[("part", "engine")], from(10.0, 1.0, 0.0))
                // Scrapes that fail do not set the time back.
                .down(15.0..16.0)
                .down(20.0..21.0);
        })
        .quiet_at(24)
        .at(27, [owned(READY).label("part", "engine").says("engine of Landfall at a:9470 is not ready. Next: curl http://a:9470/readyz says why")]),
        case(READY, "while it starts", 60, |world| {
            world.set("landfall_ready", &[("part", "engine")], from(5.0, 0.0, 1.0));
        })
        .quiet(),
    ]
}
