//! The seal of history: where its chain ends, and what `licmon verify` found out about it.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::time::ms;

/// Bytes of a chain: SHA-256.
const CHAIN_BYTES: usize = 32;

/// Where a chain ends, or once ended: a commit, and the hash over all that was stored until then. Written `COMMIT:CHAIN`, the
/// chain in 64 hexadecimal digits. Whoever has written it down elsewhere can tell whether history still goes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Head {
    /// The number of the commit.
    pub commit: i64,
    /// The chain up to it, and with it.
    pub chain: [u8; CHAIN_BYTES],
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.commit)?;
        self.chain.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Head {
    type Err = BadHead;

    fn from_str(text: &str) -> Result<Self, BadHead> {
        let (commit, digits) = text.trim().split_once(':').ok_or(BadHead)?;
        let commit = commit.parse().map_err(|_| BadHead)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if digits.len() != 2 * CHAIN_BYTES || !is_hex {
            return Err(BadHead);
        }
        let mut chain = [0; CHAIN_BYTES];
        for (place, byte) in chain.iter_mut().enumerate() {
            let pair = &digits[2 * place..2 * place + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(|_| BadHead)?;
        }
        Ok(Self { commit, chain })
    }
}

impl TryFrom<String> for Head {
    type Error = BadHead;

    fn try_from(text: String) -> Result<Self, BadHead> {
        text.parse()
    }
}

impl From<Head> for String {
    fn from(head: Head) -> Self {
        head.to_string()
    }
}

/// The text is not a head.
#[derive(Debug, thiserror::Error)]
#[error(
    "not a head of history: a commit and 64 hexadecimal digits, as `licmon servers` shows them"
)]
pub struct BadHead;

/// The head of history, and when it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedUntil {
    /// The last sealed commit.
    pub head: Head,
    /// When it was made.
    #[serde(with = "ms")]
    pub committed_at: Timestamp,
}

/// `licmon verify --json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Whether all of it is as it was stored, and goes through every head that was given. False where nothing is sealed yet.
    pub whole: bool,
    /// The first sealed commit; null where there is none.
    pub sealed_from: Option<i64>,
    /// Sealed commits that were looked at.
    pub commits: i64,
    /// Sealed records that were looked at.
    pub records: i64,
    /// Records of before the first sealed commit, of which nothing can be said.
    pub unsealed_records: i64,
    /// Where the chain ends, as it was computed.
    pub head: Option<Head>,
    /// What is not as it was stored, the first first; at most [`FAULTS_MAX`].
    pub faults: Vec<Fault>,
    /// How many more there are.
    pub more_faults: u64,
}

/// Faults that are named.
pub const FAULTS_MAX: usize = 20;

/// Something that is not as it was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The table of the row; `record` where a record is missing from whichever it was in, `head` for a head that was given,
    /// `schema` for a table, trigger or view itself, `file` for the database as a whole.
    pub table: String,
    /// The row: its id, the number of a batch, the first id of a block.
    pub id: Option<i64>,
    /// What is wrong, as a sentence without its subject.
    pub what: String,
}

impl Verified {
    /// Notes a fault.
    pub fn fault(&mut self, table: &str, id: Option<i64>, what: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { table: table.to_owned(), id, what: what.into() });
        } else {
            self.more_faults += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_read_as_it_is_written() {
        let head = Head { commit: 12, chain: [0xa5; CHAIN_BYTES] };
        let text = format!("12:{}", "a5".repeat(CHAIN_BYTES));
        assert_eq!((head.to_string(), text.parse::<Head>().unwrap()), (text.clone(), head));
    }

    #[test]
    fn other_texts_are_no_head() {
        let digits = "a5".repeat(CHAIN_BYTES);
        for text in ["", "12", &digits, &format!("x:{digits}"), "12:a5", &format!("1:{digits}5")] {
            assert!(text.parse::<Head>().is_err(), "{text}");
        }
        let strange = format!("1:+{}", &digits[1..]);
        assert!(strange.parse::<Head>().is_err());
    }
}
