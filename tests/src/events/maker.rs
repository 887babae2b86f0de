//! Makes frames: every host counts its own sequence, every choice comes from one seed.

use serde_json::{Value, json};

use crate::truth::{Event, Fate, Nature};

use super::kinds::Kind;
use super::line::{self, Format, Place};
use super::odd::Odd;

/// A frame, and the truth about it.
#[derive(Clone, Debug)]
pub struct Made {
    pub uuid: String,
    pub format: Format,
    pub event: Event,
}

struct Host {
    name: String,
    format: Format,
    next_seq: u64,
}

/// Makes the producer's events.
pub struct Maker {
    rng: fastrand::Rng,
    hosts: Vec<Host>,
    /// The kinds from which events are chosen.
    kinds: Vec<Kind>,
}

impl Maker {
    /// Three web caches and one forwarder of server-side events, in the formats of 2014.
    pub fn of_2014(seed: u64) -> Self {
        let caches = [
            "cp1056.eqiad.example.org",
            "cp3022.esams.example.org",
            "cp4011.ulsfo.example.org",
        ];
        Self::new(seed, &caches, Format::Client2014, &["vanadium"])
    }

    /// Two web caches in the format of 2019.
    pub fn of_2019(seed: u64) -> Self {
        Self::new(
            seed,
            &["cp1075.eqiad.example.org", "cp5006.eqsin.example.org"],
            Format::Client2019,
            &[],
        )
    }

    fn new(seed: u64, caches: &[&str], format: Format, servers: &[&str]) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let hosts = caches
            .iter()
            .map(|name| (*name, format, rng.u64(1..100_000_000)))
            .chain(servers.iter().map(|name| (*name, Format::Server2014, 0)))
            .map(|(name, format, next_seq)| Host {
                name: name.to_owned(),
                format,
                next_seq,
            })
            .collect();
        Self {
            rng,
            hosts,
            kinds: Kind::ALL.to_vec(),
        }
    }

    /// Chances for the producer's other choices.
    pub fn rng(&mut self) -> &mut fastrand::Rng {
        &mut self.rng
    }

    /// From now on, events of any kind do not include `kind`.
    pub fn leave_out(&mut self, kind: Kind) {
        self.kinds.retain(|one| *one != kind);
    }

    /// A valid event of any kind.
    pub fn valid(&mut self, now_ms: i64) -> Made {
        let kind = self.kind();
        self.valid_of(kind, now_ms)
    }

    /// A valid event of one kind.
    pub fn valid_of(&mut self, kind: Kind, now_ms: i64) -> Made {
        let event = kind.valid(&mut self.rng).to_string();
        let host = self.any_host();
        self.make(host, kind, &event, None, Nature::Valid, now_ms)
    }

    /// A valid event to which the pipeline does something.
    pub fn fated(&mut self, fate: Fate, now_ms: i64) -> Made {
        let mut made = if fate == Fate::Leaked {
            self.invalid(now_ms)
        } else {
            self.valid(now_ms)
        };
        made.event.fate = fate;
        made
    }

    /// An event that its schema refuses.
    pub fn invalid(&mut self, now_ms: i64) -> Made {
        let kind = self.kind();
        let event = kind.invalid(&mut self.rng).to_string();
        let host = self.any_host();
        self.make(host, kind, &event, None, Nature::Invalid, now_ms)
    }

    /// An event over which parsers disagree.
    pub fn odd(&mut self, odd: Odd, now_ms: i64) -> Made {
        let host = self.rng.usize(..self.client_hosts());
        self.make(
            host,
            odd.kind(),
            odd.sent(),
            odd.carried(),
            odd.nature(),
            now_ms,
        )
    }

    /// An event of a schema that nobody has.
    pub fn unknown(&mut self, now_ms: i64) -> Made {
        let host = self.any_host();
        let mut made = self.make_named(
            host,
            "Unheard",
            1,
            "{\"a\":1}",
            None,
            Nature::Unknown,
            now_ms,
        );
        made.event.schema = "(unknown)".into();
        made
    }

    /// An event that names no schema: its envelope is invalid, and the pipeline refuses it.
    pub fn nameless(&mut self, now_ms: i64) -> Made {
        let host = self.any_host();
        let event = r#"{"a":1}"#;
        let mut made = self.make_named(host, "", 0, event, None, Nature::Invalid, now_ms);
        made.event.schema = "(none)".into();
        made
    }

    /// A line that no codec can read.
    pub fn malformed(&mut self) -> Vec<u8> {
        let shapes: [&[u8]; 4] = [
            b"?%7B%22event%22%3A%7B%7D%7D;\tcp1056.eqiad.example.org\tnot-a-number\n",
            b"?%7Bbroken;\tcp1056.eqiad.example.org\t1\t2014-11-18T02:00:00\t198.51.100.7\t\"-\"\n",
            b"not a line of EventLogging\n",
            b"\xff\xfe\x00\n",
        ];
        shapes[self.rng.usize(..shapes.len())].to_vec()
    }

    fn kind(&mut self) -> Kind {
        self.kinds[self.rng.usize(..self.kinds.len())]
    }

    fn any_host(&mut self) -> usize {
        self.rng.usize(..self.hosts.len())
    }

    fn client_hosts(&self) -> usize {
        self.hosts
            .iter()
            .filter(|host| host.format.is_client())
            .count()
            .max(1)
    }

    fn make(
        &mut self,
        host: usize,
        kind: Kind,
        event: &str,
        carried: Option<&str>,
        nature: Nature,
        now_ms: i64,
    ) -> Made {
        self.make_named(
            host,
            kind.name(),
            kind.revision(),
            event,
            carried,
            nature,
            now_ms,
        )
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call site joins what the makers chose"
    )]
    fn make_named(
        &mut self,
        host: usize,
        schema: &str,
        revision: u64,
        event: &str,
        carried: Option<&str>,
        nature: Nature,
        now_ms: i64,
    ) -> Made {
        let wiki = ["enwiki", "dewiki", "frwiki"][self.rng.usize(..3)];
        let host = &mut self.hosts[host];
        // A line's time has whole seconds.
        let time_ms = now_ms.div_euclid(1000) * 1000;
        let place = Place {
            recv_from: host.name.clone(),
            seq_id: host.next_seq,
            time_ms,
        };
        host.next_seq += 1;
        let mut capsule = json!({
            "wiki": wiki,
            "webHost": "en.wiki.example.org",
        });
        if !schema.is_empty()
            && let Some(fields) = capsule.as_object_mut()
        {
            fields.insert("schema".into(), schema.into());
            fields.insert("revision".into(), revision.into());
        }
        if host.format == Format::Server2014
            && let Some(fields) = capsule.as_object_mut()
        {
            fields.insert("recvFrom".into(), Value::from(place.recv_from.clone()));
            fields.insert("timestamp".into(), Value::from(time_ms / 1000));
        }
        // The event's text goes in unchanged: no JSON library would write the odd part of it.
        let capsule = capsule.to_string();
        let capsule = format!("{{\"event\":{event},{}", &capsule[1..]);
        Made {
            uuid: crate::identity::event_uuid(
                host.format.era(),
                &place.recv_from,
                place.seq_id,
                time_ms,
            ),
            format: host.format,
            event: Event {
                schema: format!("{schema}/{revision}"),
                frame: line::write(host.format, &capsule, &place),
                carried: carried.map(str::to_owned),
                sent_ms: now_ms,
                nature,
                fate: Fate::Normal,
                copies: 1,
                landings: Vec::new(),
            },
        }
    }
}
