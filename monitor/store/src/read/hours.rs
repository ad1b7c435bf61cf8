//! Use by the hour: from rollups, in as many rows as are shown, however many events there are.

use std::ops::Range as Period;

use jiff::Timestamp;
use lic_protocol::name::{FeatureName, ServerName};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::time;
use crate::{
    error::{Doing, StoreError},
    meter::HOUR_MS,
};

/// The longest time that is asked for at once: ten years of hours.
pub const HOURS_MAX: i64 = 10 * 366 * 24;
/// Of what use is asked; nothing named is all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Of {
    /// Of one license server.
    pub server: Option<ServerName>,
    /// Of one feature, by whichever server.
    pub feature: Option<FeatureName>,
}

/// Use hour by hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// Every hour of the time asked for, in its order.
    pub hours: Vec<Hour>,
    /// From when to when seats are being counted again, because something was learned late; until then they are as it was
    /// before.
    pub stale: Option<(Timestamp, Timestamp)>,
}

/// One hour, from `begins` on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hour {
    /// When it begins, in UTC.
    pub begins: Timestamp,
    /// Seconds of it in which a license server was seen at work, at most 3600. In an hour of 0 nothing is known, and nothing is 0.
    pub observed_s: f64,
    /// Seats in use times seconds; sessions that share a seat use it once.
    pub seat_s: f64,
    /// Most seats in use at one instant; `None` for several features together, whose peaks cannot be added.
    pub peak: Option<u32>,
    /// Sessions that began.
    pub checkouts: u64,
    /// Checkouts that were refused, every try.
    pub denials: u64,
}

/// An hour while it is summed up.
#[derive(Clone, Copy, Default)]
struct Sum {
    observed_ms: i64,
    seat_ms: i64,
    peak: i64,
    checkouts: i64,
    denials: i64,
}

/// The hours from that of `from` up to that of `to`, not included. Something is known up to `until`, and at least up to the last
/// record of a server.
pub(super) fn hours(
    live: &Connection,
    of: &Of,
    (from, to): (Timestamp, Timestamp),
    until: Option<Timestamp>,
) -> Result<Hours, StoreError> {
    let first = from.as_millisecond().div_euclid(HOUR_MS);
    let last = to.as_millisecond().div_euclid(HOUR_MS).min(first.saturating_add(HOURS_MAX));
    let mut sums = vec![Sum::default(); usize::try_from(last - first).unwrap_or(0)];
    let mut range = Range { first, sums: &mut sums };
    let meters = match &of.feature {
        Some(feature) => range.of_feature(live, of.server.as_ref(), feature, until)?,
        None => {
            range.of_servers(live, of.server.as_ref())?;
            range.held(live, of.server.as_ref(), until)?
        }
    };
    range.observe(live, of.server.as_ref(), until)?;
    let has_peak = of.feature.is_some() && meters.count <= 1;
    let hours = (first..).zip(&sums).map(|(hour, sum)| Hour {
        begins: time(hour.saturating_mul(HOUR_MS)),
        observed_s: seconds(sum.observed_ms),
        seat_s: seconds(sum.seat_ms),
        peak: has_peak.then(|| u32::try_from(sum.peak).unwrap_or(u32::MAX)),
        checkouts: sum.checkouts.cast_unsigned(),
        denials: sum.denials.cast_unsigned(),
    });
    let stale = meters.stale.map(|(from_ms, to_ms)| (time(from_ms), time(to_ms)));
    Ok(Hours { hours: hours.collect(), stale })
}

/// Seats of a feature in use since the newest step of them.
struct Held {
    seats: i64,
    since_ms: i64,
    /// The last record of its server.
    heard_ms: Option<i64>,
}

/// The meters that were asked for.
#[derive(Default)]
struct Meters {
    count: usize,
    stale: Option<(i64, i64)>,
}

impl Meters {
    fn add(&mut self, stale: Option<(i64, i64)>) {
        self.count += 1;
        self.stale = match (self.stale, stale) {
            (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
            (one, other) => one.or(other),
        };
    }
}

/// Hours in a row, from that of number `first`.
struct Range<'a> {
    first: i64,
    sums: &'a mut [Sum],
}

