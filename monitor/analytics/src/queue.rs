//! Who holds a feature and who waits for it, feature by feature, and when each of those may start.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use lic_protocol::{
    name::{FeatureName, HostName, ServerName, UserName},
    query::Filter,
    view::{Feature, QueuedFeature, Session, Source, Waiter, Waiters},
};

use crate::wait::{Held, Runs, expected_waits};

/// The license system whose features are wrapped tools.
const WRAPPED: &str = "licwrap";

/// What is known of the present.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// Every feature, by server and name.
    pub features: Vec<Feature>,
    /// Who holds the wrapped tools, what is waited for, and what the filter names: the longest held of each feature first.
    pub holders: Vec<Session>,
    /// Who waits, by server, feature and place.
    pub waiting: Vec<Waiter>,
}

/// The document that `filter` asks for at `now`.
///
/// A feature is in it that is a wrapped tool, that somebody waits for, or that the filter names. User, host and times of the
/// filter choose among holders and waiters, and leave out features without any; places and expected starts are those among
/// all. `past` is asked for the runs of the features that somebody waits for. At most `filter.rows_max()` holders, and as many
/// waiters, are given of each feature; `queue` has all.
///
/// # Errors
/// Those of `past`.
pub fn queue<E>(
    present: Present,
    filter: &Filter,
    now: Timestamp,
    mut past: impl FnMut(&Feature) -> Result<Runs, E>,
) -> Result<Waiters, E> {
    let mut holders = grouped(present.holders, |row| (row.server.clone(), row.feature.clone()));
    let mut waiting = grouped(present.waiting, |row| (row.server.clone(), row.feature.clone()));
    let mut document = Waiters { queue: Vec::new(), features: Vec::new() };
    for feature in present.features {
        let key = (feature.server.clone(), feature.feature.clone());
        let mut holders = holders.remove(&key).unwrap_or_default();
        let mut waiting = waiting.remove(&key).unwrap_or_default();
        if !is_asked_for(filter, &feature, &waiting) {
            continue;
        }
        let runs = if waiting.is_empty() { None } else { Some(past(&feature)?) };
        if let Some(runs) = &runs {
            expect_starts(runs, &feature, &holders, &mut waiting, now);
        }
        holders.retain(|row| is_in(filter, &row.user, &row.host, row.started));
        waiting.retain(|row| is_in(filter, &row.user, &row.host, row.since));
        document.queue.extend(waiting.iter().cloned());
        if !is_narrow(filter) || !holders.is_empty() || !waiting.is_empty() {
            document.features.push(queued_feature(
                feature,
                runs.as_ref(),
                holders,
                waiting,
                filter,
            ));
        }
    }
    Ok(document)
}

fn queued_feature(
    now: Feature,
    runs: Option<&Runs>,
    mut holders: Vec<Session>,
    mut waiting: Vec<Waiter>,
    filter: &Filter,
) -> QueuedFeature {
    let (holders_more, waiting_more) = (cut(&mut holders, filter), cut(&mut waiting, filter));
    let free = now.issued.zip(counted(&now)).filter(|_| !now.uncounted);
    let free = free.map(|(issued, in_use)| issued.saturating_sub(in_use));
    let runs = runs.map(Runs::count);
    QueuedFeature { now, free, runs, holders, holders_more, waiting, waiting_more }
}

/// Says of all who wait for a feature when they may start.
fn expect_starts(
    runs: &Runs,
    feature: &Feature,
    holders: &[Session],
    waiting: &mut [Waiter],
    now: Timestamp,
) {
    let leases = holders.iter().filter(|session| session.source != Source::Process);
    let held = leases.map(|session| Held {
        share: session.seat.as_deref(),
        seats: session.count,
        // A clock that was set back makes a run begin in the future.
        age: Duration::try_from(now.duration_since(session.started)).unwrap_or_default(),
    });
    let asked: Vec<u32> = waiting.iter().map(|waiter| waiter.count).collect();
    let waits = expected_waits(runs, held, free(feature), &asked);
    for (waiter, wait) in waiting.iter_mut().zip(waits) {
        waiter.expected_start = wait.and_then(|wait| now.checked_add(wait).ok());
    }
}

