//! The parameters of a list: text from an address to a filter, and back. A mistake is a sentence that names the parameter.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use lic_analytics::series::Reach;
use lic_protocol::query::{Filter, Which};

use crate::{error::Error, format};

/// What every list can be asked for.
pub(crate) const OF_A_LIST: &[&str] =
    &["from", "to", "server", "feature", "user", "host", "limit", "after"];
/// What a list of sessions can be asked for.
pub(crate) const OF_SESSIONS: &[&str] =
    &["state", "from", "to", "server", "feature", "user", "host", "limit", "after"];
/// What the queue can be asked for: it has no pages, `limit` is of the holders and the waiters of each feature.
pub(crate) const OF_THE_QUEUE: &[&str] =
    &["from", "to", "server", "feature", "user", "host", "limit"];
/// What takes no parameters.
pub(crate) const OF_NOTHING: &[&str] = &[];
/// What the features can be asked for.
pub(crate) const OF_FEATURES: &[&str] = &["server", "feature"];
/// What users and hosts can be asked for.
pub(crate) const OF_PEOPLE: &[&str] = &["from", "to", "server", "feature", "user", "host", "limit"];
/// What sums of denials can be asked for.
pub(crate) const OF_SUMS: &[&str] = &["from", "to", "server", "feature", "user", "host"];
/// What one user can be asked for.
pub(crate) const OF_A_USER: &[&str] = &["from", "to", "server", "feature", "host"];
/// What a series, and the page of its feature, can be asked for.
pub(crate) const OF_A_SERIES: &[&str] = &["range", "to"];
/// What a heat map must and can be asked for.
pub(crate) const OF_A_HEAT_MAP: &[&str] = &["server", "feature", "from", "to"];
/// What the expiring licenses can be asked for.
pub(crate) const OF_EXPIRY: &[&str] = &["server", "feature"];
/// What a search is asked for.
pub(crate) const OF_A_SEARCH: &[&str] = &["q"];

/// What somebody asked for, as text and as understood.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The parameters as given, without empty ones and without `after`.
    given: Vec<(&'static str, String)>,
    /// Which sessions; `None` when the address does not say.
    pub(crate) which: Option<Which>,
    /// How far back a series goes; `None` when the address does not say.
    pub(crate) reach: Option<Reach>,
    /// The filter.
    pub(crate) filter: Filter,
}

impl Asked {
    /// Understands `pairs`, of which only those in `known` may be there.
    pub(crate) fn understand(
        pairs: &[(String, String)],
        known: &[&'static str],
    ) -> Result<Self, Error> {
        let mut asked = Self::default();
        for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
            let Some(key) = known.iter().find(|name| *name == key) else {
                return Err(unknown(key, known));
            };
            if asked.given.iter().any(|(name, _)| name == key) {
                return Err(Error::BadParameter(format!("The parameter {key} is given twice.")));
            }
            asked.set(key, value)?;
            asked.given.push((key, value.clone()));
        }
        asked.given.retain(|(key, _)| *key != "after");
        Ok(asked)
    }

    /// The parameters to ask for the same again, from the first row.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
        self.given.clone()
    }

    /// The same with another choice of sessions.
    pub(crate) fn with_state(&self, which: Which) -> Self {
        let mut asked = self.clone();
        asked.given.retain(|(key, _)| *key != "state");
        asked.given.insert(0, ("state", state_word(which).to_owned()));
        Self { which: Some(which), ..asked }
    }

    /// The same with one parameter set to something else.
    pub(crate) fn with(&self, key: &'static str, value: &str) -> Self {
        let mut asked = self.without(key);
        asked.given.push((key, value.to_owned()));
        asked
    }

    /// The same without one parameter.
    pub(crate) fn without(&self, key: &str) -> Self {
        let mut asked = self.clone();
        asked.given.retain(|(name, _)| *name != key);
        asked
    }

    /// A parameter as it was given; empty when it was not.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.given.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value)
    }

    /// The day of a parameter that holds a time, for a date field.
    pub(crate) fn day(&self, key: &str) -> &str {
        self.text(key).get(..10).unwrap_or_default()
    }

    /// Whether anything narrows the list.
    pub(crate) fn is_narrow(&self) -> bool {
        self.given.iter().any(|(key, _)| !matches!(*key, "state" | "limit"))
    }

    /// Whether this is a page behind the first.
    pub(crate) fn is_continued(&self) -> bool {
        self.filter.after.is_some()
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let filter = &mut self.filter;
        match key {
            "state" => self.which = Some(state(value)?),
            "from" => filter.from = Some(time(key, value)?),
            "to" => filter.to = Some(end(key, value)?),
            "server" => filter.server = Some(value.into()),
            "feature" => filter.feature = Some(value.into()),
            "user" => filter.user = Some(value.into()),
            "host" => filter.host = Some(value.into()),
            "limit" => filter.limit = limit(value)?,
            "range" => self.reach = Some(reach(value)?),
            "q" => {}
            _ => filter.after = Some(value.parse().map_err(|error| bad(key, value, &error))?),
        }
        Ok(())
    }
}

