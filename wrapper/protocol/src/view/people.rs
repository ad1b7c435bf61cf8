//! Who uses what: users, one user, and hosts, in figures.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    name::{FeatureName, HostName, ServerName, UserName},
    time::{ms, ms_option},
};

/// `/users`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Users {
    /// Who held seats longest first.
    pub users: Vec<UserFigures>,
    /// Users beyond the limit of rows.
    pub more: u64,
}

/// `/hosts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hosts {
    /// Where seats were held longest first.
    pub hosts: Vec<HostFigures>,
    /// Hosts beyond the limit of rows.
    pub more: u64,
}

/// One user. Spellings that differ in case alone are one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserFigures {
    /// One spelling of the name.
    pub user: UserName,
    /// Other names beside it: hosts it was on.
    pub hosts: u64,
    /// What was used, in figures.
    #[serde(flatten)]
    pub figures: UseFigures,
}

/// One host. Spellings that differ in case alone are one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostFigures {
    /// One spelling of the name.
    pub host: HostName,
    /// Users that were on it.
    pub users: u64,
    /// What was used, in figures.
    #[serde(flatten)]
    pub figures: UseFigures,
}

/// What was used, in figures: of sessions that began in the time asked for, and refusals in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UseFigures {
    /// Sessions held now.
    pub active: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Hours of these; those held yet count up to now.
    pub session_hours: f64,
    /// Features they were of.
    pub features: u64,
    /// Refused checkouts, every try.
    pub denials: u64,
    /// The first of all that.
    #[serde(with = "ms_option")]
    pub first: Option<Timestamp>,
    /// The last of it.
    #[serde(with = "ms_option")]
    pub last: Option<Timestamp>,
}

/// `/users/{user}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserDetail {
    /// When this was read.
    #[serde(with = "ms")]
    pub as_of: Timestamp,
    /// All of it.
    #[serde(flatten)]
    pub all: UserFigures,
    /// The same feature by feature, the longest held first.
    pub by_feature: Vec<FeatureUse>,
}

/// What one user used of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureUse {
    /// Its license server.
    pub server: ServerName,
    /// The feature.
    pub feature: FeatureName,
    /// In figures.
    #[serde(flatten)]
    pub figures: UseFigures,
}
