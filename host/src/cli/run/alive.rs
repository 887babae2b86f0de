//! Whether every thread lives that ends only with the process. Knows threads by what they leave behind,
//! and nothing of what they do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::flow::{Link, ShutdownRequest, SourceStatus};

/// Set when it is dropped: by a thread that ends, in whatever way.
pub struct OnEnd(pub Arc<AtomicBool>);

impl Drop for OnEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// All threads that end only with the process.
pub struct Alive {
    pub engine: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    pub sources: Vec<Arc<SourceStatus>>,
    pub reload_ended: Arc<AtomicBool>,
    pub stop: ShutdownRequest,
}

impl Alive {
    /// An error names what does not live. Once all are to end, nothing is wrong with ending.
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
        let alive = Alive {
            engine: Box::new(|| Ok(())),
            sources: vec![Arc::clone(&stats)],
            reload_ended: Arc::default(),
            stop: ShutdownRequest::default(),
        };
        assert_eq!(alive.check(), Ok(()));
        let dying = OnEnd(Arc::clone(&alive.reload_ended));
        let died = std::thread::spawn(move || {
            let _dying = dying;
            panic!("on purpose");
        });
        assert!(died.join().is_err());
        assert_eq!(
            alive.check(),
            Err("the thread that reloads has ended".into())
        );
        stats.set_link(Link::Ended);
        assert_eq!(
            alive.check(),
            Err("the source of raw at tcp://127.0.0.1:1 has ended".into())
        );
        alive.stop.set();
        assert_eq!(alive.check(), Ok(()));
    }
}
