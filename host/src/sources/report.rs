//! The state of all sources as text, for `/readyz`. Knows nothing of HTTP.

use std::sync::Arc;

use crate::flow::{Link, Refusal, SourceStatus};

/// Whether every source is connected and sees everything, and a text: how many there are, which one is not connected
/// and why, and what is refused. Refusals do not make Landfall unready, because it does judge the
/// rest.
pub fn report(sources: &[Arc<SourceStatus>]) -> (bool, String) {
    let is_connected = |source: &&Arc<SourceStatus>| source.link() == Link::Connected;
    let connected = sources.iter().filter(is_connected).count();
    let seeing = |source: &&Arc<SourceStatus>| is_connected(source) && source.is_seeing();
    let seeing = sources.iter().filter(seeing).count();
    let mut text = format!("{connected} of {} endpoints connected", sources.len());
    for source in sources {
        let name = format!("{} {}", source.stream().as_str(), source.endpoint());
        if source.link() != Link::Connected {
            let why = source.trouble();
            let why = if why.is_empty() {
                "not connected yet"
            } else {
                &why
            };
            text += &format!("; {name}: {why}");
        } else if !source.is_seeing() {
            text += &format!(
                "; {name}: connected, but not everything is seen yet: the publisher may not know the subscription, or \
                 acknowledges nothing"
            );
        }
        for refusal in Refusal::ALL {
            let refused = source.refused(refusal);
            if refused > 0 {
                let remedy = refusal.remedy(source.stream().as_str());
                text += &format!(
                    "; {name}: {refused} refused, {}: {remedy}",
                    refusal.as_str()
                );
            }
        }
    }
    (seeing == sources.len(), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_ledger::Stream;

    #[test]
    fn what_is_not_connected_is_named_with_its_reason_and_so_is_what_is_refused() {
        let raw = Arc::new(SourceStatus::new(Stream::Raw, "tcp://127.0.0.1:1"));
        let written = Arc::new(SourceStatus::new(Stream::Written, "tcp://127.0.0.1:2"));
        let sources = [Arc::clone(&raw), Arc::clone(&written)];
        raw.set_link(Link::Connected);
        raw.set_seeing(true);
        assert_eq!(
            report(&sources),
            (
                false,
                "1 of 2 endpoints connected; written tcp://127.0.0.1:2: not connected yet".into()
            )
        );
        written.set_trouble("nobody answers");
        let (ready, text) = report(&sources);
        assert!(
            !ready && text.ends_with("written tcp://127.0.0.1:2: nobody answers"),
            "{text}"
        );
        written.set_link(Link::Connected);
        let (ready, text) = report(&sources);
        assert!(
            !ready
                && text.contains(
                    "2 of 2 endpoints connected; written tcp://127.0.0.1:2: connected, but"
                ),
            "{text}"
        );
        written.set_seeing(true);
        assert_eq!(
            report(&sources),
            (true, "2 of 2 endpoints connected".into())
        );
        written.refuse(Refusal::Multipart);
        written.refuse(Refusal::Multipart);
        let (ready, text) = report(&sources);
        assert!(
            ready
                && text.contains("written tcp://127.0.0.1:2: 2 refused, multipart: ")
                && text.contains("streams.written.envelope = \"topic\""),
            "{text}"
        );
    }
}