impl Range<'_> {
    fn end(&self) -> i64 {
        self.first + i64::try_from(self.sums.len()).unwrap_or(0)
    }

    fn hour(&mut self, hour: i64) -> Option<&mut Sum> {
        usize::try_from(hour - self.first).ok().and_then(|place| self.sums.get_mut(place))
    }

    fn of_feature(
        &mut self,
        live: &Connection,
        server: Option<&ServerName>,
        feature: &FeatureName,
        until: Option<Timestamp>,
    ) -> Result<Meters, StoreError> {
        let doing = "read the hours of a feature";
        let sql = "select id, seats, until_ms, stale_from_ms, stale_to_ms,
                (select max(to_ms) from observed o where o.server = meter.server)
            from meter where feature = :feature and (:server is null or server = :server)";
        let values = named_params! {
            ":feature": feature.as_str(), ":server": server.map(ServerName::as_str)
        };
        let mut query = live.prepare_cached(sql).doing(doing)?;
        let rows = query.query_map(values, |row| {
            let stale: (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
            let held = Held { seats: row.get(1)?, since_ms: row.get(2)?, heard_ms: row.get(5)? };
            Ok((row.get::<_, i64>(0)?, held, stale.0.zip(stale.1)))
        });
        let rows: Vec<_> = rows.and_then(Iterator::collect).doing(doing)?;
        let mut meters = Meters::default();
        let sql = "select hour, seat_ms, checkouts, denials, peak from hour
            where meter = :meter and hour >= :first and hour < :end";
        for (meter, held, stale) in rows {
            meters.add(stale);
            let mut query = live.prepare_cached(sql).doing(doing)?;
            let mut hours = query.query([meter, self.first, self.end()]).doing(doing)?;
            while let Some(row) = hours.next().doing(doing)? {
                self.add(row, row.get(4).doing(doing)?).doing(doing)?;
            }
            self.hold(&held, until);
        }
        Ok(meters)
    }

    fn of_servers(
        &mut self,
        live: &Connection,
        server: Option<&ServerName>,
    ) -> Result<(), StoreError> {
        let doing = "read the hours of servers";
        let sql = "select hour, seat_ms, checkouts, denials from server_hour
            where server = :server and hour >= :first and hour < :end";
        for server in servers(live, server)? {
            let mut query = live.prepare_cached(sql).doing(doing)?;
            let values = (server.as_str(), self.first, self.end());
            let mut hours = query.query(values).doing(doing)?;
            while let Some(row) = hours.next().doing(doing)? {
                self.add(row, 0).doing(doing)?;
            }
        }
        Ok(())
    }

    /// Adds what is held since the newest step of each feature.
    fn held(
        &mut self,
        live: &Connection,
        server: Option<&ServerName>,
        until: Option<Timestamp>,
    ) -> Result<Meters, StoreError> {
        let doing = "read what is held";
        let sql = "select seats, until_ms, stale_from_ms, stale_to_ms,
                (select max(to_ms) from observed o where o.server = meter.server)
            from meter where :server is null or server = :server";
        let mut query = live.prepare_cached(sql).doing(doing)?;
        let values = named_params! { ":server": server.map(ServerName::as_str) };
        let mut rows = query.query(values).doing(doing)?;
        let mut meters = Meters::default();
        while let Some(row) = rows.next().doing(doing)? {
            let stale: (Option<i64>, Option<i64>) =
                (row.get(2).doing(doing)?, row.get(3).doing(doing)?);
            meters.add(stale.0.zip(stale.1));
            let held = Held {
                seats: row.get(0).doing(doing)?,
                since_ms: row.get(1).doing(doing)?,
                heard_ms: row.get(4).doing(doing)?,
            };
            self.hold(&held, until);
        }
        Ok(meters)
    }

    fn add(&mut self, row: &rusqlite::Row<'_>, peak: i64) -> rusqlite::Result<()> {
        if let Some(sum) = self.hour(row.get(0)?) {
            sum.seat_ms += row.get::<_, i64>(1)?;
            sum.checkouts += row.get::<_, i64>(2)?;
            sum.denials += row.get::<_, i64>(3)?;
            sum.peak = sum.peak.max(peak);
        }
        Ok(())
    }

    /// Adds what is held up to `until`, and at least up to the last record of its server.
    fn hold(&mut self, held: &Held, until: Option<Timestamp>) {
        let Some(until_ms) = held.heard_ms.max(until.map(Timestamp::as_millisecond)) else {
            return;
        };
        if held.seats <= 0 {
            return;
        }
        self.between(held.since_ms, until_ms, |sum, ms| {
            sum.seat_ms += held.seats * ms;
            sum.peak = sum.peak.max(held.seats);
        });
    }

    /// Notes how long a server was observed in each hour; of several the one that was observed longest.
    fn observe(
        &mut self,
        live: &Connection,
        server: Option<&ServerName>,
        until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        for server in servers(live, server)? {
            let mut spans = spans(live, &server)?;
            if let (Some((_, to_ms)), Some(until)) = (spans.last_mut(), until) {
                *to_ms = (*to_ms).max(until.as_millisecond());
            }
            let mut one = vec![Sum::default(); self.sums.len()];
            let mut range = Range { first: self.first, sums: &mut one };
            for (from_ms, to_ms) in spans {
                range.between(from_ms, to_ms, |sum, ms| sum.observed_ms += ms);
            }
            for (sum, one) in self.sums.iter_mut().zip(one) {
                sum.observed_ms = sum.observed_ms.max(one.observed_ms);
            }
        }
        Ok(())
    }

    fn between(&mut self, from_ms: i64, to_ms: i64, mut each: impl FnMut(&mut Sum, i64)) {
        for (hour, ms) in parts(from_ms, to_ms, self.first, self.end()) {
            if let Some(sum) = self.hour(hour) {
                each(sum, ms);
            }
        }
    }
}

