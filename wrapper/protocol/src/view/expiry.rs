//! Which licenses end, and when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    name::{FeatureName, ServerName, VendorName},
    time::ms,
};

/// `/expiry`. Licenses without an end are not in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expiry {
    /// When this was read.
    #[serde(with = "ms")]
    pub as_of: Timestamp,
    /// The next one to end first.
    pub expiring: Vec<Expiring>,
    /// Features of which no end is known: they have none, or it is not told.
    pub without: u64,
}

/// A license that ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expiring {
    /// Its license server.
    pub server: ServerName,
    /// The feature.
    pub feature: FeatureName,
    /// Who owns it.
    pub vendor: Option<VendorName>,
    /// Version served.
    pub version: Option<String>,
    /// Seats bought; `None` where the system does not say.
    pub issued: Option<u32>,
    /// When it ends.
    #[serde(with = "ms")]
    pub expires: Timestamp,
    /// Whole days until then; negative once it has ended.
    pub days_left: i64,
}