/// Seats in use that count against those there are: a run without licwrap is given no seat, and keeps none from others.
fn counted(feature: &Feature) -> Option<u32> {
    let unwrapped = feature.unwrapped.unwrap_or(0);
    feature.in_use.map(|in_use| in_use.saturating_sub(unwrapped))
}

/// Seats that anybody may have. Those set aside are never counted, because it is not known for whom they are; where it is not
/// known how many seats there are, none is free, or nobody would wait.
fn free(feature: &Feature) -> i64 {
    let known = feature.issued.zip(counted(feature));
    let free = known.map(|(issued, in_use)| i64::from(issued) - i64::from(in_use));
    free.map_or(0, |free| free - i64::from(feature.reserved.unwrap_or(0)))
}

fn is_asked_for(filter: &Filter, feature: &Feature, waiting: &[Waiter]) -> bool {
    filter.server.as_ref().is_none_or(|server| feature.server == *server)
        && match &filter.feature {
            Some(name) => feature.feature == *name,
            None => feature.system == WRAPPED || !waiting.is_empty(),
        }
}

/// Whether `filter` chooses among holders and waiters.
fn is_narrow(filter: &Filter) -> bool {
    let Filter { from, to, user, host, .. } = filter;
    from.is_some() || to.is_some() || user.is_some() || host.is_some()
}

fn is_in(filter: &Filter, user: &UserName, host: &HostName, since: Timestamp) -> bool {
    let same = |asked: Option<&str>, name: &str| {
        asked.is_none_or(|asked| asked.to_lowercase() == name.to_lowercase())
    };
    same(filter.user.as_ref().map(UserName::as_str), user.as_str())
        && same(filter.host.as_ref().map(HostName::as_str), host.as_str())
        && filter.from.is_none_or(|from| since >= from)
        && filter.to.is_none_or(|to| since < to)
}

/// Cuts the rows to as many as `filter` allows, and says how many were cut off.
fn cut<T>(rows: &mut Vec<T>, filter: &Filter) -> u32 {
    let more = rows.len().saturating_sub(filter.rows_max());
    rows.truncate(filter.rows_max());
    u32::try_from(more).unwrap_or(u32::MAX)
}

type Key = (ServerName, FeatureName);

