//! Whether Landfall is ready: each part reports its own state, and Landfall is ready if all parts are.
//! Knows no part; each part takes its latch when it is set up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The latches of all parts, and the checks that judge. Clones share them.
#[derive(Clone, Default)]
pub struct Readiness {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    parts: Vec<PartState>,
    /// Parts that are asked at each request.
    asked: Vec<Asked>,
    checks: Vec<CheckReport>,
}

/// A part's name, and a function that returns whether it is ready, with the details or the reason.
#[derive(Clone)]
struct Asked {
    name: String,
    ask: Arc<dyn Fn() -> (bool, String) + Send + Sync>,
}

/// One part's latch. Not ready until the part reports that it is.
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
pub struct CheckReport {
    pub name: String,
    pub version: String,
    /// Of the file that was loaded, in hexadecimal.
    pub digest: String,
    /// Landfall's time, RFC 3339.
    pub loaded_at: String,
    /// Why the newest file does not judge; None if it does.
    pub stale: Option<String>,
    /// Whether the newest file is being loaded.
    pub loading: bool,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub ready: bool,
    parts: Vec<PartState>,
    checks: Vec<CheckReport>,
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

    /// A part that is asked at each request: whether it is ready, with the details or the reason why
    /// not.
    pub fn ask(&self, name: &str, ask: impl Fn() -> (bool, String) + Send + Sync + 'static) {
        lock(&self.inner).asked.push(Asked {
            name: name.into(),
            ask: Arc::new(ask),
        });
    }

    /// The checks that judge from now on. A stale check is reported, but it does judge: it does not make
    /// Landfall unready.
    pub fn set_checks(&self, checks: Vec<CheckReport>) {
        lock(&self.inner).checks = checks;
    }

    /// Whether all parts are ready.
    pub fn is_ready(&self) -> bool {
        self.parts().iter().all(|part| part.ready)
    }

    /// Each part, and whether it is ready.
    pub fn parts_ready(&self) -> Vec<(String, bool)> {
        let parts = self.parts().into_iter();
        parts.map(|part| (part.name, part.ready)).collect()
    }

    /// Each part: its name, whether it is ready, and the details or the reason why not.
    pub fn parts_detail(&self) -> Vec<(String, bool, String)> {
        let parts = self.parts().into_iter();
        parts
            .map(|part| (part.name, part.ready, part.detail))
            .collect()
    }

    pub(super) fn report(&self) -> Report {
        let parts = self.parts();
        Report {
            ready: parts.iter().all(|part| part.ready),
            parts,
            checks: lock(&self.inner).checks.clone(),
        }
    }

    fn parts(&self) -> Vec<PartState> {
        let inner = lock(&self.inner);
        let (mut parts, asked) = (inner.parts.clone(), inner.asked.clone());
        drop(inner);
        parts.extend(asked.into_iter().map(|Asked { name, ask }| {
            let (ready, detail) = ask();
            PartState {
                name,
                ready,
                detail,
            }
        }));
        parts
    }
}

impl Part {
    pub fn ready(&self, detail: impl Into<String>) {
        self.set(true, detail.into());
    }

    /// It was ready, and now something is wrong.
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
