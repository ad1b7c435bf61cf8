//! Fold: what a run of entries makes of the picture, worked out before anything of it is written. What opens and ends in the
//! same run never reaches the database.

use std::borrow::Cow;

use lic_protocol::{
    event::{Checkout, Queue, ServerChange},
    name::VendorName,
    view::Source,
};
use rusqlite::Connection;

use crate::{
    entry::{Change, Entry, Feature, Opened},
    error::StoreError,
    gaps::{self, Recorded},
    hash::HashMap,
    live::{self, FeatureTold, Heard},
    polled::fold::Answers,
    servers::Servers,
};

/// What entries change in the picture.
pub(crate) struct Fold<'e> {
    servers: HashMap<i64, Heard>,
    features: HashMap<(i64, i64), FeatureTold<'e>>,
    sessions: HashMap<i64, Session<'e>>,
    ended: Vec<i64>,
    waits: HashMap<i64, Wait<'e>>,
    waits_ended: Vec<i64>,
    gaps: HashMap<i64, Gap>,
    gaps_ended: Vec<i64>,
    answers: Answers,
}

/// A session that opened and is open still.
pub(crate) struct Session<'e> {
    pub(crate) server: i64,
    pub(crate) at_ms: i64,
    pub(crate) learned_at_ms: i64,
    pub(crate) source: Source,
    pub(crate) checkout: Cow<'e, Checkout>,
}

/// A wait that began and goes on still.
pub(crate) struct Wait<'e> {
    pub(crate) server: i64,
    pub(crate) at_ms: i64,
    pub(crate) queue: Cow<'e, Queue>,
}

/// What could not be read, and was not read since.
struct Gap {
    server: i64,
    at_ms: i64,
    recorded: Recorded,
}

impl<'e> Fold<'e> {
    /// Begins with the picture as it is in `live`.
    pub(crate) fn of(live: &Connection, servers: &Servers) -> Result<Self, StoreError> {
        Ok(Self {
            servers: live::heard(live, servers)?,
            features: HashMap::default(),
            sessions: HashMap::default(),
            ended: Vec::new(),
            waits: HashMap::default(),
            waits_ended: Vec::new(),
            gaps: HashMap::default(),
            gaps_ended: Vec::new(),
            answers: Answers::default(),
        })
    }

    /// Takes the next entry in the order of their ids.
    pub(crate) fn add(&mut self, servers: &Servers, entry: Entry<'e>) -> Result<(), StoreError> {
        let Entry { id, server, at_ms, learned_at_ms, change } = entry;
        let change = match change {
            // What we could not read says nothing of the server.
            Change::Missing(recorded) => {
                self.gaps.insert(id, Gap { server, at_ms, recorded });
                return Ok(());
            }
            Change::Mended { gap } => {
                if self.gaps.remove(&gap).is_none() {
                    self.gaps_ended.push(gap);
                }
                return Ok(());
            }
            // Nor does an answer say what its log would.
            Change::Answered(answered) => {
                self.answers.add(server, at_ms, answered);
                return Ok(());
            }
            change => change,
        };
        let heard = self.servers.entry(server).or_default();
        if change == Change::Server(ServerChange::Stopped) {
            heard.stop(at_ms);
            return Ok(());
        }
        heard.hear(at_ms.min(learned_at_ms));
        match change {
            Change::Opened(Opened { feature, source, checkout }) => {
                heard.has_sessions = true;
                let vendor = part(&checkout, |of| of.vendor.as_ref().map(VendorName::as_str));
                let version = part(&checkout, |of| of.version.as_deref());
                self.feature(server, feature, || cow(&checkout, |of| of.feature.as_str()))
                    .open(source, vendor, version);
                let session = Session { server, at_ms, learned_at_ms, source, checkout };
                self.sessions.insert(id, session);
            }
            Change::Ended { checkout: Some(id), .. } => {
                if self.sessions.remove(&id).is_none() {
                    self.ended.push(id);
                }
            }
            // Anybody may ask licwrap for a tool of any name; that makes it no feature.
            Change::Denied(..) if is_licwrap(servers, server)? => {}
            Change::Denied(Feature { number, name }, _) => {
                self.feature(server, number, || name).hear(Source::Log);
            }
            Change::Waiting(Feature { number, name }, queue) => {
                let source =
                    if is_licwrap(servers, server)? { Source::Wrapper } else { Source::Log };
                self.feature(server, number, || name).hear(source);
                self.waits.insert(id, Wait { server, at_ms, queue });
            }
            Change::WaitEnded { queued: Some(id) } => {
                if self.waits.remove(&id).is_none() {
                    self.waits_ended.push(id);
                }
            }
            Change::Server(ServerChange::Started) => heard.start(at_ms),
            Change::Ended { checkout: None, .. }
            | Change::WaitEnded { queued: None }
            | Change::Server(ServerChange::Stopped | ServerChange::Anomaly)
            | Change::Answered(_)
            | Change::Missing(_)
            | Change::Mended { .. } => {}
        }
        Ok(())
    }

    /// Writes what changed. The caller commits.
    pub(crate) fn store(&self, live: &Connection, servers: &Servers) -> Result<(), StoreError> {
        for (server, heard) in self.servers.iter().filter(|(_, heard)| heard.is_changed()) {
            live::set_heard(live, servers.known(*server)?, heard)?;
        }
        for ((server, _), told) in &self.features {
            live::tell_feature(live, servers.known(*server)?, told)?;
        }
        for id in &self.ended {
            live::end_session(live, *id)?;
        }
        for (id, session) in &self.sessions {
            live::open_session(live, *id, servers.known(session.server)?, session)?;
        }
        for id in &self.waits_ended {
            live::end_wait(live, *id)?;
        }
        for (id, wait) in &self.waits {
            live::begin_wait(live, *id, servers.known(wait.server)?, wait)?;
        }
        for id in &self.gaps_ended {
            gaps::hide(live, *id)?;
        }
        for (id, gap) in &self.gaps {
            let server = servers.known(gap.server)?.name.as_str();
            gaps::show(live, (*id, server, gap.at_ms), &gap.recorded)?;
        }
        self.answers.store(live, servers)
    }

    fn feature(
        &mut self,
        server: i64,
        number: i64,
        name: impl FnOnce() -> Cow<'e, str>,
    ) -> &mut FeatureTold<'e> {
        self.features.entry((server, number)).or_insert_with(|| FeatureTold::new(name()))
    }
}

pub(crate) fn is_licwrap(servers: &Servers, server: i64) -> Result<bool, StoreError> {
    Ok(servers.known(server)?.system == "licwrap")
}

/// A part of what may be borrowed.
fn cow<'e, T: Clone>(of: &Cow<'e, T>, part: fn(&T) -> &str) -> Cow<'e, str> {
    match of {
        Cow::Borrowed(of) => Cow::Borrowed(part(of)),
        Cow::Owned(of) => Cow::Owned(part(of).to_owned()),
    }
}

/// A part of what may be borrowed, if it has it.
fn part<'e, T: Clone>(of: &Cow<'e, T>, part: fn(&T) -> Option<&str>) -> Option<Cow<'e, str>> {
    match of {
        Cow::Borrowed(of) => part(of).map(Cow::Borrowed),
        Cow::Owned(of) => part(of).map(|part| Cow::Owned(part.to_owned())),
    }
}
