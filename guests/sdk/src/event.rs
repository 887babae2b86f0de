//! Event checks: judge documents of one stream, each on its own.

use serde::de::DeserializeOwned;

use crate::bindings::event_check::landfall::check::types;
use crate::config;
use crate::reason::{Reason, Verdict, Verdicts};
use crate::row::{Row, Rows, Side};

/// A check of single events. Implement [`judge`](Self::judge), or, to work on whole batches,
/// [`check`](Self::check).
pub trait EventCheck: Sized {
    /// Lower-case letters, digits and dashes, at most 48 bytes.
    const NAME: &'static str;
    /// Semantic version, at most 32 bytes; use `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// At most 64.
    const REASONS: &'static [Reason];
    /// The operator's settings. Unknown members are refused.
    type Config: DeserializeOwned;

    /// Called once per instance. An error refuses the configuration; it names the field and says
    /// what to do.
    fn new(config: Self::Config) -> Result<Self, String>;

    /// JSON pointers of the columns wanted, at most 64; the empty pointer is the whole document.
    fn columns(&self) -> Vec<String>;

    /// Judges one row. An error is a failure of the check: the row becomes unjudged.
    fn judge(&mut self, _row: &Row<'_>) -> Result<Verdict, String> {
        Err(String::from("the check implements neither judge nor check"))
    }

    /// Judges a batch. An error says that the batch as a whole could not be judged; the host then
    /// tries parts of it, down to the row that is to blame.
    fn check(&mut self, rows: &Rows<'_>, verdicts: &mut Verdicts) -> Result<(), String> {
        for row in rows.iter() {
            if let Verdict::Fail(reason, detail) = self.judge(&row)? {
                verdicts.fail(row.index(), reason)?;
                if !detail.is_empty() {
                    verdicts.detail(row.index(), detail);
                }
            }
        }
        Ok(())
    }
}

/// A configured event check, with the functions of the contract.
#[doc(hidden)]
pub struct Configured<C> {
    check: C,
    columns: Vec<String>,
}

impl<C: EventCheck> Configured<C> {
    pub fn configure(config: &str) -> Result<Self, String> {
        let check = C::new(config::from_text(config)?)?;
        let columns = check.columns();
        Ok(Self { check, columns })
    }

    pub fn describe(&self) -> types::Manifest {
        types::Manifest {
            name: C::NAME.into(),
            version: C::VERSION.into(),
            columns: self.columns.clone(),
            reasons: C::REASONS.iter().map(|reason| reason.to_wit()).collect(),
        }
    }

    pub fn check(&mut self, batch: &types::Batch) -> Result<types::Verdicts, String> {
        let rows = Rows::new(side(batch)?, batch, &self.columns)?;
        let mut verdicts = Verdicts::new(rows.len(), C::REASONS);
        self.check.check(&rows, &mut verdicts)?;
        let (codes, details) = verdicts.into_parts();
        Ok(types::Verdicts { codes, details })
    }
}

/// The side that a batch's stream name means.
pub(crate) fn side(batch: &types::Batch) -> Result<Side, String> {
    match batch.stream.as_str() {
        "raw" => Ok(Side::Raw),
        "written" => Ok(Side::Written),
        other => Err(format!("a batch of the unknown stream `{other}` came")),
    }
}

/// Makes `$check`, an [`EventCheck`](crate::EventCheck), the component's. Expands to nothing
/// natively, so that `cargo test` builds.
#[macro_export]
macro_rules! export_event_check {
    ($check:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use world::landfall::check::types;
            use $crate::bindings::event_check as world;
            $crate::__configured!($crate::event::Configured<$check>);
            impl world::Guest for Glue {
                fn configure(config: String) -> Result<(), String> {
                    configure(&config)
                }
                fn describe() -> types::Manifest {
                    with_configured(|configured| configured.describe())
                }
                fn check(rows: types::Batch) -> Result<types::Verdicts, String> {
                    with_configured(|configured| configured.check(&rows))
                }
            }
    world::export!(Glue with_types_in $crate::bindings::event_check);
        };
    };
}

/// The state of one instance: the configured check, set by `configure`.
#[doc(hidden)]
#[macro_export]
macro_rules! __configured {
    ($configured:ty) => {
        struct Glue;
        ::std::thread_local! {
            static CONFIGURED: ::std::cell::RefCell<Option<$configured>> =
                const { ::std::cell::RefCell::new(None) };
        }
        fn configure(config: &str) -> Result<(), String> {
            let configured = <$configured>::configure(config)?;
            CONFIGURED.with(|place| *place.borrow_mut() = Some(configured));
            Ok(())
        }
        fn with_configured<T>(call: impl FnOnce(&mut $configured) -> T) -> T {
            CONFIGURED.with(|place| match place.borrow_mut().as_mut() {
                Some(configured) => call(configured),
                // The host breaks the contract; a trap is the only answer that every export has.
                None => panic!("called before configure"),
            })
        }
    };
}
