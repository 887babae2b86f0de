//! Whether Landfall sees everything: endpoints, queues, frontier, threads, clock.

use serde_json::json;

use crate::grafana::build::{Draft, unit};
use crate::grafana::colours::{BAD, GOOD, STREAMS};
use crate::grafana::expr::*;
use crate::grafana::layout::Section;
use crate::grafana::titles;

pub fn section() -> Section {
    Section::new(
        "Eyes open",
        vec![
            endpoints(),
            ready(),
            unseen(),
            left_out(),
            frames(),
            bytes(),
            refused(),
            lost(),
            frontier(),
            queue(),
            room(),
            batches(),
            threads(),
            clock(),
        ],
    )
}

fn endpoints() -> Draft {
    Draft::states(titles::ENDPOINTS, "Whether each endpoint is connected and speaks the protocol. What passes at one that is cut off Landfall does not see, and what does not seem to land then is unconfirmed.")
        .ask("{{stream}} {{endpoint}}", format!("min by (stream, endpoint) ({})", all("landfall_source_connected", &[STREAM])))
        .states_are(&[("0", "cut off", BAD), ("1", "connected", GOOD)])
        .see("endpoints-that-are-not-connected")
}

fn ready() -> Draft {
    Draft::states(
        "Ready",
        "The parts that `/readyz` knows. It names the reason of one that is not ready.",
    )
    .ask(
        "{{part}}",
        format!("min by (part) ({})", all("landfall_ready", &[])),
    )
    .states_are(&[("0", "not ready", BAD), ("1", "ready", GOOD)])
    .see("when-landfall-itself-is-short")
}

fn frames() -> Draft {
    Draft::graph("Frames read", "Frames a second of each endpoint. Both streams are to flow; none of one over the usual traffic is a publisher that is silent.")
        .ask("{{stream}} {{endpoint}}", sum_by("stream, endpoint", &rate("landfall_frames_total", &[STREAM])))
        .unit(unit::MESSAGES_PER_SECOND)
        .see("silent")
}

fn unseen() -> Draft {
    Draft::graph("Not seen", "Share of the time in which nobody saw a stream, by cause. What did not land meanwhile is unconfirmed.")
        .ask("{{stream}} {{cause}}", sum_by("stream, cause", &rate("landfall_unseen_seconds_total", &[STREAM])))
        .unit(unit::RATIO)
        .see("unwatched")
}

fn left_out() -> Draft {
    let by_stream = |metric| sum_by("stream", &rate(metric, &[STREAM]));
    Draft::graph("Numbers left out", "Frames a second that a source numbered and that never came, of streams with sequence_number. Nothing is good. Those of the raw stream that landed were missed by Landfall.")
        .ask("{{stream}} left out", by_stream("landfall_sequence_numbers_left_out_total"))
        .ask("{{stream}} landed", by_stream("landfall_sequence_numbers_landed_total"))
        .ask("{{stream}} could not be read", by_stream("landfall_sequence_numbers_unread_total"))
        .ask("{{stream}} came late", by_stream("landfall_sequence_numbers_late_total"))
        .ask("{{stream}} not known to follow", by_stream("landfall_sequence_numbers_unproven_total"))
        .ask("{{stream}} without a number", by_stream("landfall_unnumbered_documents_total"))
        .unit(unit::MESSAGES_PER_SECOND)
        .see("numbers")
}

fn bytes() -> Draft {
    Draft::graph("Bytes read", "Bytes of frames a second of each endpoint.")
        .ask(
            "{{stream}} {{endpoint}}",
            sum_by(
                "stream, endpoint",
                &rate("landfall_frame_bytes_total", &[STREAM]),
            ),
        )
        .unit(unit::BYTES_PER_SECOND)
}

fn refused() -> Draft {
    Draft::graph("Frames that were not read", "Frames a second that a source refused, or of which no codec could make an event. Nothing is good: each written one may be the landing of an event that then is called missing.")
        .ask("refused: {{stream}} {{kind}}", sum_by("stream, kind", &rate("landfall_frames_refused_total", &[STREAM])))
        .ask("undecodable: {{stream}} {{check}} {{reason}}", top_rates("stream, check, reason", "landfall_undecodable_total", &[STREAM]))
        .unit(unit::MESSAGES_PER_SECOND)
        .see("refused-frames")
}

