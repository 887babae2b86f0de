//! Event check: a number of the event must not be above its limit.
use landfall_guest::{EventCheck, Reason, Row, Verdict, export_event_check};

#[derive(serde::Deserialize)]
pub struct Limit {
    at: String,
    max: f64,
}

impl EventCheck for Limit {
    const NAME: &'static str = "example-check";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const REASONS: &'static [Reason] = &[Reason::violation("too_large", "above its limit")];
    type Config = Self;
    fn new(config: Self) -> Result<Self, String> {
        Ok(config)
    }

    fn columns(&self) -> Vec<String> {
        vec![self.at.clone()]
    }

    fn judge(&mut self, row: &Row<'_>) -> Result<Verdict, String> {
        let too_large = row.f64(0).is_some_and(|number| number > self.max);
        Ok(Verdict::fail_if(too_large, "too_large"))
    }
}

export_event_check!(Limit);
