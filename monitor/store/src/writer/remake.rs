//! Making again the hours and days of one feature from the sessions that history holds, where something was learned late.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, named_params};

use crate::{
    error::{Doing, StoreError},
    meter::{Cell, HOUR_MS, Meter},
    rollups::{DAY_MS, Rollups, add_to_server_hour, days, set_meter},
    servers::Servers,
};

/// Sessions of a feature that touch a time, and those that may share a seat with one that does.
const SESSIONS: &str = "select c.at_ms, coalesce(e.at_ms, l.at_ms), user.text, seat.text, c.count
    from checkout c
    join name user on user.id = c.user
    left join name seat on seat.id = c.seat
    left join checkin e on e.checkout = c.id
    left join pairing p on p.id = (
        select q.id from pairing q join checkin k on k.id = q.checkin where q.checkout = c.id
        order by k.at_ms, k.id limit 1)
    left join checkin l on l.id = p.checkin
    where c.server = :server and c.feature = :feature and c.at_ms < :to_ms
        and (c.seat is not null or coalesce(e.at_ms, l.at_ms, :to_ms) > :from_ms)
    order by c.id";

/// Seats in use: by whom, from when to when.
struct Use {
    user: String,
    seat: Option<String>,
    seats: i64,
    from_ms: i64,
    /// `None` while it is held.
    to_ms: Option<i64>,
}

impl Use {
    fn end_ms(&self) -> i64 {
        self.to_ms.unwrap_or(i64::MAX)
    }
}

/// Makes what is stale of a feature again. The caller commits.
pub(super) fn of_feature(
    history: &Connection,
    live: &Connection,
    servers: &Servers,
    rollups: &mut Rollups,
    of: (i64, i64),
) -> Result<(), StoreError> {
    let server = &servers.known(of.0)?.name;
    let Some(meter) = rollups.meters.get_mut(&of) else { return Ok(()) };
    let Some((from_ms, to_ms)) = meter.stale.take() else { return Ok(()) };
    meter.is_changed = true;
    let row = set_meter(live, server, meter)?;
    // Whole days; hours end where the meter stands.
    let from_ms = from_ms.div_euclid(DAY_MS) * DAY_MS;
    let day_ends_ms = (to_ms.div_euclid(DAY_MS) + 1) * DAY_MS;
    let to_ms = day_ends_ms.min(meter.until_ms);
    let uses = merged(sessions(history, of, from_ms, day_ends_ms)?);
    hold(meter, &uses, from_ms);
    let cells = hours(&uses, from_ms, to_ms);
    let doing = "make hours again";
    let old = stored(live, row, from_ms, day_ends_ms)?;
    let sql = "insert into hour (meter, hour, seat_ms, peak, checkouts, denials)
        values (:meter, :hour, :seat_ms, :peak, 0, 0)
        on conflict (meter, hour) do update set seat_ms = :seat_ms, peak = :peak";
    let mut set = live.prepare_cached(sql).doing(doing)?;
    let touched = old.keys().chain(cells.keys().filter(|hour| !old.contains_key(hour)));
    for hour in touched {
        let cell = cells.get(hour).copied().unwrap_or_default();
        set.execute([row, *hour, cell.seat_ms, cell.peak]).doing(doing)?;
        let more_ms = cell.seat_ms - old.get(hour).copied().unwrap_or(0);
        add_to_server_hour(live, server, *hour, more_ms, 0, 0)?;
    }
    set_days(live, row, &uses, from_ms, day_ends_ms)
}

