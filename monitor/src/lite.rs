//! What the rows of a License-Monitor-Lite database mean as events. Nothing here reads a file but by [`Lite`].

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use lic_protocol::{
    event::{Checkin, Checkout, Denial, EndReason, Event, Fact, HandleOf, Identity, ReasonClass},
    name::{FeatureName, HostName, ServerName, UserName},
    outcome::Outcome,
};
use lic_store::{
    error::StoreError,
    lite::{Lite, Row, Rows},
};

use self::words::Action;
use crate::identity::identity_hash;

mod words;

/// What some rows mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Converted {
    /// The events, in the order of the rows. Their times are those at which that program learned of them.
    pub events: Vec<Event>,
    /// Rows that were not understood: table, number, and why.
    pub skipped: Vec<String>,
    /// Rows that repeat a checkout of another table: that program keeps what is active in a table of its own.
    pub repeated: u64,
}

/// The events of a database, some rows at a time.
pub struct Events {
    lite: Lite,
    conversion: Conversion,
}

/// The events of every table of `lite`, which nobody has read from yet, as events of `server`.
#[must_use]
pub fn events(server: &ServerName, lite: Lite) -> Events {
    Events { lite, conversion: Conversion::new(server.clone()) }
}

impl Iterator for Events {
    type Item = Result<Converted, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.lite.next_rows().transpose()?;
        Some(rows.map(|rows| self.conversion.convert(&rows)))
    }
}

/// Turns rows into events, table after table.
///
/// That program has no session ids. A checkout gets the name of its row as its handle, and a checkin ends the oldest checkout
/// of the same table, feature, user and host that is open at its time.
struct Conversion {
    server: ServerName,
    table: String,
    /// Checkouts of the table that are open.
    open: HashMap<Holder, BTreeSet<(Timestamp, i64)>>,
    /// Checkouts that stayed open in the tables before it.
    open_elsewhere: HashMap<Holder, BTreeSet<Timestamp>>,
}

/// Who holds what, as far as that program tells holders apart.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Holder {
    feature: FeatureName,
    user: UserName,
    host: HostName,
}

/// What one row says.
enum Meaning {
    Checkout(Timestamp),
    Checkin(Timestamp, EndReason),
    Session(Timestamp, Timestamp, EndReason),
    Denial(Timestamp, String),
}

impl Conversion {
    fn new(server: ServerName) -> Self {
        Self { server, table: String::new(), open: HashMap::new(), open_elsewhere: HashMap::new() }
    }

    fn convert(&mut self, rows: &Rows) -> Converted {
        if self.table != rows.table {
            self.leave_table(&rows.table);
        }
        let mut converted = Converted::default();
        for row in &rows.not_text {
            converted
                .skipped
                .push(format!("{} {}: the {} is not text", rows.table, row.rowid, row.part));
        }
        for row in &rows.rows {
            match holder(row).and_then(|holder| Ok((holder, meaning(row)?))) {
                Ok((holder, meaning)) => self.add(row, holder, meaning, &mut converted),
                Err(why) => converted.skipped.push(format!("{} {}: {why}", rows.table, row.rowid)),
            }
        }
        converted
    }

    fn leave_table(&mut self, next: &str) {
        next.clone_into(&mut self.table);
        for (holder, open) in self.open.drain() {
            self.open_elsewhere.entry(holder).or_default().extend(open.iter().map(|(at, _)| at));
        }
    }

    fn add(&mut self, row: &Row, holder: Holder, meaning: Meaning, converted: &mut Converted) {
        let handle = self.handle(row.rowid);
        match meaning {
            Meaning::Checkout(at) if row.action.is_none() && self.repeats(&holder, at) => {
                converted.repeated += 1;
            }
            Meaning::Checkout(at) => {
                converted.events.push(self.event(row, at, checkout(&holder, handle)));
                self.open.entry(holder).or_default().insert((at, row.rowid));
            }
            Meaning::Checkin(at, reason) => {
                let handle = self.close(&holder, at).map_or(handle, |rowid| self.handle(rowid));
                converted.events.push(self.event(row, at, checkin(&holder, handle, reason)));
            }
            Meaning::Session(started, ended, reason) => {
                converted.events.push(self.event(row, started, checkout(&holder, handle.clone())));
                converted.events.push(self.event(row, ended, checkin(&holder, handle, reason)));
            }
            Meaning::Denial(at, reason) => {
                converted.events.push(self.event(row, at, denial(&holder, reason)));
            }
        }
    }

