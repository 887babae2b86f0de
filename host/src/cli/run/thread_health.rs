//! Checks that every thread that should end only with the process is alive. It sees only the state
//! that a thread leaves behind, and knows nothing of what threads do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::flow::{Link, ShutdownRequest, SourceStatus};

/// Sets the flag when it is dropped: when its thread ends in any way.
pub struct OnEnd(pub Arc<AtomicBool>);

impl Drop for OnEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// All threads that should end only with the process.
pub struct ThreadHealth {
    pub engine: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    pub sources: Vec<Arc<SourceStatus>>,
    pub reload_ended: Arc<AtomicBool>,
    pub stop: ShutdownRequest,
}

impl ThreadHealth {
    /// The error names the thread that has ended. Once all threads are asked to end, this is always
    /// Ok.
    ///
    /// # Errors
    /// A thread has ended too early.
    pub fn check(&self) -> Result<(), String> {
        if self.stop.is_set() {
            return Ok(());
        }
        (self.engine)()?;
        let ended = self
            .sources
            .iter()
            .find(|source| source.link() == Link::Ended);
        if let Some(source) = ended {
            return Err(format!(
                "the source of {} at {} has ended",
                source.stream().as_str(),
                source.endpoint()
            ));
        }
        if self.reload_ended.load(Ordering::Acquire) {
            return Err("the thread that reloads has ended".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_ledger::Stream;

    #[test]
    fn a_source_or_the_reloader_that_ends_early_is_named_and_an_ending_process_is_well() {
        let stats = Arc::new(SourceStatus::new(Stream::Raw, "tcp://127.0.0.1:1"));
        let thread_health = ThreadHealth {
            engine: Box::new(|| Ok(())),
            sources: vec![Arc::clone(&stats)],
            reload_ended: Arc::default(),
            stop: ShutdownRequest::default(),
        };
        assert_eq!(thread_health.check(), Ok(()));
        let dying = OnEnd(Arc::clone(&thread_health.reload_ended));
        let died = std::thread::spawn(move || {
            let _dying = dying;
            panic!("on purpose");
        });
        assert!(died.join().is_err());
        assert_eq!(
            thread_health.check(),
            Err("the thread that reloads has ended".into())
        );
        stats.set_link(Link::Ended);
        assert_eq!(
            thread_health.check(),
            Err("the source of raw at tcp://127.0.0.1:1 has ended".into())
        );
        thread_health.stop.set();
        assert_eq!(thread_health.check(), Ok(()));
    }
}
