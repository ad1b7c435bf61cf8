//! Rollups: what entries add to the hours of features and servers, to the days of users, and to the times that servers were
//! observed. Kept beside the picture and stored with it.

use std::sync::Arc;

use lic_protocol::{event::Checkout, name::ServerName};
use rusqlite::{Connection, Row, named_params};

use crate::{
    entry::{Change, Entry, Opened},
    error::{Doing, StoreError},
    fold::is_licwrap,
    hash::{HashMap, HashSet},
    meter::{Held, Meter, Stored, Use, Used},
    observed::Observed,
    servers::Servers,
};

pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;
/// Days that one use fills: two years. What a log claims to be held for longer is counted for the last two.
const DAYS_FILLED_MAX: i64 = 2 * 366;
/// Names of users kept in memory; when there are more, the memory starts afresh.
const USERS_KEPT_MAX: usize = 32_768;

/// The rows of a server and a feature in history.
type Of = (i64, i64);

/// What is being counted, and what of it is not stored yet.
#[derive(Default)]
pub(crate) struct Rollups {
    pub(crate) meters: HashMap<Of, Meter>,
    held: HashMap<i64, (Of, Held)>,
    days: HashMap<(Of, i64, Arc<str>), Day>,
    observed: HashMap<i64, Observed>,
    users: HashSet<Arc<str>>,
}

/// What one user did with one feature on one day, beside what is stored of it already.
#[derive(Clone, Copy, Debug, Default)]
struct Day {
    checkouts: i64,
    seat_ms: i64,
}

