//! One history as a list of steps, each with a seed of its own: so a failing one can be made shorter, and told.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;

use super::Seen;
use super::world::{Plans, World};

/// Things that happen in one history.
const STEPS: usize = 400;

/// Histories that are tried to make a failing one shorter.
const TRIALS_MAX: usize = 600;

/// Which part does its next piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Time,
    Judge,
    Shard,
    Advance,
    Describer,
    Results,
    ResultsWithoutAnswer,
    Process,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    part: Part,
    /// Every choice in it comes from this number.
    seed: u64,
}

/// A history.
#[derive(Clone, Debug)]
pub(super) struct History {
    seed: u64,
    steps: Vec<Step>,
}

impl History {
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut step = || {
            let part = match rng.u8(..100) {
                0..22 => Part::Time,
                22..42 => Part::Judge,
                42..62 => Part::Shard,
                62..76 => Part::Advance,
                76..92 => Part::Describer,
                92..94 => Part::ResultsWithoutAnswer,
                94..99 => Part::Results,
                _ if rng.u8(..3) == 0 => Part::Process,
                _ => Part::Time,
            };
            let seed = rng.u64(..);
            Step { part, seed }
        };
        Self {
            seed,
            steps: (0..STEPS).map(|_| step()).collect(),
        }
    }

    /// Lets it happen. Panics if a law is broken. `story` gets a line for each thing that happens.
    pub(super) fn play<'a>(
        &self,
        plans: &'a Plans,
        seen: &mut Seen,
        story: Option<&'a mut Vec<String>>,
    ) {
        let mut world = World::new(&mut Rng::with_seed(self.seed), plans);
        world.story = story;
        for step in &self.steps {
            let mut rng = Rng::with_seed(step.seed);
            match step.part {
                Part::Time => world.pass_time(&mut rng),
                Part::Judge => world.judge(&mut rng),
                Part::Shard => world.apply(&mut rng),
                Part::Advance => world.advance(&mut rng),
                Part::Describer => world.describe(&mut rng),
                Part::ResultsWithoutAnswer => world.flush_and_lose_the_answer(),
                Part::Results => world.flush(),
                Part::Process => world.start_anew(&mut rng),
            }
        }
        world.come_to_rest(&mut Rng::with_seed(self.seed));
        world.add_to(seen);
    }

    /// What is wrong at its end, if anything is.
    pub(super) fn failure(&self, plans: &Plans) -> Option<String> {
        self.tried(plans, None)
    }

    fn tried(&self, plans: &Plans, story: Option<&mut Vec<String>>) -> Option<String> {
        let play = AssertUnwindSafe(|| self.play(plans, &mut Seen::default(), story));
        let cause = catch_unwind(play).err()?;
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Some(text.unwrap_or_default())
    }

    /// A shorter history that fails too: without steps that it does not need.
    pub(super) fn shrunk(&self, plans: &Plans) -> Self {
        let mut shortest = self.clone();
        let mut trials = 0;
        let mut length = self.steps.len() / 2;
        while length > 0 {
            let mut from = 0;
            while from < shortest.steps.len() && trials < TRIALS_MAX {
                let mut shorter = shortest.clone();
                let to = (from + length).min(shorter.steps.len());
                shorter.steps.drain(from..to);
                trials += 1;
                match shorter.failure(plans) {
                    Some(_) => shortest = shorter,
                    None => from += length,
                }
            }
            length /= 2;
        }
        shortest
    }

    /// What happens in it, line by line, and how it fails.
    pub(super) fn story(&self, plans: &Plans) -> String {
        let mut lines = Vec::new();
        let failure = self.tried(plans, Some(&mut lines));
        lines.extend(failure);
        lines.join("\n")
    }

    pub(super) fn steps(&self) -> usize {
        self.steps.len()
    }
}