fn sessions(
    history: &Connection,
    (server, feature): (i64, i64),
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<Use>, StoreError> {
    let doing = "read sessions to make hours again";
    let values = named_params! {
        ":server": server, ":feature": feature, ":from_ms": from_ms, ":to_ms": to_ms
    };
    let mut query = history.prepare_cached(SESSIONS).doing(doing)?;
    let rows = query.query_map(values, |row| {
        Ok(Use {
            from_ms: row.get(0)?,
            to_ms: row.get(1)?,
            user: row.get(2)?,
            seat: row.get(3)?,
            seats: row.get(4)?,
        })
    });
    rows.and_then(Iterator::collect).doing(doing)
}

/// Sessions of one seat that overlap or touch made one use, for as many seats as the largest of them.
fn merged(sessions: Vec<Use>) -> Vec<Use> {
    let mut shared: HashMap<String, Vec<Use>> = HashMap::new();
    let mut uses = Vec::new();
    for session in sessions {
        match &session.seat {
            Some(seat) => shared.entry(seat.clone()).or_default().push(session),
            None => uses.push(session),
        }
    }
    for mut sessions in shared.into_values() {
        sessions.sort_by_key(|session| session.from_ms);
        let first = uses.len();
        for session in sessions {
            match uses[first..].last_mut() {
                Some(last) if last.end_ms() >= session.from_ms => {
                    if session.end_ms() > last.end_ms() {
                        last.to_ms = session.to_ms;
                    }
                    last.seats = last.seats.max(session.seats);
                }
                _ => uses.push(session),
            }
        }
    }
    uses
}

/// What is held still counts, when it ends, from where the days that are made again leave off.
fn hold(meter: &mut Meter, uses: &[Use], from_ms: i64) {
    for used in uses.iter().filter(|used| used.to_ms.is_none()) {
        let Some(held) = used.seat.as_deref().and_then(|seat| meter.shared.get_mut(seat)) else {
            continue;
        };
        if used.from_ms < held.since_ms {
            held.since_ms = used.from_ms.max(from_ms).min(held.since_ms);
        }
        meter.seats += used.seats - held.seats;
        held.seats = used.seats;
        held.change();
    }
}

fn hours(uses: &[Use], from_ms: i64, to_ms: i64) -> BTreeMap<i64, Cell> {
    let clipped = uses.iter().filter_map(|used| {
        let (from_ms, to_ms) = (used.from_ms.max(from_ms), used.end_ms().min(to_ms));
        (from_ms < to_ms).then_some([(from_ms, used.seats), (to_ms, -used.seats)])
    });
    let mut steps: Vec<(i64, i64)> = clipped.flatten().collect();
    steps.sort_unstable();
    let mut meter = Meter { until_ms: from_ms, ..Meter::default() };
    for (at_ms, step) in steps {
        meter.fill(at_ms);
        meter.seats += step;
    }
    meter.cells
}

/// Seat milliseconds of the hours between two times as they are stored.
fn stored(
    live: &Connection,
    meter: i64,
    from_ms: i64,
    to_ms: i64,
) -> Result<BTreeMap<i64, i64>, StoreError> {
    let doing = "read hours to make them again";
    let sql =
        "select hour, seat_ms from hour where meter = :meter and hour >= :from and hour < :to";
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let rows = query.query_map([meter, from_ms / HOUR_MS, to_ms / HOUR_MS], |row| {
        Ok((row.get(0)?, row.get(1)?))
    });
    rows.and_then(Iterator::collect).doing(doing)
}

/// Sets what users used on the days between two times: what ended by now.
fn set_days(
    live: &Connection,
    meter: i64,
    uses: &[Use],
    from_ms: i64,
    to_ms: i64,
) -> Result<(), StoreError> {
    let doing = "make days again";
    let sql = "update user_day set seat_ms = 0 where meter = :meter and day >= :from and day < :to";
    live.prepare_cached(sql)
        .doing(doing)?
        .execute([meter, from_ms / DAY_MS, to_ms / DAY_MS])
        .doing(doing)?;
    let mut sums: BTreeMap<(i64, &str), i64> = BTreeMap::new();
    for used in uses {
        let Some(end_ms) = used.to_ms else { continue };
        for (start_ms, end_ms) in days(used.from_ms, end_ms) {
            if start_ms >= from_ms && start_ms < to_ms {
                *sums.entry((start_ms.div_euclid(DAY_MS), &used.user)).or_default() +=
                    used.seats * (end_ms - start_ms);
            }
        }
    }
    let sql = "insert into user_day (meter, day, user, checkouts, seat_ms)
        values (:meter, :day, :user, 0, :seat_ms)
        on conflict (meter, day, user) do update set seat_ms = :seat_ms";
    let mut set = live.prepare_cached(sql).doing(doing)?;
    for ((day, user), seat_ms) in sums {
        set.execute((meter, day, user, seat_ms)).doing(doing)?;
    }
    // Where somebody used nothing after all, there is no row.
    let sql = "delete from user_day
        where meter = :meter and day >= :from and day < :to and checkouts = 0 and seat_ms = 0";
    let mut delete = live.prepare_cached(sql).doing(doing)?;
    delete.execute([meter, from_ms / DAY_MS, to_ms / DAY_MS]).doing(doing).map(drop)
}
