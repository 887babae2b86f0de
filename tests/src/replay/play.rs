//! Plays a day: sends events at their times, and lets the writer fail at the day's times.

use std::collections::VecDeque;
use std::thread;

use super::day::{Day, Fault, Rare, Stretch, Trouble};
use crate::clock::table_time;
use crate::events::odd::Odd;
use crate::events::{Kind, Made, Maker};
use crate::pipeline::{Pipeline, PipelineError};
use crate::truth::Fate;

/// How long a held row is held back, in milliseconds of the day: well beyond the deadline.
pub const HELD_MS: i64 = 30 * 60_000;

/// Of a thousand events, those that are invalid, that come in twice, that no codec can read, and
/// those about whose JSON parsers disagree although it is good.
const INVALID: u32 = 20;
const REPEATED: u32 = 5;
const MALFORMED: u32 = 2;
const ODD: u32 = 3;

/// Events between the two copies of a raw line.
const REPEATED_AFTER: usize = 60;

/// What really went wrong.
#[derive(Debug, Default)]
pub struct Played {
    /// What the writer did, and when, by the clock.
    pub faults: Vec<(Fault, Stretch)>,
    /// When batches died of a duplicate key.
    pub batches_lost_ms: Vec<i64>,
    pub events_a_second: f64,
}

/// Plays the whole day, `interval_ms` of it between two events. `on_line` gets a line for each thing that
/// the writer does.
pub fn play(
    day: &Day,
    pipeline: &mut Pipeline,
    maker: &mut Maker,
    interval_ms: i64,
    on_line: &dyn Fn(&str),
) -> Result<Played, PipelineError> {
    if let Some(rare) = &day.rare {
        maker.leave_out(rare.kind);
    }
    let mut player = Player {
        day,
        pipeline,
        maker,
        on_line,
        played: Played::default(),
        duplicate_keys: day.duplicate_keys_ms.iter().copied().collect(),
        again: VecDeque::new(),
        rare: day.rare.clone(),
        number: 0,
    };
    player.played.events_a_second = player.pipeline.clock.speed() * 1000.0 / interval_ms as f64;
    let mut at_ms = day.begin_ms;
    while at_ms < day.end_ms {
        thread::sleep(player.pipeline.clock.until(at_ms));
        player.step(at_ms)?;
        at_ms += interval_ms;
    }
    player.turn(None)?;
    Ok(player.played)
}

struct Player<'a> {
    day: &'a Day,
    pipeline: &'a mut Pipeline,
    maker: &'a mut Maker,
    on_line: &'a dyn Fn(&str),
    played: Played,
    duplicate_keys: VecDeque<i64>,
    /// Copies to send, and at which event.
    again: VecDeque<(usize, Made)>,
    rare: Option<Rare>,
    number: usize,
}