fn grouped<T>(rows: Vec<T>, key: impl Fn(&T) -> Key) -> HashMap<Key, Vec<T>> {
    let mut groups: HashMap<Key, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const MINUTE_S: i64 = 60;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * MINUTE_S).unwrap()
    }

    fn feature(system: &str, name: &str, issued: Option<u32>, in_use: u32) -> Feature {
        Feature {
            server: system.into(),
            system: system.to_owned(),
            feature: name.into(),
            version: None,
            vendor: None,
            issued,
            in_use: Some(in_use),
            unwrapped: None,
            reserved: None,
            queued: None,
            sessions: None,
            expires: None,
            uncounted: false,
            as_of: None,
            source: Source::Wrapper,
            mode: None,
        }
    }

    fn session(system: &str, name: &str, user: &str, minute: i64) -> Session {
        Session {
            id: 1,
            server: system.into(),
            feature: name.into(),
            version: None,
            user: user.into(),
            host: "node7".into(),
            display: None,
            count: 1,
            unit: None,
            started: at(minute),
            ended: None,
            end_reason: None,
            duration_s: None,
            process: None,
            project: None,
            handle: None,
            source: Source::Wrapper,
            seat: None,
            started_after: None,
            ended_before: None,
            learned_at: at(minute),
            exit_status: None,
            exit_signal: None,
            cpu_s: None,
            memory_peak_bytes: None,
            verified: None,
        }
    }

    fn waiter(system: &str, name: &str, user: &str, place: u32) -> Waiter {
        Waiter {
            server: system.into(),
            feature: name.into(),
            user: user.into(),
            host: "node7".into(),
            count: 1,
            since: at(100 + i64::from(place)),
            place,
            expected_start: None,
        }
    }

    /// A tool with two holders and two who wait, one that is idle, and two features of a license server, one with a queue.
    fn present() -> Present {
        let held = |user, minute| session("licwrap", "render", user, minute);
        Present {
            features: vec![
                feature("flexnet", "mesh", None, 1),
                feature("flexnet", "solve", None, 1),
                feature("licwrap", "idle", Some(1), 0),
                feature("licwrap", "render", Some(2), 2),
            ],
            holders: vec![session("flexnet", "mesh", "eve", 85), held("ann", 85), held("ben", 95)],
            waiting: vec![
                waiter("flexnet", "mesh", "fay", 1),
                waiter("licwrap", "render", "carl", 1),
                waiter("licwrap", "render", "dora", 2),
            ],
        }
    }

    /// One line per feature at minute 110, of runs of half an hour: free seats, holders, waiters with minutes to wait.
    #[track_caller]
    fn check(filter: &Filter, expected: &[&str]) {
        let half_hours = |_: &Feature| Ok::<_, Infallible>(Runs::new([Duration::from_mins(30); 5]));
        let Ok(document) = queue(present(), filter, at(110), half_hours);
        let lines: Vec<String> = document.features.iter().map(line).collect();
        assert_eq!(lines, expected);
    }

    fn line(row: &QueuedFeature) -> String {
        let free = row.free.map_or("?".to_owned(), |free| free.to_string());
        let holders: Vec<&str> = row.holders.iter().map(|holder| holder.user.as_str()).collect();
        let waiting = row.waiting.iter().map(|waiter| {
            let wait = waiter.expected_start.map(|start| (start - at(110)).as_mins());
            format!("{} {} {wait:?}", waiter.place, waiter.user)
        });
        let waiting: Vec<String> = waiting.collect();
        format!(
            "{}: {free} free, {} +{}, {} +{}",
            row.now.feature,
            holders.join(" "),
            row.holders_more,
            waiting.join(" "),
            row.waiting_more
        )
    }

    #[test]
    fn tools_and_what_is_waited_for_are_shown() {
        let render = "render: 0 free, ann ben +0, 1 carl Some(5) 2 dora Some(15) +0";
        check(
            &Filter::default(),
            &["mesh: ? free, eve +0, 1 fay Some(5) +0", "idle: 1 free,  +0,  +0", render],
        );
    }

    #[test]
    fn a_feature_is_asked_for_by_name() {
        let filter = Filter { feature: Some("solve".into()), ..Filter::default() };
        check(&filter, &["solve: ? free,  +0,  +0"]);
        let filter = Filter { server: Some("flexnet".into()), ..Filter::default() };
        check(&filter, &["mesh: ? free, eve +0, 1 fay Some(5) +0"]);
    }

    #[test]
    fn who_is_chosen_keeps_his_place() {
        let filter = Filter { user: Some("DORA".into()), ..Filter::default() };
        check(&filter, &["render: 0 free,  +0, 2 dora Some(15) +0"]);
        let filter = Filter { from: Some(at(90)), to: Some(at(102)), ..Filter::default() };
        check(
            &filter,
            &["mesh: ? free,  +0, 1 fay Some(5) +0", "render: 0 free, ben +0, 1 carl Some(5) +0"],
        );
    }

    #[test]
    fn rows_are_limited_and_the_rest_is_counted() {
        let feature = Some("render".into());
        let filter = Filter { feature, limit: 1, ..Filter::default() };
        check(&filter, &["render: 0 free, ann +1, 1 carl Some(5) +1"]);
    }

    #[test]
    fn seats_set_aside_are_not_free() {
        let mut tool = feature("licwrap", "render", Some(4), 2);
        assert_eq!(free(&tool), 2);
        tool.reserved = Some(1);
        assert_eq!(free(&tool), 1);
        assert_eq!(free(&feature("flexnet", "mesh", None, 7)), 0);
    }

    #[test]
    fn runs_without_licwrap_keep_no_seat_from_others() {
        let mut tool = feature("licwrap", "render", Some(2), 3);
        tool.unwrapped = Some(2);
        assert_eq!(free(&tool), 1);
    }
}
