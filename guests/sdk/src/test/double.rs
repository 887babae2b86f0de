//! A native double of the host's interfaces for checks: schemas, and the operator's log.

use std::cell::RefCell;

use serde_json::Value;

use crate::log::Level;
use crate::schemas::Validity;

/// Answers validations: the JSON pointer, the value there, the schema's `name/revision`.
pub type Schemas = Box<dyn Fn(&str, &Value, &str) -> Validity>;

/// The host's side during one call.
#[derive(Default)]
struct Host {
    documents: Vec<Value>,
    schemas: Option<Schemas>,
    log: Vec<String>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::new(Host::default());
}

/// Runs `call` while the double holds these documents and schemas, and returns the lines logged.
pub fn with_host<T>(
    documents: Vec<Value>,
    schemas: &mut Option<Schemas>,
    call: impl FnOnce() -> T,
) -> (T, Vec<String>) {
    HOST.with(|host| {
        let mut host = host.borrow_mut();
        host.documents = documents;
        host.schemas = schemas.take();
    });
    let result = call();
    HOST.with(|host| {
        let host = std::mem::take(&mut *host.borrow_mut());
        *schemas = host.schemas;
        (result, host.log)
    })
}

pub fn record_log(level: Level, text: &str) {
    HOST.with(|host| host.borrow_mut().log.push(format!("{level:?}: {text}")));
}

pub fn validate(at: &str, rows: &[u32], which: &[u32], names: &[String]) -> Vec<u8> {
    assert_eq!(rows.len(), which.len(), "as many schemas as rows");
    rows.iter()
        .zip(which)
        .map(
            |(&row, &which)| match answer(at, row, &names[which as usize]) {
                Validity::Valid => 0,
                Validity::Invalid => 1,
                Validity::NoSchema => 2,
                Validity::NoValue => 3,
            },
        )
        .collect()
}

pub fn explain(at: &str, row: u32, name: &str) -> String {
    match answer(at, row, name) {
        Validity::Valid => String::new(),
        other => format!("{other:?} at `{at}` by {name}"),
    }
}

fn answer(at: &str, row: u32, name: &str) -> Validity {
    HOST.with(|host| {
        let host = host.borrow();
        let Some(schemas) = &host.schemas else {
            panic!("the check asks for schemas: give the harness some, with `.schemas(...)`");
        };
        match host.documents[row as usize].pointer(at) {
            Some(value) => schemas(at, value, name),
            None => Validity::NoValue,
        }
    })
}
