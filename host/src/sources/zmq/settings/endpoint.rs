//! The syntax of endpoints: `tcp://host:port`, `tcp://[::1]:port`, `ipc://path`.

use std::net::Ipv6Addr;

/// Longest path of a local socket (`sun_path` on Linux, without its final zero byte).
const IPC_PATH_BYTES_MAX: usize = 107;

/// What is wrong with an endpoint to connect to; None if nothing is.
pub fn problem(endpoint: &str) -> Option<String> {
    if let Some(path) = endpoint.strip_prefix("ipc://") {
        return match path.len() {
            0 => Some("it has no path".into()),
            1..=IPC_PATH_BYTES_MAX => None,
            bytes => Some(format!(
                "its path has {bytes} bytes, and a local socket's at most {IPC_PATH_BYTES_MAX}"
            )),
        };
    }
    let Some(address) = endpoint.strip_prefix("tcp://") else {
        return Some("it begins neither with tcp:// nor with ipc://".into());
    };
    let Some((host, port)) = address.rsplit_once(':') else {
        return Some("it has no port".into());
    };
    if !port.bytes().all(|b| b.is_ascii_digit())
        || port.parse::<u16>().is_ok_and(|port| port == 0)
        || port.parse::<u16>().is_err()
    {
        return Some(format!("\"{port}\" is no port from 1 to 65535"));
    }
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match inner {
        Some(address) => {
            let (address, _zone) = address.split_once('%').unwrap_or((address, ""));
            address
                .parse::<Ipv6Addr>()
                .is_err()
                .then(|| format!("\"{address}\" is no IPv6 address"))
        }
        None if host.contains(':') => {
            Some("an IPv6 address needs brackets, as tcp://[::1]:8600".into())
        }
        None if host == "*" => Some("* is an address to listen on, not to connect to".into()),
        None => {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            (host.is_empty() || !host.chars().all(allowed))
                .then(|| format!("\"{host}\" is no host name"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_understood_or_their_fault_is_named() {
        for good in [
            "tcp://127.0.0.1:8421",
            "tcp://[::1]:8600",
            "tcp://[fe80::1%eth0]:1",
            "tcp://db_1.example.org:65535",
            "ipc:///run/landfall/raw",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
        let long = format!("ipc://{}", "x".repeat(108));
        for (bad, fault) in [
            ("127.0.0.1:8421", "neither"),
            ("udp://127.0.0.1:8421", "neither"),
            ("tcp://localhost", "no port"),
            ("tcp://localhost:0", "no port from"),
            ("tcp://localhost:70000", "no port from"),
            ("tcp://localhost:+1", "no port from"),
            ("tcp://::1:8600", "needs brackets"),
            ("tcp://[::g]:8600", "no IPv6"),
            ("tcp://:8600", "no host"),
            ("tcp://a b:8600", "no host"),
            ("tcp://*:8600", "to listen on"),
            ("ipc://", "no path"),
            (&long, "108 bytes"),
        ] {
            let problem = problem(bad).unwrap_or_default();
            assert!(problem.contains(fault), "{bad}: {problem:?}");
        }
    }
}