fn lost() -> Draft {
    let by = |metric| sum_by("stream, endpoint", &rate(metric, &[STREAM]));
    Draft::graph("Connections lost", "Connections a second that ended or did not come about. What is published meanwhile Landfall does not see.")
        .ask("lost: {{stream}} {{endpoint}}", by("landfall_source_disconnects_total"))
        .ask("protocol: {{stream}} {{endpoint}}", by("landfall_source_protocol_errors_total"))
        .unit(unit::OPERATIONS_PER_SECOND)
        .see("endpoints-that-are-not-connected")
}

fn frontier() -> Draft {
    Draft::graph(titles::FRONTIER, "How far behind now the instant is up to which everything that arrived has been applied, by Landfall's clock. Below a few seconds is good; above a minute verdicts come late by as much.")
        .ask("{{stream}}", max_by("stream", &all("landfall_frontier_lag_seconds", &[STREAM])))
        .unit(unit::SECONDS)
        .named(&STREAMS)
        .see("when-landfall-itself-is-short")
}

fn queue() -> Draft {
    let full = format!(
        "max by (stream) ({}\n  / {})",
        all("landfall_queue_bytes", &[STREAM]),
        all("landfall_queue_limit_bytes", &[STREAM])
    );
    Draft::graph("How full the queues are", "Bytes that wait to be judged, as a share of judge.queue_bytes_max. At 100 % the source stops reading, and the publisher may drop what Landfall then never sees.")
        .ask("{{stream}}", full)
        .unit(unit::RATIO)
        .bounds(0.0, Some(1.0))
        .named(&STREAMS)
        .see("when-landfall-itself-is-short")
}

fn room() -> Draft {
    Draft::graph("Waiting for room in the queue", "How long sources waited because the queue was full, in seconds of waiting a second, and how often. Nothing is good; else judging is slower than the stream.")
        .ask("time: {{stream}}", sum_by("stream", &rate("landfall_queue_wait_seconds_total", &[STREAM])))
        .ask("times a second: {{stream}}", sum_by("stream", &rate("landfall_queue_waits_total", &[STREAM])))
        .unit(unit::NUMBER)
        .see("when-landfall-itself-is-short")
}

fn batches() -> Draft {
    let by = |metric| sum_by("stream", &all(metric, &[STREAM]));
    Draft::graph("Batches on their way", "Batches that wait to be judged, those that were read and are not applied yet, and how many are read a second. A few are good, a slope is a stream that is not kept up with.")
        .ask("waiting: {{stream}}", by("landfall_queue_batches"))
        .ask("not applied: {{stream}}", by("landfall_batches_in_flight"))
        .ask("read a second: {{stream}}", sum_by("stream", &rate("landfall_frame_batches_total", &[STREAM])))
}

fn threads() -> Draft {
    Draft::graph("Threads that stand still", "For how long a thread has been at one piece of work, from 10 s on. 0 is good: what comes after such a thread waits.")
        .ask("{{thread}}", max_by("thread", &all("landfall_thread_standing_seconds", &[])))
        .unit(unit::SECONDS)
        .see("when-landfall-itself-is-short")
}

fn clock() -> Draft {
    let by = |metric| format!("max({})", all(metric, &[]));
    Draft::graph("Clock", "By how much the system's time, and the time that retention goes by, differ from Landfall's clock. Near 0 is good; the speed is 1 but in a replay.")
        .ask("system time ahead", by("landfall_clock_offset_seconds"))
        .ask("ahead of retention", by("landfall_store_clock_ahead_seconds"))
        .ask("speed", by("landfall_clock_speed_ratio"))
        .unit(unit::SECONDS)
        .override_name("speed", &[("unit", json!(unit::NONE)), ("custom.axisPlacement", json!("right"))])
        .see("a-wrong-date")
}
