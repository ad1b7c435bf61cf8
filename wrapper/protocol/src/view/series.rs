//! Seats of one feature over time: as a series, by weekday and hour, and how long sessions last.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    name::{FeatureName, ServerName},
    time::ms,
};

/// `/features/{server}/{feature}/series`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its license server.
    pub server: ServerName,
    /// The feature.
    pub feature: FeatureName,
    /// When the first point begins.
    #[serde(with = "ms")]
    pub from: Timestamp,
    /// When the last point ends.
    #[serde(with = "ms")]
    pub to: Timestamp,
    /// The zone that days and weeks begin in.
    pub zone: String,
    /// Seats bought, as known now; `None` where that is not known, or there is no limit.
    pub issued: Option<u32>,
    /// In order, without holes: what was not observed is a point without figures.
    pub points: Vec<Point>,
    /// What of this time is being counted again; `None` as a rule.
    pub recount: Option<Recount>,
    /// How long sessions lasted, of at most the last month of this time.
    pub lengths: Lengths,
}

/// A time whose seats are being counted again, because something of it was learned late; until then they are as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recount {
    /// From when.
    #[serde(with = "ms")]
    pub from: Timestamp,
    /// To when.
    #[serde(with = "ms")]
    pub to: Timestamp,
}

/// Seats in use between two times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When it begins.
    #[serde(with = "ms")]
    pub at: Timestamp,
    /// Seats in use on average over the part that was observed; `None` where none of it was.
    pub mean: Option<f64>,
    /// Most seats in use at one instant of it.
    pub peak: Option<u32>,
}

/// `/heatmap`: seats in use of one feature by weekday and hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeatMap {
    /// Its license server.
    pub server: ServerName,
    /// The feature.
    pub feature: FeatureName,
    /// From when: the beginning of an hour of UTC.
    #[serde(with = "ms")]
    pub from: Timestamp,
    /// To when: the end of an hour of UTC, or how far it was observed.
    #[serde(with = "ms")]
    pub to: Timestamp,
    /// The zone of weekdays and hours.
    pub zone: String,
    /// Seats bought, as known now; `None` where that is not known, or there is no limit.
    pub issued: Option<u32>,
    /// What of this time is being counted again; `None` as a rule.
    pub recount: Option<Recount>,
    /// Monday 0 o'clock first: 7 times 24.
    pub cells: Vec<Cell>,
}

/// One hour of the week.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// 1 is Monday.
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
    /// Seats in use on average over all that was observed of this hour; `None` where none of it was.
    pub mean: Option<f64>,
    /// Most seats in use at one instant of it.
    pub peak: Option<u32>,
    /// How much of it was observed.
    pub observed_s: f64,
}

/// How long sessions lasted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lengths {
    /// Since when ended sessions count.
    #[serde(with = "ms")]
    pub from: Timestamp,
    /// Sessions that ended.
    pub sessions: u64,
    /// Half of them lasted no longer; `None` where there are none.
    pub p50_s: Option<f64>,
    /// Nine in ten lasted no longer.
    pub p90_s: Option<f64>,
    /// 99 in 100 lasted no longer.
    pub p99_s: Option<f64>,
    /// The shortest first.
    pub buckets: Vec<LengthBucket>,
}

/// Sessions that lasted about as long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LengthBucket {
    /// At least so long.
    pub from_s: u64,
    /// Shorter than this; `None` has no end.
    pub to_s: Option<u64>,
    /// How many.
    pub sessions: u64,
}
