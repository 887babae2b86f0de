//! The host's native validation of the current batch.
//!
//! The documents do not cross the boundary again: rows are named by their place. Natively, under
//! `cargo test`, the harness's [`schemas`](crate::test::EventHarness::schemas) closure answers.

/// The host's answer for one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// The value satisfies the schema.
    Valid,
    /// It does not.
    Invalid,
    /// No schema of that name is loaded.
    NoSchema,
    /// The document has no value at the pointer.
    NoValue,
}

impl Validity {
    fn from_code(code: u8) -> Result<Self, String> {
        match code {
            0 => Ok(Self::Valid),
            1 => Ok(Self::Invalid),
            2 => Ok(Self::NoSchema),
            3 => Ok(Self::NoValue),
            other => Err(format!(
                "the host answered a validation with the unknown code {other}"
            )),
        }
    }
}

/// Rows to validate in one call, each against one of a few schemas.
#[derive(Default)]
pub struct Request {
    rows: Vec<u32>,
    which: Vec<u32>,
    names: Vec<String>,
}

impl Request {
    /// Adds a schema (`name/revision`) and returns its place, for [`push`](Self::push).
    pub fn schema(&mut self, name: impl Into<String>) -> u32 {
        self.names.push(name.into());
        self.names.len() as u32 - 1
    }

    /// Adds a row, to be validated against the schema at place `schema`.
    pub fn push(&mut self, row: u32, schema: u32) {
        self.rows.push(row);
        self.which.push(schema);
    }

    /// The schema at place `schema`.
    pub fn name(&self, schema: u32) -> &str {
        self.names.get(schema as usize).map_or("", String::as_str)
    }

    /// Forgets rows and schemas, keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.which.clear();
        self.names.clear();
    }

    /// Validates the value at the JSON pointer `at` of each row: `(row, schema, answer)` in the
    /// order of the pushes.
    ///
    /// # Errors
    /// The host gives another number of answers than there are rows, or an answer that is none.
    pub fn validate(
        &self,
        at: &str,
    ) -> Result<impl Iterator<Item = (u32, u32, Validity)> + '_, String> {
        let codes = if self.rows.is_empty() {
            Vec::new()
        } else {
            call(at, &self.rows, &self.which, &self.names)
        };
        if codes.len() != self.rows.len() {
            return Err(format!(
                "the host answered {} of {} validations",
                codes.len(),
                self.rows.len()
            ));
        }
        let answers = codes
            .into_iter()
            .map(Validity::from_code)
            .collect::<Result<Vec<_>, _>>()?;
        let pairs = self.rows.iter().copied().zip(self.which.iter().copied());
        Ok(pairs
            .zip(answers)
            .map(|((row, schema), answer)| (row, schema, answer)))
    }
}

/// The first errors of one row, each with its place, without the values; empty if it is valid.
pub fn explain(at: &str, row: u32, name: &str) -> String {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::event_check::landfall::check::schemas::explain(at, row, name);
    #[cfg(not(target_arch = "wasm32"))]
    crate::test::explain(at, row, name)
}

fn call(at: &str, rows: &[u32], which: &[u32], names: &[String]) -> Vec<u8> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::event_check::landfall::check::schemas::validate(
        at, rows, which, names,
    );
    #[cfg(not(target_arch = "wasm32"))]
    crate::test::validate(at, rows, which, names)
}
