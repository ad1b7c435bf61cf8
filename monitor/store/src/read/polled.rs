//! What license servers answered last: their states, and their features summed over pools, vendors and versions of one name.

use std::collections::HashMap;

use jiff::Timestamp;
use lic_protocol::{
    name::{FeatureName, VendorName},
    view::{Coverage, Feature, Server, ServerState, Source},
};
use rusqlite::Connection;

use super::{time, word};
use crate::error::{Doing, StoreError};

/// The last answer of a license server.
pub(super) struct Answered {
    state: ServerState,
    since: Timestamp,
    asked: Option<Timestamp>,
    error: Option<String>,
    heard: Option<Timestamp>,
    response_ms: Option<f64>,
    coverage: Coverage,
}

/// By license server.
pub(super) fn answers(live: &Connection) -> Result<HashMap<String, Answered>, StoreError> {
    let doing = "read what license servers answered";
    let sql = "select server, state, since_ms, error, answered_ms, response_ms, coverage,
            asked_ms
        from poll";
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let mut rows = query.query([]).doing(doing)?;
    let mut answers = HashMap::new();
    while let Some(row) = rows.next().doing(doing)? {
        let (state, coverage): (String, String) =
            (row.get(1).doing(doing)?, row.get(6).doing(doing)?);
        let answered = Answered {
            state: word("poll.state", &state, ServerState::from_word)?,
            since: time(row.get(2).doing(doing)?),
            error: row.get(3).doing(doing)?,
            heard: row.get::<_, Option<i64>>(4).doing(doing)?.map(time),
            response_ms: row.get(5).doing(doing)?,
            // It is for people; one that cannot be read is shown as none.
            coverage: serde_json::from_str(&coverage).unwrap_or_default(),
            asked: row.get::<_, Option<i64>>(7).doing(doing)?.map(time),
        };
        answers.insert(row.get(0).doing(doing)?, answered);
    }
    Ok(answers)
}

impl Answered {
    /// Whether the licmon that runs, or ran last, asked it.
    pub(super) fn is_of_today(&self) -> bool {
        self.asked.is_some()
    }

    /// Tells of a server when it last answered.
    pub(super) fn tell_time(&self, server: &mut Server) {
        server.last_answer = server.last_answer.max(self.heard);
    }

    /// Tells of a server what it answered: that is newer than what any log says of its state.
    pub(super) fn tell(&self, server: &mut Server) {
        (server.state, server.since) = (self.state, Some(self.since));
        server.error.clone_from(&self.error);
        server.response_ms = self.response_ms;
        // Who is refused is in no answer.
        server.denials_visible = server.denials_visible.or(Some(false));
        let coverage = &mut server.coverage;
        coverage.lines += self.coverage.lines;
        coverage.events += self.coverage.events;
        coverage.noise += self.coverage.noise;
        coverage.unknown += self.coverage.unknown;
        coverage.examples.extend(self.coverage.examples.iter().cloned());
        coverage.examples.truncate(lic_protocol::view::EXAMPLES_MAX);
    }
}

/// The counts of a feature in an answer. One that any of its pools does not tell is not known of all. What a server issues stays
/// known while it does not answer; what is in use does not.
struct Counts {
    vendor: Option<String>,
    version: Option<String>,
    issued: Option<u32>,
    in_use: Option<u32>,
    reserved: Option<u32>,
    queued: Option<u32>,
    uncounted: bool,
    expires: Option<Timestamp>,
}

/// Tells of features what their license servers answered. Some may not have been heard of by another way.
pub(super) fn tell(
    live: &Connection,
    servers: &[Server],
    features: &mut Vec<Feature>,
) -> Result<(), StoreError> {
    let servers: HashMap<&str, &Server> =
        servers.iter().map(|server| (server.name.as_str(), server)).collect();
    let places = features.iter().enumerate();
    let key = |it: &Feature| (it.server.to_string(), it.feature.to_string());
    let places: HashMap<Key, usize> = places.map(|(at, it)| (key(it), at)).collect();
    for (key, counts) in counts(live)? {
        let Some(server) = servers.get(key.0.as_str()) else { continue };
        let at = places.get(&key).copied().unwrap_or_else(|| {
            features.push(unheard(server, &key.1));
            features.len() - 1
        });
        counts.tell(&mut features[at], server);
    }
    features
        .sort_by(|one, other| (&one.server, &one.feature).cmp(&(&other.server, &other.feature)));
    Ok(())
}

type Key = (String, String);

fn counts(live: &Connection) -> Result<HashMap<Key, Counts>, StoreError> {
    let doing = "read what license servers answered of features";
    let sql = "select server, feature,
            iif(count(distinct vendor) = 1, max(vendor), null),
            iif(count(distinct version) = 1, max(version), null),
            iif(count(issued) = count(*), sum(issued), null),
            iif(is_answer and count(in_use) = count(*), sum(in_use), null),
            iif(is_answer and count(reserved) = count(*), sum(reserved), null),
            iif(is_answer and count(queued) = count(*), sum(queued), null),
            max(is_uncounted), min(expires_ms)
        from polled join (
            select server, asked_ms is not null and state in ('up', 'degraded') as is_answer from poll
        ) using (server)
        group by server, feature";
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let rows = query.query_map([], |row| {
        let counts = Counts {
            vendor: row.get(2)?,
            version: row.get(3)?,
            issued: seats(row.get(4)?),
            in_use: seats(row.get(5)?),
            reserved: seats(row.get(6)?),
            queued: seats(row.get(7)?),
            uncounted: row.get(8)?,
            expires: row.get::<_, Option<i64>>(9)?.map(time),
        };
        Ok(((row.get(0)?, row.get(1)?), counts))
    });
    rows.and_then(Iterator::collect).doing(doing)
}

/// A sum of seats; more than there can be are not told.
fn seats(sum: Option<i64>) -> Option<u32> {
    sum.and_then(|sum| u32::try_from(sum).ok())
}

impl Counts {
    /// The license server's own counts stand before those of sessions that were seen.
    fn tell(&self, feature: &mut Feature, server: &Server) {
        feature.vendor = self.vendor.clone().map(VendorName::new).or(feature.vendor.take());
        feature.version = self.version.clone().or(feature.version.take());
        feature.issued = self.issued.or(feature.issued);
        feature.in_use = self.in_use.or(feature.in_use);
        feature.reserved = self.reserved.or(feature.reserved);
        feature.queued = self.queued.or(feature.queued);
        feature.uncounted = self.uncounted && feature.issued.is_none();
        feature.expires = self.expires.or(feature.expires);
        feature.as_of = feature.as_of.max(server.last_answer);
    }
}

/// A feature that nobody was seen to hold yet.
fn unheard(server: &Server, name: &str) -> Feature {
    Feature {
        server: server.name.clone(),
        system: server.system.clone(),
        feature: FeatureName::from(name),
        version: None,
        vendor: None,
        issued: None,
        in_use: None,
        unwrapped: None,
        reserved: None,
        queued: None,
        sessions: None,
        expires: None,
        uncounted: false,
        as_of: None,
        source: Source::Poll,
        mode: None,
    }
}
