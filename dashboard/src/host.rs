//! The names this dashboard answers to: a web page of another site must not reach it under a name of its own.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The names this dashboard answers to. Ports are not compared: a tunnel may change them, and only names can be forged.
#[derive(Clone, Debug)]
pub struct Hosts {
    names: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

impl Hosts {
    /// Loopback, the listening address, this host's own name, and `configured` names (with or without a port).
    #[must_use]
    pub fn new(listening: IpAddr, configured: &[String], host_name: &str) -> Self {
        let mut hosts = Self { names: BTreeSet::new(), addresses: BTreeSet::new() };
        hosts.addresses.extend([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), listening]);
        hosts.add("localhost");
        hosts.add(host_name);
        hosts.add(host_name.split('.').next().unwrap_or_default());
        for name in configured {
            hosts.add(name);
        }
        hosts
    }

    /// Whether a request for `authority`, the text of its Host header, is for us. `dialled` is the address of ours that
    /// the client connected to, which covers every interface when we listen on all of them.
    #[must_use]
    pub fn answers_to(&self, authority: &str, dialled: Option<IpAddr>) -> bool {
        let Some(host) = host_of(authority) else { return false };
        match address(host) {
            Some(address) => {
                self.addresses.contains(&address)
                    || dialled.is_some_and(|ours| ours.to_canonical() == address)
            }
            None => self.names.contains(&host.trim_end_matches('.').to_ascii_lowercase()),
        }
    }

    fn add(&mut self, name: &str) {
        let host = host_of(name).unwrap_or_default();
        match address(host) {
            Some(address) => drop(self.addresses.insert(address)),
            None if host.is_empty() => {}
            None => drop(self.names.insert(host.trim_end_matches('.').to_ascii_lowercase())),
        }
    }
}

/// The host in `host`, `host:port`, `[v6]` or `[v6]:port`; `None` when the text is none of these.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, port),
        _ => (authority, "0"),
    };
    let is_whole = host.starts_with('[') || !host.contains(':');
    (is_whole && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(host)
}

fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address: IpAddr = bare.unwrap_or(host).parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(listening: &str, authority: &str, expected: bool) {
        let configured = ["lic.example.com".to_owned(), "proxy:443".to_owned()];
        let hosts = Hosts::new(listening.parse().unwrap(), &configured, "Node7.site.example");
        let dialled = Some("192.0.2.7".parse().unwrap());
        assert_eq!(hosts.answers_to(authority, dialled), expected, "{authority}");
    }

    #[test]
    fn names_and_addresses_of_ours() {
        check("127.0.0.1", "127.0.0.1:8501", true);
        check("127.0.0.1", "localhost:9999", true);
        check("127.0.0.1", "LocalHost", true);
        check("127.0.0.1", "[::1]:8501", true);
        check("127.0.0.1", "node7:8501", true);
        check("127.0.0.1", "node7.site.example.", true);
        check("127.0.0.1", "LIC.example.com:8501", true);
        check("127.0.0.1", "proxy", true);
        check("0.0.0.0", "192.0.2.7:8501", true);
        check("::", "[::ffff:192.0.2.7]:8501", true);
    }

    #[test]
    fn names_of_others() {
        check("0.0.0.0", "evil.example", false);
        check("0.0.0.0", "192.0.2.8:8501", false);
        check("127.0.0.1", "localhost.evil.example", false);
        check("127.0.0.1", "node7.evil.example:8501", false);
        check("127.0.0.1", "", false);
        check("127.0.0.1", "localhost:port", false);
        check("127.0.0.1", "a:b:1", false);
        check("127.0.0.1", "user@localhost", false);
    }
}