/// The word of the parameter `state`.
pub(crate) fn state_word(which: Which) -> &'static str {
    match which {
        Which::Active => "active",
        Which::Ended => "ended",
        Which::All => "all",
    }
}

fn state(value: &str) -> Result<Which, Error> {
    let known = [Which::Active, Which::Ended, Which::All];
    let which = known.into_iter().find(|which| state_word(*which) == value);
    which.ok_or_else(|| bad("state", value, &"it is active, ended or all"))
}

fn reach(value: &str) -> Result<Reach, Error> {
    let words = Reach::ALL.map(Reach::word).join(", ");
    Reach::from_word(value).ok_or_else(|| bad("range", value, &format!("it is one of {words}")))
}

fn limit(value: &str) -> Result<u32, Error> {
    match value.parse() {
        Ok(rows) if rows > 0 => Ok(rows),
        _ => Err(bad("limit", value, &"it is a whole number of rows, 1 or more")),
    }
}

/// A time: RFC 3339, or a day or a day and time in UTC.
fn time(key: &str, value: &str) -> Result<Timestamp, Error> {
    let wrong =
        || bad(key, value, &"it is a day like 2025-08-18, or a time like 2025-08-18T08:28:06Z");
    if let Ok(at) = value.parse::<Timestamp>() {
        return Ok(at);
    }
    let civil = value.parse::<DateTime>().map_err(|_| wrong())?;
    TimeZone::UTC.to_timestamp(civil).map_err(|_| wrong())
}

/// As `time`, but a day alone is meant with all of its hours.
fn end(key: &str, value: &str) -> Result<Timestamp, Error> {
    let at = time(key, value)?;
    let is_day = value.len() == 10 && value.parse::<Date>().is_ok();
    let hours = if is_day { 24 } else { 0 };
    at.checked_add(hours.hours()).map_err(|_| bad(key, value, &"it is too far away"))
}

fn bad(key: &str, value: &str, why: &dyn std::fmt::Display) -> Error {
    let value = format::shown(value);
    Error::BadParameter(format!("The parameter {key} cannot be \"{value}\": {why}."))
}

fn unknown(key: &str, known: &[&str]) -> Error {
    let key = format::shown(key);
    let there = if known.is_empty() {
        "there are none".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    };
    Error::BadParameter(format!("There is no parameter \"{key}\" here; {there}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `address` is the query of an address whose values need no decoding.
    #[track_caller]
    fn check(address: &str, expected: &str) {
        let pairs = address.split('&').filter_map(|pair| pair.split_once('='));
        let pairs: Vec<_> = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let shown = match Asked::understand(&pairs, OF_SESSIONS) {
            Ok(asked) => crate::link::list("", &asked, None) + &understood(&asked),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    fn understood(asked: &Asked) -> String {
        let Filter { from, to, after, .. } = &asked.filter;
        let from = from.map_or(String::new(), |from| format!(" from {from}"));
        let to = to.map_or(String::new(), |to| format!(" to {to}"));
        let after = after.map_or(String::new(), |after| format!(" after {after}"));
        format!("{from}{to}{after} rows {}", asked.filter.rows_max())
    }

    #[test]
    fn parameters_are_understood() {
        check("", " rows 100");
        check("user=&limit=7", "?limit=7 rows 7");
        check("limit=99999&user=ann", "?limit=99999&user=ann rows 1000");
        check("state=ended&after=17-4", "?state=ended after 17-4 rows 100");
        check(
            "from=2025-08-18&to=2025-08-18",
            "?from=2025-08-18&to=2025-08-18 from 2025-08-18T00:00:00Z to 2025-08-19T00:00:00Z rows 100",
        );
        check(
            "from=2025-08-18T10:28",
            "?from=2025-08-18T10%3A28 from 2025-08-18T10:28:00Z rows 100",
        );
    }

    #[test]
    fn mistakes_name_the_parameter() {
        check(
            "limit=-1",
            "The parameter limit cannot be \"-1\": it is a whole number of rows, 1 or more.",
        );
        check("state=now", "The parameter state cannot be \"now\": it is active, ended or all.");
        check(
            "from=yesterday",
            "The parameter from cannot be \"yesterday\": it is a day like 2025-08-18, or a time like \
             2025-08-18T08:28:06Z.",
        );
        check(
            "after=x",
            "The parameter after cannot be \"x\": not a place in a list: take the value of `next` from the \
             page before.",
        );
        check("user=a&user=b", "The parameter user is given twice.");
        check(
            "usr=a",
            "There is no parameter \"usr\" here; there are state, from, to, server, feature, user, host, \
             limit, after.",
        );
    }
}
