//! Whether two endpoints lead to the same publisher, as far as their texts show. Asks no name
//! server: two names of one machine count as two machines.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// The relation of two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// Both reach the same publisher.
    Same,
    /// Two addresses of this machine with one port: one publisher if it listens on both.
    Perhaps,
    Other,
}

/// What an endpoint leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PublisherAddress {
    Tcp { host: Host, port: u16 },
    Local(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    /// An address with its interface (a zone).
    Zoned(Ipv6Addr, String),
    /// `localhost`: 127.0.0.1, and ::1 where there is one.
    Localhost,
    Name(String),
}

/// The relation of two endpoints, by their texts.
pub fn likeness(left: &str, right: &str) -> Likeness {
    match (PublisherAddress::of(left), PublisherAddress::of(right)) {
        (Some(left), Some(right)) => left.likeness(&right),
        _ if left == right => Likeness::Same,
        _ => Likeness::Other,
    }
}

impl PublisherAddress {
    /// None if it is not an endpoint.
    fn of(endpoint: &str) -> Option<Self> {
        if let Some(path) = endpoint.strip_prefix("ipc://") {
            return Some(PublisherAddress::Local(local(path)));
        }
        let (host, port) = endpoint.strip_prefix("tcp://")?.rsplit_once(':')?;
        let (host, port) = (Host::of(host), port.parse().ok()?);
        Some(PublisherAddress::Tcp { host, port })
    }

    fn likeness(&self, other: &Self) -> Likeness {
        match (self, other) {
            (
                PublisherAddress::Tcp { host, port },
                PublisherAddress::Tcp {
                    host: other,
                    port: other_port,
                },
            ) if port == other_port => host.likeness(other),
            _ if self == other => Likeness::Same,
            _ => Likeness::Other,
        }
    }
}

impl Host {
    fn of(text: &str) -> Self {
        let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        if let Some(text) = bracketed {
            let (address, zone) = text.split_once('%').unwrap_or((text, ""));
            if let Ok(address) = address.parse::<Ipv6Addr>() {
                return if zone.is_empty() {
                    Host::Address(to_connect_to(address.to_canonical()))
                } else {
                    Host::Zoned(address, zone.to_owned())
                };
            }
        }
        if let Some(address) = ipv4(text) {
            return Host::Address(to_connect_to(address.into()));
        }
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        let is_local = matches!(
            name.as_str(),
            "localhost" | "localhost.localdomain" | "localhost4" | "ip6-localhost" | "localhost6"
        );
        if is_local || name.ends_with(".localhost") {
            return Host::Localhost;
        }
        Host::Name(name)
    }

    fn is_local(&self) -> bool {
        match self {
            Host::Address(address) => address.is_loopback(),
            Host::Localhost => true,
            Host::Zoned(..) | Host::Name(_) => false,
        }
    }

    fn likeness(&self, other: &Self) -> Likeness {
        const FIRST: Host = Host::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let are_same = self == other
            || (*self == Host::Localhost && *other == FIRST)
            || (*self == FIRST && *other == Host::Localhost);
        if are_same {
            Likeness::Same
        } else if self.is_local() && other.is_local() {
            Likeness::Perhaps
        } else {
            Likeness::Other
        }
    }
}

/// A connection to the unspecified address goes to this machine.
fn to_connect_to(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

/// Parses an address as the system does: one to four numbers, of which the last fills the rest,
/// each decimal, octal (0...) or hexadecimal (0x...). None if it is a name.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let numbers = text.split('.').map(number).collect::<Option<Vec<u32>>>()?;
    let (last, first) = numbers.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let mut address = 0;
    for (index, byte) in first.iter().enumerate() {
        address |= u32::from(u8::try_from(*byte).ok()?) << (24 - 8 * index);
    }
    let room = 32 - 8 * first.len();
    (u64::from(*last) < 1 << room).then(|| Ipv4Addr::from(address | last))
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// A socket's path without `.`, `//` and links, as far as it exists. An abstract socket has a name
/// and no path.
fn local(path: &str) -> PathBuf {
    if path.starts_with('@') {
        return path.into();
    }
    let Ok(path) = std::path::absolute(Path::new(path)) else {
        return path.into();
    };
    if let Ok(there) = path.canonicalize() {
        return there;
    }
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(parent)), Some(name)) => parent.join(name),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_publisher_is_known_by_each_of_its_spellings() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        std::fs::create_dir(dir.join("run")).unwrap();
        std::os::unix::fs::symlink(dir.join("run"), dir.join("link")).unwrap();
        let ipc = |rest: &str| format!("ipc://{}/{rest}", dir.display());
        for (left, right) in [
            ("tcp://127.0.0.1:8600", "tcp://127.0.0.1:8600"),
            ("tcp://127.0.0.1:8600", "tcp://localhost:8600"),
            ("tcp://LocalHost.:8600", "tcp://127.0.0.1:8600"),
            ("tcp://127.0.0.1:8600", "tcp://127.0.0.1:08600"),
            ("tcp://127.1:8600", "tcp://0x7f.0.0.1:8600"),
            ("tcp://0.0.0.0:8600", "tcp://2130706433:8600"),
            ("tcp://[::ffff:127.0.0.1]:8600", "tcp://localhost:8600"),
            ("tcp://[::1]:8600", "tcp://[0:0:0:0:0:0:0:1]:8600"),
            ("tcp://[::]:8600", "tcp://[::1]:8600"),
            ("tcp://[fe80::1%eth0]:1", "tcp://[fe80:0::1%eth0]:1"),
            ("tcp://DB.example.org:1", "tcp://db.example.org.:1"),
            (&ipc("run/raw"), &ipc("run//raw")),
            (&ipc("run/raw"), &ipc("run/./raw")),
            (&ipc("run/raw"), &ipc("run/../run/raw")),
            (&ipc("run/raw"), &ipc("link/raw")),
            ("ipc://@raw", "ipc://@raw"),
        ] {
            assert_eq!(likeness(left, right), Likeness::Same, "{left} {right}");
            assert_eq!(likeness(right, left), Likeness::Same, "{right} {left}");
        }
        for (left, right, expected) in [
            ("tcp://[::1]:1", "tcp://127.0.0.1:1", Likeness::Perhaps),
            ("tcp://[::1]:1", "tcp://localhost:1", Likeness::Perhaps),
            ("tcp://127.0.0.2:1", "tcp://127.0.0.1:1", Likeness::Perhaps),
            ("tcp://127.0.0.1:1", "tcp://127.0.0.1:2", Likeness::Other),
            ("tcp://10.0.0.1:1", "tcp://127.0.0.1:1", Likeness::Other),
            ("tcp://10.0.0.1:1", "tcp://10.0.0.2:1", Likeness::Other),
            ("tcp://a:1", "tcp://b:1", Likeness::Other),
            ("tcp://1.2.3.4.5:1", "tcp://1.2.3.4:1", Likeness::Other),
            ("tcp://256.0.0.1:1", "tcp://0.0.0.1:1", Likeness::Other),
            (
                "tcp://[fe80::1%a]:1",
                "tcp://[fe80::1%b]:1",
                Likeness::Other,
            ),
            (&ipc("run/raw"), &ipc("run/written"), Likeness::Other),
            (&ipc("run/raw"), "tcp://localhost:1", Likeness::Other),
            ("ipc://@raw", "ipc://raw", Likeness::Other),
        ] {
            assert_eq!(likeness(left, right), expected, "{left} {right}");
        }
    }
}
