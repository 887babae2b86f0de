//! Whether Landfall is ready: each part says for itself, and readiness is all of them together.
//! Knows no part; each takes its latch when it is set up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The latches of all parts, and the checks that judge. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    parts: Vec<PartState>,
    checks: Vec<CheckState>,
}

/// One part's latch. Closed until the part says that it is ready.
#[derive(Debug)]
pub struct Part {
    inner: Arc<Mutex<Inner>>,
    index: usize,
}

#[derive(Clone, Debug, Serialize)]
struct PartState {
    name: String,
    ready: bool,
    /// Why it is not ready, or what it is ready with.
    detail: String,
}

/// A check that judges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckState {
    pub name: String,
    pub version: String,
    /// Of the file that was loaded, in hexadecimal.
    pub digest: String,
    /// Landfall's time, RFC 3339.
    pub loaded_at: String,
    /// Why the newest file does not judge; None if it does.
    pub stale: Option<String>,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub ready: bool,
    parts: Vec<PartState>,
    checks: Vec<CheckState>,
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Readiness {
    /// A latch for a part; take all of them before HTTP is served.
    pub fn part(&self, name: &str) -> Part {
        let mut inner = lock(&self.inner);
        inner.parts.push(PartState {
            name: name.into(),
            ready: false,
            detail: "starting".into(),
        });
        Part {
            inner: Arc::clone(&self.inner),
            index: inner.parts.len() - 1,
        }
    }

    /// The checks that judge from now on. A stale check is told, but it does judge: it does not
    /// make Landfall unready.
    pub fn set_checks(&self, checks: Vec<CheckState>) {
        lock(&self.inner).checks = checks;
    }

    /// Whether all parts are ready.
    pub fn is_ready(&self) -> bool {
        lock(&self.inner).parts.iter().all(|part| part.ready)
    }

    pub(super) fn report(&self) -> Report {
        let inner = lock(&self.inner);
        let ready = inner.parts.iter().all(|part| part.ready);
        Report {
            ready,
            parts: inner.parts.clone(),
            checks: inner.checks.clone(),
        }
    }
}

impl Part {
    pub fn ready(&self, detail: impl Into<String>) {
        self.set(true, detail.into());
    }

    pub fn not_ready(&self, why: impl Into<String>) {
        self.set(false, why.into());
    }

    fn set(&self, ready: bool, detail: String) {
        if let Some(part) = lock(&self.inner).parts.get_mut(self.index) {
            (part.ready, part.detail) = (ready, detail);
        }
    }
}

/// A part that is gone is not ready.
impl Drop for Part {
    fn drop(&mut self) {
        self.set(false, "ended".into());
    }
}
