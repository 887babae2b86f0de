//! The prepared configuration: which columns to ask for, and what to do with each.

use landfall_guest::{Fields, Side};

use crate::config::{As, Config, Field, Flatten, Float, flat_name};
use crate::normal::Rule;

/// The maximum number of significant digits that a 32-bit float can keep.
const FLOAT_DIGITS_MAX: u8 = 9;

/// How many names a column of fields may leave out, and how long the parts of its names may be: see
/// `column` in wit/check.wit.
const LEFT_OUT_MAX: usize = 256;
const PART_BYTES_MAX: usize = 128;

/// The column of all members of a document.
const MEMBERS: &str = "members:";

/// What to do with one side's documents.
pub struct SidePlan {
    /// The columns, each once.
    pub columns: Vec<String>,
    /// The place of the whole document among them; asked for if anything is flattened.
    pub whole: Option<usize>,
    /// Columns to flatten.
    pub flattened: Vec<Flattened>,
    /// Values with separate rules.
    pub fields: Vec<PlannedField>,
}

/// A column to flatten.
pub struct Flattened {
    /// Its place among the columns.
    pub column: usize,
    /// The JSON pointer of the object.
    pub at: String,
    /// The prefix of the names.
    pub prefix: String,
}

/// A value with a separate rule.
pub struct PlannedField {
    /// Places among the columns; the first that has a value counts.
    pub columns: Vec<usize>,
    /// Its name.
    pub name: String,
    /// Its normal form.
    pub rule: Rule,
    /// The field before it has the same rule: the same text gives the same form.
    pub is_like_last: bool,
}

/// The rule for values without a separate one.
pub fn general_rule(config: &Config) -> Rule {
    Rule {
        form: As::Value,
        truncate: config.truncate,
        float: config.float,
        null_as_absent: config.null_as_absent,
        arrays: config.arrays,
    }
}

impl SidePlan {
    /// The plan for one side. The error names the field and what to do.
    pub fn new(config: &Config, side: Side) -> Result<Self, String> {
        check_float("float", config.float)?;
        let mut plan = Self {
            columns: Vec::new(),
            whole: None,
            flattened: Vec::new(),
            fields: Vec::new(),
        };
        let beginnings: Vec<String> = config
            .ignore
            .iter()
            .filter_map(|name| name.strip_suffix('*').map(str::to_owned))
            .collect();
        for (place, flatten) in config.flatten.iter().enumerate() {
            let whole = config.ignore.iter().filter(|name| !name.ends_with('*'));
            let (pointer, prefix) = of_side(flatten, side);
            let at = format!("flatten[{place}]");
            check_pointer(pointer, &at)?;
            // Fields with separate rules are not compared twice.
            let own = config
                .fields
                .iter()
                .flat_map(|field| pointers(field, side))
                .filter_map(|field| {
                    let inner = field.strip_prefix(pointer.as_str())?;
                    inner
                        .starts_with('/')
                        .then(|| format!("{prefix}{}", flat_name(inner, &config.separator)))
                });
            let fields = Fields {
                at: pointer.clone(),
                prefix: prefix.clone(),
                separator: config.separator.clone(),
                without: whole.cloned().chain(own).collect(),
                without_beginning: beginnings.clone(),
                text_bytes: Some(config.truncate).filter(|&characters| characters > 0),
            };
            let left_out = fields.without.len() + fields.without_beginning.len();
            if left_out > LEFT_OUT_MAX {
                return Err(format!(
                    "`ignore`: {left_out} names, with those of `fields`: at most {LEFT_OUT_MAX} can be left out of one object; write `name*` for many"
                ));
            }
            for (part, text) in [("prefix", &fields.prefix), ("separator", &fields.separator)] {
                if text.len() > PART_BYTES_MAX {
                    return Err(format!(
                        "`{part}`: {} bytes: at most {PART_BYTES_MAX} are allowed",
                        text.len()
                    ));
                }
            }
            // Also if it is in the list already: an object that is flattened twice is compared twice, also by the host.
            let column = plan.columns.len();
            plan.columns.push(fields.column());
            plan.whole = Some(match pointer.as_str() {
                "" => column,
                _ => plan.column(MEMBERS.to_owned()),
            });
            plan.flattened.push(Flattened {
                column,
                at: pointer.clone(),
                prefix: prefix.clone(),
            });
        }
        for (place, field) in config.fields.iter().enumerate() {
            let at = format!("fields[{place}]");
            if let Some(float) = field.float {
                check_float(&format!("{at}.float"), float)?;
            }
            let Some(named) = field.name(&config.separator) else {
                return Err(format!("`{at}.written`: give at least one pointer"));
            };
            let columns = pointers(field, side)
                .iter()
                .map(|pointer| check_pointer(pointer, &at).map(|()| plan.column(pointer.clone())));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            if columns.is_empty() {
                return Err(format!("`{at}`: give at least one pointer on each side"));
            }
            let general = general_rule(config);
            let rule = Rule {
                form: field.form,
                truncate: field.truncate.unwrap_or(general.truncate),
                float: field.float.unwrap_or(general.float),
                null_as_absent: field.null_as_absent.unwrap_or(general.null_as_absent),
                ..general
            };
            let is_like_last = plan.fields.last().is_some_and(|last| last.rule == rule);
            plan.fields.push(PlannedField {
                is_like_last,
                columns,
                name: named,
                rule,
            });
        }
        Ok(plan)
    }

    /// The place of a column among the requested ones; the column is added if it is not among them.
    fn column(&mut self, name: String) -> usize {
        match self.columns.iter().position(|column| *column == name) {
            Some(place) => place,
            None => {
                self.columns.push(name);
                self.columns.len() - 1
            }
        }
    }
}

fn check_pointer(pointer: &str, field: &str) -> Result<(), String> {
    if pointer.is_empty() || pointer.starts_with('/') {
        return Ok(());
    }
    Err(format!(
        "`{field}`: `{pointer}` is no JSON pointer: begin it with `/`"
    ))
}

fn of_side(flatten: &Flatten, side: Side) -> (&String, &String) {
    match side {
        Side::Raw => (&flatten.raw, &flatten.raw_prefix),
        Side::Written => (&flatten.written, &flatten.written_prefix),
    }
}

fn pointers(field: &Field, side: Side) -> &[String] {
    match side {
        Side::Raw => field.raw.as_slice(),
        Side::Written => field.written.as_slice(),
    }
}

fn check_float(field: &str, float: Float) -> Result<(), String> {
    match float {
        Float::Digits(digits) if !(1..=FLOAT_DIGITS_MAX).contains(&digits) => Err(format!(
            "`{field}`: {digits} digits: write 1 to {FLOAT_DIGITS_MAX}"
        )),
        _ => Ok(()),
    }
}
