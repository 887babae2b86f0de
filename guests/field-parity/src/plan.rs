//! The configuration made ready: which columns to ask for, and what to do with each.

use landfall_guest::Side;

use crate::config::{As, Config, Field, Flatten, Float, flat_name};
use crate::normal::Rule;

/// The most significant digits that a 32-bit float can have and keep.
const FLOAT_DIGITS_MAX: u8 = 9;

/// Before a pointer: how the contract packs the value.
const TEXT: &str = "";
const MEMBERS: &str = "members:";

/// What to do with one side's documents.
pub struct SidePlan {
    /// The columns, each once.
    pub columns: Vec<String>,
    /// The place of the whole document among them; asked for if anything is flattened.
    pub whole: Option<usize>,
    /// Columns to flatten.
    pub flattened: Vec<Flattened>,
    /// Values with rules of their own.
    pub fields: Vec<PlannedField>,
}

/// A column to flatten.
pub struct Flattened {
    /// Its place among the columns.
    pub column: usize,
    /// Goes before the names.
    pub prefix: String,
    /// Names that are not compared, or that fields take care of.
    pub skipped: Names,
}

/// A value with a rule of its own.
pub struct PlannedField {
    /// Places among the columns; the first that has a value counts.
    pub columns: Vec<usize>,
    /// What it is called.
    pub name: String,
    /// Its normal form.
    pub rule: Rule,
}

/// A set of names.
#[derive(Clone)]
pub struct Names {
    names: Vec<String>,
    beginnings: Vec<String>,
    /// Bit n: one of `names` has n bytes; the last bit: or more. Most names are told by their length.
    lengths: u64,
}

impl Names {
    /// From the configuration's list, in which `name*` is every name that begins so.
    pub fn new(list: &[String]) -> Self {
        let beginning = |entry: &&String| entry.ends_with('*');
        let mut names = Self {
            names: Vec::new(),
            beginnings: list
                .iter()
                .filter_map(|entry| entry.strip_suffix('*').map(str::to_owned))
                .collect(),
            lengths: 0,
        };
        names.extend(list.iter().filter(|e| !beginning(e)).cloned());
        names
    }

    /// Adds names, each as it stands.
    pub fn extend(&mut self, names: impl Iterator<Item = String>) {
        for name in names {
            self.lengths |= length_bit(name.as_bytes());
            self.names.push(name);
        }
    }

    /// Bit n: a name of n bytes may be one of them; the last bit: or more.
    pub fn lengths(&self) -> u64 {
        if self.beginnings.is_empty() {
            self.lengths
        } else {
            u64::MAX
        }
    }

    /// Whether this flattened name is one of them.
    pub fn has(&self, name: &[u8]) -> bool {
        let is_one = || self.names.iter().any(|entry| entry.as_bytes() == name);
        let begins = |entry: &String| name.starts_with(entry.as_bytes());
        (self.lengths & length_bit(name) != 0 && is_one()) || self.beginnings.iter().any(begins)
    }
}

fn length_bit(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}

/// The rule for values without one of their own.
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
    /// The plan for one side. The error names the field and says what to do.
    pub fn new(config: &Config, side: Side) -> Result<Self, String> {
        check_float("float", config.float)?;
        let mut plan = Self {
            columns: Vec::new(),
            whole: None,
            flattened: Vec::new(),
            fields: Vec::new(),
        };
        for (place, flatten) in config.flatten.iter().enumerate() {
            let (pointer, prefix) = of_side(flatten, side);
            let column = plan.column(MEMBERS, pointer, &format!("flatten[{place}]"))?;
            plan.whole = Some(plan.column(MEMBERS, "", "flatten")?);
            let mut skipped = Names::new(&config.ignore);
            let taken = config
                .fields
                .iter()
                .flat_map(|field| pointers(field, side))
                .filter_map(|field| {
                    let inner = field.strip_prefix(pointer.as_str())?;
                    inner
                        .starts_with('/')
                        .then(|| format!("{prefix}{}", flat_name(inner, &config.separator)))
                });
            skipped.extend(taken);
            plan.flattened.push(Flattened {
                column,
                prefix: prefix.clone(),
                skipped,
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
                .map(|pointer| plan.column(TEXT, pointer, &at));
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
            plan.fields.push(PlannedField {
                columns,
                name: named,
                rule,
            });
        }
        Ok(plan)
    }

    /// The place of a column among those asked for, which asks for it if need be.
    fn column(&mut self, packing: &str, pointer: &str, field: &str) -> Result<usize, String> {
        if !(pointer.is_empty() || pointer.starts_with('/')) {
            return Err(format!(
                "`{field}`: `{pointer}` is no JSON pointer: begin it with `/`"
            ));
        }
        let name = format!("{packing}{pointer}");
        match self.columns.iter().position(|column| *column == name) {
            Some(place) => Ok(place),
            None => {
                self.columns.push(name);
                Ok(self.columns.len() - 1)
            }
        }
    }
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
