//! `minimum`, `maximum` and their exclusive forms, compared exactly. The crate rounds an integer beyond 64 bits
//! of an event to the nearest double; Python does not.

use std::cmp::Ordering;

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError, ValidationOptions};
use serde_json::{Map, Value as SerdeValue};

use super::{Annotation, CompiledKeyword};
use crate::number::Number;
use crate::representation::OnTape;
use crate::schema::integers;
use crate::value::Value;

/// Replaces the crate's keywords by these.
pub(super) fn install<R>(
    options: ValidationOptions<'_, R, OnTape>,
) -> ValidationOptions<'_, R, OnTape> {
    options
        .with_keyword("minimum", minimum)
        .with_keyword("maximum", maximum)
        .with_keyword("exclusiveMinimum", exclusive_minimum)
        .with_keyword("exclusiveMaximum", exclusive_maximum)
}

fn minimum<'a>(
    members: &'a Map<String, SerdeValue>,
    bound: &'a SerdeValue,
    _: Location,
) -> CompiledKeyword<'a> {
    let is_exclusive = members.get("exclusiveMinimum") == Some(&SerdeValue::Bool(true));
    compile(bound, Ordering::Less, is_exclusive)
}

fn maximum<'a>(
    members: &'a Map<String, SerdeValue>,
    bound: &'a SerdeValue,
    _: Location,
) -> CompiledKeyword<'a> {
    let is_exclusive = members.get("exclusiveMaximum") == Some(&SerdeValue::Bool(true));
    compile(bound, Ordering::Greater, is_exclusive)
}

fn exclusive_minimum<'a>(
    _: &'a Map<String, SerdeValue>,
    bound: &'a SerdeValue,
    _: Location,
) -> CompiledKeyword<'a> {
    compile(bound, Ordering::Less, true)
}

fn exclusive_maximum<'a>(
    _: &'a Map<String, SerdeValue>,
    bound: &'a SerdeValue,
    _: Location,
) -> CompiledKeyword<'a> {
    compile(bound, Ordering::Greater, true)
}

fn compile(bound: &SerdeValue, beyond: Ordering, is_exclusive: bool) -> CompiledKeyword<'_> {
    let limit = match bound {
        SerdeValue::Number(number) => Limit::Number(number.clone()),
        // `exclusiveMinimum` of draft-04: it belongs to the bound beside it, which reads it.
        SerdeValue::Bool(_) => return Ok(Box::new(Annotation)),
        other => match integers::digits_of(other) {
            Some(digits) => Limit::Digits(digits.to_owned()),
            None => return Err(ValidationError::custom("the bound must be a number")),
        },
    };
    Ok(Box::new(Bound {
        limit,
        beyond,
        is_exclusive,
    }))
}

enum Limit {
    Number(serde_json::Number),
    /// An integer beyond 64 bits.
    Digits(String),
}

struct Bound {
    limit: Limit,
    /// How a number that violates the bound compares with it.
    beyond: Ordering,
    is_exclusive: bool,
}

impl Bound {
    fn allows(&self, number: Number<'_>) -> bool {
        let bound = match &self.limit {
            Limit::Number(number) => Number::of_serde(number),
            Limit::Digits(digits) => Some(Number::Digits(digits)),
        };
        let Some(bound) = bound else {
            return true;
        };
        match number.compare(bound) {
            Ordering::Equal => !self.is_exclusive,
            ordering => ordering != self.beyond,
        }
    }

    fn message(&self) -> String {
        let (than, name) = match self.beyond {
            Ordering::Less => ("less", "minimum"),
            _ => ("greater", "maximum"),
        };
        let equal = if self.is_exclusive {
            " or equal to"
        } else {
            ""
        };
        match &self.limit {
            Limit::Number(bound) => format!("value is {than} than{equal} the {name} of {bound}"),
            Limit::Digits(bound) => format!("value is {than} than{equal} the {name} of {bound}"),
        }
    }
}

impl<'i> Keyword<'i, OnTape> for Bound {
    fn validate(&self, instance: Value<'i>) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) {
            return Ok(());
        }
        Err(ValidationError::custom(self.message()))
    }

    fn is_valid(&self, instance: Value<'i>) -> bool {
        instance.number().is_none_or(|number| self.allows(number))
    }
}
