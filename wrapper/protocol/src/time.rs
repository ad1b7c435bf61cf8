//! How instants are written in JSON: RFC 3339, UTC, always with milliseconds.

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Deserializer, Serializer};

/// `2025-08-18T08:28:06.989Z`.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// `at` without what is finer than a millisecond: the finest time the databases keep.
#[must_use]
pub fn to_millisecond(at: Timestamp) -> Timestamp {
    at.round(Unit::Millisecond).unwrap_or(at)
}

/// For `#[serde(with = "lic_protocol::time::ms")]`.
pub mod ms {
    use super::{Deserialize, Deserializer, Serializer, Timestamp, rfc3339};

    /// Writes `at` with milliseconds.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(*at))
    }

    /// Reads any RFC 3339 instant.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(from)
    }
}

/// The same for a time that may not have been observed.
pub mod ms_option {
    use super::{Deserialize, Deserializer, Serializer, Timestamp, rfc3339};

    /// Writes `at` with milliseconds, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_str(&rfc3339(*at)),
            None => serializer.serialize_none(),
        }
    }

    /// Reads any RFC 3339 instant, or null.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        Option::<Timestamp>::deserialize(from)
    }
}
