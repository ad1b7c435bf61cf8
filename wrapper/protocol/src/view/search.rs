//! Names that hold a text.

use serde::{Deserialize, Serialize};

use crate::name::{FeatureName, HostName, ServerName, UserName};

/// Names of each kind that are given at most.
pub const FOUND_MAX: usize = 50;

/// `/search`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Features, by server and name.
    pub features: Vec<FoundFeature>,
    /// License servers, by name.
    pub servers: Vec<ServerName>,
    /// Users, by name.
    pub users: Vec<UserName>,
    /// Hosts, by name.
    pub hosts: Vec<HostName>,
}

/// A feature that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundFeature {
    /// Its license server.
    pub server: ServerName,
    /// Its name.
    pub feature: FeatureName,
}
