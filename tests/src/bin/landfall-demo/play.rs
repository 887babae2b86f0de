//! Plays the day: sends events at their times, and lets the writer fail at its.

use std::collections::VecDeque;
use std::thread;

use landfall_tests::clock::table_time;
use landfall_tests::events::odd::Odd;
use landfall_tests::events::{Kind, Made, Maker};
use landfall_tests::pipeline::{Pipeline, PipelineError};
use landfall_tests::truth::Fate;

use crate::day::{Day, Stretch, Trouble};
use crate::screen::Screen;

/// How long a held row is held back, in milliseconds of the day: well beyond the deadline.
pub const HELD_MS: i64 = 30 * 60_000;

/// Of a thousand events, those that are invalid, that come in twice, that no codec can read, and
/// over whose JSON parsers disagree although it is good.
const INVALID: u32 = 20;
const REPEATED: u32 = 5;
const MALFORMED: u32 = 2;
const ODD: u32 = 3;

/// Of a hundred events in a stretch of trouble, those that it befalls.
const TROUBLED: u32 = 8;

/// Events between the two copies of a raw line.
const REPEATED_AFTER: usize = 60;

/// What the writer did, as it did it.
#[derive(Debug, Default)]
pub struct Played {
    pub outages: Vec<Stretch>,
    pub events_a_second: f64,
}

/// Plays the whole day, `interval_ms` of it between two events.
pub fn play(
    day: &Day,
    pipeline: &mut Pipeline,
    maker: &mut Maker,
    interval_ms: i64,
    screen: &Screen,
) -> Result<Played, PipelineError> {
    let mut played = Played {
        events_a_second: pipeline.clock.speed() * 1000.0 / interval_ms as f64,
        ..Played::default()
    };
    let mut outages: VecDeque<Stretch> = day.outages.iter().copied().collect();
    let mut duplicate_key = Some(day.duplicate_key_ms);
    let mut again: VecDeque<(usize, Made)> = VecDeque::new();
    let mut at_ms = day.begin_ms;
    let mut number = 0;
    while at_ms < day.end_ms {
        thread::sleep(pipeline.clock.until(at_ms));
        let now_ms = pipeline.clock.now_ms();

        if let Some(outage) = outages.front().copied() {
            if !pipeline.writer.is_deaf() && at_ms >= outage.from_ms {
                pipeline.writer.go_deaf();
                screen.say(&format!("{}  the writer goes deaf", table_time(now_ms)));
                played.outages.push(Stretch {
                    from_ms: now_ms,
                    to_ms: i64::MAX,
                });
            } else if pipeline.writer.is_deaf() && at_ms >= outage.to_ms {
                pipeline.writer.restart()?;
                screen.say(&format!("{}  the writer is restarted", table_time(now_ms)));
                if let Some(last) = played.outages.last_mut() {
                    last.to_ms = now_ms;
                }
                outages.pop_front();
            }
        }
        if duplicate_key.is_some_and(|due_ms| at_ms >= due_ms) {
            duplicate_key = None;
            pipeline.writer.set(|faults| faults.strict_keys = true);
            let twice = send(pipeline, maker.valid(now_ms))?;
            pipeline.producer.send(&twice)?;
        }
        if pipeline.writer.batches_lost() > 0 && pipeline.writer.faults().strict_keys {
            pipeline.writer.set(|faults| faults.strict_keys = false);
            screen.say(&format!(
                "{}  a duplicate key kills a batch of the writer",
                table_time(now_ms)
            ));
        }

        while again.front().is_some_and(|(due, _)| *due <= number) {
            // Not while one duplicate key would kill another batch.
            if let Some((_, made)) = again.pop_front()
                && !pipeline.writer.faults().strict_keys
            {
                pipeline.producer.send(&made)?;
            }
        }
        if let Some(made) = event(day, pipeline, maker, at_ms, now_ms)? {
            let made = send(pipeline, made)?;
            if maker.rng().u32(..1000) < REPEATED && made.event.fate == Fate::Normal {
                again.push_back((number + REPEATED_AFTER, made));
            }
        }
        number += 1;
        at_ms += interval_ms;
    }
    Ok(played)
}

fn send(pipeline: &Pipeline, mut made: Made) -> Result<Made, PipelineError> {
    pipeline.producer.send_at(&mut made, &pipeline.clock)?;
    Ok(made)
}

/// The next event; None if a frame that is none was sent in its place.
fn event(
    day: &Day,
    pipeline: &Pipeline,
    maker: &mut Maker,
    at_ms: i64,
    now_ms: i64,
) -> Result<Option<Made>, PipelineError> {
    if let Some(trouble) = day.trouble(at_ms)
        && maker.rng().u32(..100) < TROUBLED
    {
        return Ok(Some(troubled(trouble, maker, now_ms)));
    }
    let chance = maker.rng().u32(..1000);
    if chance < INVALID {
        return Ok(Some(maker.invalid(now_ms)));
    }
    if chance < INVALID + MALFORMED {
        let frame = maker.malformed();
        pipeline.producer.send_malformed(&frame)?;
        return Ok(None);
    }
    if chance < INVALID + MALFORMED + ODD {
        let odd = [Odd::EqualNames, Odd::HugeInteger][maker.rng().usize(..2)];
        return Ok(Some(maker.odd(odd, now_ms)));
    }
    Ok(Some(maker.valid(now_ms)))
}

/// An event that the stretch's trouble befalls; each trouble keeps to few schemas.
fn troubled(trouble: Trouble, maker: &mut Maker, now_ms: i64) -> Made {
    let fated = |maker: &mut Maker, kind, fate| {
        let mut made = maker.valid_of(kind, now_ms);
        made.event.fate = fate;
        made
    };
    match trouble {
        Trouble::Altered => fated(maker, Kind::Edit, Fate::Altered),
        Trouble::Doubled => fated(maker, Kind::Search, Fate::Doubled),
        Trouble::Held => fated(maker, Kind::Search, Fate::Held { ms: HELD_MS }),
        Trouble::Leaked => maker.fated(Fate::Leaked, now_ms),
        Trouble::Unjudgeable if maker.rng().bool() => maker.odd(Odd::NotANumber, now_ms),
        Trouble::Unjudgeable => maker.unknown(now_ms),
    }
}
