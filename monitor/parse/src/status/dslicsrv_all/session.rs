//! A line of `getLicenseUsage -all`: fields with a name and a colon, behind a head without.

use jiff::civil::{Date, DateTime, Time};
use lic_protocol::snapshot::Holder;

use super::{super::dslicsrv::console, super::local};
use crate::text::number;

/// The names there are. A value reaches to the next of them: it may hold blanks and colons.
const NAMES: [&str; 13] = [
    "maxReleaseNumber",
    "maxReleaseDate",
    "expirationDate",
    "type",
    "count",
    "inuse",
    "customerId",
    "pricing structure",
    "internal Id",
    "granted since",
    "last used at",
    "by user",
    "on host",
];
const TOKENS: &str = "tokens";

/// The fields of a line.
pub(super) struct Fields<'a> {
    line: &'a str,
    /// Name, where it begins, and where its value does; by place.
    found: Vec<(&'static str, usize, usize)>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        let names = NAMES.into_iter().chain([TOKENS]);
        let mut found: Vec<(&str, usize, usize)> = names
            .filter_map(|name| {
                let at = line.match_indices(name).map(|found| found.0).find(|&at| {
                    let is_word = at == 0 || line[..at].ends_with(char::is_whitespace);
                    is_word && line[at + name.len()..].starts_with(':')
                })?;
                Some((name, at, at + name.len() + 1))
            })
            .collect();
        found.sort_unstable_by_key(|field| field.1);
        Self { line, found }
    }

    /// What stands before the first field.
    pub(super) fn head(&self) -> Option<&'a str> {
        let end = self.found.first().map_or(self.line.len(), |field| field.1);
        Some(self.line[..end].trim()).filter(|head| !head.is_empty())
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let at = self.found.iter().position(|field| field.0 == name)?;
        let end = self.found.get(at + 1).map_or(self.line.len(), |next| next.1);
        Some(self.line[self.found[at].2..end].trim()).filter(|value| !value.is_empty())
    }
}

/// `9/14/19 7:59:00 PM`, `22.07.2024, 11:26:01`
pub(super) fn dated(text: &str) -> Option<DateTime> {
    let mut words = text.split_ascii_whitespace();
    let (date, of_day, half) = (words.next()?.trim_end_matches(','), words.next()?, words.next());
    let time = local::time(of_day)?;
    let [one, two, three] = {
        let mut parts = date.split(['/', '.']).map(number);
        [parts.next()??, parts.next()??, parts.next()??]
    };
    let (month, day) = if date.contains('/') { (one, two) } else { (two, one) };
    let year = i16::try_from(if three < 100 { 2000 + three } else { three }).ok()?;
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let hour = match half {
        Some("PM") if time.hour() < 12 => time.hour() + 12,
        Some("AM") if time.hour() == 12 => 0,
        _ => time.hour(),
    };
    Some(date.to_datetime(Time::new(hour, time.minute(), time.second(), 0).ok()?))
}

/// `pine (4210-0a4d.1)/10.0.0.7  ann  C:\Program Files\cad.exe  6.422  200001848B1ADA21`; the last two are of new versions.
pub(super) fn holder(text: &str) -> Option<Holder> {
    let (target, rest) = text.split_once(")/")?;
    let (_address, rest) = rest.trim_start().split_once(char::is_whitespace)?;
    let is_path = |at: usize| {
        let from = &rest[at..];
        from.starts_with('/')
            || from.as_bytes().get(1..3) == Some(b":\\")
            || from.starts_with("\\\\")
    };
    let begins = |at: usize| at == 0 || rest[..at].ends_with(char::is_whitespace);
    let path = rest.char_indices().map(|(at, _)| at).find(|&at| begins(at) && is_path(at));
    let (user, path) = rest.split_at(path.unwrap_or(rest.len()));
    let (path, version, session) = tail(path.trim());
    let (process, pid) = console::process(path);
    let user = user.trim();
    Some(Holder {
        user: (!user.is_empty()).then(|| user.into()),
        host: Some(console::host(target).into()),
        version: version.map(str::to_owned),
        handle: session.map(str::to_owned),
        pid,
        process,
        ..Holder::default()
    })
}

/// A path, and behind it the client's version and the session.
fn tail(text: &str) -> (&str, Option<&str>, Option<&str>) {
    let split = || {
        let (rest, session) = text.rsplit_once(char::is_whitespace)?;
        let (path, version) = rest.trim_end().rsplit_once(char::is_whitespace)?;
        let is_session = session.len() >= 6 && session.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        (is_session && is_version).then_some((path.trim_end(), Some(version), Some(session)))
    };
    split().unwrap_or((text, None, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(dated(text).map(|at| at.to_string()).as_deref(), expected);
    }

    #[test]
    fn dates_of_two_locales_are_read() {
        check("9/14/19 7:59:00 PM", Some("2019-09-14T19:59:00"));
        check("3/21/16 12:15:43 AM", Some("2016-03-21T00:15:43"));
        check("22.07.2024, 11:26:01", Some("2024-07-22T11:26:01"));
        check("2020. 2. 27", None);
    }

    #[test]
    fn user_and_path_may_hold_blanks() {
        let read =
            holder("pine (42-0a.1)/10.0.0.7  ann bo  C:\\Program Files\\cad.exe  6.422  20000184A")
                .unwrap();
        assert_eq!(read.user.unwrap().as_str(), "ann bo");
        assert_eq!(read.process.as_deref(), Some("C:\\Program Files\\cad.exe"));
        assert_eq!(
            (read.version.as_deref(), read.handle.as_deref()),
            (Some("6.422"), Some("20000184A"))
        );
    }
}
