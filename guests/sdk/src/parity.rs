//! Parity checks: project both sides of an event to a normal form.

use serde::de::DeserializeOwned;

use crate::bindings::parity_check::{Batch, Column, ParityManifest};
use crate::column::Writer;
use crate::config;
use crate::event::side;
use crate::row::{Row, Rows, Side};

/// One field that differs, with both values; an absent value is empty.
pub use crate::bindings::parity_check::Difference;

/// Why a row has no normal form. Its event becomes unjudged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprojectable(pub String);

/// Defines when both sides of an event are the same.
pub trait ParityCheck: Sized {
    /// Lower-case letters, digits and dashes, at most 48 bytes.
    const NAME: &'static str;
    /// Semantic version, at most 32 bytes.
    const VERSION: &'static str;
    /// The operator's settings. Unknown members are refused.
    type Config: DeserializeOwned;

    /// Called once per instance. An error refuses the configuration.
    fn new(config: Self::Config) -> Result<Self, String>;

    /// The columns wanted of a document of this side, at most 64: JSON pointers, `members:` and one, or
    /// [`Fields::column`](crate::Fields::column), which then has to be among those of both sides.
    fn columns(&self, side: Side) -> Vec<String>;

    /// Appends the normal form of one row to `form`. It must depend only on the row and the configuration,
    /// and may not be empty: an empty form means that there is none. For a check that asks for fields, the
    /// form is a byte of its choice and then fields ([`write_field`](crate::write_field)).
    fn project(&mut self, row: &Row<'_>, form: &mut Vec<u8>) -> Result<(), Unprojectable>;

    /// The differences between two normal forms; called only for two that differ.
    fn explain(&mut self, raw: &[u8], written: &[u8]) -> Vec<Difference>;
}

/// A configured parity check, with the functions of the contract.
#[doc(hidden)]
pub struct Configured<C> {
    check: C,
    raw: Vec<String>,
    written: Vec<String>,
}

impl<C: ParityCheck> Configured<C> {
    pub fn configure(config: &str) -> Result<Self, String> {
        let check = C::new(config::from_text(config)?)?;
        let raw = check.columns(Side::Raw);
        let written = check.columns(Side::Written);
        Ok(Self {
            check,
            raw,
            written,
        })
    }

    pub fn describe(&self) -> ParityManifest {
        ParityManifest {
            name: C::NAME.into(),
            version: C::VERSION.into(),
            raw_columns: self.raw.clone(),
            written_columns: self.written.clone(),
        }
    }

    pub fn project(&mut self, batch: &Batch) -> Result<Column, String> {
        let side = side(batch)?;
        let pointers = match side {
            Side::Raw => &self.raw,
            Side::Written => &self.written,
        };
        let rows = Rows::new(side, batch, pointers)?;
        let bytes = batch.columns.iter().map(|column| column.text.len()).sum();
        let mut forms = Writer::with_capacity(rows.len(), bytes);
        for row in rows.iter() {
            let projected = forms.row(|form| self.check.project(&row, form));
            if let Err(Unprojectable(why)) = projected {
                crate::debug!("row {} has no normal form: {why}", row.index());
            }
        }
        Ok(forms.finish())
    }

    pub fn explain(&mut self, raw: &[u8], written: &[u8]) -> Vec<Difference> {
        self.check.explain(raw, written)
    }
}

/// Makes `$check`, a [`ParityCheck`](crate::ParityCheck), the component's. Expands to nothing
/// natively.
#[macro_export]
macro_rules! export_parity_check {
    ($check:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::parity_check as world;
            $crate::__configured!($crate::parity::Configured<$check>);
            impl world::Guest for Glue {
                fn configure(config: String) -> Result<(), String> {
                    configure(&config)
                }
                fn describe() -> world::ParityManifest {
                    with_configured(|configured| configured.describe())
                }
                fn project(rows: world::Batch) -> Result<world::Column, String> {
                    with_configured(|configured| configured.project(&rows))
                }
                fn explain(raw: Vec<u8>, written: Vec<u8>) -> Vec<world::Difference> {
                    with_configured(|configured| configured.explain(&raw, &written))
                }
            }
    world::export!(Glue with_types_in $crate::bindings::parity_check);
        };
    };
}