impl Player<'_> {
    /// Does what is due at `at_ms`, and sends the event of that moment.
    fn step(&mut self, at_ms: i64) -> Result<(), PipelineError> {
        let now_ms = self.pipeline.clock.now_ms();
        self.turn(self.day.fault(at_ms))?;
        self.duplicate_key(at_ms, now_ms)?;
        self.rare(at_ms, now_ms)?;
        if self.day.lull_end_ms(at_ms).is_some() {
            return Ok(());
        }
        while self
            .again
            .front()
            .is_some_and(|(due, _)| *due <= self.number)
        {
            // Not while one duplicate key would make another batch fail.
            if let Some((_, made)) = self.again.pop_front()
                && !self.pipeline.writer.faults().strict_keys
            {
                self.pipeline.producer.send(&made)?;
            }
        }
        if let Some(made) = self.event(at_ms, now_ms)? {
            let made = self.send(made)?;
            if self.maker.rng().u32(..1000) < REPEATED && made.event.fate == Fate::Normal {
                self.again.push_back((self.number + REPEATED_AFTER, made));
            }
        }
        self.number += 1;
        Ok(())
    }

    /// Switches the writer's faults on and off by the day.
    fn turn(&mut self, due: Option<Fault>) -> Result<(), PipelineError> {
        let now_ms = self.pipeline.clock.now_ms();
        let open = self.played.faults.last_mut();
        let open = open.filter(|(_, stretch)| stretch.to_ms == i64::MAX);
        let present = open.as_ref().map(|(fault, _)| *fault);
        if present == due {
            return Ok(());
        }
        let writer = &mut self.pipeline.writer;
        if let Some((fault, stretch)) = open {
            stretch.to_ms = now_ms;
            match fault {
                Fault::Deaf => writer.restart()?,
                Fault::Refused => writer.set(|faults| faults.refused = false),
                Fault::Loss { .. } => writer.set(|faults| faults.loss_percent = 0),
                Fault::Skips(_) => writer.set(|faults| faults.skipped = None),
            }
            (self.on_line)(&format!("{}  {}", table_time(now_ms), over(*fault)));
        }
        if let Some(fault) = due {
            match fault {
                Fault::Deaf => writer.go_deaf(),
                Fault::Refused => writer.set(|faults| faults.refused = true),
                Fault::Loss { percent } => writer.set(|faults| faults.loss_percent = percent),
                Fault::Skips(kind) => writer.set(|faults| faults.skipped = Some(kind.name())),
            }
            self.played.faults.push((
                fault,
                Stretch {
                    from_ms: now_ms,
                    to_ms: i64::MAX,
                },
            ));
            (self.on_line)(&format!("{}  {}", table_time(now_ms), begun(fault)));
        }
        Ok(())
    }

    /// Makes a batch fail by a duplicate key, if one is due.
    fn duplicate_key(&mut self, at_ms: i64, now_ms: i64) -> Result<(), PipelineError> {
        if self
            .duplicate_keys
            .front()
            .is_some_and(|due_ms| at_ms >= *due_ms)
        {
            self.duplicate_keys.pop_front();
            self.pipeline.writer.set(|faults| faults.strict_keys = true);
            let made = self.maker.valid(now_ms);
            let twice = self.send(made)?;
            self.pipeline.producer.send(&twice)?;
        }
        let lost = self.pipeline.writer.batches_lost();
        if lost > self.played.batches_lost_ms.len() as u64
            && self.pipeline.writer.faults().strict_keys
        {
            self.pipeline
                .writer
                .set(|faults| faults.strict_keys = false);
            while (self.played.batches_lost_ms.len() as u64) < lost {
                self.played.batches_lost_ms.push(now_ms);
            }
            (self.on_line)(&format!(
                "{}  a duplicate key kills a batch of the writer",
                table_time(now_ms)
            ));
        }
        Ok(())
    }

    /// The rare schema's events that are due.
    fn rare(&mut self, at_ms: i64, now_ms: i64) -> Result<(), PipelineError> {
        let Some(rare) = &mut self.rare else {
            return Ok(());
        };
        let due: Vec<bool> = rare
            .events
            .extract_if(.., |(due_ms, _)| *due_ms <= at_ms)
            .map(|(_, lost)| lost)
            .collect();
        let kind = rare.kind;
        for lost in due {
            let mut made = self.maker.valid_of(kind, now_ms);
            if lost {
                made.event.fate = Fate::Lost;
            }
            self.send(made)?;
        }
        Ok(())
    }

    fn send(&self, mut made: Made) -> Result<Made, PipelineError> {
        self.pipeline
            .producer
            .send_at(&mut made, &self.pipeline.clock)?;
        Ok(made)
    }

    /// The next event; None if a frame that is no event was sent in its place.
    fn event(&mut self, at_ms: i64, now_ms: i64) -> Result<Option<Made>, PipelineError> {
        let maker = &mut *self.maker;
        if let Some(trouble) = self.day.trouble(at_ms)
            && maker.rng().u8(..100) < self.day.troubled_percent
        {
            return Ok(Some(troubled(trouble, maker, now_ms)));
        }
        let chance = maker.rng().u32(..1000);
        if chance < INVALID {
            return Ok(Some(maker.invalid(now_ms)));
        }
        if chance < INVALID + MALFORMED {
            let frame = maker.malformed();
            let clock = &self.pipeline.clock;
            self.pipeline.producer.send_malformed(&frame, clock)?;
            return Ok(None);
        }
        if chance < INVALID + MALFORMED + ODD {
            let odd = [Odd::EqualNames, Odd::HugeInteger][maker.rng().usize(..2)];
            return Ok(Some(maker.odd(odd, now_ms)));
        }
        Ok(Some(maker.valid(now_ms)))
    }
}

fn begun(fault: Fault) -> String {
    match fault {
        Fault::Deaf => "the writer stops taking events".into(),
        Fault::Refused => "the writer's database refuses connections".into(),
        Fault::Loss { percent } => format!("the writer loses {percent} % of its rows"),
        Fault::Skips(kind) => format!("the writer loses all rows of {}", kind.name()),
    }
}

fn over(fault: Fault) -> &'static str {
    match fault {
        Fault::Deaf => "the writer is restarted",
        Fault::Refused => "the writer's database takes connections again",
        Fault::Loss { .. } | Fault::Skips(_) => "the writer loses no more rows",
    }
}

/// An event that the interval's trouble affects; each trouble affects few schemas.
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
        Trouble::NoSchema => maker.nameless(now_ms),
    }
}