    fn handle(&self, rowid: i64) -> String {
        format!("{} {rowid}", self.table)
    }

    fn repeats(&self, holder: &Holder, at: Timestamp) -> bool {
        self.open_elsewhere.get(holder).is_some_and(|open| open.contains(&at))
    }

    /// Takes out the oldest checkout that is open at `at`, and tells its row.
    fn close(&mut self, holder: &Holder, at: Timestamp) -> Option<i64> {
        let open = self.open.get_mut(holder)?;
        let oldest = open.first().copied().filter(|(started, _)| *started <= at)?;
        open.remove(&oldest);
        Some(oldest.1)
    }

    /// The identity is of the row, and not of what becomes of it: a session that was open when it was imported first is the
    /// same session once its row tells the end. It is stored, so what it is made of never changes.
    fn event(&self, row: &Row, at: Timestamp, fact: Fact) -> Event {
        let kind = match fact {
            Fact::Checkout(_) => "checkout",
            Fact::Checkin(_) => "checkin",
            _ => "denial",
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let line = [
            "license-monitor-lite".to_owned(),
            kind.to_owned(),
            self.table.clone(),
            row.rowid.to_string(),
            at.as_millisecond().to_string(),
            text(&row.feature),
            text(&row.user),
            text(&row.host),
        ];
        let hash = identity_hash(&self.server, line.join("\0").as_bytes());
        Event { at, fact, identity: Identity { hash, ordinal: 0 }, raw: None }
    }
}

/// Who the row is of; a host that is not told is an empty name.
fn holder(row: &Row) -> Result<Holder, String> {
    let told = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    Ok(Holder {
        feature: FeatureName::new(told(&row.feature).ok_or("it has no feature")?),
        user: UserName::new(told(&row.user).ok_or("it has no user")?),
        host: HostName::new(row.host.clone().unwrap_or_default()),
    })
}

fn meaning(row: &Row) -> Result<Meaning, String> {
    let at = row.time.as_deref().ok_or("it has no time")?;
    let at = words::moment(at).ok_or_else(|| format!("{at:?} is not a time"))?;
    let action = row.action.as_deref().map(|word| (word, words::action(word)));
    if let Some((word, Some(Action::Denial))) = action {
        return Ok(Meaning::Denial(at, word.to_owned()));
    }
    let end = row.end.as_deref().filter(|end| !words::is_nothing(end));
    let Some(end) = end else {
        return match action {
            None | Some((_, Some(Action::Checkout))) => Ok(Meaning::Checkout(at)),
            Some((_, Some(Action::Checkin(reason)))) => Ok(Meaning::Checkin(at, reason)),
            Some((word, _)) => Err(format!("{word:?} is not a known action")),
        };
    };
    let ended = words::moment(end).ok_or_else(|| format!("{end:?} is not a time"))?;
    if ended < at {
        return Err("it ends before it starts".to_owned());
    }
    let reason = match action {
        Some((_, Some(Action::Checkin(reason)))) => reason,
        _ => EndReason::Unknown,
    };
    Ok(Meaning::Session(at, ended, reason))
}

fn checkout(holder: &Holder, handle: String) -> Fact {
    let Holder { feature, user, host } = holder.clone();
    Fact::Checkout(Checkout {
        feature,
        user,
        host,
        count: 1,
        handle,
        handle_of: HandleOf::Session,
        seat: None,
        version: None,
        vendor: None,
        unit: None,
        display: None,
        process: None,
        project: None,
    })
}

fn checkin(holder: &Holder, handle: String, reason: EndReason) -> Fact {
    let Holder { feature, user, host } = holder.clone();
    let outcome = Outcome::default();
    Fact::Checkin(Checkin {
        feature,
        handle,
        handle_of: HandleOf::Session,
        count: None,
        user,
        host,
        reason,
        ended_before: None,
        outcome,
    })
}

fn denial(holder: &Holder, reason: String) -> Fact {
    let Holder { feature, user, host } = holder.clone();
    let class = ReasonClass::Other;
    Fact::Denial(Denial { feature, user, host, count: 1, reason, class, process: None, tries: 1 })
}

#[cfg(test)]
mod tests;