/// What of each hour from `first` up to `end` lies between two times, in milliseconds.
fn parts(from_ms: i64, to_ms: i64, first: i64, end: i64) -> impl Iterator<Item = (i64, i64)> {
    let from_ms = from_ms.max(first.saturating_mul(HOUR_MS));
    let to_ms = to_ms.min(end.saturating_mul(HOUR_MS));
    let hours =
        (from_ms < to_ms).then(|| from_ms.div_euclid(HOUR_MS)..=(to_ms - 1).div_euclid(HOUR_MS));
    hours
        .into_iter()
        .flatten()
        .map(move |hour| (hour, to_ms.min((hour + 1) * HOUR_MS) - from_ms.max(hour * HOUR_MS)))
}

/// The servers that were ever observed, or the one of them that is named.
fn servers(live: &Connection, server: Option<&ServerName>) -> Result<Vec<String>, StoreError> {
    let doing = "read which servers were observed";
    let sql = "select distinct server from observed where :server is null or server = :server";
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let values = named_params! { ":server": server.map(ServerName::as_str) };
    query.query_map(values, |row| row.get(0)).and_then(Iterator::collect).doing(doing)
}

/// From when to when a server was observed, in milliseconds.
fn spans(live: &Connection, server: &str) -> Result<Vec<(i64, i64)>, StoreError> {
    let doing = "read when a server was observed";
    let sql = "select from_ms, to_ms from observed where server = :server order by from_ms";
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let rows = query.query_map([server], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.and_then(Iterator::collect).doing(doing)
}

/// From when to when a server was observed, in order and apart.
pub(super) fn observed(
    live: &Connection,
    server: &ServerName,
) -> Result<Vec<Period<Timestamp>>, StoreError> {
    let spans = spans(live, server.as_str())?.into_iter();
    Ok(spans.map(|(from_ms, to_ms)| time(from_ms)..time(to_ms)).collect())
}

/// From when to when servers were observed, in all.
pub(super) fn span(
    live: &Connection,
    of: &Of,
) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
    let doing = "read since when servers were observed";
    let sql = "select min(from_ms), max(to_ms) from observed
        where :server is null or server = :server
        having count(*) > 0";
    let values = named_params! { ":server": of.server.as_ref().map(ServerName::as_str) };
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let found = query.query_row(values, |row| Ok((time(row.get(0)?), time(row.get(1)?))));
    found.optional().doing(doing)
}

#[expect(clippy::cast_precision_loss, reason = "2^52 ms are 140,000 years of one seat")]
pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