impl Rollups {
    /// What was being counted when it was last stored. `number` gives the rows of a server and a feature in history.
    pub(crate) fn load(
        live: &Connection,
        servers: &Servers,
        mut number: impl FnMut(&str, &str) -> Result<Option<Of>, StoreError>,
    ) -> Result<Self, StoreError> {
        let mut rollups = Self::default();
        let mut rows = HashMap::default();
        let sql =
            "select server, feature, id, seats, until_ms, stale_from_ms, stale_to_ms from meter";
        each(live, sql, |row| {
            let (server, feature): (String, String) = (row.get(0)?, row.get(1)?);
            let stale: (Option<i64>, Option<i64>) = (row.get(5)?, row.get(6)?);
            let meter = Meter {
                row: row.get(2)?,
                seats: row.get(3)?,
                until_ms: row.get(4)?,
                stale: stale.0.zip(stale.1),
                ..Meter::new(&feature)
            };
            Ok((server, feature, meter))
        })?
        .into_iter()
        .try_for_each(|(server, feature, meter)| {
            if let Some(of) = number(&server, &feature)? {
                rows.extend(meter.row.map(|row| (row, of)));
                rollups.meters.insert(of, meter);
            }
            Ok(())
        })?;
        for (row, seat, used) in each(live, SEAT_USES, seat_use)? {
            if let Some(meter) = rows.get(&row).and_then(|of| rollups.meters.get_mut(of)) {
                meter.shared.insert(seat, used);
            }
        }
        for (server, feature, id, held) in each(live, HELD, held)? {
            if let Some(of) = number(&server, &feature)? {
                rollups.held.insert(id, (of, held));
            }
        }
        let mut spans: HashMap<i64, Vec<(i64, i64)>> = HashMap::default();
        let sql = "select server, from_ms, to_ms from observed";
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?));
        for (server, from_ms, to_ms) in each(live, sql, read)? {
            if let Some(server) = servers.numbered(&server) {
                spans.entry(server).or_default().push((from_ms, to_ms));
            }
        }
        let observed = spans.into_iter().map(|(server, spans)| (server, Observed::of(spans)));
        rollups.observed = observed.collect();
        Ok(rollups)
    }

    /// Counts the next entry in the order of their ids.
    pub(crate) fn add(&mut self, servers: &Servers, entry: &Entry<'_>) -> Result<(), StoreError> {
        let Entry { id, server, at_ms, learned_at_ms, change } = entry;
        if matches!(change, Change::Answered(_) | Change::Missing(_) | Change::Mended { .. }) {
            return Ok(());
        }
        self.observed.entry(*server).or_default().add(*(at_ms.min(learned_at_ms)));
        match change {
            Change::Opened(Opened { feature, checkout, .. }) => {
                self.open((*server, *feature), *id, *at_ms, checkout);
            }
            Change::Ended { feature, checkout: Some(id) } => match self.held.remove(id) {
                Some((of, held)) => self.close(of, &held, *at_ms),
                // It ended earlier than was thought.
                None => {
                    if let Some(meter) = self.meters.get_mut(&(*server, *feature)) {
                        meter.go_stale(*at_ms);
                    }
                }
            },
            Change::Denied(feature, tries) => {
                let of = (*server, feature.number);
                // Anybody may ask licwrap for a tool of any name; that makes it no feature.
                if self.meters.contains_key(&of) || !is_licwrap(servers, *server)? {
                    self.meter(of, &feature.name).cell(*at_ms).denials += i64::from(*tries);
                }
            }
            Change::Ended { checkout: None, .. }
            | Change::Waiting(..)
            | Change::WaitEnded { .. }
            | Change::Server(_)
            | Change::Answered(_)
            | Change::Missing(_)
            | Change::Mended { .. } => {}
        }
        Ok(())
    }

    fn open(&mut self, of: Of, id: i64, at_ms: i64, checkout: &Checkout) {
        let user = self.user(checkout.user.as_str());
        let held = Held {
            user: user.clone(),
            seat: checkout.seat.as_deref().map(Arc::from),
            seats: checkout.count.into(),
            since_ms: at_ms,
        };
        let meter = self.meter(of, checkout.feature.as_str());
        meter.open(&held);
        meter.cell(at_ms).checkouts += 1;
        self.day(of, at_ms, user).checkouts += 1;
        self.held.insert(id, (of, held));
    }

    fn close(&mut self, of: Of, held: &Held, at_ms: i64) {
        let used = self.meters.get_mut(&of).and_then(|meter| meter.close(held, at_ms));
        let Some(Used { user, since_ms, seats }) = used else { return };
        for (from_ms, to_ms) in days(since_ms, at_ms) {
            self.day(of, from_ms, user.clone()).seat_ms += seats * (to_ms - from_ms);
        }
    }

    fn meter(&mut self, of: Of, feature: &str) -> &mut Meter {
        self.meters.entry(of).or_insert_with(|| Meter::new(feature))
    }

    fn day(&mut self, of: Of, at_ms: i64, user: Arc<str>) -> &mut Day {
        self.days.entry((of, at_ms.div_euclid(DAY_MS), user)).or_default()
    }

    fn user(&mut self, name: &str) -> Arc<str> {
        if let Some(user) = self.users.get(name) {
            return user.clone();
        }
        if self.users.len() >= USERS_KEPT_MAX {
            self.users.clear();
        }
        let user: Arc<str> = name.into();
        self.users.insert(user.clone());
        user
    }

    /// A feature of which something was learned late, and waits longest to be made again.
    pub(crate) fn stalest(&self) -> Option<Of> {
        let stale = self.meters.iter().filter_map(|(of, meter)| Some((meter.stale?, *of)));
        stale.min().map(|(_, of)| of)
    }

    /// Writes what is not stored yet. The caller commits.
    pub(crate) fn store(&mut self, live: &Connection, servers: &Servers) -> Result<(), StoreError> {
        let mut server_hours: HashMap<Of, (i64, i64, i64)> = HashMap::default();
        let doing = "add to an hour";
        let sql = "insert into hour (meter, hour, seat_ms, peak, checkouts, denials)
            values (:meter, :hour, :seat_ms, :peak, :checkouts, :denials)
            on conflict (meter, hour) do update set
                seat_ms = seat_ms + :seat_ms, peak = max(peak, :peak),
                checkouts = checkouts + :checkouts, denials = denials + :denials";
        let mut hours = live.prepare_cached(sql).doing(doing)?;
        for ((server, _), meter) in &mut self.meters {
            if !std::mem::take(&mut meter.is_changed) {
                continue;
            }
            let row = set_meter(live, &servers.known(*server)?.name, meter)?;
            for seat in meter.given_back.drain(..) {
                remove_use(live, row, &seat)?;
            }
            for (seat, used) in
                meter.shared.iter_mut().filter(|(_, used)| used.stored != Stored::Whole)
            {
                set_use(live, row, seat, used)?;
                used.stored = Stored::Whole;
            }
            for (hour, cell) in std::mem::take(&mut meter.cells) {
                let sums = server_hours.entry((*server, hour)).or_default();
                sums.0 += cell.seat_ms;
                sums.1 += cell.checkouts;
                sums.2 += cell.denials;
                let values = [row, hour, cell.seat_ms, cell.peak, cell.checkouts, cell.denials];
                hours.execute(values).doing(doing)?;
            }
        }
        for ((server, hour), (seat_ms, checkouts, denials)) in server_hours {
            let server = &servers.known(server)?.name;
            add_to_server_hour(live, server, hour, seat_ms, checkouts, denials)?;
        }
        self.store_days(live)?;
        for (server, observed) in &mut self.observed {
            if std::mem::take(&mut observed.is_changed) {
                set_observed(live, &servers.known(*server)?.name, observed)?;
            }
        }
        Ok(())
    }

    fn store_days(&mut self, live: &Connection) -> Result<(), StoreError> {
        let doing = "add to a day";
        let sql = "insert into user_day (meter, day, user, checkouts, seat_ms)
            values (:meter, :day, :user, :checkouts, :seat_ms)
            on conflict (meter, day, user) do update set
                checkouts = checkouts + :checkouts, seat_ms = seat_ms + :seat_ms";
        let mut insert = live.prepare_cached(sql).doing(doing)?;
        let mut days: Vec<_> = self.days.drain().collect();
        // In the order of the table, so that neighbours share a page.
        days.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for ((of, day, user), Day { checkouts, seat_ms }) in days {
            if checkouts == 0 && seat_ms == 0 {
                continue;
            }
            let row = self.meters.get(&of).and_then(|meter| meter.row);
            insert.execute((row, day, user.as_ref(), checkouts, seat_ms)).doing(doing)?;
        }
        Ok(())
    }
}

