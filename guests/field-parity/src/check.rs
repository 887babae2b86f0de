//! The check: turns rows into normal forms.

use landfall_guest::{Difference, MemberKind, ParityCheck, Row, Side, Unprojectable, Value};

use crate::config::Config;
use crate::explain::explain;
use crate::flatten::flatten;
use crate::form::Writer;
use crate::name::FlatName;
use crate::normal::Rule;
use crate::plan::{PlannedField, SidePlan, general_rule};

/// The check; see the crate's documentation.
pub struct FieldParity {
    raw: SidePlan,
    written: SidePlan,
    rule: Rule,
    separator: String,
    name: FlatName,
    writer: Writer,
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
            rule: general_rule(&config),
            separator: config.separator,
            name: FlatName::default(),
            writer: Writer::default(),
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
        // An object without a text may hold a value that JSON does not have: only the document
        // distinguishes it from an absent object.
        if plan
            .whole
            .is_some_and(|column| row.member(column).is_none())
        {
            let why = "the document has no JSON text (it holds what JSON does not have)";
            return Err(Unprojectable(why.into()));
        }
        self.writer.begin(form);
        let mut last: Option<&str> = None;
        for field in &plan.fields {
            let text = own_text(row, field);
            // Two fields may fall back on each other, and usually one of them is present.
            let same = field.is_like_last && last.is_some_and(|last| std::ptr::eq(last, text));
            self.writer.own_field(&field.name, form, same, |out| {
                field.rule.apply(text, Value::from_text(text), out)
            });
            last = Some(text);
        }
        for flattened in &plan.flattened {
            // An absent object has no members; the schema decides whether it had to be
            // present.
            let object = match row.member(flattened.column) {
                Some(value) if value.kind == MemberKind::Null => continue,
                Some(value) => value,
                None => continue,
            };
            if object.kind != MemberKind::Object {
                return Err(Unprojectable(format!(
                    "the value at `{}` is no object",
                    flattened.at
                )));
            }
            self.name.clear();
            self.name.push(&flattened.prefix);
            let mut fields = self.writer.fields(&self.rule, form);
            flatten(object, &self.separator, &mut self.name, &mut fields);
        }
        Ok(())
    }

    fn explain(&mut self, raw: &[u8], written: &[u8]) -> Vec<Difference> {
        explain(raw, written)
    }
}

/// A field's value: of several columns the first that has one, else null; empty if all are absent.
fn own_text<'a>(row: &Row<'a>, field: &PlannedField) -> &'a str {
    let mut text = "";
    for &column in &field.columns {
        match row.text(column) {
            "" => {}
            "null" => text = "null",
            found => {
                text = found;
                break;
            }
        }
    }
    text
}

impl FieldParity {
    fn plan(&self, side: Side) -> &SidePlan {
        match side {
            Side::Raw => &self.raw,
            Side::Written => &self.written,
        }
    }
}
