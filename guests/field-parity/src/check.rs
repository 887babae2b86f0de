//! The check: rows to normal forms.

use landfall_guest::{Difference, ParityCheck, Row, Side, Unprojectable};

use crate::config::Config;
use crate::explain::explain;
use crate::flatten::flatten;
use crate::form::Fields;
use crate::name::FlatName;
use crate::normal::Rule;
use crate::plan::{Ignore, SidePlan, general_rule};

/// The check; see the crate's documentation.
pub struct FieldParity {
    raw: SidePlan,
    written: SidePlan,
    ignore: Ignore,
    rule: Rule,
    separator: String,
    name: FlatName,
    fields: Fields,
}

impl ParityCheck for FieldParity {
    const NAME: &'static str = "field-parity";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        let config = config.resolved();
        if config.flatten.is_empty() && config.fields.is_empty() {
            return Err("`fields`: nothing is compared: give `fields` or `flatten`".into());
        }
        Ok(Self {
            raw: SidePlan::new(&config, Side::Raw)?,
            written: SidePlan::new(&config, Side::Written)?,
            ignore: Ignore::new(&config.ignore),
            rule: general_rule(&config),
            separator: config.separator,
            name: FlatName::default(),
            fields: Fields::default(),
        })
    }

    fn columns(&self, side: Side) -> Vec<String> {
        self.plan(side).columns.clone()
    }

    fn project(&mut self, row: &Row<'_>, form: &mut Vec<u8>) -> Result<(), Unprojectable> {
        let plan = match row.side() {
            Side::Raw => &self.raw,
            Side::Written => &self.written,
        };
        let (fields, ignore, rule) = (&mut self.fields, &self.ignore, &self.rule);
        fields.clear();
        // An object without a text may be one that holds what JSON does not have: only the document
        // tells it from one that is not there.
        if plan.whole.is_some_and(|column| row.is_absent(column)) {
            let why = "the document has no JSON text (it holds what JSON does not have)";
            return Err(Unprojectable(why.into()));
        }
        for flattened in &plan.flattened {
            let object = row.text(flattened.column);
            // An object that is not there has no members; whether it had to be there is the
            // schema's to say.
            if object.is_empty() || object == "null" {
                continue;
            }
            let wanted = |name: &str| {
                !ignore.has(name) && !flattened.taken.iter().any(|taken| taken == name)
            };
            let each = |name: &FlatName, value: &str| {
                fields.push(&name.bounded(), |out| rule.apply(value, out));
            };
            let (prefix, separator) = (&flattened.prefix, &self.separator);
            if flatten(object, prefix, separator, &mut self.name, wanted, each).is_none() {
                let pointer = &plan.columns[flattened.column];
                return Err(Unprojectable(format!(
                    "the value at `{pointer}` is no object"
                )));
            }
        }
        for field in &plan.fields {
            let mut texts = field.columns.iter().map(|&column| row.text(column));
            if let Some(text) = texts.find(|text| !text.is_empty() && *text != "null") {
                fields.push(&field.name, |out| field.rule.apply(text, out));
            } else if field.columns.iter().any(|&column| row.is_null(column)) {
                fields.push(&field.name, |out| field.rule.apply("null", out));
            }
        }
        fields.write(form);
        Ok(())
    }

    fn explain(&mut self, raw: &[u8], written: &[u8]) -> Vec<Difference> {
        explain(raw, written)
    }
}

impl FieldParity {
    fn plan(&self, side: Side) -> &SidePlan {
        match side {
            Side::Raw => &self.raw,
            Side::Written => &self.written,
        }
    }
}