/// What lies between two times, day by day.
pub(crate) fn days(from_ms: i64, to_ms: i64) -> impl Iterator<Item = (i64, i64)> {
    let from_ms = from_ms.max(to_ms.saturating_sub(DAYS_FILLED_MAX * DAY_MS));
    let first = from_ms.div_euclid(DAY_MS);
    let days = (to_ms > from_ms).then(|| first..=(to_ms - 1).div_euclid(DAY_MS));
    days.into_iter()
        .flatten()
        .map(move |day| (from_ms.max(day * DAY_MS), to_ms.min((day + 1) * DAY_MS)))
}

const SEAT_USES: &str = "select meter, seat, sessions, seats, since_ms, user from seat_use";

fn seat_use(row: &Row<'_>) -> rusqlite::Result<(i64, Arc<str>, Use)> {
    let used = Use {
        sessions: row.get(2)?,
        seats: row.get(3)?,
        since_ms: row.get(4)?,
        user: row.get::<_, String>(5)?.into(),
        stored: Stored::Whole,
    };
    Ok((row.get(0)?, row.get::<_, String>(1)?.into(), used))
}

const HELD: &str = "select server, feature, id, user, seat, count, started_ms from session";

fn held(row: &Row<'_>) -> rusqlite::Result<(String, String, i64, Held)> {
    let held = Held {
        user: row.get::<_, String>(3)?.into(),
        seat: row.get::<_, Option<String>>(4)?.map(Arc::from),
        seats: row.get(5)?,
        since_ms: row.get(6)?,
    };
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, held))
}

