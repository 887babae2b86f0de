//! The first plan: waits for the checks to be loaded, tells what it waits for, and gives up when it is
//! asked to. Knows nothing of HTTP and signals, but what it tells and asks.

use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::config::Config;
use crate::http::Part;
use crate::planning::planner::{Patience, Planned, Planner, PlanningError};

/// How often it looks whether it is to give up. A file that was replaced meanwhile is taken then, too.
const LOOK: Duration = Duration::from_millis(500);

/// Most checks are loaded within it; what takes longer is told in the log.
const SOON: Duration = Duration::from_secs(5);

/// What is still being loaded is told again.
const LATER: Duration = Duration::from_secs(30);

/// Plans, for as long as `goes_on` says so; None if it was asked to end before.
///
/// # Errors
/// Those of the planner: a check that does not load, for one.
pub fn first_plan(
    planner: &mut Planner,
    config: &Config,
    clock: &Clock,
    part: &Part,
    goes_on: impl Fn() -> bool,
) -> Result<Option<Planned>, PlanningError> {
    let mut tell_at = Instant::now() + SOON;
    let mut refuse_at = None;
    loop {
        match planner.plan(config, clock.now_ms(), Patience::For(LOOK)) {
            Err(PlanningError::Loading(names)) => {
                let names = names.join(", ");
                part.not_ready(format!("being loaded: {names}"));
                if Instant::now() >= tell_at {
                    tell_at = Instant::now() + LATER;
                    tracing::info!("still being compiled or started: {names}");
                }
            }
            // The others may be refused as well: then all are told at once.
            Err(PlanningError::Checks(_))
                if planner.is_loading()
                    && Instant::now() < *refuse_at.get_or_insert(Instant::now() + SOON) => {}
            Err(PlanningError::Ended) => return Ok(None),
            done => return done.map(Some),
        }
        if !goes_on() {
            return Ok(None);
        }
    }
}
