//! Use by user and day: from rollups.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use lic_protocol::name::{FeatureName, ServerName, UserName};
use rusqlite::{Connection, named_params};

use super::{
    hours::{Of, seconds},
    time,
};
use crate::{
    error::{Doing, StoreError},
    rollups::DAY_MS,
};

/// Rows of users and days that are given at once.
pub const USER_DAYS_MAX: u32 = 100_000;

/// What a user did with one feature on one day of UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct UserDay {
    /// The day.
    pub day: Date,
    /// Whose feature it is.
    pub server: ServerName,
    /// The feature.
    pub feature: FeatureName,
    /// Who.
    pub user: UserName,
    /// Sessions that began.
    pub checkouts: u64,
    /// Seats in use times seconds. What is held still counts when it ends.
    pub seat_s: f64,
}

/// Users and days from the day of `from` up to that of `to`, not included, by day, feature and user.
pub(super) fn user_days(
    live: &Connection,
    of: &Of,
    user: Option<&UserName>,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<UserDay>, StoreError> {
    let doing = "read the days of users";
    let sql = "select d.day, meter.server, meter.feature, d.user, d.checkouts, d.seat_ms
        from meter join user_day d on d.meter = meter.id
        where (:server is null or meter.server = :server)
            and (:feature is null or meter.feature = :feature)
            and d.day >= :from and d.day < :to
            and (:user is null or d.user = :user)
        order by d.day, meter.server, meter.feature, d.user limit :limit";
    let values = named_params! {
        ":server": of.server.as_ref().map(ServerName::as_str),
        ":feature": of.feature.as_ref().map(FeatureName::as_str),
        ":user": user.map(UserName::as_str),
        ":from": from.as_millisecond().div_euclid(DAY_MS),
        ":to": to.as_millisecond().div_euclid(DAY_MS),
        ":limit": USER_DAYS_MAX,
    };
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let rows = query.query_map(values, |row| {
        let day: i64 = row.get(0)?;
        Ok(UserDay {
            day: TimeZone::UTC.to_datetime(time(day.saturating_mul(DAY_MS))).date(),
            server: ServerName::new(row.get::<_, String>(1)?),
            feature: FeatureName::new(row.get::<_, String>(2)?),
            user: UserName::new(row.get::<_, String>(3)?),
            checkouts: row.get::<_, i64>(4)?.cast_unsigned(),
            seat_s: seconds(row.get(5)?),
        })
    });
    rows.and_then(Iterator::collect).doing(doing)
}
