//! The objectives of delivery that window checks state. The host asks for them when the checks or the schemas
//! are loaded, on an instance of its own, and checks them before anybody relies on them.

use landfall_document::processor_time;

use crate::bindings::shapes;
use crate::engine::ticks;
use crate::error::LoadError;
use crate::fault::{Fault, FaultKind};
use crate::guest::Guest;
use crate::load::LoadedCheck;
use crate::world::{StateAnswer, WindowCheck, call};

/// Most names of schemas in one call of a check; the contract promises it.
pub const OBJECTIVE_NAMES_MAX: usize = 512;

/// What a check asks of the pipeline for a schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The share of the expected events that are to be delivered, from 0 to 1.
    pub target: f64,
    /// Whether an event that landed late counts as delivered.
    pub late_counts: bool,
}

impl LoadedCheck<WindowCheck> {
    /// The objective of each of these schemas, in their order. None if the check does not export objectives,
    /// as checks that are older than this part of the contract do not.
    ///
    /// Slow: it makes an instance, and each call for [`OBJECTIVE_NAMES_MAX`] names may take `start_time` of its limits.
    /// `go_on` is called before each; if it gives false, the rest is not asked for.
    ///
    /// # Errors
    ///
    /// If the check fails, answers what is no objective, or `go_on` gives false. That says nothing of how the
    /// check judges.
    pub fn objectives(
        &self,
        schemas: &[&str],
        go_on: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<Option<Objective>>>, Fault> {
        let start = |error: LoadError| Fault::new(FaultKind::Start, error.to_string());
        let (mut guest, _) =
            Guest::<WindowCheck>::start(&self.engine, &self.pre, &self.limits, &self.config, None)
                .map_err(start)?;
        let Some(state) = guest.exports.state else {
            return Ok(None);
        };
        let mut all = Vec::with_capacity(schemas.len());
        for names in schemas.chunks(OBJECTIVE_NAMES_MAX) {
            if !go_on() {
                let message = "nobody waits for the answer any more".to_owned();
                return Err(Fault::new(FaultKind::Start, message));
            }
            let deadline = processor_time() + self.limits.start_time;
            guest.store.data_mut().deadline = Some(deadline);
            guest.store.data_mut().limiter.begin_call();
            let calling = self.engine.call();
            guest
                .store
                .set_epoch_deadline(ticks(self.limits.start_time));
            let answer = call::<_, StateAnswer>(&state, &mut guest.store, (names,));
            drop(calling);
            let (stated,) = answer
                .map_err(|error| Fault::of_call(&error, guest.store.data().limiter.refused()))?;
            all.extend(checked(stated, names)?);
        }
        Ok(Some(all))
    }
}

/// The objectives, if there is one for each name and each target is a share.
fn checked(
    stated: Vec<Option<shapes::Objective>>,
    names: &[&str],
) -> Result<Vec<Option<Objective>>, Fault> {
    let wrong = |message| Fault::new(FaultKind::BadOutput, message);
    if stated.len() != names.len() {
        return Err(wrong(format!(
            "it states {} objectives for {} schemas",
            stated.len(),
            names.len()
        )));
    }
    let share = |(stated, name): (Option<shapes::Objective>, &&str)| {
        let Some(shapes::Objective {
            target,
            late_counts,
        }) = stated
        else {
            return Ok(None);
        };
        if !(0.0..=1.0).contains(&target) {
            return Err(wrong(format!(
                "the target that it states for {name} is {target}, and a share is from 0 to 1"
            )));
        }
        Ok(Some(Objective {
            target,
            late_counts,
        }))
    };
    stated.into_iter().zip(names).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stated_has_to_be_one_share_for_each_name() {
        let target = |target| {
            Some(shapes::Objective {
                target,
                late_counts: true,
            })
        };
        let check = |stated: Vec<Option<shapes::Objective>>| {
            checked(stated, &["A/1", "B/1"]).map_err(|fault| fault.message)
        };
        let sound = check(vec![target(0.0), None]).unwrap();
        let objective = |target| {
            Some(Objective {
                target,
                late_counts: true,
            })
        };
        assert_eq!(sound, [objective(0.0), None]);
        assert_eq!(
            check(vec![target(1.0), target(-0.0)]).unwrap()[0],
            objective(1.0)
        );
        for (stated, expected) in [
            (vec![None], "1 objectives for 2 schemas"),
            (vec![None; 3], "3 objectives for 2 schemas"),
            (vec![None, target(f64::NAN)], "for B/1 is NaN"),
            (vec![target(1.000_001), None], "for A/1 is 1.000001"),
            (vec![target(-0.1), None], "for A/1 is -0.1"),
            (vec![target(f64::INFINITY), None], "for A/1 is inf"),
        ] {
            let message = check(stated).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
