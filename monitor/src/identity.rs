//! What makes two readings of one event the same event: a hash of its server and its line.

use jiff::civil::Date;
use lic_protocol::name::ServerName;
use xxhash_rust::xxh3::Xxh3Default;

/// The 64-bit identity of a line of a server.
///
/// XXH3-64 over the server's name, a zero byte, and the line without its line feed. It is stored: a history written by one
/// release is compared with what the next one reads, so this function never changes.
#[must_use]
pub fn identity_hash(server: &ServerName, line: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(server.as_str().as_bytes());
    hash.update(&[0]);
    hash.update(line);
    hash.digest()
}

/// The identity of a line that does not tell the day it is of.
///
/// As above, with the day as `2025-03-03` and a zero byte before the line.
#[must_use]
pub fn dated_identity_hash(server: &ServerName, day: Date, line: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(server.as_str().as_bytes());
    hash.update(&[0]);
    hash.update(day.to_string().as_bytes());
    hash.update(&[0]);
    hash.update(line);
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_of_two_days_are_two_events() {
        let hash = |day: &str| {
            dated_identity_hash(&ServerName::from("lic1"), day.parse().unwrap(), b" 8:00:00 (vd) x")
        };
        assert_ne!(hash("2025-03-03"), hash("2025-03-04"));
        assert_eq!(hash("2025-03-03"), 12_412_618_387_941_242_938);
    }

    #[test]
    fn an_identity_is_the_same_in_every_release() {
        let hash = identity_hash(&ServerName::from("local"), b"checkout 1 render");
        assert_eq!(hash, 7_902_782_218_613_299_613);
    }

    #[test]
    fn the_name_of_the_server_does_not_run_into_the_line() {
        assert_ne!(
            identity_hash(&ServerName::from("a"), b"bc"),
            identity_hash(&ServerName::from("ab"), b"c")
        );
    }
}