fn each<T>(
    live: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let doing = "read what is being counted";
    let mut query = live.prepare(sql).doing(doing)?;
    query.query_map([], read).and_then(Iterator::collect).doing(doing)
}

/// Writes the row of a meter, and returns it.
pub(crate) fn set_meter(
    live: &Connection,
    server: &ServerName,
    meter: &mut Meter,
) -> Result<i64, StoreError> {
    let doing = "store a meter";
    let sql = "insert into meter (server, feature, seats, until_ms, stale_from_ms, stale_to_ms)
        values (:server, :feature, :seats, :until_ms, :stale_from_ms, :stale_to_ms)
        on conflict (server, feature) do update set
            seats = :seats, until_ms = :until_ms, stale_from_ms = :stale_from_ms, stale_to_ms = :stale_to_ms
        returning id";
    let values = named_params! {
        ":server": server.as_str(),
        ":feature": meter.feature.as_ref(),
        ":seats": meter.seats,
        ":until_ms": meter.until_ms,
        ":stale_from_ms": meter.stale.map(|(from_ms, _)| from_ms),
        ":stale_to_ms": meter.stale.map(|(_, to_ms)| to_ms),
    };
    let mut insert = live.prepare_cached(sql).doing(doing)?;
    let row = insert.query_row(values, |row| row.get(0)).doing(doing)?;
    meter.row = Some(row);
    Ok(row)
}

fn set_use(live: &Connection, meter: i64, seat: &str, used: &Use) -> Result<(), StoreError> {
    let doing = "store a seat in use";
    let sql = "insert into seat_use (meter, seat, sessions, seats, since_ms, user)
        values (:meter, :seat, :sessions, :seats, :since_ms, :user)
        on conflict (meter, seat) do update set
            sessions = :sessions, seats = :seats, since_ms = :since_ms, user = :user";
    let values = named_params! {
        ":meter": meter,
        ":seat": seat,
        ":sessions": used.sessions,
        ":seats": used.seats,
        ":since_ms": used.since_ms,
        ":user": used.user.as_ref(),
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

fn remove_use(live: &Connection, meter: i64, seat: &str) -> Result<(), StoreError> {
    let doing = "remove a seat that was given back";
    let sql = "delete from seat_use where meter = :meter and seat = :seat";
    live.prepare_cached(sql).doing(doing)?.execute((meter, seat)).doing(doing).map(drop)
}

/// Adds to what all features of a server did in an hour.
pub(crate) fn add_to_server_hour(
    live: &Connection,
    server: &ServerName,
    hour: i64,
    seat_ms: i64,
    checkouts: i64,
    denials: i64,
) -> Result<(), StoreError> {
    let doing = "add to an hour of a server";
    let sql = "insert into server_hour (server, hour, seat_ms, checkouts, denials)
        values (:server, :hour, :seat_ms, :checkouts, :denials)
        on conflict (server, hour) do update set
            seat_ms = seat_ms + :seat_ms, checkouts = checkouts + :checkouts, denials = denials + :denials";
    let values = (server.as_str(), hour, seat_ms, checkouts, denials);
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

fn set_observed(
    live: &Connection,
    server: &ServerName,
    observed: &Observed,
) -> Result<(), StoreError> {
    let doing = "note when a server was observed";
    let sql = "delete from observed where server = :server";
    live.prepare_cached(sql).doing(doing)?.execute([server.as_str()]).doing(doing)?;
    let sql = "insert into observed (server, from_ms, to_ms) values (:server, :from_ms, :to_ms)";
    let mut insert = live.prepare_cached(sql).doing(doing)?;
    for (from_ms, to_ms) in observed.spans() {
        insert.execute((server.as_str(), from_ms, to_ms)).doing(doing)?;
    }
    Ok(())
}
