//! How each keyword of a draft-03 schema is translated.

/// How a keyword of a draft-03 schema is translated.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Draft03Keyword {
    /// Means the same in draft-04.
    Same,
    /// Draft-04 has it otherwise, or it holds schemas.
    Translated,
    /// Is no constraint, and the pipeline's validator ignores it too.
    Ignored,
    /// Is a constraint in a later draft: its author meant something that draft-03 would ignore.
    Foreign,
}

impl Draft03Keyword {
    pub fn of(name: &str) -> Self {
        match name {
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "minItems"
            | "maxItems" | "uniqueItems" | "minLength" | "maxLength" | "pattern" | "enum" => {
                Self::Same
            }
            "type"
            | "disallow"
            | "properties"
            | "patternProperties"
            | "additionalProperties"
            | "items"
            | "additionalItems"
            | "extends"
            | "divisibleBy"
            | "dependencies"
            | "required" => Self::Translated,
            "allOf"
            | "anyOf"
            | "oneOf"
            | "not"
            | "multipleOf"
            | "minProperties"
            | "maxProperties"
            | "const"
            | "contains"
            | "propertyNames"
            | "if"
            | "then"
            | "else"
            | "prefixItems"
            | "dependentRequired"
            | "dependentSchemas"
            | "unevaluatedProperties"
            | "unevaluatedItems"
            | "minContains"
            | "maxContains"
            | "$dynamicRef"
            | "$recursiveRef" => Self::Foreign,
            _ => Self::Ignored,
        }
    }
}
