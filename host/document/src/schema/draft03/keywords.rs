//! What becomes of each keyword.

/// The fate of a keyword of a draft-03 schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Draft03Keyword {
    /// Means the same in draft-04.
    Same,
    /// Draft-04 says it otherwise, or it holds schemas.
    Translated,
    /// Constrains nothing, in the pipeline's validator too.
    Ignored,
    /// Constrains in a later draft: whoever wrote it meant something that draft-03 would not do.
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
