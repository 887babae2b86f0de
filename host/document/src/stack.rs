//! Work that a document's or a schema's author could drive deep: with enough stack, and so that a
//! panic in it ends neither the thread nor the batch.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// A recursive schema takes several frames per level: this leaves 4 KiB for each of the schemas that
/// may apply to each of the levels that a document may have. Untouched pages cost nothing.
pub(crate) const LARGE_STACK_BYTES: usize = 256 * 1024 * 1024;

/// Runs `work` here, or on a thread with a large stack. `None` if the system has no such thread, or if
/// `work` panics: both are failures of the host, and say nothing of what was worked on.
pub(crate) fn guarded<T: Send>(is_deep: bool, work: impl FnOnce() -> T + Send) -> Option<T> {
    // What `work` shares is read-only, so nothing half-done is seen after a panic.
    let work = || catch_unwind(AssertUnwindSafe(work)).ok();
    if !is_deep {
        return work();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(LARGE_STACK_BYTES)
            .spawn_scoped(scope, work);
        thread.ok()?.join().ok()?
    })
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_panic_is_no_answer_and_ends_nothing() {
        for is_deep in [false, true] {
            assert_eq!(guarded(is_deep, || 1), Some(1));
            assert_eq!(guarded(is_deep, || -> u8 { panic!("on purpose") }), None);
        }
    }
}
