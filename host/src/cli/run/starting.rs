//! Makes the first plan: waits for the checks to be loaded, reports what it waits for, and gives up
//! when the process must end. It reports to `part` and asks `is_running`; otherwise it knows nothing
//! of HTTP and signals.

use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::config::Config;
use crate::http::Part;
use crate::planning::planner::{Patience, Planned, Planner, PlanningError};

/// How often it checks whether to give up. A file that was replaced meanwhile is taken then, too.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// Most checks are loaded within this time. What takes longer is logged.
const LOG_AFTER: Duration = Duration::from_secs(5);

/// How often it is logged again what is still being loaded.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// Makes a plan, as long as `is_running` is true; None if it became false before.
///
/// # Errors
/// The planner failed: for example, a check does not load.
pub fn first_plan(
    planner: &mut Planner,
    config: &Config,
    clock: &Clock,
    part: &Part,
    is_running: impl Fn() -> bool,
) -> Result<Option<Planned>, PlanningError> {
    let mut log_at = Instant::now() + LOG_AFTER;
    let mut refuse_at = None;
    loop {
        match planner.plan(config, clock.now_ms(), Patience::For(CHECK_EVERY)) {
            Err(PlanningError::Loading(names)) => {
                let names = names.join(", ");
                part.not_ready(format!("being loaded: {names}"));
                if Instant::now() >= log_at {
                    log_at = Instant::now() + LOG_EVERY;
                    tracing::info!("still being compiled or started: {names}");
                }
            }
            // Other checks may be refused as well; waiting for them reports all at once.
            Err(PlanningError::Checks(_))
                if planner.is_loading()
                    && Instant::now() < *refuse_at.get_or_insert(Instant::now() + LOG_AFTER) => {}
            Err(PlanningError::Ended) => return Ok(None),
            done => return done.map(Some),
        }
        if !is_running() {
            return Ok(None);
        }
    }
}
