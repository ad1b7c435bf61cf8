//! Denials summed up: what was refused most, to whom, and when.

use serde::{Deserialize, Serialize};

use crate::name::{FeatureName, ServerName, UserName};

/// `/denials/sums`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Denied {
    /// What was refused most, at most 20.
    pub features: Vec<DeniedFeature>,
    /// Who was refused most, at most 20.
    pub users: Vec<DeniedUser>,
    /// The 24 hours of the day, in UTC.
    pub hours: Vec<DeniedHour>,
}

/// How often a feature was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeniedFeature {
    /// Its license server.
    pub server: ServerName,
    /// The feature.
    pub feature: FeatureName,
    /// Every try.
    pub denials: u64,
    /// Users who were refused it.
    pub users: u64,
}

/// How often somebody was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeniedUser {
    /// One spelling of the name.
    pub user: UserName,
    /// Every try.
    pub denials: u64,
    /// Features that were refused.
    pub features: u64,
}

/// How often anybody was refused anything at an hour of the day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeniedHour {
    /// 0 to 23, in UTC.
    pub hour: u8,
    /// Every try.
    pub denials: u64,
}
